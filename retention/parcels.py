"""Parcels: what is shipped for an order, and the order in which the warehouse picks them."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from retention.database import BigId, ShopRow
from retention.privacy.personal import personal


class Parcel(ShopRow, table=True):
    """A parcel by its waybill number. Without `shipped_at` it still waits to be packed.

    `ship_day` is the day (since 1970-01-01, shop zone) it should leave; `pick_position` its place in the picking order
    of that day, from 1. No foreign keys: see docs/decisions/0006-orders-without-foreign-keys.md.
    """

    __tablename__ = "parcels"
    __table_args__ = (
        UniqueConstraint("shop_id", "waybill"),
        Index(None, "shop_id", "ship_day", "pick_position"),
        Index(None, "shop_id", "buyer_id"),
        {"sqlite_autoincrement": True},
    )

    shop_id: int = Field(sa_type=BigId)
    waybill: str = Field(max_length=64)
    buyer_id: int | None = Field(default=None, sa_type=BigId)
    order_id: int | None = Field(default=None, sa_type=BigId)
    ship_day: int
    pick_position: int = 0
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


def parcels_leaving(session: Session, shop_id: int, day: int) -> tuple[int, int]:
    """Return how many parcels should leave on a day (since 1970-01-01, shop zone), and how many of them have left."""
    of_day = select(func.count(), func.count(col(Parcel.shipped_at))).where(
        Parcel.shop_id == shop_id, Parcel.ship_day == day
    )
    every, shipped = session.exec(of_day).one()
    return every, shipped


personal(Parcel)
