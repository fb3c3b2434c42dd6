"""Touches: what reached a buyer and what the buyer did with it, as rules and the timeline read it.

Campaigns write these rows in the transaction of the event itself; this package only keeps them.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field

from retention.built_on import builds_on
from retention.database import BigId, ShopRow, choice
from retention.i18n import gettext_noop
from retention.privacy.personal import personal


class TouchEvent(StrEnum):
    """What happened."""

    SENT = "sent"
    SCANNED = "scanned"
    CLICKED = "clicked"
    CLAIMED = "claimed"
    REDEEMED = "redeemed"


_OF_COUPON = text("coupon_id IS NOT NULL")


class Touch(ShopRow, table=True):
    """One event between a campaign, named by its slug, and a buyer. No number is ever used twice: webhooks read by it.

    `coupon_id` is the coupon that was claimed or redeemed. No foreign key: coupons stand in a package above.
    """

    __tablename__ = "touches"
    __table_args__ = (
        Index(None, "shop_id", "event", "buyer_id", "at"),
        Index(None, "shop_id", "buyer_id", "at"),
        Index(None, "shop_id", "coupon_id", postgresql_where=_OF_COUPON, sqlite_where=_OF_COUPON),
        {"sqlite_autoincrement": True},
    )

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    event: TouchEvent = Field(sa_type=choice(TouchEvent))
    campaign: str = Field(default="", max_length=64)
    at: datetime
    coupon_id: int | None = Field(default=None, sa_type=BigId)


builds_on(Touch, gettext_noop("campaign activity"), moments=("at",))
personal(Touch)
