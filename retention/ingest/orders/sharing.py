"""An order's total shared among its lines, to the last cent."""

import polars as pl

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
