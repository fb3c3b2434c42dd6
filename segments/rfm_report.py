"""The RFM report: how many buyers each of the eleven groups has, and each recency and frequency."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from retention.shops import Shop
from segments.labels import GROUPS
from segments.matching import open_matcher
from segments.rfm import Scores, cells, group_members
from segments.rule_ast import Scale

COLLAPSED = 0.6
"""With so many scored buyers in the lowest frequency, quintiles of it tell nobody apart."""


@dataclass(frozen=True)
class RfmGroup:
    """One of the eleven groups: its buyers, and their share of all buyers of the shop."""

    group: str
    buyers: int
    share: float


@dataclass(frozen=True)
class RfmReport:
    """The groups in their order, and the cells of recency (5 first) and frequency (1 first). `scored` have ordered."""

    scale: Scale
    buyers: int
    scored: int
    groups: tuple[RfmGroup, ...]
    grid: tuple[tuple[int, ...], ...]
    collapsed: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain values, shares to five decimals."""
        groups = [asdict(group) | {"share": round(group.share, 5)} for group in self.groups]
        return asdict(self) | {"scale": self.scale.value, "groups": groups, "grid": [list(row) for row in self.grid]}


def rfm_report(
    session: Session, shop: Shop, *, now: datetime, as_of: datetime | None = None, scale: Scale = Scale.QUINTILES
) -> RfmReport:
    """Return the groups as they are now, or as they were, looking only at orders before `as_of`."""
    matcher = open_matcher(session, shop, now=now, as_of=as_of)
    scores, everyone = matcher.scored(scale), matcher.everyone
    members = group_members(scores, everyone=everyone)
    return RfmReport(
        scale=scale,
        buyers=len(everyone),
        scored=len(scores.ids),
        groups=tuple(RfmGroup(slug, len(members[slug]), len(members[slug]) / (len(everyone) or 1)) for slug in GROUPS),
        grid=tuple(tuple(cell.buyers for cell in row) for row in cells(scores)),
        collapsed=scale is Scale.QUINTILES and _lowest(scores) >= COLLAPSED,
    )


def _lowest(scores: Scores) -> float:
    """Return the share of the scored buyers that have the lowest frequency."""
    return float((scores.frequency == 1).mean()) if len(scores.ids) else 0.0
