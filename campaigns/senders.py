"""Senders: what a shop sends with. One row is one account at a mail server, a gateway, a group's robot or a hook.

Rate and trouble are kept in the row, so that they hold over any number of processes.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field

from campaigns.campaigns import Medium
from retention.database import Json, ShopRow, choice


class SenderKind(StrEnum):
    """Who takes the messages."""

    SMTP = "smtp"
    SMS_HTTP = "sms-http"
    SMS_ALIYUN = "sms-aliyun"
    SMS_TWILIO = "sms-twilio"
    WEBHOOK = "webhook"
    ROBOT = "robot"
    ASSISTED = "assisted"
    MEMORY = "memory"


class SenderState(StrEnum):
    """Whether a sender may be used: `paused` by a person, `broken` by too many failures in a row."""

    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"


class Sender(ShopRow, table=True):
    """One account. `settings` are the plain values of its kind; `sealed` the secret ones, encrypted.

    `per_second` limits the rate (None: no limit); `next_slot_at` is when the next message may leave under it.
    `price` is what one message, or one part of an SMS, costs in hundredths of a minor unit of the shop's currency.
    `failures` counts failures in a row; a broken sender is tried again after `broken_until`. `repeatable` says that the
    other side takes the same key only once, so that a message nobody knows of may be handed over again.
    """

    __tablename__ = "senders"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    medium: Medium = Field(sa_type=choice(Medium))
    kind: SenderKind = Field(sa_type=choice(SenderKind))
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    sealed: bytes = Field(default=b"", sa_type=LargeBinary, repr=False)
    repeatable: bool = False
    per_second: float | None = None
    price: int = 0
    state: SenderState = Field(default=SenderState.ACTIVE, sa_type=choice(SenderState))
    next_slot_at: datetime | None = None
    failures: int = 0
    broken_until: datetime | None = None
    last_error: str = Field(default="", max_length=500)
    created_at: datetime
