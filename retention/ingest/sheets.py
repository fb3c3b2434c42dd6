"""XLSX files: the first sheet that has rows, cells as the text a CSV file would hold."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from retention.errors import Invalid
from retention.ingest.chunks import Chunk, clean_header, text_frame

ROWS = 50_000


@dataclass(frozen=True)
class Sheet:
    """A sheet; `first` is the line of its first row under the header."""

    sheet: CalamineSheet
    header: list[str]
    first: int
    total: int
    encoding: str = "XLSX"

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the sheet; blank ones are no rows."""
        places: list[int] = []
        rows: list[list[str | None]] = []
        for place, cells in enumerate(self.sheet.iter_rows(), 1):
            if place < self.first or not any(cell != "" for cell in cells):
                continue
            places.append(place)
            rows.append([cell_text(cell) for cell in cells[: len(self.header)]])
            if len(rows) == ROWS:
                yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), place)
                places, rows = [], []
        if rows:
            yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), self.total)


def open_sheet(path: Path) -> Sheet:
    """Return the rows of the first sheet with any; Invalid when the workbook is damaged or empty."""
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        for number in range(len(workbook.sheet_names)):
            sheet = workbook.get_sheet_by_index(number)
            if sheet.total_height > 0:  # the place of the last row, counted from 0
                return _with_header(sheet, path)
    except (CalamineError, OSError) as error:
        raise Invalid("{file} is damaged and cannot be read as XLSX.", file=repr(path.name)) from error
    raise Invalid("{file} has a header and no rows.", file=repr(path.name))


def cell_text(cell: Any) -> str | None:
    """Return a cell as the text a CSV file would hold: 186 and not 186.0, dates in ISO form."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    return str(cell) if cell != "" else None


def _with_header(sheet: CalamineSheet, path: Path) -> Sheet:
    for place, cells in enumerate(sheet.iter_rows(), 1):
        if any(cell != "" for cell in cells):
            header = clean_header([cell_text(cell) or "" for cell in cells])
            return Sheet(sheet, header, place + 1, sheet.total_height + 1)
    raise Invalid("{file} is empty.", file=repr(path.name))
