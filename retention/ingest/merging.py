"""Checked rows into buyers, orders, lines and parcels: what is new is written, what differs is rewritten, nothing else.

An order that exists is changed where the file says something else; an empty cell says nothing. Its lines are replaced
when they differ. Rows are compared and put together in memory, in parts that fit; the database is asked for what it
knows by one join per part and gets what is new by COPY (executemany on SQLite), straight into the tables.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from pyroaring import BitMap
from sqlmodel import Session

from retention.database import is_postgresql
from retention.ingest.grouping import (
    PLACES,
    complete,
    group_rows,
    number_lines,
    rank_equals,
    sold,
    wholly_refunded,
)
from retention.ingest.heavy_buyers import HeavyBuyers
from retention.ingest.history import History
from retention.ingest.order_extent import OrderExtent
from retention.ingest.order_rows import OrderReading
from retention.ingest.ordering_buyers import People
from retention.ingest.statuses import IGNORED
from retention.staging import (
    ColumnKind,
    create_staging,
    delete_matching,
    drop_staging,
    fetch,
    keep_before,
    look_up,
    merging,
    new_ids,
    nothing_found,
    run,
    settle,
    settle_new,
    stage,
    watch,
    writes,
)
from retention.versions import Family, raise_version

MERGED = "merged"
"""What a watcher is shown orders under: a row a line, with what is kept of it and of its order."""
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
    "is_return": ColumnKind.FLAG,
    "counts": ColumnKind.FLAG,
    "country": ColumnKind.TEXT,
    "region": ColumnKind.TEXT,
    "city": ColumnKind.TEXT,
    "channel": ColumnKind.TEXT,
    "coupon_code": ColumnKind.TEXT,
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
    "unit_price": ColumnKind.WHOLE,
    "amount": ColumnKind.WHOLE,
}
_KEPT_WHEN_EMPTY = ("placed_at", "paid_at", "refunded", "postage", *PLACES, "channel", "coupon_code", "buyer_id")


@dataclass(frozen=True)
class MergeCounts:
    """What a merge changed, and what the orders of the file add up to (minor units). `changed` counts orders."""

    changed: int
    unchanged: int
    totals: dict[str, int]


@dataclass
class OrderMerge:
    """The merge of one file, part by part; `finish` brings buyers and aggregates up to date."""

    session: Session
    reading: OrderReading
    source: str
    now: datetime
    counts: Counter[str] = field(default_factory=Counter)
    buyers: People = field(init=False)
    touched: BitMap = field(default_factory=BitMap)
    extent: OrderExtent = field(default_factory=OrderExtent)
    history: History = field(init=False)
    siblings: tuple[str, ...] = ()
    heavy: HeavyBuyers = field(default_factory=HeavyBuyers)
    known_sources: list[str] = field(init=False)

    def __post_init__(self) -> None:
        some = "SELECT count(*) FROM (SELECT 1 FROM orders WHERE shop_id = :shop AND source = :source LIMIT 1) AS o"
        asked = [self.source, *(each for each in self.siblings if each != self.source)]
        # Asked once: what this import writes itself is never looked up again.
        shop = self.reading.shop.id
        self.known_sources = [each for each in asked if fetch(self.session, some, shop=shop, source=each)[0]]
        self.history = History(self.session, self.reading.shop.id)
        self.buyers = People(self.session, self.reading.shop, self.now)

    def merge(self, rows: pl.DataFrame) -> None:
        """Write one part of the file; all rows of an order are in one part."""
        if not self.reading.numbered:
            rows = rank_equals(rows)
        if self.counts["parts"] == 1:
            settle_new(self.session, "buyers", "orders", "parcels")
        self.counts["parts"] += 1
        orders = group_rows(rows, order_level=self.reading.order_level)
        rows, orders = self._without_ignored(rows, orders)
        orders = self._with_buyers(orders, rows)
        known = self._known(orders)
        if known.height:
            orders = _keep_what_is_empty(orders, known)
        orders = complete(orders, self.reading.shop.timezone)
        self._count(orders)
        self.heavy.add(orders["buyer_id"])
        watch(self.session, MERGED, lambda: _as_stored(orders, rows))
        self.history.note(orders, self.buyers.new)
        new = self._write_new(orders.join(known, on="key", how="anti", maintain_order="left"))
        old = known.select("key", "order_id")
        if known.height:
            self._rewrite(orders, known, rows)
        if "waybill" in self.reading.kept:
            ids = pl.concat([new, old])
            self._write_parcels(rows, orders.join(ids, on="key", maintain_order="left"))
        # The most rows come last: while the database takes them, the next part is put together.
        self._write_lines(number_lines(rows, new))

    def finish(self) -> MergeCounts:
        """Bring places, contacts and aggregates of the buyers up to date and tell the caches."""
        changed = self.counts["inserted"] + self.counts["updated"]
        moved = self._settle(changed) if writes(self.session) else 0
        totals = {name: self.counts[name] for name in _TOTALS} | self.extent.totals()
        totals |= {name: self.counts[name] for name in ("ignored_orders",) if self.counts[name]}
        totals |= {"new_buyers": self.buyers.added, "changed_buyers": moved}
        totals |= {name: self.counts[name] for name in ("new_parcels", "lines")}
        return MergeCounts(changed, self.counts["orders"] - changed, totals)

    def _settle(self, changed: int) -> int:
        with merging(self.session, changed):
            moved = self.buyers.settle(self.touched)
            self.history.write(self.touched, self.buyers.new)
        self._raise_versions(changed, moved)
        return moved

    def _without_ignored(self, rows: pl.DataFrame, orders: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Leave out the orders whose status says that they are none."""
        ignored = orders.filter(pl.col("status") == IGNORED).select("key")
        if not ignored.height:
            return rows, orders
        self.counts["ignored_orders"] += ignored.height
        kept = [each.join(ignored, on="key", how="anti", maintain_order="left") for each in (rows, orders)]
        return kept[0], kept[1]

    def _with_buyers(self, orders: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        return orders.join(self.buyers.find_or_add(rows, orders), on="buyer", how="left", maintain_order="left")

    def _known(self, orders: pl.DataFrame) -> pl.DataFrame:
        """Return what the database knows of these orders: key, order_id, and their columns under old_ names."""
        columns = {"key": ("t.external_id", ColumnKind.TEXT), "order_id": ("t.id", ColumnKind.WHOLE)}
        columns |= {f"old_{name}": (f"t.{name}", kind) for name, kind in _SHAPE.items()}
        match, shop = "t.source = :source AND t.external_id = s.value", self.reading.shop.id
        known = nothing_found(columns)
        for source in self.known_sources:
            wanted = orders.join(known, on="key", how="anti", maintain_order="left")
            found = look_up(self.session, "orders", wanted["key"], match, columns, shop=shop, source=source)
            if source != self.source:
                found = _same_time(found, wanted)
            known = pl.concat([known, found])
        return known

    def _write_new(self, orders: pl.DataFrame) -> pl.DataFrame:
        """Write orders nobody knew; return their ids."""
        numbers = new_ids(self.session, "orders", orders.height)
        ids = orders.select("key", order_id=numbers)
        owner = {"shop_id": pl.lit(self.reading.shop.id), "source": pl.lit(self.source)}
        stage(self.session, "orders", orders.select(*_SHAPE, id=numbers, external_id="key", **owner))
        self._touch(orders["buyer_id"])
        self.counts["inserted"] += orders.height
        return ids

    def _write_lines(self, lines: pl.DataFrame) -> None:
        if is_postgresql(self.session):  # its index of articles fills faster in their order; SQLite keeps lines by key
            lines = lines.sort("sku")
        stage(self.session, "order_lines", lines.select(pl.lit(self.reading.shop.id).alias("shop_id"), *_LINE))
        self.counts["lines"] += lines.height

    def _rewrite(self, orders: pl.DataFrame, known: pl.DataFrame, rows: pl.DataFrame) -> None:
        """Write what differs of orders that were there."""
        ids = known.select("key", "order_id")
        lines = number_lines(rows, ids)
        both = orders.join(known, on="key", how="inner", maintain_order="left")
        differs = pl.any_horizontal(_differs(name) for name in _SHAPE)
        self._update(both.filter(differs).select(*_SHAPE, id="order_id"))
        other = self._replace_lines(ids["order_id"], lines)
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

    def _replace_lines(self, orders: pl.Series, lines: pl.DataFrame) -> list[int]:
        """Replace the lines of those of the orders whose lines differ, and return which these are."""
        shop = self.reading.shop.id
        shape = {name: (f"t.{name}", kind) for name, kind in _LINE.items()}
        old = look_up(self.session, "order_lines", orders, "t.order_id = s.value", shape, shop=shop)
        lines = lines.cast(old.schema)
        columns = list(_LINE)
        new = lines.join(old, on=columns, how="anti")["order_id"]
        gone = old.join(lines, on=columns, how="anti")["order_id"]
        found: list[int] = pl.concat([new, gone]).unique().to_list()
        if found:
            delete_matching(self.session, "order_lines", "order_id", found, shop=shop)
            self._write_lines(lines.filter(pl.col("order_id").is_in(found)))
        return found

    def _write_parcels(self, rows: pl.DataFrame, orders: pl.DataFrame) -> None:
        """Add the parcels of orders that name a waybill; one that is known stays as it is."""
        named = rows.filter(pl.col("waybill").is_not_null()).select("key", "waybill", "has_left", "shipped_at")
        found = named.unique("waybill", keep="first", maintain_order=True)
        found = found.join(orders.select("key", "order_id", "buyer_id", "ordered_at", "order_day"), on="key")
        today = self.reading.shop.day(self.now)
        past = pl.col("has_left") | (pl.col("order_day") < today - RECENT_DAYS)
        found = found.with_columns(shipped_at=pl.coalesce("shipped_at", pl.when(past).then("ordered_at")))
        day = pl.when(pl.col("shipped_at").is_null()).then(today).otherwise("order_day")
        parcels = found.select("waybill", "buyer_id", "order_id", "shipped_at", ship_day=day)
        known = {"waybill": ("t.waybill", ColumnKind.TEXT)}
        match, shop = "t.waybill = s.value", self.reading.shop.id
        there = look_up(self.session, "parcels", parcels["waybill"], match, known, shop=shop)
        parcels = parcels.join(there, on="waybill", how="anti", maintain_order="left")
        owner = {"shop_id": pl.lit(self.reading.shop.id), "pick_position": pl.lit(0)}
        numbers = new_ids(self.session, "parcels", parcels.height)
        stage(self.session, "parcels", parcels.with_columns(numbers, **owner))
        self.counts["new_parcels"] += parcels.height

    def _touch(self, buyers: pl.Series) -> None:
        self.touched.update(buyers.drop_nulls().to_list())

    def _count(self, orders: pl.DataFrame) -> None:
        """Add up what the file says; `paid` in its own sense, before or after refunds. Refunds count on paid orders."""
        kept = pl.col("amount") - pl.col("refunded")
        paid = kept if self.reading.after_refunds else pl.col("amount")
        row = orders.select(
            orders=pl.len(),
            paid_orders=sold().sum(),
            paid=paid.filter(sold()).sum(),
            refunded_orders=(sold() & (pl.col("refunded") > 0)).sum(),
            refunded=pl.col("refunded").filter(sold()).sum(),
            wholly_refunded_orders=(sold() & wholly_refunded()).sum(),
            counted_orders=pl.col("counts").sum(),
            revenue=kept.filter("counts").sum(),
            returns=pl.col("is_return").sum(),
            orders_without_buyer=pl.col("buyer_id").is_null().sum(),
        )
        self.counts.update(row.row(0, named=True))
        self.extent.add(orders)

    def _raise_versions(self, changed: int, moved: int) -> None:
        if changed:
            raise_version(self.session, self.reading.shop.id, Family.ORDERS)
        if self.buyers.added or moved:
            raise_version(self.session, self.reading.shop.id, Family.BUYERS)


_TOTALS = (
    "orders", "paid_orders", "paid", "refunded_orders", "refunded", "wholly_refunded_orders", "counted_orders",
    "revenue", "returns", "orders_without_buyer",
)  # fmt: skip


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


def _as_stored(orders: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the lines with what is kept of their orders beside them."""
    lines = rows.select("line", "key", "sku", "title", "category", "quantity", "price", "line_amount")
    return lines.join(orders, on="key", maintain_order="left")


def _keep_what_is_empty(orders: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Fill what the file leaves open with what is known; a state that is not stated stays, unless now paid."""
    joined = orders.join(known, on="key", how="left", maintain_order="left")
    stated = pl.coalesce("status", pl.when(pl.col("paid_at").is_not_null()).then(pl.lit("paid")), "old_status")
    kept: dict[str, Any] = {name: pl.coalesce(name, f"old_{name}") for name in _KEPT_WHEN_EMPTY}
    return joined.with_columns(status=stated, **kept).select(orders.columns)
