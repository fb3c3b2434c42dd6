"""Amounts and quantities, however they are written.

What stands before the decimals is settled for each column by `decimals`; a cell that is written otherwise is refused.
"""

from collections.abc import Sequence

import polars as pl
from babel.numbers import get_currency_precision

from retention.i18n import gettext_noop
from retention.ingest.cells.counted import QUANTITIES, bare_quantities
from retention.ingest.cells.number_cells import PLAIN, number_cells
from retention.ingest.cells.rows import Rows

LARGEST = 2_000_000_000  # minor units; what a 32-bit column of the database holds

_THOUSANDTHS = 3
_GROUPED = {
    "point": (r"^[+-]?(?:\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:\.\d*)?$", ",", "."),
    "comma": (r"^[+-]?(?:\d{1,9}|\d{1,3}(?:\.\d{3}){1,2})(?:,\d*)?$", ".", ","),
}
_LIST = r"^amount:"
_LISTED = r"(?:^|;)amount:-?\d{1,9}(?:\.\d+)?"
_NOT_AN_AMOUNT = gettext_noop("{field} {value} is not an amount; write it like 1234.50")
_NOT_WHOLE = gettext_noop("{field} {value} is not a whole number")
_NOT_A_QUANTITY = gettext_noop("{field} {value} is not a quantity; write it like 2 or 0.25")


def read_money(rows: Rows, names: Sequence[str], currency: str, *, any_currency: bool = False) -> dict[str, pl.Series]:
    """Return columns of minor units, halves rounded away from zero.

    A cell that names another currency is refused; with `any_currency` the caller settles what it is worth.
    """
    precision = get_currency_precision(currency)
    cells = pl.DataFrame({name: rows.raw_cells(name) for name in names})
    amounts = cells.select(_plain_amount(pl.col(name), precision).alias(name) for name in names)
    own = None if any_currency else currency
    return {
        name: amounts[name]
        if amounts[name].null_count() == cells[name].null_count() and decimal_of(rows, name) == "point"
        else _read_grouped_money(rows, name, own, precision)
        for name in names
    }


def _read_grouped_money(rows: Rows, name: str, currency: str | None, precision: int) -> pl.Series:
    """Return amounts that have nothing but digits and the two signs, as their column has them; else look closer."""
    cells, column = rows.raw_cells(name), decimal_of(rows, name)
    if cells.str.contains(_LIST).any():
        return _read_listed_money(rows, name, precision)
    if column in _GROUPED:
        pattern, thousands, decimal = _GROUPED[column]
        plain = pl.col(name).str.replace_all(thousands, "", literal=True).str.replace(decimal, ".", literal=True)
        written = pl.when(pl.col(name).str.contains(pattern)).then(plain)
        amounts = cells.to_frame().select(_plain_amount(written, precision).alias(name)).to_series()
        if amounts.null_count() == cells.null_count():
            return amounts
    return _read_odd_money(rows, name, currency, precision)


def _read_listed_money(rows: Rows, name: str, precision: int) -> pl.Series:
    """Return the sums of cells that list amounts, as WebToffee does refunds: amount:10.00|reason:...;amount:5.00|..."""
    cells = rows.cells(name)
    listed = cells.str.extract_all(_LISTED)
    digits = pl.element().str.extract(r"([\d.]+)$").cast(pl.Float64, strict=False)
    sums = listed.list.eval((digits * 10**precision).round().cast(pl.Int64)).list.sum()
    wrong = cells.is_not_null() & (listed.list.len() == 0)
    rows.refuse(wrong.fill_null(value=False), _NOT_AN_AMOUNT, cells, field=name)
    return pl.select(pl.when(cells.is_not_null() & (sums <= LARGEST)).then(sums)).to_series().alias(name)


def read_thousandths(rows: Rows, name: str, message: str = _NOT_A_QUANTITY) -> pl.Series:
    """Return a column of quantities in thousandths: 0.25 is 250. A quantity with more decimals is refused.

    `message` is what is said of a cell that is no quantity.
    """
    usual = rows.raw_cells(name).cast(pl.Int64, strict=False)
    if usual.null_count() == rows.raw_cells(name).null_count() and usual.is_between(-999_999_999, 999_999_999).all():
        return usual * 1000
    parts = _read_parts(rows, name, message, bare_quantities(rows.cells(name)) if name in QUANTITIES else None)
    exact = _rounded(parts["plain"], _THOUSANDTHS)
    # What a program adds to a third decimal, 0.30000000000000004, is no fourth one.
    fine = (_rounded(parts["plain"], 9) - exact * 1_000_000).abs() <= 1
    wrong = ~fine.fill_null(value=False) & parts["plain"].is_not_null()
    words = message if message != _NOT_A_QUANTITY else gettext_noop("{field} {value} has more than three decimals")
    rows.refuse(wrong.fill_null(value=False), words, rows.cells(name), field=name)
    return _signed(parts, exact).alias(name)


