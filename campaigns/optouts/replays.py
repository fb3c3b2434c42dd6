"""Replays: a report or reply that a gateway sends twice is processed once.

A message is known by the number its gateway gives it, else by what it says and when; what is known is kept as a keyed
digest. One that says it is days old, or from a time to come, is refused. A gateway that states neither cannot be told
from its echo: then a no counts every time, and a word that takes it back counts once.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col

from campaigns.optouts.inbound import Gateway
from campaigns.optouts.replies import is_stop_word
from retention.column_limits import fitting
from retention.database import BigId, ShopRow, insert
from retention.errors import Conflict

OLDEST = timedelta(days=3)
"""Gateways try again for a day or two; after that a message is none they are still delivering."""
EARLIEST = timedelta(minutes=10)
ZONES = timedelta(hours=14)
"""How far off a time may be that does not say its zone."""

IDS = (
    "MessageSid", "SmsMessageSid", "SmsSid", "MessageUUID", "message_id", "messageId", "msgid", "msg_id", "sequence_id",
    "webhook-id", "id",
)  # fmt: skip
TIMES = (
    "send_time", "sent_at", "timestamp", "message-timestamp", "createdDatetime", "received_at", "webhook-timestamp",
    "time",
)  # fmt: skip
"""What gateways call a message's number and its time; the first that is there counts."""


class InboundMessage(ShopRow, table=True):
    """A message received from a gateway. `key` is a keyed digest that does not reveal the sender."""

    __tablename__ = "inbound_messages"
    __table_args__ = (UniqueConstraint("shop_id", "sender_id", "key"),)

    sender_id: int = Field(sa_type=BigId)
    key: str = Field(max_length=64)
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as a gateway tells it; `id` and `sent_at` are empty where it does not say."""

    phone: str
    text: str
    id: str = ""
    sent_at: str = ""


def stated(values: Mapping[str, object], names: tuple[str, ...]) -> str:
    """Return the first value that is there under one of the names a gateway may use."""
    found = (values.get(name) for name in names)
    return next((fitting(str(each), 200) for each in found if isinstance(each, str | int | float) and str(each)), "")


def take_once(session: Session, gateway: Gateway, reply: Reply, *, secret: bytes, at: datetime) -> None:
    """Remember a reply; Conflict for one that was taken before, or is too old or from a time to come."""
    _check_time(reply.sent_at, at)
    if not (reply.id or reply.sent_at) and is_stop_word(reply.text):
        return
    message_key = f"id\0{reply.id}" if reply.id else f"said\0{reply.phone}\0{reply.text}\0{reply.sent_at}"
    key = hmac.new(secret, f"inbound message\0{message_key}".encode(), hashlib.sha256).hexdigest()
    row = {"shop_id": gateway.shop_id, "sender_id": gateway.sender_id, "key": key, "at": at}
    taking = insert(session, InboundMessage).values(row).on_conflict_do_nothing().returning(col(InboundMessage.id))
    if session.connection().execute(taking).first() is None:
        raise Conflict("This message was received before and changes nothing.").typed("message-replayed")


def _check_time(sent_at: str, at: datetime) -> None:
    moment = read_time(sent_at)
    if moment is None:
        return
    slack = timedelta(0) if moment.tzinfo else ZONES
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not at - OLDEST - slack <= moment <= at + EARLIEST + slack:
        conflict = Conflict(
            "This message is dated {moment}, which is outside the allowed time. It changes nothing.", moment=sent_at
        )
        raise conflict.typed("message-stale")


def read_time(text: str) -> datetime | None:
    """Return a moment as gateways write it: ISO 8601, with or without a zone, or seconds or milliseconds since 1970."""
    try:
        if text.replace(".", "", 1).isdecimal():
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        return datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        return None
