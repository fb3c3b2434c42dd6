"""Buyer aggregates: what each buyer's counted orders add up to, kept set-wise with the rows they summarise."""

from datetime import datetime

from polars import DataFrame, Int64
from pyroaring import BitMap
from sqlalchemy import Index, text
from sqlmodel import Field, Session, SQLModel

from retention.database import BigId
from retention.privacy.personal import personal
from retention.staging import ColumnKind, create_staging, drop_staging, settle, stage


class BuyerAggregates(SQLModel, table=True):
    """Sums over one buyer's counted orders. Spend is paid minus refunded, in minor units; days are since 1970-01-01.

    No foreign keys, as with orders: see docs/decisions/0006-orders-without-foreign-keys.md.
    """

    __tablename__ = "buyer_facts"
    __table_args__ = (Index(None, "shop_id", "orders"), Index(None, "shop_id", "last_at"), {"sqlite_with_rowid": False})

    shop_id: int = Field(primary_key=True, sa_type=BigId)
    buyer_id: int = Field(primary_key=True, sa_type=BigId)
    orders: int = 0
    order_days: int = 0
    spend: int = Field(default=0, sa_type=BigId)
    items: int = 0
    items_thousandths: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    returns: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    first_day: int | None = None
    last_day: int | None = None


_SUMS = """
INSERT INTO buyer_facts (
  shop_id, buyer_id, orders, order_days, spend, items, items_thousandths, returns, first_at, last_at, first_day,
  last_day)
SELECT :shop, b.id, coalesce(s.orders, 0), coalesce(s.order_days, 0), coalesce(s.spend, 0), coalesce(s.items, 0),
  coalesce(s.items_thousandths, 0), coalesce(s.returns, 0), s.first_at, s.last_at, s.first_day, s.last_day
FROM buyers AS b LEFT JOIN (
  SELECT buyer_id,
    sum(CASE WHEN counts THEN 1 ELSE 0 END) AS orders,
    count(DISTINCT CASE WHEN counts THEN order_day END) AS order_days,
    sum(CASE WHEN counts THEN amount - refunded ELSE 0 END) AS spend,
    sum(CASE WHEN counts THEN items ELSE 0 END) AS items,
    sum(CASE WHEN counts THEN items_thousandths ELSE 0 END) AS items_thousandths,
    sum(CASE WHEN is_return THEN 1 ELSE 0 END) AS returns,
    min(CASE WHEN counts THEN ordered_at END) AS first_at, max(CASE WHEN counts THEN ordered_at END) AS last_at,
    min(CASE WHEN counts THEN order_day END) AS first_day, max(CASE WHEN counts THEN order_day END) AS last_day
  FROM orders WHERE shop_id = :shop AND buyer_id IS NOT NULL{among_orders} GROUP BY buyer_id
) AS s ON s.buyer_id = b.id
WHERE b.shop_id = :shop{among_buyers}
ON CONFLICT (shop_id, buyer_id) DO UPDATE SET orders = excluded.orders, order_days = excluded.order_days,
  spend = excluded.spend, items = excluded.items, items_thousandths = excluded.items_thousandths,
  returns = excluded.returns, first_at = excluded.first_at,
  last_at = excluded.last_at, first_day = excluded.first_day, last_day = excluded.last_day
"""


def refresh_aggregates(session: Session, shop_id: int, buyer_ids: BitMap | None = None) -> None:
    """Recalculate the sums of these buyers' orders (None: all buyers of the shop); every buyer has a row afterwards."""
    if buyer_ids is None:
        session.execute(text(_SUMS.format(among_orders="", among_buyers="")), {"shop": shop_id})
        return
    create_staging(session, "refreshed_buyers", {"id": ColumnKind.KEY})
    stage(session, "refreshed_buyers", DataFrame({"id": buyer_ids.to_array().tolist()}, schema={"id": Int64}))
    settle(session, "refreshed_buyers")
    among = " AND {} IN (SELECT id FROM refreshed_buyers)"
    sums = _SUMS.format(among_orders=among.format("buyer_id"), among_buyers=among.format("b.id"))
    session.execute(text(sums), {"shop": shop_id})
    drop_staging(session, "refreshed_buyers")


def add_missing_aggregates(session: Session, shop_id: int) -> None:
    """Give buyers without a row of aggregates an empty one; they have no orders yet."""
    query = """
        INSERT INTO buyer_facts (shop_id, buyer_id, orders, order_days, spend, items, returns)
        SELECT :shop, id, 0, 0, 0, 0, 0 FROM buyers AS b WHERE shop_id = :shop
          AND NOT EXISTS (SELECT 1 FROM buyer_facts WHERE shop_id = :shop AND buyer_id = b.id)"""
    session.execute(text(query), {"shop": shop_id})


personal(BuyerAggregates)
