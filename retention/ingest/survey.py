"""The first pass over a file: what its columns have in common is found out before any row is taken.

Each piece of evidence looks at every chunk and concludes at the end. What was concluded stands in `Conventions`, which
the second pass reads by.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from retention.ingest.files.chunks import Chunk
from retention.ingest.notes import Note
from retention.ingest.questions import Question


@dataclass(frozen=True)
class Conventions:
    """How the cells of one file are written and what its rows have in common.

    `dates`: by column, how 12/1/2010 is meant: "dmy", "mdy" or, with two digits of the year, "ymd"; `unsure_dates`: the
    columns whose cells contradict each other; `odd_numbers`: those with numbers that are no days of a spreadsheet.
    `decimals`: by column, "point", "comma" or, cell by cell, "mixed".
    `fractions`: the columns of identifiers with numbers that are not whole. `rounded`: the columns of identifiers that
    a spreadsheet rounded, with the two lines that show it by number; "" stands for all other long numbers. `copies`:
    how often the file says each of its orders, row by row. `in_states`: whether it says orders in several states.
    `line_ids`: whether the numbers of lines are their own.
    `refunds`: whose the refunds are, as `repeated_refunds` names it. `zero_is_all_back`: that a total of 0 after
    refunds says that all went back, and not that nothing did.
    `questions`: what the file leaves open; `notes`: what is to be said.
    """

    dates: Mapping[str, str] = field(default_factory=dict)
    unsure_dates: frozenset[str] = frozenset()
    odd_numbers: frozenset[str] = frozenset()
    decimals: Mapping[str, str] = field(default_factory=dict)
    fractions: frozenset[str] = frozenset()
    rounded: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    copies: int = 1
    in_states: bool = False
    line_ids: bool = False
    refunds: str = ""
    zero_is_all_back: bool = False
    questions: tuple[Question, ...] = ()
    notes: tuple[Note, ...] = ()


NOTHING_FOUND = Conventions()
"""What is known of rows that no file holds: a program says what it means."""


class FileEvidence(Protocol):
    """One question to the whole file."""

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        ...

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with what follows from the rows."""
        ...


def survey(chunks: Iterable[Chunk], evidence: Sequence[FileEvidence]) -> Conventions:
    """Show all rows of a file to each piece of evidence and return what follows. With none the file is not read."""
    for chunk in chunks if evidence else ():
        for each in evidence if chunk.frame.height else ():
            each.look(chunk.frame, chunk.lines)
    found = Conventions()
    for each in evidence:
        found = each.conclude(found)
    return found
