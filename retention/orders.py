"""Orders and their lines, and the rule for which of them count."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from retention.database import BigId, ShopRow, choice


class OrderStatus(StrEnum):
    """Where an order stands."""

    PLACED = "placed"  # not paid yet
    PAID = "paid"
    CANCELLED = "cancelled"
    RETURNED = "returned"


_WITH_CODE = text("coupon_code <> ''")


class Order(ShopRow, table=True):
    """An order. Money in minor units of the shop's currency.

    `amount` is what the buyer paid, `refunded` what went back. `ordered_at` is paid_at, else placed_at, and `order_day`
    its calendar day in the shop's zone as days since 1970-01-01. `counts` and `is_return` hold the counting rules
    below, settled when the row is written so that every question is one comparison.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop_id", "source", "external_id"),
        Index(None, "shop_id", "buyer_id", "ordered_at"),
        Index(None, "shop_id", "ordered_at"),
        # Few orders carry a code, so the index of those that do stays small.
        Index(None, "shop_id", "coupon_code", postgresql_where=_WITH_CODE, sqlite_where=_WITH_CODE),
    )

    source: str = Field(max_length=50)
    external_id: str = Field(max_length=200)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    status: OrderStatus = Field(sa_type=choice(OrderStatus))
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    ordered_at: datetime
    order_day: int
    amount: int
    refunded: int = 0
    postage: int = 0
    items: int = 0
    counts: bool
    is_return: bool = False
    country: str = Field(default="", max_length=100)
    region: str = Field(default="", max_length=100)
    city: str = Field(default="", max_length=100)
    channel: str = Field(default="", max_length=50)
    coupon_code: str = Field(default="", max_length=64)


class OrderLine(ShopRow, table=True):
    """One line of an order, numbered from 1. A negative quantity is a return."""

    __tablename__ = "order_lines"
    __table_args__ = (UniqueConstraint("shop_id", "order_id", "number"), Index(None, "shop_id", "sku"))

    order_id: int = Field(foreign_key="orders.id", sa_type=BigId)
    number: int
    sku: str = Field(default="", max_length=100)
    title: str = Field(default="", max_length=500)
    category: str = Field(default="", max_length=200)
    quantity: int = 1
    unit_price: int = 0
    amount: int = 0


def order_counts(status: OrderStatus, *, amount: int, refunded: int, is_return: bool) -> bool:
    """Tell whether an order counts: paid, not wholly cancelled or returned, and not itself a return.

    Wholly refunded means that all of a positive amount went back; a free order (amount 0) that was paid counts.
    """
    wholly_refunded = refunded >= amount > 0
    return status is OrderStatus.PAID and not is_return and not wholly_refunded
