"""Checked rows into orders: the lines of one number put together, equal rows without numbers told apart."""

import polars as pl

from retention.orders import OrderStatus

PLACES = ("country", "region", "city")
_FIRST = ("status", "placed_at", "paid_at", *PLACES, "channel", "currency", "rate")
_RANK = ("status", "refunded", "paid_at", "coupon", "channel", "line")


def rank_equals(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn the digest of each row into a number of its own: equal rows are counted, the order of the file aside."""
    ranked = rows.sort(_RANK, nulls_last=True).with_columns(rank=pl.int_range(pl.len()).over("key") + 1)
    key = pl.concat_str("key", pl.lit("-"), "rank")
    return ranked.with_columns(key=key).drop("rank").sort("line")


def group_rows(rows: pl.DataFrame, *, order_level: bool) -> pl.DataFrame:
    """Return one row per `key`, in the order in which they appear in the file."""
    whole = pl.max if order_level else pl.sum
    alone = rows["key"].n_unique() == rows.height
    if alone:
        orders = rows.with_columns(lines_amount="line_amount", items="quantity", is_return=pl.col("quantity") < 0)
    else:
        orders = rows.group_by("key", maintain_order=True).agg(
            *(pl.col(name).drop_nulls().first() for name in (*_FIRST, "buyer_id", "coupon")),
            pl.col("line_amount").sum().alias("lines_amount"),
            pl.col("order_total").max(),
            *(pl.when(pl.col(n).is_not_null().any()).then(whole(n)).alias(n) for n in ("refunded", "postage")),
            pl.col("quantity").sum().alias("items"),
            (pl.col("quantity") < 0).all().alias("is_return"),
        )
    return orders.select(
        "key", *_FIRST, "refunded", "postage", "items", "is_return",
        buyer="buyer_id", coupon_code="coupon", amount=pl.coalesce("order_total", "lines_amount"),
    )  # fmt: skip


def complete(orders: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Settle what follows from the rest: the state, the moment and its day, and whether the order counts."""
    moment = pl.coalesce("paid_at", "placed_at")
    stated = pl.coalesce("status", pl.when(pl.col("paid_at").is_not_null()).then(pl.lit(OrderStatus.PAID.value)))
    orders = orders.with_columns(
        pl.col("refunded", "postage").fill_null(0),
        pl.col(*PLACES, "channel", "coupon_code", "currency", "rate").fill_null(""),
        status=stated.fill_null(OrderStatus.PLACED.value),
        ordered_at=moment,
        order_day=moment.dt.convert_time_zone(timezone).dt.date().cast(pl.Int32),
    )
    return orders.with_columns(counts=sold() & ~wholly_refunded())


def sold() -> pl.Expr:
    """Whether an order is paid and no return."""
    return (pl.col("status") == OrderStatus.PAID.value) & ~pl.col("is_return")


def wholly_refunded() -> pl.Expr:
    """Whether something went back and nothing stayed ; a free order that was paid counts."""
    return (pl.col("refunded") > 0) & (pl.col("refunded") >= pl.col("amount"))


def number_lines(rows: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of the orders in `ids` (key, order_id), numbered from 1 in the order of the file."""
    lines = rows.join(ids, on="key", how="inner", maintain_order="left")
    return lines.select(
        "order_id", (pl.int_range(pl.len()).over("key") + 1).alias("number"), "sku", "title", "category", "quantity",
        unit_price="price", amount="line_amount",
    )  # fmt: skip
