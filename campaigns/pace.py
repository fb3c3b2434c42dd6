"""The pace of runs while they leave: how many a minute, when the rest will be through, what went wrong and why.

Counted from the rows at the moment somebody asks, so that a reload, another process or a restart shows the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, func

from campaigns.campaigns import Campaign, Delivery, DeliveryState, Run

LATELY = timedelta(minutes=2)
"""So far back the pace looks: long enough to be steady, short enough to follow a throttled gateway."""

_WAITING = (DeliveryState.WAITING, DeliveryState.CLAIMED)
_WRONG = (DeliveryState.FAILED, DeliveryState.UNKNOWN)


@dataclass(frozen=True)
class Pace:
    """How a run moves. `per_minute` is what left lately, `due` what could leave now, `next_due_at` when the rest may.

    `left` is how long what is due takes at this pace; None when nothing is due or nothing left lately.
    """

    per_minute: float
    due: int
    next_due_at: datetime | None

    @property
    def left(self) -> timedelta | None:
        return timedelta(minutes=self.due / self.per_minute) if self.due and self.per_minute else None


def paces_of(session: Session, shop_id: int, runs: Sequence[Run], *, now: datetime) -> dict[int, Pace]:
    """Return the pace of the runs of which something waits, by their row number, in one statement."""
    waits, since = col(Delivery.state).in_(_WAITING), now - LATELY
    lately = sa.and_(col(Delivery.sent_at) > since, col(Delivery.sent_at) <= now)
    due = sa.and_(waits, col(Delivery.due_at) <= now)
    counted = (
        sa.select(
            col(Delivery.run_id),
            func.count().filter(lately),
            func.min(Delivery.sent_at).filter(lately),
            func.count().filter(due),
            func.min(Delivery.due_at).filter(sa.and_(waits, col(Delivery.due_at) > now)),
        )
        .where(col(Delivery.shop_id) == shop_id, col(Delivery.run_id).in_([run.id for run in runs]))
        .group_by(col(Delivery.run_id))
        .having(func.count().filter(waits) > 0)
    )
    return {
        run_id: Pace(_per_minute(sent, first, now), number, following)
        for run_id, sent, first, number, following in session.execute(counted)
    }


@dataclass(frozen=True)
class Trouble:
    """What went wrong for so many: a reason of `campaigns.reasons`, with what the other side said to one of them."""

    state: DeliveryState
    reason: str
    detail: str
    count: int


def troubles_of(session: Session, campaign: Campaign) -> list[Trouble]:
    """Return the failed and the unknown of all runs of a campaign by reason, the most frequent first."""
    number = func.count().label("number")
    grouped = (
        sa.select(col(Delivery.state), col(Delivery.reason), func.max(Delivery.detail), number)
        .where(
            col(Delivery.shop_id) == campaign.shop_id,
            col(Delivery.campaign_id) == campaign.id,
            col(Delivery.state).in_(_WRONG),
        )
        .group_by(col(Delivery.state), col(Delivery.reason))
        .order_by(number.desc(), col(Delivery.reason))
    )
    return [
        Trouble(DeliveryState(state), reason, detail, count)
        for state, reason, detail, count in session.execute(grouped)
    ]


def _per_minute(sent: int, first: datetime | None, now: datetime) -> float:
    """Return how many left a minute; a run younger than the window is divided by its own age."""
    if not sent or first is None:
        return 0.0
    return sent * 60 / max((now - first).total_seconds(), 1.0)
