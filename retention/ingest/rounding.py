"""Order numbers that a spreadsheet rounded: two orders have one number then, and nobody can tell them apart."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.identifiers import IDENTIFIERS, are_rounded, bare_identifiers, end_in_zeros
from retention.ingest.notes import Note
from retention.ingest.survey import Conventions

_BUYERS = ("buyer_id", "phone", "email")
_TIMES = ("placed_at", "paid_at")
_DAY = r"^\D*(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2})"
_SUSPICIOUS = 3
_LONG = r"[0-9０-９]{15}"
_FRACTION = r"^[^.]*\d\.\d*[1-9]0*$"


class RoundedOrders:
    """Looks for long order numbers that name two buyers, or two dates more than a day apart."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._number = columns.get("order_id")
        self._buyer = next((columns[name] for name in _BUYERS if name in columns), None)
        self._time = next((columns[name] for name in _TIMES if name in columns), None)
        self._seen = pl.DataFrame()
        self._proof: tuple[int, int] | None = None
        self._sound = False

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        if self._number is None or self._proof:
            return
        if not frame[self._number].str.contains(_LONG).any():
            return
        numbers = bare_identifiers(frame[self._number])
        self._sound = self._sound or bool(numbers.str.contains(r"^\d{15,}[1-9]\d*$").any())
        rounded = are_rounded(numbers)
        if rounded.any():
            self._compare(numbers.filter(rounded), frame.filter(rounded), lines.filter(rounded))

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with the column, if it is rounded; if it may be, with a note."""
        column = self._number or ""
        if self._proof:
            return replace(found, rounded={**found.rounded, column: self._proof})
        if self._sound or not self._seen.height or self._seen["number"].n_unique() < _SUSPICIOUS:
            return found
        message = gettext_noop(
            "The long numbers of {column} end in zeros, as if a spreadsheet had rounded them. If it did, export the "
            "file again with this column as text."
        )
        return replace(found, notes=(*found.notes, Note(message, {"column": repr(column)})))

    def _compare(self, numbers: pl.Series, frame: pl.DataFrame, lines: pl.Series) -> None:
        nobody = pl.Series([None], dtype=pl.String).new_from_index(0, len(numbers))
        buyers = bare_identifiers(frame[self._buyer]) if self._buyer else nobody
        days = frame[self._time].str.extract(_DAY).str.replace_all(r"\D", "-") if self._time else nobody
        rows = pl.DataFrame(
            {
                "number": numbers,
                "buyer": buyers,
                "day": days.str.to_date("%Y-%m-%d", strict=False),
                "zeros": end_in_zeros(numbers),
                "line": lines.cast(pl.Int64),
            }
        )
        together = pl.concat([self._seen, rows]) if self._seen.height else rows
        self._seen = together.unique(["number", "buyer", "day"], keep="first", maintain_order=True)
        self._proof = _conflict(self._seen)


def _conflict(seen: pl.DataFrame) -> tuple[int, int] | None:
    """Return the lines of the first two rows that have one number and cannot be one order."""
    for column, other in (("buyer", pl.col("buyer") != pl.col("first")), ("day", _far_apart())):
        told = seen.filter(pl.col(column).is_not_null()).sort("line")
        first = (
            pl.col(name).first().over("number").alias(alias) for name, alias in ((column, "first"), ("line", "at"))
        )
        found = told.with_columns(first).filter(other)
        if found.height:
            return found["at"][0], found["line"][0]
    return None


def _far_apart() -> pl.Expr:
    return pl.col("zeros") & ((pl.col("day") - pl.col("first")).abs() > pl.duration(days=1))


class Fractions:
    """Looks which columns of identifiers hold numbers that are not whole: 1.0 is written on purpose there."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = {columns[name] for name in IDENTIFIERS if name in columns}
        self._found: set[str] = set()

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        del lines
        if self._columns <= self._found:
            return
        looks = (pl.col(name).str.contains(_FRACTION).any() for name in self._columns - self._found)
        self._found |= {name for name, found in frame.select(looks).row(0, named=True).items() if found}

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with these columns."""
        return replace(found, fractions=found.fractions | self._found)
