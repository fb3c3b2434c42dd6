"""Orders that were taken although something about them looks wrong: the report names them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import polars as pl

AHEAD = timedelta(days=1)
"""How far an order may lie ahead of now: clocks and time zones differ."""


def of_several_buyers(lines: pl.DataFrame, orders: int) -> pl.Series:
    """Return the keys of those of so many orders whose lines name more than one buyer.

    Order numbers that were cut or rounded join different orders.
    """
    named = lines.select("key", "buyer_id").drop_nulls()
    if named.height <= 1:
        return named["key"].clear()
    same = pl.col("key") == pl.col("key").shift()
    other = same & (pl.col("buyer_id") != pl.col("buyer_id").shift())
    heads, others = named.select(heads=(~same).sum() + 1, others=other.sum()).row(0)
    if heads <= orders and not others:  # the lines of each order lie side by side, as nearly always
        return named["key"].clear()
    pairs = named.unique(maintain_order=True)["key"]
    return pairs.filter(pairs.is_duplicated()).unique(maintain_order=True)


def without_state(orders: pl.DataFrame, columns: Collection[str]) -> pl.Series:
    """Return the keys of orders of which a file with a status column says neither status nor time of payment."""
    if "status" not in columns:
        return orders["key"].clear()
    return orders["key"].filter(orders.select(pl.col("state").is_null() & pl.col("paid_at").is_null()).to_series())


def ahead_of(now: datetime, orders: pl.DataFrame) -> pl.Series:
    """Return the keys of orders that are dated after today."""
    return orders["key"].filter(orders["ordered_at"] > (now + AHEAD).astimezone(UTC))
