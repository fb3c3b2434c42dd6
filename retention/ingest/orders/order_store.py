"""The orders of a shop in the database: what it knows of those of a part, and the writing of what is new or differs.

It is asked for what it knows by one join per part, and gets what is new by COPY (executemany on SQLite), straight into
the tables. What an order should be is settled before (`merging`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl
from pyroaring import BitMap
from sqlmodel import Session

from retention.database import is_postgresql
from retention.ingest.orders.known_lines import LinePlan
from retention.shops import Shop
from retention.staging import (
    ColumnKind,
    create_staging,
    delete_matching,
    drop_staging,
    fetch,
    keep_before,
    look_up,
    new_ids,
    nothing_found,
    run,
    settle,
    stage,
)
from retention.waybills import one_waybill_a_row

SAME_ORDER = timedelta(days=1)  # how far apart two files may see an order: one has its payment, one its placing
SAME_TIME = timedelta(milliseconds=2)  # how far off a time may be that was kept in a spreadsheet
RECENT_DAYS = 7  # an older order with a waybill has left, even when its status does not say so

_SHAPE = {
    "status": ColumnKind.TEXT,
    "placed_at": ColumnKind.TIME,
    "paid_at": ColumnKind.TIME,
    "ordered_at": ColumnKind.TIME,
    "order_day": ColumnKind.WHOLE,
    "amount": ColumnKind.WHOLE,
    "refunded": ColumnKind.WHOLE,
    "postage": ColumnKind.WHOLE,
    "items": ColumnKind.WHOLE,
    "items_thousandths": ColumnKind.WHOLE,
    "is_return": ColumnKind.FLAG,
    "counts": ColumnKind.FLAG,
    "country": ColumnKind.TEXT,
    "region": ColumnKind.TEXT,
    "city": ColumnKind.TEXT,
    "channel": ColumnKind.TEXT,
    "coupon_code": ColumnKind.TEXT,
    "updated_at": ColumnKind.TIME,
    "buyer_id": ColumnKind.WHOLE,
    "currency": ColumnKind.TEXT,
    "rate": ColumnKind.TEXT,
}
_LINE = {
    "order_id": ColumnKind.WHOLE,
    "number": ColumnKind.WHOLE,
    "sku": ColumnKind.TEXT,
    "title": ColumnKind.TEXT,
    "category": ColumnKind.TEXT,
    "quantity": ColumnKind.WHOLE,
    "quantity_thousandths": ColumnKind.WHOLE,
    "unit_price": ColumnKind.WHOLE,
    "amount": ColumnKind.WHOLE,
    "refunded": ColumnKind.WHOLE,
    "line_id": ColumnKind.TEXT,
}
_USUAL_OF_ORDERS = {"items_thousandths": 0, "updated_at": None, "currency": "", "rate": ""}
_USUAL_OF_LINES = {"quantity_thousandths": 0, "refunded": 0, "line_id": ""}
"""Columns most files say nothing of, and what the database writes for them by itself."""


@dataclass
class OrderStore:
    """What the database knows and gets of the orders of one file.

    `touched` are the buyers whose orders changed; `counts` has what was written: inserted, updated, lines, new_parcels.
    """

    session: Session
    shop: Shop
    source: str
    now: datetime
    siblings: tuple[str, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    touched: BitMap = field(default_factory=BitMap)
    known_sources: list[str] = field(init=False)

    def __post_init__(self) -> None:
        some = "SELECT count(*) FROM (SELECT 1 FROM orders WHERE shop_id = :shop AND source = :source LIMIT 1) AS o"
        asked = [self.source, *(each for each in self.siblings if each != self.source)]
        # Asked once: what this import writes itself is never looked up again.
        shop = self.shop.id
        self.known_sources = [each for each in asked if fetch(self.session, some, shop=shop, source=each)[0]]

    def known(self, orders: pl.DataFrame) -> pl.DataFrame:
        """Return what the database knows of these orders: key, order_id, and their columns under old_ names."""
        columns = {"key": ("t.external_id", ColumnKind.TEXT), "order_id": ("t.id", ColumnKind.WHOLE)}
        columns |= {f"old_{name}": (f"t.{name}", kind) for name, kind in _SHAPE.items()}
        match, shop = "t.source = :source AND t.external_id = s.value", self.shop.id
        known = nothing_found(columns)
        for source in self.known_sources:
            wanted = orders.join(known, on="key", how="anti", maintain_order="left")
            found = look_up(self.session, "orders", wanted["key"], match, columns, shop=shop, source=source)
            if source != self.source:
                found = _same_time(found, wanted)
            known = pl.concat([known, found])
        return known

    def known_lines(self, known: pl.DataFrame) -> pl.DataFrame:
        """Return the lines of known orders, as rows of order_lines."""
        shape = {name: (f"t.{name}", kind) for name, kind in _LINE.items()}
        match = "t.order_id = s.value"
        return look_up(self.session, "order_lines", known["order_id"], match, shape, shop=self.shop.id)

    def write_new(self, orders: pl.DataFrame) -> pl.DataFrame:
        """Write orders nobody knew; return their ids."""
        numbers = new_ids(self.session, "orders", orders.height)
        ids = orders.select("key", order_id=numbers)
        owner = {"shop_id": pl.lit(self.shop.id), "source": pl.lit(self.source)}
        stage(
            self.session,
            "orders",
            _brief(orders.select(*_SHAPE, id=numbers, external_id="key", **owner), _USUAL_OF_ORDERS),
        )
        self._touch(orders["buyer_id"])
        self.counts["inserted"] += orders.height
        return ids

    def write_lines(self, lines: pl.DataFrame) -> None:
        """Write lines of orders, numbered."""
        if is_postgresql(self.session):  # its index of articles fills faster in their order; SQLite keeps lines by key
            lines = lines.sort("sku")
        stage(
            self.session,
            "order_lines",
            _brief(lines.select(pl.lit(self.shop.id).alias("shop_id"), *_LINE), _USUAL_OF_LINES),
        )
        self.counts["lines"] += lines.height

    def rewrite(self, orders: pl.DataFrame, known: pl.DataFrame, plan: LinePlan) -> None:
        """Write what differs of orders that were there."""
        both = orders.join(known, on="key", how="inner", maintain_order="left")
        differs = pl.any_horizontal(_differs(name) for name in _SHAPE)
        self._update(both.filter(differs).select(*_SHAPE, id="order_id"))
        other = plan.written["order_id"].unique().to_list()
        if other:
            delete_matching(self.session, "order_lines", "order_id", other, shop=self.shop.id)
            self.write_lines(plan.written)
        touched = both.filter(differs | pl.col("order_id").is_in(other))
        self._touch(touched["buyer_id"])
        self._touch(touched["old_buyer_id"])
        self.counts["updated"] += touched.height

    def _update(self, changed: pl.DataFrame) -> None:
        if not changed.height:
            return
        create_staging(self.session, "import_orders", {"id": ColumnKind.KEY, **_SHAPE})
        stage(self.session, "import_orders", changed)
        settle(self.session, "import_orders")
        assignments = ", ".join(f"{name} = i.{name}" for name in _SHAPE)
        keep_before(self.session, "orders", "id IN (SELECT id FROM import_orders)")
        found = "orders.id = i.id AND orders.id IN (SELECT id FROM import_orders)"  # the second lets SQLite begin there
        run(self.session, f"UPDATE orders SET {assignments} FROM import_orders AS i WHERE {found}")  # noqa: S608
        drop_staging(self.session, "import_orders")

    def unknown_parcels(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the waybills of rows of which there is no parcel yet, each with the first row that names it."""
        named = rows.filter(pl.col("waybill").is_not_null()).select("key", "waybill", "has_left", "shipped_at")
        named = one_waybill_a_row(named)
        found = named.unique("waybill", keep="first", maintain_order=True)
        known = {"waybill": ("t.waybill", ColumnKind.TEXT)}
        match, shop = "t.waybill = s.value", self.shop.id
        there = look_up(self.session, "parcels", found["waybill"], match, known, shop=shop)
        return found.join(there, on="waybill", how="anti", maintain_order="left")

    def write_parcels(self, unknown: pl.DataFrame, orders: pl.DataFrame) -> None:
        """Add the parcels of orders."""
        found = unknown.join(orders.select("key", "order_id", "buyer_id", "ordered_at", "order_day"), on="key")
        today = self.shop.day(self.now)
        past = pl.col("has_left") | (pl.col("order_day") < today - RECENT_DAYS)
        found = found.with_columns(shipped_at=pl.coalesce("shipped_at", pl.when(past).then("ordered_at")))
        day = pl.when(pl.col("shipped_at").is_null()).then(today).otherwise("order_day")
        parcels = found.select("waybill", "buyer_id", "order_id", "shipped_at", ship_day=day)
        owner = {"shop_id": pl.lit(self.shop.id), "pick_position": pl.lit(0)}
        numbers = new_ids(self.session, "parcels", parcels.height)
        stage(self.session, "parcels", parcels.with_columns(numbers, **owner))
        self.counts["new_parcels"] += parcels.height

    def _touch(self, buyers: pl.Series) -> None:
        self.touched.update(buyers.drop_nulls().to_list())


def _same_time(found: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return what is known under another preset's name of orders of about the same moment: other ones are others."""
    moments = wanted.select("key", moment=pl.coalesce("paid_at", "placed_at"))
    near = (pl.col("old_ordered_at") - pl.col("moment")).abs() <= SAME_ORDER
    return found.join(moments, on="key", how="left", maintain_order="left").filter(near).select(found.columns)


def _differs(name: str) -> pl.Expr:
    """Whether a column says something else than what is known; what a spreadsheet does to a time is the same time."""
    new, old = pl.col(name), pl.col(f"old_{name}")
    if _SHAPE[name] is not ColumnKind.TIME:
        return new.ne_missing(old)
    return new.ne_missing(old) & ~((new - old).abs() <= SAME_TIME).fill_null(False)


def _brief(frame: pl.DataFrame, usual: Mapping[str, object]) -> pl.DataFrame:
    """Return rows to write without the columns in which all of them have what the database writes by itself."""
    found = frame.select(pl.col(name).eq_missing(pl.lit(value)).all() for name, value in usual.items())
    return frame.drop(name for name, same in found.row(0, named=True).items() if same)
