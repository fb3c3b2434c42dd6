"""The motion of runs while they leave: how far, how fast, when the rest will be through, what went wrong and why.

Counted from the rows at the moment somebody asks, in one statement, so that a reload, another process or a restart
shows the same and a page may ask again every few seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, func

from campaigns.campaigns import Delivery, DeliveryState, Run
from campaigns.progress import Progress, progress_from

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


@dataclass(frozen=True)
class Trouble:
    """What went wrong for so many: a reason of `campaigns.reasons`, with what the other side said to one of them."""

    state: DeliveryState
    reason: str
    detail: str
    count: int


@dataclass(frozen=True)
class Motion:
    """A run at one moment. `pace` is None once nothing waits any more."""

    progress: Progress
    pace: Pace | None
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True)
class _Group:
    """Deliveries of one run, state and reason: how many, how many of them left lately and are due, since when."""

    run_id: int
    state: DeliveryState
    reason: str
    count: int
    lately: int
    first_at: datetime | None
    due: int
    next_due_at: datetime | None
    detail: str


def motion_of(session: Session, shop_id: int, runs: Sequence[Run], *, now: datetime) -> dict[int, Motion]:
    """Return how each run moves, by its row number."""
    waits, since = col(Delivery.state).in_(_WAITING), now - LATELY
    lately = sa.and_(col(Delivery.sent_at) > since, col(Delivery.sent_at) <= now)
    by = (col(Delivery.run_id), col(Delivery.state), col(Delivery.reason))
    counted = (
        sa.select(
            *by,
            func.count(),
            func.count().filter(lately),
            func.min(Delivery.sent_at).filter(lately),
            func.count().filter(sa.and_(waits, col(Delivery.due_at) <= now)),
            func.min(Delivery.due_at).filter(sa.and_(waits, col(Delivery.due_at) > now)),
            func.max(Delivery.detail),
        )
        .where(col(Delivery.shop_id) == shop_id, col(Delivery.run_id).in_([run.id for run in runs]))
        .group_by(*by)
    )
    groups: dict[int, list[_Group]] = defaultdict(list)
    for run_id, state, *rest in session.execute(counted):
        groups[run_id].append(_Group(run_id, DeliveryState(state), *rest))
    return {run.id: _motion(groups[run.id], now) for run in runs}


def troubles_of(motions: Iterable[Motion]) -> list[Trouble]:
    """Return what went wrong in several runs together, the most frequent first."""
    counts: Counter[tuple[DeliveryState, str]] = Counter()
    details: dict[tuple[DeliveryState, str], str] = {}
    for trouble in (trouble for motion in motions for trouble in motion.troubles):
        kind = (trouble.state, trouble.reason)
        counts[kind] += trouble.count
        details[kind] = max(details.get(kind, ""), trouble.detail)
    found = [Trouble(state, reason, details[state, reason], count) for (state, reason), count in counts.items()]
    return sorted(found, key=lambda each: (-each.count, each.reason, each.state))


def _motion(groups: list[_Group], now: datetime) -> Motion:
    states: Counter[DeliveryState] = Counter()
    for group in groups:
        states[group.state] += group.count
    progress = progress_from(states)
    wrong = [Trouble(each.state, each.reason, each.detail, each.count) for each in groups if each.state in _WRONG]
    return Motion(progress, _pace(groups, now) if progress.waiting else None, tuple(wrong))


def _pace(groups: list[_Group], now: datetime) -> Pace:
    sent = sum(group.lately for group in groups)
    first = min((group.first_at for group in groups if group.first_at), default=None)
    following = min((group.next_due_at for group in groups if group.next_due_at), default=None)
    return Pace(_per_minute(sent, first, now), sum(group.due for group in groups), following)


def _per_minute(sent: int, first: datetime | None, now: datetime) -> float:
    """Return how many left a minute; a run younger than the window is divided by its own age."""
    if not sent or first is None:
        return 0.0
    return sent * 60 / max((now - first).total_seconds(), 1.0)
