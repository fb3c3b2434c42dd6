"""Hooks: the shop's other systems told of what happened, signed as Standard Webhooks, at least once."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from retention.database import BigId, Json, ShopRow, choice


class HookEvent(StrEnum):
    """What a hook can be told."""

    SENT = "message.sent"
    FAILED = "message.failed"
    CLICKED = "link.clicked"
    SCANNED = "link.scanned"
    CLAIMED = "coupon.claimed"
    REDEEMED = "coupon.redeemed"
    UNSUBSCRIBED = "buyer.unsubscribed"


class Hook(ShopRow, table=True):
    """An address that wants to be told of some events. `sealed` is its signing secret, encrypted.

    `read_until` is the cursor: the last row of each source that has been turned into calls.
    """

    __tablename__ = "hooks"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    url: str = Field(max_length=1000)
    events: list[str] = Field(sa_type=Json)
    sealed: bytes = Field(sa_type=LargeBinary, repr=False)
    active: bool = True
    read_until: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    created_at: datetime


class HookCallState(StrEnum):
    """Where a call stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"


class HookCall(ShopRow, table=True):
    """One event to one hook, tried until it is taken. `key` is its webhook-id, the same at every try."""

    __tablename__ = "hook_calls"
    __table_args__ = (UniqueConstraint("shop_id", "hook_id", "key"), Index(None, "state", "due_at"))

    hook_id: int = Field(foreign_key="hooks.id", sa_type=BigId)
    key: str = Field(max_length=64)
    event: HookEvent = Field(sa_type=choice(HookEvent))
    body: dict[str, Any] = Field(sa_type=Json)
    state: HookCallState = Field(default=HookCallState.WAITING, sa_type=choice(HookCallState))
    attempts: int = 0
    due_at: datetime
    claim_expires_at: datetime | None = None
    answer: str = Field(default="", max_length=500)
    sent_at: datetime | None = None
