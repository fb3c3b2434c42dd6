"""Identifiers other than order numbers that a spreadsheet rounded: of buyers, articles, parcels, lines, coupons.

A spreadsheet keeps 15 digits and writes zeros for the rest. One long number may end in zeros by itself; a column does
not, beyond what chance allows. Nobody can tell which of its numbers are right, so the report names two of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import exp

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.identifiers import bare_identifiers, end_in_zeros
from retention.ingest.notes import Note
from retention.ingest.survey import Conventions

FIELDS = ("buyer_id", "sku", "waybill", "line_id", "coupon", "group_id")
_DIGITS = 15
_MOST_NUMBERS = 10_000  # as many different ones of a column are enough
_FEWEST = 3
_CHANCE = 1e-6

ROUNDED = gettext_noop(
    "{rounded} of {all} long numbers of {column} end in zeros after 15 digits ({first}, {second}), as if a "
    "spreadsheet had rounded them: different ones may have become one. Export the file again with this column as text."
)


class RoundedColumns:
    """Looks how many long numbers of each column end in zeros."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._seen = {columns[name]: pl.Series([], dtype=pl.String) for name in FIELDS if name in columns}

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        del lines
        if not self._seen:
            return
        longest = frame.select(pl.col(list(self._seen)).str.len_bytes().max()).row(0, named=True)
        for column, seen in self._seen.items():
            if (longest[column] or 0) > _DIGITS and len(seen) < _MOST_NUMBERS:
                cells = bare_identifiers(frame[column].unique())
                found = cells.filter(cells.str.contains(r"^\d{16,}$").fill_null(value=False))
                self._seen[column] = pl.concat([seen, found.alias(seen.name)]).unique(maintain_order=True)

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before, with a note for each column that chance does not explain."""
        notes = [note for column, seen in self._seen.items() for note in _notes(column, seen.sort())]
        return replace(found, notes=(*found.notes, *notes))


def _notes(column: str, numbers: pl.Series) -> list[Note]:
    rounded = numbers.filter(end_in_zeros(numbers))
    if len(rounded) < _FEWEST or not exceeds_chance(len(rounded), numbers):
        return []
    values = {"rounded": len(rounded), "all": len(numbers), "column": repr(column.removeprefix("= "))}
    return [Note(ROUNDED, {**values, "first": rounded[0], "second": rounded[1]})]


def exceeds_chance(rounded: int, numbers: pl.Series) -> bool:
    """Tell whether fewer than one in a million files of such numbers had so many that end in zeros (Chernoff)."""
    more = numbers.str.len_bytes().cast(pl.Float64) - _DIGITS
    expected = float((10.0**-more).sum())
    return rounded > expected and exp(rounded - expected) * (expected / rounded) ** rounded < _CHANCE
