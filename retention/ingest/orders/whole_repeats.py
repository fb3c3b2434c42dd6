"""The evidence of a file that holds its orders several times over, row by row: how many times.

An order of one row that stands twice may be two of a thing. Where orders of several rows repeat whole as well, the file
was made by something that doubles rows. Orders are looked at as far as a chunk holds them.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.identifiers import bare_identifiers
from retention.ingest.notes import Note
from retention.ingest.orders.repeats import Stretches, most_in_a_stretch, shared_divisors
from retention.ingest.orders.said_again import RowDigests
from retention.ingest.survey import Conventions

_ENOUGH = 0.01
"""Of the orders of several rows, so many must repeat whole."""


_FEWEST, _MOST_OF_THEM = 3, 0.5
"""Where each order has a single row, so many must stand there again for the file to say orders in several states."""


class WholeRepeats:
    """Looks at how often the rows of each order stand in its unbroken stretches."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._column = columns["order_id"]
        self._line_id = columns.get("line_id")
        self._waiting = pl.DataFrame(schema={"key": pl.String, "stretch": pl.Int64, "raw": pl.UInt64})
        self._stretches = Stretches()
        self._orders = self._single = self._single_repeated = 0
        self._shared: dict[int, int] = {}
        self._ids_shared = False

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in the rows of a chunk."""
        del lines
        if not frame.height:
            return
        keys = bare_identifiers(frame[self._column])
        self._look_at_ids(frame, keys)
        rows = pl.DataFrame({"key": keys, "stretch": self._stretches.number(keys), "raw": self._lines(frame)})
        rows = pl.concat([self._waiting, rows.filter(pl.col("key").is_not_null())])
        if rows.height:
            goes_on = rows["stretch"] == rows["stretch"][-1]  # the next chunk may have more of it
            self._waiting = rows.filter(goes_on)
            self._count(rows.filter(~goes_on))

    def _lines(self, frame: pl.DataFrame) -> pl.Series:
        """Return a digest of each row that is the same in a later export, whatever became of the order."""
        return RowDigests(frame.columns, self._columns).of(frame)["rest"]

    def _count(self, rows: pl.DataFrame) -> None:
        if rows["raw"].n_unique() == rows.height:
            sizes = rows.group_by("key").len()
            several = sizes.filter(pl.col("len") > 1).height
            self._orders += several
            self._single += sizes.height - several
            return
        divisors = shared_divisors(most_in_a_stretch(rows, "raw"))
        single = divisors.filter(pl.col("different") == 1)
        self._single += single.height
        self._single_repeated += single.filter(pl.col("shared") > 1).height
        found = divisors.filter(pl.col("different") > 1)
        self._orders += found.height
        for shared, count in found["shared"].value_counts().rows():
            if shared > 1:
                self._shared[shared] = self._shared.get(shared, 0) + count

    def conclude(self, found: Conventions) -> Conventions:
        """Return the largest number of times that enough orders repeat whole, and what line ids are worth."""
        self._count(self._waiting)
        note = Note(
            gettext_noop("Column {column} is not used as line number: the same value occurs in several orders."),
            {"column": repr(self._line_id)},
        )
        notes = (*found.notes, note) if self._ids_shared else found.notes
        enough = max(1, self._orders * _ENOUGH)
        times = 1
        for candidate in {divisor for shared in self._shared for divisor in _divisors(shared)}:
            if sum(count for shared, count in self._shared.items() if shared % candidate == 0) >= enough:
                times = max(times, candidate)
        many = max(_FEWEST, self._single * _MOST_OF_THEM)
        in_states = times > 1 or (not self._orders and self._single_repeated >= many)
        line_ids = bool(self._line_id) and not self._ids_shared
        return replace(found, copies=times, in_states=in_states, line_ids=line_ids, notes=notes)

    def _look_at_ids(self, frame: pl.DataFrame, keys: pl.Series) -> None:
        """See whether one line id stands in several orders: then it is the number of an article."""
        if self._line_id is None or self._ids_shared:
            return
        ids = pl.DataFrame({"key": keys, "line_id": frame[self._line_id]}).drop_nulls()
        ids = ids.filter(pl.col("line_id") != "0").unique()
        self._ids_shared = ids["line_id"].n_unique() < ids.height


def _divisors(number: int) -> list[int]:
    return [each for each in range(2, min(number, 1000) + 1) if number % each == 0]
