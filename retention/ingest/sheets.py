"""XLSX files: the first sheet that has rows, cells as the text a CSV file would hold.

They are read by a process of their own (`retention.ingest.sheet_rows`): a workbook that takes its reader down, however
it does, takes nothing else with it. What was read waits on disk, so that no sheet is in the memory of the import.
"""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from weakref import finalize

import polars as pl

from retention.errors import Invalid
from retention.ingest.chunks import Chunk, clean_header, rows_at_once, text_frame
from retention.ingest.sheet_rows import DAMAGED, DISK_FULL

MOST_MEMORY = 2 << 30
MOST_SECONDS = 600
_READER = Path(__file__).with_name("sheet_rows.py")


@dataclass(frozen=True)
class Worksheet:
    """A sheet; `rows` are the lines of its reader, the first of them the header."""

    rows: IO[bytes]
    header: list[str]
    total: int
    encoding: str = "XLSX"

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the sheet; blank ones are no rows."""
        most = rows_at_once(self.header)
        places: list[int] = []
        rows: list[list[str | None]] = []
        for line in self._lines():
            place, cells = json.loads(line)
            places.append(place)
            rows.append(cells[: len(self.header)])
            if len(rows) == most:
                yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), place)
                places, rows = [], []
        if rows:
            yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), self.total)

    def _lines(self) -> Iterator[bytes]:
        self.rows.seek(0)
        self.rows.readline()
        self.rows.readline()
        return iter(self.rows)


def open_sheet(path: Path) -> Worksheet:
    """Return the rows of the first sheet with any; Invalid when the workbook is damaged, empty or too much to read."""
    rows = TemporaryFile(prefix="regulars-sheet-")  # noqa: SIM115 - it goes with the sheet
    try:
        _write(path, rows)
        sheet = _opened(path, rows)
    except BaseException:
        rows.close()
        raise
    finalize(sheet, rows.close)
    return sheet


def _write(path: Path, rows: IO[bytes]) -> None:
    bounds = (str(MOST_MEMORY), str(MOST_SECONDS))
    command = [sys.executable, "-P", str(_READER), str(path.absolute()), *bounds]
    ended = subprocess.run(command, stdout=rows, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own program
    if ended.returncode == DAMAGED:
        raise Invalid("{file} is damaged and cannot be read as XLSX.", file=repr(path.name))
    if ended.returncode == DISK_FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if ended.returncode:
        raise Invalid(
            "Reading {file} takes more memory or time than a workbook may have. Save it as CSV, which has no limit.",
            file=repr(path.name),
        )


def _opened(path: Path, rows: IO[bytes]) -> Worksheet:
    rows.seek(0)
    total, first = int(rows.readline()), rows.readline()
    if not total:
        raise Invalid("{file} has a header and no rows.", file=repr(path.name))
    if not first:
        raise Invalid("{file} is empty.", file=repr(path.name))
    header = clean_header([cell or "" for cell in json.loads(first)[1]])
    return Worksheet(rows, header, total)
