"""The survey of a file: what its columns have in common is found out before any row is taken.

Each piece of evidence looks at every chunk and concludes. What was concluded stands in `Conventions`, by which rows are
read. The beginning of most files says all; the rest is held against it as it is read, and the file is read once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import islice
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


_BEGINNING = 2
"""Chunks that are looked at before rows are taken."""


class FileEvidence(Protocol):
    """One question to the whole file."""

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        ...

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with what follows from the rows so far."""
        ...


class Contradicted(Exception):
    """The rest of a file is to be read otherwise than its beginning says."""


class Survey:
    """The rows of a file shown to each piece of evidence; `found` is what follows from them.

    With `ahead` only the beginning is looked at before rows are taken, if it leaves nothing open. `chunks` shows the
    rest, raises Contradicted where that leads elsewhere, and completes the notes.
    """

    def __init__(
        self, written: Callable[[], Iterator[Chunk]], evidence: Sequence[FileEvidence], *, ahead: bool
    ) -> None:
        self._evidence = evidence
        self._written = written
        self._rest: Iterator[Chunk] | None = written()
        self._begun = list(islice(self._rest, _BEGINNING))
        for chunk in self._begun:
            self._look(chunk)
        self.found = self._conclude()
        if not ahead or self.found.questions or self.found.rounded:
            for chunk in self._rest:
                self._look(chunk)
            self.found = self._conclude()
            self._rest, self._begun = None, []

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        if self._rest is None:
            yield from self._written()
            return
        while self._begun:
            yield self._begun.pop(0)
        count = 0
        for count, chunk in enumerate(self._rest, 1):
            self._look(chunk)
            if count & (count - 1) == 0:  # now and then, so that little is done in vain
                self._check()
            yield chunk
        if count:
            self._check()

    def _look(self, chunk: Chunk) -> None:
        for each in self._evidence if chunk.frame.height else ():
            each.look(chunk.frame, chunk.lines)

    def _conclude(self) -> Conventions:
        found = Conventions()
        for each in deepcopy(self._evidence):  # to conclude, some count what waits for the next chunk
            found = each.conclude(found)
        return found

    def _check(self) -> None:
        found = self._conclude()
        if replace(found, notes=()) != replace(self.found, notes=()):
            raise Contradicted
        self.found = found
