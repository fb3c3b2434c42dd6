"""An order is whole: where one of its lines is refused, the others wait with it among the rejected rows.

So the rejects file holds the order as the file had it, and is right by itself once the bad line is mended.
"""

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from retention.i18n import gettext, gettext_noop
from retention.ingest.files.chunks import Reject, Source

WAITS = gettext_noop("waits with line {line} of its order")
_SCHEMA = {"line": pl.Int64, "reason": pl.String}


class Waiting:
    """The orders of which a line was refused, and the lines that wait with it."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._held: list[pl.DataFrame] = []
        self.count = 0

    def refuse(self, refused: pl.DataFrame) -> None:
        """Remember the orders of refused lines (key, line)."""
        for key, line in refused.iter_rows():
            self._first[key] = min(line, self._first.get(key, line))

    def screen(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of the orders that are whole, so far; the others wait."""
        if not self._first:
            return rows
        first = rows["key"].replace_strict(self._first, default=None, return_dtype=pl.Int64)
        held = first.is_not_null()
        if held.any():
            self.hold(rows["line"].filter(held), first.filter(held))
        return rows.filter(~held)

    def hold(self, lines: pl.Series, first: pl.Series) -> None:
        """Let lines wait with others, their orders' bad ones."""
        words = gettext(WAITS)
        spelled = first.replace_strict({line: words.format(line=line) for line in first.unique().to_list()})
        self.add(pl.DataFrame({"line": lines, "reason": spelled}, schema=_SCHEMA))

    def add(self, late: pl.DataFrame) -> None:
        """Take lines that are refused with their reasons (line, reason)."""
        self._held.append(late)
        self.count += late.height

    def lines(self) -> pl.DataFrame:
        """Return the lines that wait, in the order of the file, each with its reason."""
        return pl.concat([pl.DataFrame(schema=_SCHEMA), *self._held]).sort("line")


def refusal(rows: pl.DataFrame, bad: Sequence[tuple[str, int, str]]) -> pl.DataFrame:
    """Return all lines of the orders of bad lines (key, line, reason): those with their reasons, the others wait."""
    frame = pl.DataFrame(bad, schema={"key": pl.String, "line": pl.Int64, "reason": pl.String}, orient="row")
    first = frame.group_by("key").agg(first=pl.col("line").min())
    words = gettext(WAITS)
    found = rows.select("key", "line").join(first, on="key").join(frame.drop("key"), on="line", how="left")
    waits = {line: words.format(line=line) for line in first["first"].to_list()}
    spelled = pl.col("first").replace_strict(waits, return_dtype=pl.String)
    return found.select("line", reason=pl.coalesce("reason", spelled))


def rows_of(
    source: Source, late: pl.DataFrame, cells: Callable[[pl.DataFrame, pl.Series], tuple[pl.DataFrame, pl.Series]]
) -> Iterable[Reject]:
    """Return the rows of lines (line, reason) as they stand in the file, which is read once more.

    `cells` takes out of rows what nobody may keep.
    """
    for chunk in source.chunks():
        here = chunk.lines.is_in(late["line"].implode())
        if not here.any():
            continue
        frame, lines = cells(chunk.frame.filter(here), chunk.lines.filter(here))
        reasons = lines.to_frame("line").join(late, on="line", how="left", maintain_order="left")["reason"]
        for place in range(frame.height):
            yield Reject(lines[place], reasons[place], frame.row(place))
