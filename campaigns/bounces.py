"""Bounces and complaints: addresses that do not take what is sent to them, kept with what the other side said."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from retention.consent import Channel
from retention.database import BigId, ShopRow, choice


class BounceKind(StrEnum):
    """`hard`: the address takes nothing any more. `soft`: not this time. `complaint`: the buyer called it spam."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"


class Bounce(ShopRow, table=True):
    """One report about one address."""

    __tablename__ = "bounces"
    __table_args__ = (Index(None, "shop_id", "channel", "address"), Index(None, "shop_id", "delivery_id"))

    channel: Channel = Field(sa_type=choice(Channel))
    kind: BounceKind = Field(sa_type=choice(BounceKind))
    address: str = Field(max_length=254)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    delivery_id: int | None = Field(default=None, foreign_key="deliveries.id", sa_type=BigId)
    detail: str = Field(default="", max_length=500)
    at: datetime
