"""Files as chunks of text cells with their line numbers: CSV, XLSX and JSON lines behind one face.

A file is streamed, so that its size does not matter; only XLSX is held in memory, because its format asks for it.
What is no table (a picture, a PDF, an archive, a folder, nothing at all) is refused with one sentence.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from retention.errors import Invalid, NotFound
from retention.words import gettext, gettext_noop


class Reject(NamedTuple):
    """A row that did not land: where it stands in the file, why not, and what it says."""

    line: int
    reason: str
    cells: Sequence[str | None]


@dataclass(frozen=True)
class Chunk:
    """Some rows: text columns named by the header, blank cells null, `lines` their places in the file (from 1)."""

    frame: pl.DataFrame
    lines: pl.Series
    done: int
    broken: list[Reject] = field(default_factory=list)


class Source(Protocol):
    """A file of rows. `chunks` may be called again and then starts from the top; `total` is in the unit of `done`."""

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        ...

    @property
    def encoding(self) -> str:
        """The encoding as the report names it."""
        ...

    @property
    def total(self) -> int:
        """The size of the whole."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        ...


_SIGNATURES = (
    (b"\x89PNG", gettext_noop("a picture (PNG)")),
    (b"\xff\xd8\xff", gettext_noop("a picture (JPEG)")),
    (b"GIF8", gettext_noop("a picture (GIF)")),
    (b"RIFF", gettext_noop("a picture or a sound")),
    (b"BM", gettext_noop("a picture (BMP)")),
    (b"II*\0", gettext_noop("a picture (TIFF)")),
    (b"%PDF", gettext_noop("a PDF")),
    (b"\x1f\x8b", gettext_noop("a compressed file (gzip)")),
    (b"Rar!", gettext_noop("an archive (RAR)")),
    (b"7z\xbc\xaf", gettext_noop("an archive (7z)")),
    (b"SQLite format 3", gettext_noop("a database (SQLite)")),
    (b"PAR1", gettext_noop("a Parquet file")),
    (b"\xd0\xcf\x11\xe0", gettext_noop("an old Excel file (XLS)")),
    (b"\xff\xfe", gettext_noop("a text in UTF-16")),
    (b"\xfe\xff", gettext_noop("a text in UTF-16")),
)

NOT_A_TABLE = gettext_noop("{file} is {what}, not a table. Save it as CSV (UTF-8 or GB18030), XLSX or JSON lines.")


def open_source(path: Path) -> Source:
    """Return the rows of a file, whatever its form; NotFound or Invalid with one sentence when there are none."""
    from retention.ingest import delimited, jsonlines, sheets  # they build on this module's values

    head = _read_head(path)
    if head.startswith(b"PK\x03\x04"):
        _check_workbook(path)
        return sheets.open_sheet(path)
    for signature, what in _SIGNATURES:
        if head.startswith(signature) and not (signature == b"BM" and head.isascii()):
            raise Invalid(NOT_A_TABLE, file=repr(path.name), what=gettext(what))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return jsonlines.open_json_lines(path)
    return delimited.open_delimited(path)


def text_frame(header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> pl.DataFrame:
    """Return rows of as many cells as the header has names as a frame of text, blank cells null."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    return blank_to_null(pl.DataFrame([pl.Series(n, c, pl.String) for n, c in zip(header, columns, strict=True)]))


def blank_to_null(frame: pl.DataFrame) -> pl.DataFrame:
    """Trim every cell; a cell of nothing but blanks is null."""
    trimmed = frame.with_columns(pl.all().str.strip_chars())
    if not any(trimmed.select((pl.all() == "").any()).row(0)):
        return trimmed
    return trimmed.with_columns(pl.when(pl.all() != "").then(pl.all()))


def clean_header(cells: Sequence[str]) -> list[str]:
    """Return trimmed, distinct column names; an unnamed column is called by its place."""
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.replace("\ufeff", "").strip() or f"column {place}"
        while name in names:
            name = f"{name} ({place})"
        names.append(name)
    return names


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise Invalid("{file} is a folder. Name a file in it.", file=repr(str(path)))
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError as error:
        raise NotFound("There is no file {file}.", file=repr(str(path))) from error
    except OSError as error:
        raise Invalid("{file} cannot be read: {why}.", file=repr(str(path)), why=error.strerror) from error
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Invalid("{file} is empty.", file=repr(path.name))
    return head


def _check_workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Invalid("{file} is damaged: it begins like an XLSX file but ends too early.", file=repr(path.name)) from (
            error
        )
    if not any(entry.filename.startswith("xl/") for entry in entries):
        raise Invalid(NOT_A_TABLE, file=repr(path.name), what=gettext("an archive (ZIP)"))
    if sum(entry.file_size for entry in entries) > 1 << 30:  # a sheet is held in memory
        raise Invalid("{file} is too large for XLSX. Save it as CSV, which has no limit.", file=repr(path.name))
