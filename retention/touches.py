"""Touches: what reached a buyer and what the buyer did with it, as rules and the timeline read it.

Campaigns write these rows in the transaction of the event itself; this package only keeps them.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from retention.database import BigId, ShopRow, choice


class TouchEvent(StrEnum):
    """What happened."""

    SENT = "sent"
    SCANNED = "scanned"
    CLICKED = "clicked"
    CLAIMED = "claimed"
    REDEEMED = "redeemed"


class Touch(ShopRow, table=True):
    """One event between a campaign, named by its slug, and a buyer. No number is ever used twice: hooks read by it."""

    __tablename__ = "touches"
    __table_args__ = (
        Index(None, "shop_id", "event", "buyer_id", "at"),
        Index(None, "shop_id", "buyer_id", "at"),
        {"sqlite_autoincrement": True},
    )

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    event: TouchEvent = Field(sa_type=choice(TouchEvent))
    campaign: str = Field(default="", max_length=64)
    at: datetime
