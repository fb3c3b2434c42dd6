"""The lines of an order that comes again: kept, replaced or joined by those of the file.

Lines are compared as they are, whatever their order. An order that comes with fewer lines than are known was cut off
somewhere, or something was taken out of it; only a file that shows a newer state of the order says which.
"""

from dataclasses import dataclass

import polars as pl

from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.quantities import THOUSAND, pieces, rest
from retention.ingest.orders.sharing import share_totals

_CONTENT = (
    "sku", "title", "category", "quantity", "quantity_thousandths", "unit_price", "amount", "refunded", "line_id",
)  # fmt: skip
_LINE_ITSELF = ("sku", "title", "quantity", "quantity_thousandths", "unit_price")


@dataclass(frozen=True)
class LinePlan:
    """What becomes of the lines of known orders.

    `written`: the lines of the orders whose lines change. `orders`: what follows for the orders (key, amount, items,
    items_thousandths, is_return), of those whose lines are not simply those of the file. `fewer`, `replaced`: the
    numbers of the orders that came with fewer lines and kept theirs (those of a list that say all aside), and of those
    that got other ones.
    """

    written: pl.DataFrame
    orders: pl.DataFrame
    fewer: pl.Series
    replaced: pl.Series


def plan_lines(
    new: pl.DataFrame, old: pl.DataFrame, orders: pl.DataFrame, reading: OrderReading, *, line_ids: bool
) -> LinePlan:
    """Return what becomes of the lines `old` of orders (key, order_id, older, newer, stated_total, ...) given `new`.

    `new` and `old` are rows of order_lines.
    """
    content = [name for name in _CONTENT if name != "line_id" or line_ids]
    orders = orders.filter(~pl.col("older"))
    joins = reading.add_lines or reading.items
    if not joins:  # an order that gets lines keeps what it comes to, though it knows all of them
        orders = orders.filter(pl.col("order_id").is_in(_differing(new, old, content).implode()))
    new, old = (each.join(orders.select("order_id"), on="order_id", how="semi") for each in (new, old))
    if joins:
        return _joined(new, old, orders, reading, content)
    sizes = orders.select("order_id", "key", "newer").join(_sizes(new, "new"), on="order_id", how="left")
    sizes = sizes.join(_sizes(old, "old"), on="order_id", how="left").with_columns(pl.col("new", "old").fill_null(0))
    short = ~pl.col("newer") & (pl.col("new") < pl.col("old"))
    fewer = sizes.filter(short)
    others = new.join(fewer, on="order_id", how="anti")
    gone = old.filter((pl.col("sku") != "") | (pl.col("title") != "")).join(
        new, on=["order_id", "sku", "title"], how="anti"
    )
    replaced = sizes.filter(~short & ~pl.col("newer")).join(gone, on="order_id", how="semi")
    kept = orders.join(fewer, on="order_id", how="semi").select(
        "key", items="old_items", items_thousandths="old_items_thousandths", is_return="old_is_return",
        amount=pl.when("stated_total").then("amount").otherwise("old_amount"),
    )  # fmt: skip
    all_said = orders.filter(pl.col("amount") == pl.col("old_amount"))
    cut_off = fewer.join(all_said.join(_lines_of_lists(new), on="order_id", how="semi"), on="order_id", how="anti")
    return LinePlan(others, kept, cut_off["key"], replaced["key"])


