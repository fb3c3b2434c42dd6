"""The figures of the front page as it draws them: change with its direction, cohorts as a heat map, buyers by month."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from api.console.figures import month as month_name
from retention.figures import figure_of
from retention.i18n import gettext as _
from retention.metrics import COHORTS, HOME, Cohort, HomeFigures
from retention.shops import Shop

ROWS, COLUMNS = 8, 6
LEVELS = 9  # shades of the heat map above none


@dataclass(frozen=True)
class CohortCell:
    """One square: buyers who came back in that month, their share of the cohort, and its shade from 0."""

    count: int
    share: float
    level: int


@dataclass(frozen=True)
class HeatRow:
    """A month of first orders and the months after it; None where the month has not come yet."""

    month: str
    buyers: int
    cells: list[CohortCell | None]


@dataclass(frozen=True)
class Overview:
    """All figures of the front page. Shares of one; money in minor units."""

    home: HomeFigures
    heat: list[HeatRow]
    chart: dict[str, Any]

    @property
    def returning(self) -> float | None:
        """Of this month's buyers the share that had bought before."""
        this = self.home.months[-1]
        return this.repeat / (this.new + this.repeat) if this.new + this.repeat else None

    @property
    def revenue_change(self) -> float | None:
        """How the last 30 days compare with the 30 before, as a share of those."""
        before = self.home.revenue_before
        return (self.home.revenue - before) / before if before > 0 else None


def overview(session: Session, shop: Shop, *, now: datetime) -> Overview | None:
    """Return the figures of a shop at a moment; None until a worker has counted those of a large one."""
    counted, cohorts = figure_of(session, shop, HOME, now=now), figure_of(session, shop, COHORTS, now=now)
    if counted is None or cohorts is None:
        return None
    home = counted.value
    chart = {
        "shape": "columns",
        "labels": [month_name(month.month) for month in home.months],
        "series": [
            {"name": _("New buyers"), "values": [month.new for month in home.months]},
            {"name": _("Repeat buyers"), "values": [month.repeat for month in home.months]},
        ],
    }
    return Overview(home, _heat(cohorts.value.cohorts), chart)


def _heat(cohorts: tuple[Cohort, ...]) -> list[HeatRow]:
    shown = [cohort for cohort in cohorts if len(cohort.active) > 1][-ROWS:]
    top = max((share for cohort in shown for share in cohort.shares[1 : COLUMNS + 1]), default=0) or 1
    return [HeatRow(month_name(cohort.month), cohort.buyers, _cells(cohort, top)) for cohort in shown]


def _cells(cohort: Cohort, top: float) -> list[CohortCell | None]:
    later = list(zip(cohort.active, cohort.shares, strict=True))[1 : COLUMNS + 1]
    cells = [CohortCell(count, share, round(LEVELS * share / top)) for count, share in later]
    return [*cells, *[None] * (COLUMNS - len(cells))]
