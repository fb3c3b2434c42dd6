"""Pausing and resuming a sender: its claimed deliveries wait meanwhile."""

from datetime import datetime

from sqlmodel import Session

from campaigns.channels.senders import Sender, SenderState, record_change
from campaigns.deliveries.stopping import release_sender
from retention.errors import Conflict
from retention.failures import forget_failure


def pause_sender(session: Session, sender: Sender, *, at: datetime, actor: str) -> None:
    """Stop using a sender at once: what it has claimed and not begun waits again; Conflict when it is paused."""
    if sender.state is SenderState.PAUSED:
        raise Conflict("The sender {slug} is already paused.", slug=sender.slug)
    sender.state = SenderState.PAUSED
    session.add(sender)
    session.flush()
    release_sender(session, sender.shop_id, sender.id)
    record_change(session, sender, "sender.pause", at=at, actor=actor)


def resume_sender(session: Session, sender: Sender, *, at: datetime, actor: str) -> None:
    """Use a paused or broken sender again; Conflict when it is in use."""
    if sender.state is SenderState.ACTIVE:
        raise Conflict("The sender {slug} is in use.", slug=sender.slug)
    sender.state, sender.failures, sender.broken_until = SenderState.ACTIVE, 0, None
    sender.next_slot_at, sender.last_error = None, ""
    session.add(sender)
    session.flush()
    forget_failure(session, sender.shop_id, "sender", sender.id)
    record_change(session, sender, "sender.resume", at=at, actor=actor)
