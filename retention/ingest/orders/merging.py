"""Checked rows into buyers, orders, lines and parcels: what is new is written, what differs is rewritten, nothing else.

An order that exists is changed where the file says something else; an empty cell says nothing. Its lines are replaced
when they differ. Rows are compared and put together in memory, in parts that fit; the database is asked for what it
knows by one join per part and gets what is new by COPY (executemany on SQLite), straight into the tables.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl
from pyroaring import BitMap
from sqlmodel import Session

from retention.database import is_postgresql
from retention.ingest.notes import Note
from retention.ingest.orders.alike_amounts import AlikeAmounts
from retention.ingest.orders.grouping import (
    complete,
    group_rows,
    number_lines,
    rank_equals,
    refunded_by_word,
    settle_lines,
    sold,
    wholly_refunded,
)
from retention.ingest.orders.heavy_buyers import HeavyBuyers
from retention.ingest.orders.history import History
from retention.ingest.orders.known_lines import LinePlan, plan_lines
from retention.ingest.orders.known_orders import against_known
from retention.ingest.orders.late_refusals import without_refused, without_unknown
from retention.ingest.orders.order_extent import OrderExtent
from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.order_states import NO_ORDER
from retention.ingest.orders.ordering_buyers import People
from retention.ingest.orders.quantities import spelled
from retention.ingest.orders.remarks import Remarks
from retention.ingest.orders.repeats import without_repeats
from retention.ingest.orders.said_again import latest_states
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
    settle_grown,
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


@dataclass(frozen=True)
class MergeCounts:
    """What a merge changed, and what the orders of the file add up to (minor units). `changed` counts orders."""

    changed: int
    unchanged: int
    totals: dict[str, int]
    notes: tuple[Note, ...] = ()


@dataclass
class OrderMerge:
    """The merge of one file, part by part; `finish` brings buyers and aggregates up to date.

    `refused` holds the lines of orders that only show as a whole that they cannot be taken: line, reason.
    """

    session: Session
    reading: OrderReading
    source: str
    now: datetime
    counts: Counter[str] = field(default_factory=Counter)
    buyers: People = field(init=False)
    touched: BitMap = field(default_factory=BitMap)
    extent: OrderExtent = field(default_factory=OrderExtent)
    refused: list[pl.DataFrame] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)
    alike: AlikeAmounts = field(init=False)
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
        self.alike = AlikeAmounts(self.reading)
        self.history = History(self.session, self.reading.shop.id)
        self.buyers = People(self.session, self.reading.shop, self.now)

    def merge(self, rows: pl.DataFrame) -> None:
        """Write one part of the file; all rows of an order are in one part."""
        if self.counts["parts"] <= 1:  # at first what others wrote, then what the first part did
            settle_grown(self.session, "buyers", "orders", "parcels")
        self.counts["parts"] += 1
        stated = self._without_ignored(rows)
        if not stated.height:
            return
        lines, orders = self._orders(stated)
        self.alike.look(lines)
        if self.reading.own_amounts and "order_total" not in self.reading.columns:
            self.remarks.add("repeated", orders["key"].filter(orders["stated_total"]))
        known = self._known(orders)
        if self.reading.items_only:
            orders, late = without_unknown(orders, known, stated)
            self._refuse(late)
            lines = lines.join(orders, on="key", how="semi", maintain_order="left")
        orders = self._with_buyers(orders, stated)
        plan = None
        if known.height:
            orders = against_known(orders, known)
            plan = self._plan(orders, known, lines)
            orders = orders.update(plan.orders, on="key")
        orders = complete(orders, self.reading.shop.timezone)
        self._count(orders)
        self.remarks.add("part", orders["key"].filter(orders.select(refunded_by_word()).to_series()))
        self.heavy.add(orders["buyer_id"])
        watch(self.session, MERGED, lambda: _as_stored(orders, lines))
        self.history.note(orders, self.buyers.new)
        new = self._write_new(orders.join(known, on="key", how="anti", maintain_order="left"))
        if plan:
            self._rewrite(orders, known, plan)
        if "waybill" in self.reading.kept:
            ids = pl.concat([new, known.select("key", "order_id")])
            self._write_parcels(stated, orders.join(ids, on="key", maintain_order="left"))
        # The most rows come last: while the database takes them, the next part is put together.
        self._write_lines(number_lines(lines, new))

    def _orders(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the lines and the orders of rows, repeats and what cannot be taken left out."""
        if not self.reading.numbered:
            lines = settle_lines(rank_equals(rows), self.reading)
            return lines, group_rows(lines, self.reading)
        found = self.reading.conventions
        latest = latest_states(rows) if self.reading.divides else rows
        real = without_repeats(latest, factor=found.copies, divides=self.reading.divides, line_ids=found.line_ids)
        self.counts.update(repeats_kept=real.kept, repeats_left_out=real.left_out + rows.height - latest.height)
        lines = settle_lines(real.rows, self.reading)
        orders = group_rows(lines, self.reading)
        if not self.reading.items_only:
            orders, late = without_refused(orders, rows, lines, self.reading)
            self._refuse(late)
            if late is not None:
                lines = lines.join(orders, on="key", how="semi", maintain_order="left")
        return lines, orders

    def _refuse(self, late: pl.DataFrame | None) -> None:
        if late is not None:
            self.refused.append(late)

    def _plan(self, orders: pl.DataFrame, known: pl.DataFrame, lines: pl.DataFrame) -> LinePlan:
        """Return what becomes of the lines of orders that are known."""
        shape = {name: (f"t.{name}", kind) for name, kind in _LINE.items()}
        match, shop = "t.order_id = s.value", self.reading.shop.id
        old = look_up(self.session, "order_lines", known["order_id"], match, shape, shop=shop)
        new = number_lines(lines, known.select("key", "order_id")).cast(old.schema)
        both = orders.join(known, on="key", maintain_order="left")
        plan = plan_lines(new, old, both, self.reading, line_ids=self.reading.conventions.line_ids)
        self.remarks.add("fewer", plan.fewer)
        self.remarks.add("replaced", plan.replaced)
        self.remarks.add("older", orders["key"].filter(orders["older"]))
        return plan

    def finish(self) -> MergeCounts:
        """Bring places, contacts and aggregates of the buyers up to date and tell the caches."""
        changed = self.counts["inserted"] + self.counts["updated"]
        moved = self._settle(changed) if writes(self.session) else 0
        totals = {name: self.counts[name] for name in _TOTALS} | self.extent.totals()
        totals |= {name: self.counts[name] for name in ("ignored_orders",) if self.counts[name]}
        totals |= {"new_buyers": self.buyers.added, "changed_buyers": moved}
        totals |= {name: self.counts[name] for name in ("new_parcels", "lines", "repeats_kept", "repeats_left_out")}
        notes = self.remarks.notes(self.counts["repeats_kept"], self.counts["repeats_left_out"])
        return MergeCounts(
            changed, self.counts["orders"] - changed, totals | self.remarks.totals(), (*notes, *self.alike.notes())
        )

    def _settle(self, changed: int) -> int:
        with merging(self.session, changed):
            moved = self.buyers.settle(self.touched)
            self.history.write(self.touched, self.buyers.new)
        self._raise_versions(changed, moved)
        return moved

    def _without_ignored(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Leave out the orders whose status says that they are none."""
        none = pl.col("state") == NO_ORDER
        if not rows.select(none.any()).item():
            return rows
        kept = rows.filter(~none.any().over("key").fill_null(value=False))
        self.counts["ignored_orders"] += rows["key"].n_unique() - kept["key"].n_unique()
        return kept

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
        stage(
            self.session,
            "orders",
            _brief(orders.select(*_SHAPE, id=numbers, external_id="key", **owner), _USUAL_OF_ORDERS),
        )
        self._touch(orders["buyer_id"])
        self.counts["inserted"] += orders.height
        return ids

    def _write_lines(self, lines: pl.DataFrame) -> None:
        if is_postgresql(self.session):  # its index of articles fills faster in their order; SQLite keeps lines by key
            lines = lines.sort("sku")
        stage(
            self.session,
            "order_lines",
            _brief(lines.select(pl.lit(self.reading.shop.id).alias("shop_id"), *_LINE), _USUAL_OF_LINES),
        )
        self.counts["lines"] += lines.height

    def _rewrite(self, orders: pl.DataFrame, known: pl.DataFrame, plan: LinePlan) -> None:
        """Write what differs of orders that were there."""
        both = orders.join(known, on="key", how="inner", maintain_order="left")
        differs = pl.any_horizontal(_differs(name) for name in _SHAPE)
        self._update(both.filter(differs).select(*_SHAPE, id="order_id"))
        other = plan.written["order_id"].unique().to_list()
        if other:
            delete_matching(self.session, "order_lines", "order_id", other, shop=self.reading.shop.id)
            self._write_lines(plan.written)
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
    lines = rows.select("line", "key", "sku", "title", "category", spelled("quantity"), "price", "line_amount")
    return lines.join(orders, on="key", maintain_order="left")


def _brief(frame: pl.DataFrame, usual: Mapping[str, object]) -> pl.DataFrame:
    """Return rows to write without the columns in which all of them have what the database writes by itself."""
    found = frame.select(pl.col(name).eq_missing(pl.lit(value)).all() for name, value in usual.items())
    return frame.drop(name for name, same in found.row(0, named=True).items() if same)
