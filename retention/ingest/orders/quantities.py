"""Quantities in thousandths, so that a quarter of a kilogram is exact: whole numbers here, two columns in the database.

A broken quantity is stored rounded away from zero, with the thousandths to be added beside it. Its sign stays where
only the whole number is looked at, and shops that sell whole pieces have nothing but zeros in the other column.
"""

import polars as pl

THOUSAND = 1000


def times_quantity(frame: pl.DataFrame) -> pl.Expr:
    """Return unit price times quantity in minor units, halves of one rounded away from zero."""
    size = pl.col("quantity").abs()
    price = pl.col("unit_price").abs()
    worth = price * (size // THOUSAND)
    if (frame["quantity"] % THOUSAND != 0).any():
        worth = worth + (price * (size % THOUSAND) + THOUSAND // 2) // THOUSAND
    negative = (pl.col("quantity") < 0) | (pl.col("unit_price") < 0)
    return pl.when(negative).then(-worth).otherwise(worth)


def price_of(amount: str) -> pl.Expr:
    """Return what one piece costs where a line's amount is all that is known."""
    size = pl.max_horizontal(pl.col("quantity").abs(), 1)
    return pl.col(amount).abs() * THOUSAND // size


def spelled(name: str) -> pl.Expr:
    """Return quantities as text: whole ones as whole numbers."""
    value = pl.col(name)
    whole = (value // THOUSAND).cast(pl.String)
    return pl.when(value % THOUSAND == 0).then(whole).otherwise((value / THOUSAND).cast(pl.String))


def pieces(quantity: pl.Expr) -> pl.Expr:
    """Return a quantity in thousandths as whole pieces, rounded away from zero."""
    return quantity.sign() * ((quantity.abs() + THOUSAND - 1) // THOUSAND)


def rest(quantity: pl.Expr) -> pl.Expr:
    """Return what must be added to `pieces`, in thousandths."""
    return quantity - pieces(quantity) * THOUSAND
