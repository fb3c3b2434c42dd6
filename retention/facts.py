"""Buyer facts: what each buyer's counted orders add up to, kept up to date set-wise with the rows they summarise."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from retention.database import BigId


class BuyerFacts(SQLModel, table=True):
    """Sums over one buyer's counted orders. Spend is paid minus refunded, in minor units; days are since 1970-01-01."""

    __tablename__ = "buyer_facts"
    __table_args__ = (Index(None, "shop_id", "orders"), Index(None, "shop_id", "last_at"))

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    buyer_id: int = Field(primary_key=True, foreign_key="buyers.id", sa_type=BigId)
    orders: int = 0
    order_days: int = 0
    spend: int = Field(default=0, sa_type=BigId)
    items: int = 0
    returns: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    first_day: int | None = None
    last_day: int | None = None
