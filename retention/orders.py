"""Orders and their lines, and the rule for which of them count."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel, col

from retention.database import BigId, ShopRow, choice
from retention.privacy.personal import personal


class OrderStatus(StrEnum):
    """Where an order stands."""

    PLACED = "placed"  # not paid yet
    PAID = "paid"
    CANCELLED = "cancelled"
    RETURNED = "returned"


_WITH_CODE = text("coupon_code <> ''")
_ASKED = ["buyer_id", "amount", "refunded", "order_day", "counts", "is_return"]


class Order(ShopRow, table=True):
    """An order. Money in minor units of the shop's currency.

    `amount` is what the buyer paid, `refunded` what went back. `ordered_at` is paid_at, else placed_at, and `order_day`
    its calendar day in the shop's zone as days since 1970-01-01. `counts` and `is_return` hold the counting rules
    below, settled when the row is written so that every question is one comparison. Amounts that were in another
    `currency` were converted at `rate`, an exact decimal; both are blank for the shop's own. `updated_at` is when the
    order's own system changed it last, as far as a file said so. Pieces are `items` plus `items_thousandths` / 1000.

    No foreign keys, here and in order lines and parcels: PostgreSQL checks them row by row, which was a third of the
    time of a large import. What takes their place is said in docs/decisions/0006-orders-without-foreign-keys.md.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop_id", "source", "external_id"),
        Index(None, "shop_id", "buyer_id", "ordered_at"),
        # What is asked of the orders of a window is read off the index alone: a fifth of the time of seeking each row.
        Index(None, "shop_id", "ordered_at", postgresql_include=_ASKED),
        # Few orders carry a code, so the index of those that do stays small.
        Index(None, "shop_id", "coupon_code", postgresql_where=_WITH_CODE, sqlite_where=_WITH_CODE),
        {"sqlite_autoincrement": True},
    )

    shop_id: int = Field(sa_type=BigId)
    source: str = Field(max_length=50)
    external_id: str = Field(max_length=200)
    buyer_id: int | None = Field(default=None, sa_type=BigId)
    status: OrderStatus = Field(sa_type=choice(OrderStatus))
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    ordered_at: datetime
    order_day: int
    amount: int
    refunded: int = 0
    postage: int = 0
    items: int = 0
    items_thousandths: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    counts: bool
    is_return: bool = False
    country: str = Field(default="", max_length=100)
    region: str = Field(default="", max_length=100)
    city: str = Field(default="", max_length=100)
    channel: str = Field(default="", max_length=50)
    coupon_code: str = Field(default="", max_length=64)
    currency: str = Field(default="", max_length=3, sa_column_kwargs={"server_default": text("''")})
    rate: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": text("''")})
    updated_at: datetime | None = None


class OrderLine(SQLModel, table=True):
    """One line of an order, numbered from 1. A negative quantity is a return, a negative amount alone a discount.

    A broken quantity is rounded away from zero in `quantity`, so that its sign stays; `quantity_thousandths` is what
    must be added: 0.25 is 1 and -750. `refunded` is what of the line's amount went back, where a file says it by line.
    `line_id` is the line's own number in the system it comes from.

    Written together with its order (retention.ingest.orders.order_store) and nowhere else.
    """

    __tablename__ = "order_lines"
    __table_args__ = (Index(None, "shop_id", "sku"), {"sqlite_with_rowid": False})

    shop_id: int = Field(primary_key=True, sa_type=BigId)
    order_id: int = Field(primary_key=True, sa_type=BigId)
    number: int = Field(primary_key=True)
    sku: str = Field(default="", max_length=100)
    title: str = Field(default="", max_length=500)
    category: str = Field(default="", max_length=200)
    quantity: int = 1
    quantity_thousandths: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    unit_price: int = 0
    amount: int = 0
    refunded: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    line_id: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": text("''")})


personal(Order, blank={"region": "", "city": ""})
personal(
    OrderLine,
    which=lambda who: col(OrderLine.order_id).in_(sa.select(col(Order.id)).where(col(Order.buyer_id) == who.id)),
)
