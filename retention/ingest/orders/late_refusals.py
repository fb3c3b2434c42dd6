"""Orders that only show as a whole that they cannot be taken: no line of them is wrong by itself."""

import polars as pl

from retention import money
from retention.i18n import gettext, gettext_noop
from retention.ingest.orders.order_rows import NEGATIVE, NO_TIME, NO_WORTH, OrderReading
from retention.ingest.orders.order_states import CANCELLED, PLACED
from retention.ingest.orders.waiting import refusal

UNKNOWN = gettext_noop("order {number} is not known yet; import the file of the orders first")
Bad = list[tuple[str, int, str]]


def without_unpaid_timeless(orders: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the orders without those that were never paid and have no time, and the numbers of these.

    Pinduoduo tells only when an order was paid: one that was not has nothing that could be wrong or mended.
    """
    never = pl.col("state").is_in([PLACED, CANCELLED]) & pl.col("placed_at").is_null() & pl.col("paid_at").is_null()
    left_out = orders.filter(never)["key"]
    return (orders.filter(~never.fill_null(value=False)) if len(left_out) else orders), left_out


def without_refused(
    orders: pl.DataFrame, rows: pl.DataFrame, lines: pl.DataFrame, reading: OrderReading
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the orders that can be taken, and the lines of the others with their reasons (None: there are none).

    An order needs a time and an amount on one of its rows, and must not come to less than nothing by discounts.
    """
    less = pl.col("amount") < 0
    negative = orders.filter(less & ~pl.col("is_return") & ~pl.col("gives_back"))["key"]
    timeless = orders.filter(pl.col("placed_at").is_null() & pl.col("paid_at").is_null())["key"]
    worth = pl.any_horizontal(pl.col("line_amount", "order_total").is_not_null())
    worthless = _without_any(rows, worth)
    if not (len(negative) or len(timeless) or len(worthless)):
        return orders, None
    bad = _negative_lines(lines, negative, reading)
    for keys, reason in ((timeless, NO_TIME), (worthless, NO_WORTH)):
        found = rows.filter(pl.col("key").is_in(keys.implode()))
        bad += [(key, line, gettext(reason)) for key, line in found.select("key", "line").rows()]
    return _split(orders, rows, bad)


def without_unknown(
    orders: pl.DataFrame, known: pl.DataFrame, rows: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the orders that are known, and the lines of the others with their reasons."""
    unknown = orders.join(known, on="key", how="anti")["key"]
    if not len(unknown):
        return orders, None
    words = gettext(UNKNOWN)
    found = rows.filter(pl.col("key").is_in(unknown.implode())).select("key", "line").rows()
    return _split(orders, rows, [(key, line, words.format(number=key)) for key, line in found])


def _without_any(rows: pl.DataFrame, has: pl.Expr) -> pl.Series:
    """Return the orders none of whose rows has something."""
    found = rows.select("key", has=has)
    if found["has"].all():
        return pl.Series("key", [], pl.String)
    return found.group_by("key").agg(pl.col("has").any()).filter(~pl.col("has"))["key"]


def _negative_lines(lines: pl.DataFrame, keys: pl.Series, reading: OrderReading) -> Bad:
    found = lines.filter(pl.col("key").is_in(keys.implode()) & (pl.col("line_amount") < 0))
    words = gettext(NEGATIVE)
    field = "amount" if "amount" in reading.columns else "unit_price"
    return [
        (key, line, words.format(field=field, value=repr(money.write(amount, reading.shop.currency))))
        for key, line, amount in found.select("key", "line", "line_amount").rows()
    ]


def _split(orders: pl.DataFrame, rows: pl.DataFrame, bad: Bad) -> tuple[pl.DataFrame, pl.DataFrame]:
    first: dict[int, tuple[str, int, str]] = {}
    for each in bad:
        first.setdefault(each[1], each)
    keys = pl.Series("key", sorted({key for key, _, _ in bad}), pl.String)
    concerned = rows.filter(pl.col("key").is_in(keys.implode()))
    return orders.filter(~pl.col("key").is_in(keys.implode())), refusal(concerned, list(first.values()))
