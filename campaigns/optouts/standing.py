"""Standing: what holds for one buyer now, by each way to reach them, and until when they want quiet."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from campaigns.optouts.unsubscribe import Subject, choices_of
from retention.buyers import Buyer
from retention.consent import Answer, Channel
from retention.suppressions import About, is_held


@dataclass(frozen=True, slots=True)
class ByChannel:
    """The buyer's last answer, and whether their address has said no, whoever said it."""

    channel: Channel
    answer: Answer | None
    held: bool
    topics_out: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds on every channel."""

    channels: list[ByChannel]
    paused_until: datetime | None


def standing_of(session: Session, buyer: Buyer, *, at: datetime) -> Standing:
    """Return what holds for a buyer at a moment."""
    addresses = {Channel.EMAIL: buyer.email, Channel.SMS: buyer.phone}
    found, until = [], None
    for channel in Channel:
        said = choices_of(session, Subject(buyer.shop_id, buyer.id, channel), at=at)
        held = is_held(session, About(buyer.shop_id, channel), addresses.get(channel, ""))
        found.append(ByChannel(channel, said.answer, held, said.topics_out))
        until = said.paused_until
    return Standing(found, until)