def _joined(
    new: pl.DataFrame, old: pl.DataFrame, orders: pl.DataFrame, reading: OrderReading, content: list[str]
) -> LinePlan:
    """Add the lines of the file to those known; a line that is known already is the file's afterwards."""
    stay = old
    if "line_id" in content:
        stay = stay.join(new.filter(pl.col("line_id") != ""), on=["order_id", "line_id"], how="anti")
    stated = reading.own_amounts and "amount" in reading.columns
    match = [*_LINE_ITSELF, *(["amount"] if stated else [])]
    stay = _without(stay, new, match)
    of_list = _lines_of_lists(old)
    if reading.items:
        stay = stay.join(of_list, on="order_id", how="anti")
    lines = pl.concat([stay, new.select(stay.columns)])
    lines = lines.with_columns(number=pl.int_range(pl.len()).over("order_id") + 1).cast(old.schema)
    if reading.items and not stated:
        lines = _share(lines, orders)
    changed = _differing(lines, old, content)
    lines, old = (each.filter(pl.col("order_id").is_in(changed.implode())) for each in (lines, old))
    discount = (pl.col("quantity") > 0) & (pl.col("amount") < 0)
    quantity = (pl.col("quantity") * THOUSAND + pl.col("quantity_thousandths")).filter(~discount).sum()
    sums = lines.group_by("order_id").agg(sum=pl.col("amount").sum(), all=quantity, back=(pl.col("quantity") < 0).all())
    before = old.group_by("order_id").agg(before=pl.col("amount").sum())
    same = orders.join(sums, on="order_id", how="anti").select(
        "key", amount=pl.when("stated_total").then("amount").otherwise("old_amount"), items="old_items",
        items_thousandths="old_items_thousandths", is_return="old_is_return",
    )  # fmt: skip
    found = orders.join(sums, on="order_id").join(before, on="order_id", how="left")
    grown = pl.col("old_amount") + pl.col("sum") - pl.col("before").fill_null(0)
    listed = pl.col("order_id").is_in(of_list["order_id"].implode()) | (pl.col("old_amount") != pl.col("before"))
    stays_listed = pl.lit(reading.items_only) | (
        pl.lit(reading.items) & listed
    )  # an order list has said what it came to
    amount = pl.when("stated_total").then("amount").when(stays_listed).then("old_amount").otherwise(grown)
    settled = found.select(
        "key", amount=amount, items=pieces(pl.col("all")), items_thousandths=rest(pl.col("all")), is_return="back"
    )
    none = pl.Series("key", [], pl.String)
    return LinePlan(lines, pl.concat([settled, same.select(settled.columns)]), none, none)


def _lines_of_lists(old: pl.DataFrame) -> pl.DataFrame:
    """Return the orders (order_id) of which only a list of orders is known: one line for all that was bought."""
    alone = (pl.len() == 1).over("order_id") & (pl.col("sku") == "") & (pl.col("line_id") == "")
    return old.filter(alone).select("order_id")


def _share(lines: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Share what each order came to among its lines."""
    totals = orders.select("order_id", order_total="old_amount", postage="old_postage")
    exact = pl.col("quantity") * THOUSAND + pl.col("quantity_thousandths")
    rows = lines.select("order_id", "number", "unit_price", key="order_id", quantity=exact)
    shared = share_totals(rows.join(totals, on="order_id", maintain_order="left"))
    found = lines.drop("amount").join(
        shared.select("order_id", "number", amount="line_amount"), on=["order_id", "number"], maintain_order="left"
    )
    return found.select(lines.columns)


def _differing(new: pl.DataFrame, old: pl.DataFrame, content: list[str]) -> pl.Series:
    """Return the orders whose lines differ, the order of the lines aside."""
    added, gone = _without(new, old, content), _without(old, new, content)
    return pl.concat([added["order_id"], gone["order_id"]]).unique()


def _without(lines: pl.DataFrame, others: pl.DataFrame, content: list[str]) -> pl.DataFrame:
    """Return the lines that have no equal among the others; each of those stands for one."""
    by = ["order_id", *content]
    nth = pl.int_range(pl.len()).over(by)
    ranked, known = lines.with_columns(nth=nth), others.select(*by, nth=nth)
    return ranked.join(known, on=[*by, "nth"], how="anti", maintain_order="left").drop("nth")


def _sizes(lines: pl.DataFrame, name: str) -> pl.DataFrame:
    return lines.group_by("order_id").agg(pl.len().cast(pl.Int64).alias(name))
