"""Circuit breaker: a sender that fails several times in a row pauses, then is tried with one message.

What it counts are errors of the sender (nobody answers, the password is wrong, no answer can be read), never a buyer's
address that is refused. The count is in the sender's row, so that it holds over any number of processes. Campaigns by a
broken sender wait and lose nobody.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col

from campaigns.channels.senders import Sender, SenderState
from retention import audit
from retention.database import changed, reached, storable

log = structlog.get_logger()

MOST_FAILURES = 5
"""Failures in a row after which a sender is broken."""

_FIRST_REST, _LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)


def rest(failures: int) -> timedelta:
    """Return how long a sender is left alone after so many failures in a row: 1 minute, doubled up to an hour."""
    doubled = min(max(0, failures - MOST_FAILURES), 10)
    return min(_FIRST_REST * (1 << doubled), _LONGEST_REST)


def allowed(session: Session, sender: Sender, *, now: datetime) -> int | None:
    """Return how many messages may leave: None for any number, 0 for none, 1 for the probe of a broken sender.

    Of all processes that ask at once, one gets the probe.
    """
    if sender.state is SenderState.PAUSED:
        return 0
    if sender.next_slot_at and not sender.per_second and now < sender.next_slot_at <= now + _LONGEST_REST:
        return 0  # the other side asked to be left alone
    if sender.state is SenderState.ACTIVE:
        return None
    due = reached(Sender.broken_until, now, longest=_LONGEST_REST)
    probe = sa.update(Sender).where(col(Sender.id) == sender.id, col(Sender.state) == SenderState.BROKEN, due)
    return changed(session, probe.values(broken_until=now + rest(sender.failures)))


def note(session: Session, sender: Sender, *, failures: int, taken: int, detail: str, now: datetime) -> None:
    """Count what a sender's messages came to. One that was taken mends it; too many failures in a row break it."""
    if failures:
        counted = sa.update(Sender).where(col(Sender.id) == sender.id)
        session.execute(counted.values(failures=_in_a_row(failures, taken), last_error=storable(detail, 500)))
        _break(session, sender, now=now)
    elif taken and (sender.failures or sender.state is SenderState.BROKEN):
        mended = sa.update(Sender).where(col(Sender.id) == sender.id, col(Sender.failures) > 0)
        session.execute(mended.values(failures=0, broken_until=None, last_error=""))
        working = sa.update(Sender).where(col(Sender.id) == sender.id, col(Sender.state) == SenderState.BROKEN)
        if changed(session, working.values(state=SenderState.ACTIVE)):
            log.info("a sender works again", sender=sender.slug, shop=sender.shop_id)
            _tell(session, sender, "sender.mended", now=now)


def _in_a_row(failures: int, taken: int) -> Any:
    """Return the new count. One outage may fail a hundred messages at once; only failed probes make the rest longer."""
    if taken:
        return min(failures, MOST_FAILURES)
    probed = (col(Sender.state) == SenderState.BROKEN, col(Sender.failures) + 1)
    full = (col(Sender.failures) + failures > MOST_FAILURES, MOST_FAILURES)
    return sa.case(probed, full, else_=col(Sender.failures) + failures)


def _break(session: Session, sender: Sender, *, now: datetime) -> None:
    row = sa.select(col(Sender.failures), col(Sender.last_error)).where(col(Sender.id) == sender.id)
    failures, detail = session.execute(row).one()
    if failures < MOST_FAILURES:
        return
    until = now + rest(failures)
    usable = col(Sender.state) != SenderState.PAUSED
    session.execute(sa.update(Sender).where(col(Sender.id) == sender.id, usable).values(broken_until=until))
    broken = sa.update(Sender).where(col(Sender.id) == sender.id, col(Sender.state) == SenderState.ACTIVE)
    if changed(session, broken.values(state=SenderState.BROKEN)):
        log.warning("a sender is broken", sender=sender.slug, shop=sender.shop_id, until=str(until))
        _tell(session, sender, "sender.broken", now=now, until=until.isoformat(), why=detail)


def _tell(session: Session, sender: Sender, action: str, *, now: datetime, **after: str) -> None:
    subject = f"sender:{sender.slug}"
    audit.record(session, sender.shop_id, "system", action=action, subject=subject, at=now, after=after or None)
