"""Progress of runs: how much is sent, waiting and failed, for many runs in one statement."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from retention.figures import Figure, define
from retention.shops import Shop
from retention.versions import Family


@dataclass(frozen=True)
class Progress:
    """A run's deliveries by what became of them. `aimed` is everybody meant to get something: all but the control."""

    sent: int
    waiting: int
    skipped: int
    failed: int
    unknown: int
    control: int

    @property
    def aimed(self) -> int:
        return self.sent + self.waiting + self.skipped + self.failed + self.unknown

    @property
    def settled(self) -> int:
        return self.aimed - self.waiting

    @property
    def with_errors(self) -> int:
        return self.failed + self.unknown


def progress_of(session: Session, shop_id: int, runs: Sequence[Run]) -> dict[int, Progress]:
    """Return the progress of runs by their row number."""
    rows = session.exec(
        select(Delivery.run_id, Delivery.state, func.count())
        .where(Delivery.shop_id == shop_id, col(Delivery.run_id).in_([run.id for run in runs]))
        .group_by(col(Delivery.run_id), col(Delivery.state))
    )
    counts: dict[int, Counter[DeliveryState]] = defaultdict(Counter)
    for run_id, state, number in rows:
        counts[run_id][DeliveryState(state)] = number
    return {run.id: progress_from(counts[run.id]) for run in runs}


def _progress_by_number(session: Session, shop: Shop, key: str, _now: datetime) -> Progress:
    run = session.get_one(Run, int(key))
    return progress_of(session, shop.id, [run])[run.id]


PROGRESS = define(Figure("progress", (Family.TOUCHES,), Progress, _progress_by_number))
"""How far a run is by its row number, as the front page shows it."""


def latest_runs(session: Session, campaigns: Sequence[Campaign]) -> dict[int, Run]:
    """Return the latest run of each campaign that has one, by the campaign's row number."""
    newest = select(func.max(Run.id)).where(col(Run.campaign_id).in_([campaign.id for campaign in campaigns]))
    runs = session.exec(select(Run).where(col(Run.id).in_(newest.group_by(col(Run.campaign_id)))))
    return {run.campaign_id: run for run in runs}


def progress_from(counts: Counter[DeliveryState]) -> Progress:
    """Return a run's progress from how many deliveries are in which state."""
    return Progress(
        sent=counts[DeliveryState.SENT],
        waiting=counts[DeliveryState.WAITING] + counts[DeliveryState.CLAIMED],
        skipped=counts[DeliveryState.SKIPPED],
        failed=counts[DeliveryState.FAILED],
        unknown=counts[DeliveryState.UNKNOWN],
        control=counts[DeliveryState.CONTROL],
    )
