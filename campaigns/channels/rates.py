"""Rate limits of senders, which hold across any number of processes.

The generic cell rate algorithm without a burst: the sender's row says when the next message may leave, and whoever
wants to send moves that moment on by conditional UPDATE, for as many messages as it is about to send.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.channels.senders import Sender
from retention.database import changed

FARTHEST = timedelta(hours=1, minutes=5)
"""How far ahead a slot is at most: another side may ask for an hour."""

HORIZON = timedelta(seconds=2)
"""How far ahead slots are reserved: a process that dies wastes no more, and a pause is felt within it."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Reserved slots: message number i may leave at `start` + i * `pause`."""

    start: datetime
    pause: timedelta

    def moment(self, number: int) -> datetime:
        return self.start + number * self.pause


def remaining_slots(sender: Sender, *, now: datetime) -> int | None:
    """Return how many slots are left within the horizon, at least one when it is not used up; None for no limit."""
    if not sender.per_second:
        return None
    ahead = _next(sender.next_slot_at, now) - now
    if ahead >= HORIZON:
        return 0
    return max(1, int((HORIZON - ahead).total_seconds() * sender.per_second))


def _next(slot: datetime | None, now: datetime) -> datetime:
    """Return when the next message may leave; a slot far ahead is that of a clock put right since."""
    return max(slot, now) if slot and slot <= now + FARTHEST else now


def reserve(session: Session, sender: Sender, count: int, *, now: datetime) -> Slots | None:
    """Take the next `count` slots; None when the sender has no limit."""
    if not sender.per_second or not count:
        return None
    pause = timedelta(seconds=1 / sender.per_second)
    row = sa.select(col(Sender.next_slot_at)).where(col(Sender.id) == sender.id).with_for_update()
    while True:
        found: datetime | None = session.execute(row).scalar_one()
        start = _next(found, now)
        as_found = col(Sender.next_slot_at).is_(None) if found is None else col(Sender.next_slot_at) == found
        moved = sa.update(Sender).where(col(Sender.id) == sender.id, as_found)
        if changed(session, moved.values(next_slot_at=start + count * pause)):
            return Slots(start, pause)


def wait_until(session: Session, sender_id: int, moment: datetime) -> None:
    """Let nothing leave before a moment, because the other side asked for it (Retry-After)."""
    earlier = sa.or_(col(Sender.next_slot_at).is_(None), col(Sender.next_slot_at) < moment)
    session.execute(sa.update(Sender).where(col(Sender.id) == sender_id, earlier).values(next_slot_at=moment))
