"""Amounts and quantities, however they are written."""

from collections.abc import Sequence

import polars as pl
from babel.numbers import get_currency_precision

from retention.i18n import gettext_noop
from retention.ingest.rows import Rows

LARGEST = 2_000_000_000  # minor units; what a 32-bit column of the database holds


def read_money(rows: Rows, names: Sequence[str], currency: str) -> dict[str, pl.Series]:
    """Return columns of minor units, halves rounded away from zero."""
    precision = get_currency_precision(currency)
    cells = pl.DataFrame({name: rows.cells(name) for name in names})
    amounts = cells.select(_plain_amount(pl.col(name), precision).alias(name) for name in names)
    return {
        name: amounts[name]
        if amounts[name].null_count() == cells[name].null_count()
        else _read_odd_money(rows, name, precision)
        for name in names
    }


def _read_odd_money(rows: Rows, name: str, precision: int) -> pl.Series:
    cells = rows.cells(name)
    plain = cells.str.replace_all(r"[,，\s¥￥$€£元]|^(?:CNY|RMB|USD|EUR|GBP)|(?:CNY|RMB|USD|EUR|GBP)$", "")
    amounts = _minor(plain, precision)
    wrong = cells.is_not_null() & amounts.is_null()
    rows.refuse(wrong, gettext_noop("{field} {value} is not an amount; write it like 1234.50"), cells, field=name)
    rows.refuse(amounts.abs() > LARGEST, gettext_noop("{field} {value} is too large"), cells, field=name)
    return amounts.alias(name)


def read_whole(rows: Rows, name: str, *, least: int = -1_000_000_000) -> pl.Series:
    """Return a column of whole numbers of at least `least`."""
    cells = rows.cells(name)
    usual = cells.cast(pl.Int64, strict=False)
    if usual.null_count() == cells.null_count() and usual.is_between(least, 999_999_999).all():
        return usual
    plain = cells.str.replace_all(r"[,\s]|\.0+$", "")
    numbers = pl.select(pl.when(plain.str.contains(r"^[+-]?\d{1,9}$")).then(plain.str.strip_prefix("+"))).to_series()
    numbers = numbers.cast(pl.Int64, strict=False)
    wrong = cells.is_not_null() & (numbers.is_null() | (numbers < least).fill_null(False))
    message = gettext_noop("{field} {value} is not a whole number")
    if least == 0:
        message = gettext_noop("{field} {value} is not a whole number from 0")
    rows.refuse(wrong, message, cells, field=name)
    return numbers.alias(name)


def _plain_amount(cells: pl.Expr, precision: int) -> pl.Expr:
    """Return amounts written plainly with no more decimals than the currency has; null where a closer look is needed.

    Such an amount is the double nearest to a whole number of minor units, and below 10^9 no other is as near.
    """
    scaled = cells.cast(pl.Float64, strict=False) * 10**precision
    whole = scaled.round()
    sure = ((scaled - whole).abs() < 1e-5) & (scaled.abs() < LARGEST)
    return pl.when(sure).then(whole).cast(pl.Int64)


def _minor(plain: pl.Series, precision: int) -> pl.Series:
    parts = plain.str.extract_groups(r"^(?<sign>[+-]?)(?<whole>\d{0,12})(?:\.(?<part>\d*))?$").struct.unnest()
    digits = pl.col("part").fill_null("").str.pad_end(precision + 1, "0").str.slice(0, precision + 1)
    number = pl.concat_str(pl.col("whole"), digits).cast(pl.Int64, strict=False)
    rounded = (number + 5) // 10
    empty = (pl.col("whole") == "") & (pl.col("part").fill_null("") == "")
    signed = pl.when(pl.col("sign") == "-").then(-rounded).otherwise(rounded)
    return parts.select(pl.when(~empty).then(signed)).to_series()
