"""A separate program that writes the rows of all sheets of a workbook to its output as JSON lines.

    python sheet_rows.py orders.xlsx MOST_MEMORY MOST_SECONDS > rows

The library that opens workbooks ends the whole process when one asks for more memory than there is, so it runs where
nothing else is lost, under bounds of memory and time. Each sheet that has cells begins with an object that names it and
says how many rows it spans; each row is [place, [cells]], blank rows left out. It imports nothing of ours, so that it
starts at once.
"""

import datetime as dt
import errno
import json
import resource
import sys
from decimal import Decimal
from typing import Any, TextIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

DAMAGED = 3
"""What it ends with when the file is no workbook."""
DISK_FULL = 4
"""What it ends with when there is no room for the rows."""


def main(path: str, most_memory: int, most_seconds: int, out: TextIO) -> int:
    _bound(resource.RLIMIT_DATA, most_memory)
    _bound(resource.RLIMIT_CPU, most_seconds)
    _bound(resource.RLIMIT_CORE, 0)
    try:
        workbook = CalamineWorkbook.from_path(path)
        for number, about in enumerate(workbook.sheets_metadata):
            if about.typ == SheetTypeEnum.WorkSheet:
                hidden = about.visible != SheetVisibleEnum.Visible
                _write(workbook.get_sheet_by_index(number), out, name=about.name, hidden=hidden)
        out.flush()
    except CalamineError:
        return DAMAGED
    except OSError as error:
        return DISK_FULL if error.errno == errno.ENOSPC else DAMAGED
    return 0


def _write(sheet: CalamineSheet, out: TextIO, **about: object) -> None:
    if not any(any(cell != "" for cell in cells) for cells in sheet.iter_rows()):
        return
    height = sheet.total_height + 1  # the place of the last row, from 0
    out.write(json.dumps({**about, "height": height}, ensure_ascii=False) + "\n")
    merged = Merged(sheet)
    for place, cells in enumerate(sheet.iter_rows(), 1):
        whole = merged.fill(place - 1, cells)
        if any(cell != "" for cell in cells):
            out.write(json.dumps([place, list(map(cell_text, whole))], ensure_ascii=False) + "\n")


class Merged:
    """Cells merged over several rows: each row gets the text or the time. A number stands once: it may be a sum."""

    def __init__(self, sheet: CalamineSheet) -> None:
        left = (sheet.start or (0, 0))[1]
        self._begin: dict[int, list[tuple[int, int]]] = {}
        self._open: dict[int, tuple[int, Any]] = {}
        for (top, column), (bottom, _) in sheet.merged_cell_ranges or ():
            if bottom > top and column >= left:
                self._begin.setdefault(top, []).append((column - left, bottom))

    def fill(self, row: int, cells: list[Any]) -> list[Any]:
        """Return the cells of a row (from 0) with what is merged into it; rows come in order."""
        if row not in self._begin and not self._open:
            return cells
        filled = list(cells)
        for column, (bottom, value) in list(self._open.items()):
            if row > bottom:
                del self._open[column]
            elif filled[column] == "":
                filled[column] = value
        for column, bottom in self._begin.get(row, ()):
            if not isinstance(cells[column], int | float):
                self._open[column] = (bottom, cells[column])
        return filled


def cell_text(cell: Any) -> str | None:
    """Return a cell as the text a CSV file would hold: 186 and not 186.0, dates in ISO form."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return _number_text(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(cell) if cell != "" else None


def _number_text(number: float) -> str:
    """Return a number with the 15 digits spreadsheets have; whole ones below 2^53 are exact."""
    if number.is_integer() and abs(number) < 1 << 53:
        return str(int(number))
    text = format(number, ".15g")
    return text.upper() if "e" in text and abs(number) >= 1 else format(Decimal(text), "f")


def _bound(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="\n")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdout))
