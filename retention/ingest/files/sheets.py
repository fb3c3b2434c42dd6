"""XLSX files: the sheets of the first table's header, and those that go on with it; cells as texts of a CSV file.

They are read by a process of their own (`sheet_rows`): a workbook that takes its reader down, however
it does, takes nothing else with it. What was read waits on disk, so that no sheet is in the memory of the import.
"""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple
from weakref import finalize

import polars as pl

from retention.errors import Invalid
from retention.i18n import gettext_noop, ngettext_noop
from retention.ingest.files.chunks import Chunk, clean_header, rows_at_once, text_frame
from retention.ingest.files.continued import continues
from retention.ingest.files.headers import SEARCHED, Header, Known, Note, find_header, nothing_known
from retention.ingest.files.records import filled
from retention.ingest.files.sheet_rows import DAMAGED, DISK_FULL

MOST_MEMORY = 2 << 30
MOST_SECONDS = 600
_TOP = SEARCHED + 70
_READER = Path(__file__).with_name("sheet_rows.py")


OTHER_HEADER = gettext_noop("Sheet {name} is not read: its header is not that of sheet {main}.")
HIDDEN = gettext_noop("Sheet {name} is hidden and not read.")
NO_HEADER = gettext_noop(
    "Sheet {name} has no header and its columns are like those of sheet {main}: it is read under that header; its row "
    "{row} counts as line {line}."
)
SAME_HEADER = gettext_noop("Sheet {name} has the same header and is read, too; its row {row} counts as line {line}.")
ERRORS = ngettext_noop(
    "{count} cell of the workbook holds an error such as #N/A or #REF!; it counts as blank.",
    "{count} cells of the workbook hold an error such as #N/A or #REF!; they count as blank.",
)


@dataclass(frozen=True)
class SheetRows:
    """A sheet as its reader wrote it: `begin` is where its rows stand, `top` holds the first of them."""

    name: str
    hidden: bool
    height: int
    begin: int
    numbers: list[int]
    top: list[list[str]]

    def header(self, known: Known, asked: int | None) -> Header:
        """Return the header of the sheet."""
        return find_header(self.top, self.numbers, known, asked)


class SheetPart(NamedTuple):
    """The rows of one sheet after its header; `lines` of the whole come before it."""

    begin: int
    header_end: int
    lines: int


