"""An order's total shared among its lines, to the last cent."""

import polars as pl

from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.quantities import times_quantity


def share_totals(rows: pl.DataFrame) -> pl.DataFrame:
    """Give each line its part of what the order came to without shipping, by list price times quantity.

    Where a line of an order has no price, by quantity; where that comes to nothing, the list prices stand. Cents left
    over go to the lines with the largest remainders, so the parts sum exactly. An order without a total keeps list
    prices.
    """
    priced = pl.col("unit_price").is_not_null().all().over("key")
    rows = rows.with_columns(listed=times_quantity(rows))
    weight = pl.when(priced & (pl.col("listed").sum().over("key") > 0)).then("listed").otherwise("quantity")
    total = pl.col("order_total").max().over("key")
    shipping = pl.col("postage").max().over("key").fill_null(0)
    goods = pl.when(total >= shipping).then(total - shipping).otherwise(total)
    rows = rows.with_columns(weight=weight, goods=goods).with_columns(weights=pl.col("weight").sum().over("key"))
    shared = pl.col("goods").is_not_null() & (pl.col("weights") > 0)
    exact = pl.col("goods") * pl.col("weight").cast(pl.Int128)
    rows = rows.with_columns(
        part=pl.when(shared).then((exact // pl.col("weights")).cast(pl.Int64)),
        remainder=pl.when(shared).then((exact % pl.col("weights")).cast(pl.Int64)),
    )
    missing = pl.col("goods") - pl.col("part").sum().over("key")
    place = pl.col("remainder").rank("ordinal", descending=True).over("key")
    fair = pl.col("part") + (place <= missing).cast(pl.Int64)
    amount = pl.coalesce(pl.when(shared).then(fair), "listed", pl.lit(0))
    return rows.with_columns(line_amount=amount).drop("listed", "weight", "goods", "weights", "part", "remainder")


def split_repeated_totals(rows: pl.DataFrame, reading: OrderReading) -> pl.DataFrame:
    """Give each line its part where the column of amounts repeats what the whole order came to.

    It does where all lines of an order have the same amount, and that is the sum of quantity times price of all lines,
    or no more than it and more than a line with another price is worth. Tax makes an amount larger than the price, too,
    but then lines of other prices have other amounts.
    """
    if not {"amount", "unit_price"} <= reading.columns.keys() or not reading.numbered:
        return rows
    amount, listed = pl.col("line_amount"), pl.col("listed")
    if not rows.select((amount != times_quantity(rows)).any()).item():
        return rows
    several = pl.len() > 1
    alike = (amount.min() == amount.max()) & (listed.min() > -1) & (amount.min() > 0) & listed.is_not_null().all()
    rows = rows.with_columns(listed=times_quantity(rows))
    if "order_total" in reading.columns:
        alike = alike & pl.col("order_total").is_null().all()
    sum_ = listed.sum()
    whole = amount.max() == sum_
    some = (listed.min() < listed.max()) & (amount.max() > listed.min()) & (amount.max() <= sum_)
    repeats = (several & alike & (whole | some) & (listed.max() > 0) & (amount != listed).any()).over("key")
    found = rows.with_columns(repeats=repeats.fill_null(value=False))
    if not found["repeats"].any():
        return rows.drop("listed")
    parts = found.filter("repeats").drop("listed").with_columns(order_total="line_amount")
    shared = share_totals(parts).select(rows.drop("listed").columns)
    others = found.filter(~pl.col("repeats")).select(shared.columns)
    return pl.concat([others, shared]).sort("line")
