"""A separate program that writes the rows of a workbook's first non-empty sheet to its output as JSON lines.

    python sheet_rows.py orders.xlsx MOST_MEMORY MOST_SECONDS > rows

The library that opens workbooks ends the whole process when one asks for more memory than there is, so it runs where
nothing else is lost, under bounds of memory and time. The first line is how many rows the sheet spans; each other one
[place, [cells]], blank rows left out. It imports nothing of ours, so that it starts at once.
"""

import datetime as dt
import errno
import json
import resource
import sys
from typing import Any, TextIO

from python_calamine import CalamineError, CalamineWorkbook

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
        sheets = (workbook.get_sheet_by_index(number) for number in range(len(workbook.sheet_names)))
        sheet = next((each for each in sheets if each.total_height > 0), None)  # the place of the last row, from 0
        out.write(f"{sheet.total_height + 1 if sheet else 0}\n")
        for place, cells in enumerate(sheet.iter_rows() if sheet else (), 1):
            if any(cell != "" for cell in cells):
                out.write(json.dumps([place, list(map(cell_text, cells))], ensure_ascii=False) + "\n")
        out.flush()
    except CalamineError:
        return DAMAGED
    except OSError as error:
        return DISK_FULL if error.errno == errno.ENOSPC else DAMAGED
    return 0


def cell_text(cell: Any) -> str | None:
    """Return a cell as the text a CSV file would hold: 186 and not 186.0, dates in ISO form."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    return str(cell) if cell != "" else None


def _bound(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="\n")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdout))