def read_whole(rows: Rows, name: str, *, least: int = -1_000_000_000) -> pl.Series:
    """Return a column of whole numbers of at least `least`."""
    cells = rows.raw_cells(name)
    usual = cells.cast(pl.Int64, strict=False)
    if usual.null_count() == cells.null_count() and usual.is_between(least, 999_999_999).all():
        return usual
    message = gettext_noop("{field} {value} is not a whole number from 0") if least == 0 else _NOT_WHOLE
    found = read_thousandths(rows, name, message)
    wrong = (found % 1000 != 0) | (found < least * 1000) | (found.abs() > 999_999_999_999)
    rows.refuse(wrong.fill_null(value=False), message, cells, field=name)
    return (found // 1000).alias(name)


def decimal_of(rows: Rows, name: str) -> str:
    """Return what stands before the decimals in the column of a field: "point", "comma" or, by cell, "mixed"."""
    return rows.conventions.decimals.get(rows.columns.get(name, ""), "point")


def _read_odd_money(rows: Rows, name: str, currency: str | None, precision: int) -> pl.Series:
    cells = rows.cells(name)
    parts = _read_parts(rows, name, _NOT_AN_AMOUNT)
    foreign = ~parts["currencies"].list.contains(currency)
    message = gettext_noop("{field} {value} is in another currency than the shop's, {currency}")
    if currency:
        rows.refuse(foreign.fill_null(value=False), message, cells, field=name, currency=currency)
    amounts = _signed(parts, _rounded(parts["plain"], precision))
    large = (amounts.abs() > LARGEST).fill_null(value=False) | (amounts.is_null() & parts["plain"].is_not_null())
    rows.refuse(large, gettext_noop("{field} {value} is too large"), cells, field=name)
    return amounts.alias(name)


def _read_parts(rows: Rows, name: str, message: str, bare: pl.Series | None = None) -> pl.DataFrame:
    """Return the parts of each number with its digits `plain`, as 1234.5; what is no number is refused.

    `bare`: the cells without what is counted beside them.
    """
    cells = rows.cells(name)
    parts, column = number_cells(cells if bare is None else bare), decimal_of(rows, name)
    sign = parts["decimal"]
    read = _as_written(parts["digits"], sign, column)
    parts = parts.with_columns(read.alias("plain"))
    nothing = cells.is_null() | parts["blank"].fill_null(value=False)
    rows.refuse(parts["digits"].is_null() & ~nothing, message, cells, field=name)
    unclear = parts["digits"].is_not_null() & read.is_null()
    words = gettext_noop(
        "{field} {value} does not go with the decimal sign of its column; write it like the others, or say which sign "
        "is meant with --decimal comma or --decimal point"
    )
    rows.refuse(unclear, words, cells, field=name)
    return parts


def _as_written(digits: pl.Series, sign: pl.Series, column: str) -> pl.Series:
    """Return digits with a decimal point and nothing else in them; null where they contradict their column."""
    no_commas, no_points = digits.str.replace_all(",", ""), digits.str.replace_all(".", "", literal=True)
    with_comma = no_points.str.replace(",", ".", literal=True)
    meant = pl.when(sign == "either").then(pl.lit(column)).otherwise(sign)
    point = pl.lit(column != "comma") & (meant == "point")
    comma = pl.lit(column != "point") & (meant == "comma")
    whole = sign == "none"
    return pl.select(pl.when(whole).then(digits).when(point).then(no_commas).when(comma).then(with_comma)).to_series()


def _signed(parts: pl.DataFrame, size: pl.Series) -> pl.Series:
    return pl.select(pl.when(parts["negative"]).then(-size).otherwise(size)).to_series()


def _plain_amount(cells: pl.Expr, precision: int) -> pl.Expr:
    """Return amounts written plainly with no more decimals than the currency has; null where a closer look is needed.

    Such an amount is the double nearest to a whole number of minor units, and below 10^9 no other is as near.
    """
    scaled = cells.cast(pl.Float64, strict=False) * 10**precision
    whole = scaled.round()
    sure = ((scaled - whole).abs() < 1e-5) & (scaled.abs() < LARGEST) & cells.str.contains(PLAIN)
    return pl.when(sure).then(whole).cast(pl.Int64)


def _rounded(plain: pl.Series, places: int) -> pl.Series:
    """Return numbers as whole ones of 10^-places, halves rounded up; null where there are more than twelve digits."""
    parts = plain.str.extract_groups(r"^0*(?<whole>\d{0,12})(?:\.(?<part>\d*))?$").struct.unnest()
    part = pl.col("part").fill_null("").str.pad_end(places + 1, "0")
    kept = pl.concat_str(pl.col("whole"), part.str.slice(0, places)).cast(pl.Int64, strict=False)
    return parts.select(kept + (part.str.slice(places, 1) >= "5")).to_series()
