"""CSV files for spreadsheets, in which no cell is read as a formula. All CSV is written with `open_csv`.

A cell that begins like a formula gets an apostrophe in front. `plain` and `unescaped` take it off again, exactly: a
file of ours that is mended and imported says what it said before.
"""

import csv
import re
from collections.abc import Iterable
from typing import IO

import polars as pl

BUYER_EXPORT = ("buyer_id", "name", "email", "phone", "country", "region", "city", "orders", "spend", "last_order_at")
"""The header of a file of buyers that we wrote: it can be imported again, and changes nothing."""

_SIGNS = "=+\\-@\t\r\n＝＋－＠"
"""What a formula begins with; the wide forms too, which a spreadsheet set to Chinese reads like the narrow ones."""

_RISKY = re.compile(f"'*[{_SIGNS}]")
_ESCAPED = f"^'('*[{_SIGNS}])"


class TableWriter:
    """Writes rows of cells as CSV; None is an empty cell."""

    def __init__(self, target: IO[str]) -> None:
        self._rows = csv.writer(
            target
        )  # ends lines as RFC 4180 has them, and so quotes both kinds of line end in a cell

    def write(self, cells: Iterable[object]) -> None:
        """Write one row."""
        self._rows.writerow(["" if cell is None else _cell(cell) for cell in cells])


def open_csv(target: IO[str]) -> TableWriter:
    """Return what writes rows to an open file; it stays open."""
    return TableWriter(target)


def harmless(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{cell}" if _RISKY.match(cell) and not _is_number(cell) else cell


def plain(cell: str) -> str:
    """Return what `harmless` was given."""
    return re.sub(_ESCAPED, r"\1", cell)


def unescaped(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame of texts as they were before `harmless`."""
    return frame.with_columns(pl.all().str.replace(_ESCAPED, "$1"))


def _cell(cell: object) -> object:
    return harmless(cell) if isinstance(cell, str) else cell


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-][0-9]+(\.[0-9]*)?", cell) is not None
