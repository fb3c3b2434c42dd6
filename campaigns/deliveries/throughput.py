"""Throughput of runs: progress, rate, estimated end, and errors with their reasons.

Counted from the rows at the moment somebody asks, in one statement, so that a reload, another process or a restart
shows the same and a page may ask again every few seconds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, func

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run, deliveries_of
from campaigns.deliveries.progress import Progress, progress_from

LATELY = timedelta(minutes=2)
"""So far back throughput looks: long enough to be steady, short enough to follow a throttled gateway."""

_WAITING = (DeliveryState.WAITING, DeliveryState.CLAIMED)
_WRONG = (DeliveryState.FAILED, DeliveryState.UNKNOWN)


@dataclass(frozen=True)
class Throughput:
    """How fast a run leaves: `per_minute` lately, `due` what could leave now, `next_due_at` when the rest may.

    `left` is how long what is due takes at this rate; None when nothing is due or nothing left lately.
    """

    per_minute: float
    due: int
    next_due_at: datetime | None

    @property
    def left(self) -> timedelta | None:
        return timedelta(minutes=self.due / self.per_minute) if self.due and self.per_minute else None


@dataclass(frozen=True)
class DeliveryError:
    """What went wrong for so many: a reason, with what the other side said to one of them."""

    state: DeliveryState
    reason: str
    detail: str
    count: int


@dataclass(frozen=True)
class RunProgress:
    """A run at one moment. `throughput` is None once nothing waits any more."""

    progress: Progress
    throughput: Throughput | None


def run_progress_of(session: Session, shop_id: int, runs: Sequence[Run], *, now: datetime) -> dict[int, RunProgress]:
    """Return how far and how fast each run is, by its row number.

    Counted with a filter for each state instead of a group: rows lie by run in the index and are passed once, unsorted.
    """
    waits, since = col(Delivery.state).in_(_WAITING), now - LATELY
    lately = sa.and_(col(Delivery.sent_at) > since, col(Delivery.sent_at) <= now)
    counted = (
        sa.select(
            col(Delivery.run_id),
            func.count().filter(lately),
            func.min(Delivery.sent_at).filter(lately),
            func.count().filter(sa.and_(waits, col(Delivery.due_at) <= now)),
            func.min(Delivery.due_at).filter(sa.and_(waits, col(Delivery.due_at) > now)),
            *[func.count().filter(col(Delivery.state) == state) for state in DeliveryState],
        )
        .where(col(Delivery.shop_id) == shop_id, col(Delivery.run_id).in_([run.id for run in runs]))
        .group_by(col(Delivery.run_id))
    )
    found = {run.id: RunProgress(progress_from(Counter()), None) for run in runs}
    for run_id, sent, first, due, following, *states in session.execute(counted):
        progress = progress_from(Counter(dict(zip(DeliveryState, states, strict=True))))
        throughput = Throughput(_per_minute(sent, first, now), due, following) if progress.waiting else None
        found[run_id] = RunProgress(progress, throughput)
    return found


def delivery_errors_of(session: Session, campaign: Campaign) -> list[DeliveryError]:
    """Return the failed and the unknown of all runs of a campaign by reason, the most frequent first."""
    number = func.count().label("number")
    grouped = (
        sa.select(col(Delivery.state), col(Delivery.reason), func.max(Delivery.detail), number)
        .where(
            *deliveries_of(campaign),
            col(Delivery.state).in_(_WRONG),
        )
        .group_by(col(Delivery.state), col(Delivery.reason))
        .order_by(number.desc(), col(Delivery.reason))
    )
    return [
        DeliveryError(DeliveryState(state), reason, detail, count)
        for state, reason, detail, count in session.execute(grouped)
    ]


def _per_minute(sent: int, first: datetime | None, now: datetime) -> float:
    """Return how many left a minute; a run younger than the window is divided by its own age."""
    if not sent or first is None:
        return 0.0
    return sent * 60 / max((now - first).total_seconds(), 1.0)
