"""Contact preferences of one buyer: the current consent per channel and topic, and the end of a pause."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from campaigns.optouts.opt_in_out import Subject, choices_of
from retention.buyers import Buyer
from retention.consent import Answer, Channel
from retention.suppressions import OptOutSubject, is_held


@dataclass(frozen=True, slots=True)
class ChannelPreference:
    """The buyer's last answer, and whether their address has said no, whoever said it."""

    channel: Channel
    answer: Answer | None
    held: bool
    topics_out: frozenset[str]


@dataclass(frozen=True, slots=True)
class ContactPreferences:
    """What holds on every channel."""

    channels: list[ChannelPreference]
    paused_until: datetime | None


def preferences_of(session: Session, buyer: Buyer, *, at: datetime) -> ContactPreferences:
    """Return what holds for a buyer at a moment."""
    addresses = {Channel.EMAIL: buyer.email, Channel.SMS: buyer.phone}
    found, until = [], None
    for channel in Channel:
        choices = choices_of(session, Subject(buyer.shop_id, buyer.id, channel), at=at)
        held = is_held(session, OptOutSubject(buyer.shop_id, channel), addresses.get(channel, ""))
        found.append(ChannelPreference(channel, choices.answer, held, choices.topics_out))
        until = choices.paused_until
    return ContactPreferences(found, until)
