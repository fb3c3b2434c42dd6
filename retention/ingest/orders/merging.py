"""Checked rows into buyers, orders, lines and parcels: rows are compared and put together in memory, in parts that fit.

An order that exists is changed where the file says something else; an empty cell says nothing. Its lines are replaced
when they differ. What is new or differs is written by `order_store`, nothing else.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from sqlmodel import Session

from retention.ingest.notes import Note
from retention.ingest.orders.alike_amounts import AlikeAmounts
from retention.ingest.orders.doubtful import ahead_of, of_several_buyers, without_state
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
from retention.ingest.orders.late_refusals import without_refused, without_unknown, without_unpaid_timeless
from retention.ingest.orders.order_extent import OrderExtent
from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.order_states import NO_ORDER
from retention.ingest.orders.order_store import OrderStore
from retention.ingest.orders.ordering_buyers import People
from retention.ingest.orders.quantities import spelled
from retention.ingest.orders.remarks import Remarks
from retention.ingest.orders.repeats import without_repeats
from retention.ingest.orders.said_again import latest_states
from retention.staging import merging, settle_grown, watch, writes
from retention.versions import Family, raise_version

MERGED = "merged"
"""What a watcher is shown orders under: a row a line, with what is kept of it and of its order."""


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
    extent: OrderExtent = field(default_factory=OrderExtent)
    refused: list[pl.DataFrame] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)
    alike: AlikeAmounts = field(init=False)
    history: History = field(init=False)
    siblings: tuple[str, ...] = ()
    heavy: HeavyBuyers = field(default_factory=HeavyBuyers)
    store: OrderStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = OrderStore(self.session, self.reading.shop, self.source, self.now, self.siblings, self.counts)
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
        self.remarks.add("several_buyers", of_several_buyers(lines, orders.height))
        if self.reading.own_amounts and "order_total" not in self.reading.columns:
            self.remarks.add("repeated", orders["key"].filter(orders["stated_total"]))
        known = self.store.known(orders)
        if self.reading.items_only:
            orders, late = without_unknown(orders, known, stated)
            self._refuse(late)
            lines = lines.join(orders, on="key", how="semi", maintain_order="left")
        # Asked before anything of this part is written: every question waits for what is under way.
        parcels = self.store.unknown_parcels(stated) if "waybill" in self.reading.kept else None
        orders = self._with_buyers(orders, stated)
        plan = None
        if known.height:
            orders = against_known(orders, known, items=self.reading.items)
            plan = self._plan(orders, known, lines)
            orders = orders.update(plan.orders, on="key")
        self.remarks.add("stateless", without_state(orders, self.reading.columns))
        orders = complete(orders, self.reading.shop.timezone)
        self._count(orders)
        self.remarks.add("ahead", ahead_of(self.now, orders))
        self.remarks.add("part", orders["key"].filter(orders.select(refunded_by_word()).to_series()))
        self.heavy.add(orders["buyer_id"])
        watch(self.session, MERGED, lambda: _as_stored(orders, lines))
        self.history.note(orders, self.buyers.new)
        new = self.store.write_new(orders.join(known, on="key", how="anti", maintain_order="left"))
        if plan:
            self.store.rewrite(orders, known, plan)
        if parcels is not None:
            ids = pl.concat([new, known.select("key", "order_id")])
            self.store.write_parcels(parcels, orders.join(ids, on="key", maintain_order="left"))
        # The most rows come last: while the database takes them, the next part is put together.
        self.store.write_lines(number_lines(lines, new))

    def _orders(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the lines and the orders of rows, repeats and what cannot be taken left out."""
        if not self.reading.numbered:
            lines = settle_lines(rank_equals(rows), self.reading)
            return lines, group_rows(lines, self.reading)
        found = self.reading.conventions
        latest = self._latest(rows) if self.reading.divides else rows
        real = without_repeats(latest, factor=found.copies, divides=self.reading.divides, line_ids=found.line_ids)
        self.counts.update(repeats_kept=real.kept, repeats_left_out=real.left_out + rows.height - latest.height)
        lines = settle_lines(real.rows, self.reading)
        orders = group_rows(lines, self.reading)
        if not self.reading.items_only:
            orders, timeless = without_unpaid_timeless(orders)
            self.remarks.add("timeless", timeless)
            orders, late = without_refused(orders, rows, lines, self.reading)
            self._refuse(late)
            if late is not None or len(timeless):
                lines = lines.join(orders, on="key", how="semi", maintain_order="left")
        return lines, orders

    def _latest(self, rows: pl.DataFrame) -> pl.DataFrame:
        latest, unsure = latest_states(rows, in_states=self.reading.conventions.in_states)
        self.remarks.add("unsure", unsure)
        return latest

    def _refuse(self, late: pl.DataFrame | None) -> None:
        if late is not None:
            self.refused.append(late)

    def _plan(self, orders: pl.DataFrame, known: pl.DataFrame, lines: pl.DataFrame) -> LinePlan:
        """Return what becomes of the lines of orders that are known."""
        old = self.store.known_lines(known)
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
            moved = self.buyers.settle(self.store.touched)
            self.history.write(self.store.touched, self.buyers.new)
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


def _as_stored(orders: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the lines with what is kept of their orders beside them."""
    lines = rows.select("line", "key", "sku", "title", "category", spelled("quantity"), "price", "line_amount")
    return lines.join(orders, on="key", maintain_order="left")
