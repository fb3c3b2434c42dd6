"""Order numbers that a spreadsheet rounded: two orders have one number then, and nobody can tell them apart."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.identifiers import IDENTIFIERS, are_rounded, bare_identifiers, end_in_zeros
from retention.ingest.cells.time_cells import time_cells
from retention.ingest.cells.times import read_local
from retention.ingest.notes import Note
from retention.ingest.survey import Conventions

_BUYERS = ("buyer_id", "phone", "email")
_TIMES = ("placed_at", "paid_at")
_SUSPICIOUS = 3
_LONG = r"[0-9０-９]{15}"
_FRACTION = r"^[=\"']*\d+\.\d*[1-9]0*\"?$"


class RoundedOrders:
    """Looks for long order numbers that name two buyers, or two dates more than a day apart."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._number = columns.get("order_id")
        self._buyer = next((columns[name] for name in _BUYERS if name in columns), None)
        self._time = next((columns[name] for name in _TIMES if name in columns), None)
        self._seen = pl.DataFrame()
        self._sound = False

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        if self._number is None:
            return
        if not frame[self._number].str.contains(_LONG).any():
            return
        numbers = bare_identifiers(frame[self._number])
        rounded = are_rounded(numbers)
        self._sound = self._sound or bool((numbers.str.contains(r"^\d{16,}$") & ~rounded).any())
        if rounded.any():
            self._compare(numbers.filter(rounded), frame.filter(rounded), lines.filter(rounded))

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with the column, if it is rounded; if it may be, with a note."""
        column = self._number or ""
        proofs = _conflicts(self._seen) if self._seen.height else {}
        if proofs:
            others = {} if self._sound else {"": min(proofs.values())}
            return replace(found, rounded={**found.rounded, column: {**proofs, **others}})
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
        parts = time_cells(frame[self._time] if self._time else nobody)
        rows = pl.DataFrame(
            {
                "number": numbers,
                "buyer": buyers,
                "day": read_local(parts, "dmy"),
                "other": read_local(parts, "mdy"),
                "zeros": end_in_zeros(numbers),
                "line": lines.cast(pl.Int64),
            }
        )
        together = pl.concat([self._seen, rows]) if self._seen.height else rows
        self._seen = together.unique(["number", "buyer", "day", "other"], keep="first", maintain_order=True)


def _conflicts(seen: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Return, by number, the lines of the first two rows that cannot be one order."""
    proofs: dict[str, tuple[int, int]] = {}
    names = ("buyer", "day", "other", "line")
    for known, differs in (
        (pl.col("buyer").is_not_null(), pl.col("buyer") != pl.col("first buyer")),
        (pl.any_horizontal(pl.col("day", "other").is_not_null()), pl.col("zeros") & _is_far("day") & _is_far("other")),
    ):
        first = (pl.col(name).first().over("number").alias(f"first {name}") for name in names)
        found = seen.filter(known).sort("line").with_columns(first).filter(differs)
        for number, one, two in found.unique("number", keep="first").select("number", "first line", "line").iter_rows():
            proofs.setdefault(number, (one, two))
    return proofs


def _is_far(reading: str) -> pl.Expr:
    """Tell whether a date is more than a day from the first of its number, where that reading makes dates of both."""
    return ((pl.col(reading) - pl.col(f"first {reading}")).abs() > pl.duration(days=1)).fill_null(value=True)


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