@dataclass(frozen=True)
class Worksheet:
    """The sheets of one table, one after the other; `rows` are the lines of the reader."""

    rows: IO[bytes]
    header: list[str]
    parts: list[SheetPart]
    total: int
    notes: list[Note] = field(default_factory=list)
    exact: bool = True
    encoding: str = "XLSX"

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the sheets; blank ones are no rows."""
        most = rows_at_once(self.header)
        width = len(self.header)
        places: list[int] = []
        rows: list[list[str | None]] = []
        named, beyond = _named(self.header), 0
        for place, cells in self._lines():
            places.append(place)
            rows.append((cells + [None] * width)[:width])
            beyond += any(cell and cell.strip() for cell in cells[named:])
            if len(rows) == most:
                yield self._chunk(rows, places, place, beyond)
                places, rows, beyond = [], [], 0
        if rows:
            yield self._chunk(rows, places, self.total, beyond)

    def _chunk(self, rows: list[list[str | None]], places: list[int], done: int, beyond: int) -> Chunk:
        lines = pl.Series("line", places, pl.Int64)
        return Chunk(text_frame(self.header, rows), lines, done, beyond=beyond)

    def _lines(self) -> Iterator[tuple[int, list[str | None]]]:
        for part in self.parts:
            self.rows.seek(part.begin)
            for line in iter(self.rows.readline, b""):
                if line.startswith(b"{"):
                    break
                place, cells = json.loads(line)
                if place > part.header_end:
                    yield place + part.lines, cells


def open_sheet(
    path: Path, *, known: Known = nothing_known, header_row: int | None = None, errors: int = 0
) -> Worksheet:
    """Return the rows of a workbook; Invalid when it is damaged, empty or too much to read."""
    rows = TemporaryFile(prefix="regulars-sheet-")  # noqa: SIM115 - it goes with the sheet
    try:
        _write(path, rows)
        sheet = _opened(path, rows, known, header_row)
    except BaseException:
        rows.close()
        raise
    finalize(sheet, rows.close)
    if errors:
        sheet.notes.append((ERRORS, {"count": errors}))
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


def _opened(path: Path, rows: IO[bytes], known: Known, asked: int | None) -> Worksheet:
    sheets = list(_sheets(rows))
    if not sheets:
        raise Invalid("{file} is empty.", file=repr(path.name))
    seen = [sheet for sheet in sheets if not sheet.hidden] or sheets
    main = _main(seen, known, asked)
    first = main.header(known, asked)
    names = clean_header(first.names)
    notes: list[Note] = first.notes(main.top, main.numbers)
    parts: list[SheetPart] = []
    lines = 0
    for sheet in [main, *(other for other in sheets if other is not main)]:
        if sheet.hidden and not main.hidden:
            notes.append((HIDDEN, {"name": repr(sheet.name)}))
            continue
        about: dict[str, object] = {"name": repr(sheet.name), "main": repr(main.name)}
        header = _same_header(sheet, names, known, asked)
        if header is None and not _continues(sheet, main, names, first, known):
            notes.append((OTHER_HEADER, about))
            continue
        end = sheet.numbers[header.last] if header else 0
        if parts:
            row = end + 1 if header else sheet.numbers[0]
            notes.append((SAME_HEADER if header else NO_HEADER, {**about, "row": row, "line": row + lines}))
        parts.append(SheetPart(sheet.begin, end, lines))
        lines += sheet.height
    source = Worksheet(rows, names, parts, lines, notes)
    if next(source.chunks(), None) is None:
        raise Invalid("{file} has a header and no rows.", file=repr(path.name))
    return source


def _main(sheets: Sequence[SheetRows], known: Known, asked: int | None) -> SheetRows:
    """Return the sheet of the table: the first that names at least two known columns, else the first of all."""
    if len(sheets) == 1:
        return sheets[0]
    hits = []
    for sheet in sheets:
        with suppress(Invalid):  # a sheet may end before the row one asks for
            hits.append((min(2, sheet.header(known, asked).known), sheet))
    return max(hits, key=lambda hit: hit[0])[1] if hits else sheets[0]


def _same_header(sheet: SheetRows, names: Sequence[str], known: Known, asked: int | None) -> Header | None:
    try:
        header = sheet.header(known, asked)
        found = clean_header(header.names)
    except Invalid:
        return None
    width = filled(header.names)
    return header if found[:width] == list(names)[:width] and width == _named(names) else None


def _continues(sheet: SheetRows, main: SheetRows, names: Sequence[str], first: Header, known: Known) -> bool:
    """Tell whether a sheet has no header and goes on with the rows of the main one."""
    if sheet is main or not sheet.top or any(known(cell) for cell in sheet.top[0]):
        return False
    return continues(sheet.top, main.top[first.last + 1 :], names, _named(names))


def _named(names: Sequence[str]) -> int:
    return max((place for place, name in enumerate(names, 1) if name != f"column {place}"), default=0)


def _sheets(rows: IO[bytes]) -> Iterator[SheetRows]:
    """Find the sheets in what the reader wrote."""
    place = 0
    found: SheetRows | None = None
    rows.seek(0)
    for line in rows:
        place += len(line)
        if line.startswith(b"{"):
            if found:
                yield found
            found = SheetRows(**json.loads(line), begin=place, numbers=[], top=[])
        elif found and len(found.top) < _TOP:
            number, cells = json.loads(line)
            found.numbers.append(number)
            found.top.append([cell or "" for cell in cells])
    if found:
        yield found
