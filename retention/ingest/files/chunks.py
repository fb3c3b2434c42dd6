"""Chunks: some rows of a file as text cells with their line numbers, whatever form the file has."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import polars as pl

from retention.errors import Invalid
from retention.ingest.notes import Sentence
from retention.spreadsheets import BUYER_EXPORT, plain, unescaped

MOST_COLUMNS = 500
LONGEST_LINE = 4 << 20
"""Bytes of one record. Whatever is longer is no table, and would be in memory as a whole."""
_CELLS_AT_ONCE = 2_000_000

_ERROR = r"^#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)$"

UNNAMED = re.compile(r"column \d+")
"""What a column without a name is called: by its place."""

REJECTS = ("line", "reason")
"""How the header of a file of rejected rows begins."""


class Reject(NamedTuple):
    """A row that did not land: where it stands in the file, why not, and what it says.

    `no_order` says that the row is none of an order by itself: a footer, the header again.
    `surplus` are the cells for which the header has no name. `parts` are the cells that a row which could only be kept
    as one text may have: they tell of which order it was.
    """

    line: int
    reason: str
    cells: Sequence[str | None]
    no_order: bool = False
    surplus: Sequence[str] = ()
    parts: Sequence[str] = ()


@dataclass(frozen=True)
class Chunk:
    """Some rows: text columns named by the header, blank cells null, `lines` their places in the file (from 1)."""

    frame: pl.DataFrame
    lines: pl.Series
    done: int
    broken: list[Reject] = field(default_factory=list)
    errors: int = 0  # cells that held an error of a spreadsheet
    beyond: int = 0  # rows with cells for which the header has no name, which were not read


class Source(Protocol):
    """A file of rows. `chunks` may be called again and then starts from the top; `total` is in the unit of `done`."""

    @property
    def exact(self) -> bool:
        """Whether a program wrote the numbers, so that a point is one."""
        ...

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

    @property
    def notes(self) -> list[tuple[Sentence, dict[str, object]]]:
        """What is to be said of how the file was read: sentences with their values."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        ...


def text_frame(header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> pl.DataFrame:
    """Return rows of as many cells as the header has names as a frame of text, blank cells null."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    return blank_to_null(pl.DataFrame([pl.Series(n, c, pl.String) for n, c in zip(header, columns, strict=True)]))


def blank_to_null(frame: pl.DataFrame) -> pl.DataFrame:
    """Trim every cell; a cell of nothing but blanks is null."""
    if tuple(frame.columns[:2]) == REJECTS or is_own(frame):
        frame = unescaped(frame)
    trimmed = frame.with_columns(pl.all().str.strip_chars())
    if not any(trimmed.select((pl.all() == "").any()).row(0)):
        return trimmed
    return trimmed.with_columns(pl.when(pl.all() != "").then(pl.all()))


def is_own(frame: pl.DataFrame) -> bool:
    """Tell whether rows are of a file of buyers that we wrote: what it calls them is what they are called."""
    return tuple(frame.columns[: len(BUYER_EXPORT)]) == BUYER_EXPORT


def without_errors(chunk: Chunk) -> Chunk:
    """Return rows in which what a formula left instead of a value is blank."""
    wrong = pl.all().str.contains(_ERROR)
    count = 0 if is_own(chunk.frame) else sum(chunk.frame.select(wrong.sum()).row(0))
    if not count:
        return chunk
    return replace(chunk, frame=chunk.frame.with_columns(pl.when(~wrong).then(pl.all())), errors=count)


def rows_at_once(header: Sequence[str]) -> int:
    """Return how many rows of a table are held at a time: fewer where each has many cells."""
    return min(50_000, max(1, _CELLS_AT_ONCE // max(1, len(header))))


def clean_header(cells: Sequence[str]) -> list[str]:
    """Return trimmed, distinct column names; an unnamed column is called by its place. Invalid when there are many."""
    if len(cells) > MOST_COLUMNS:
        raise Invalid(
            "The table has {count} columns; at most {most} are allowed. Remove the columns you do not need.",
            count=f"{len(cells):,}",
            most=f"{MOST_COLUMNS:,}",
        )
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = " ".join((plain(cell) if names[:2] == list(REJECTS) else cell).replace("\ufeff", "").split())
        name = name or f"column {place}"
        while name in names:
            name = f"{name} ({place})"
        names.append(name)
    return names
