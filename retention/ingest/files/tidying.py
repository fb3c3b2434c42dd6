"""Rows as a spreadsheet leaves them, made whole before anything else looks: a step between the file and its readers.

An order's first row may have its number, buyer and time and the following rows leave them blank: what belongs to the
order is filled in, never what belongs to a line. Footers and repeated headers are refused. Line numbers stay those of
the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from retention.i18n import gettext, gettext_noop, ngettext_noop, speaking
from retention.ingest.columns import Columns
from retention.ingest.files.chunks import REJECTS, UNNAMED, Chunk, Reject, Source, is_own
from retention.ingest.files.footers import (
    ADDS_UP_OTHERWISE,
    IS_SUM,
    NAMES_NOTHING,
    NUMBERS,
    SUMMED,
    Sums,
    footer,
    has_word,
    misfit,
    sum_of,
)
from retention.ingest.files.unmended import with_single_texts_told_apart
from retention.ingest.notes import Notes

REPEATS_HEADER = gettext_noop("repeats the header")
CONTINUES_REFUSED = gettext_noop("continues the order above it, of which line {line} is refused")
FILLED = ngettext_noop(
    "{count} row leaves the order blank and continues the one above it; it was filled in.",
    "{count} rows leave the order blank and continue the one above them; it was filled in.",
)
FOOTERS = ngettext_noop(
    "{count} row is a footer (totals of the rows above) and was left out.",
    "{count} rows are footers (totals of the rows above) and were left out.",
)
ERRORS = ngettext_noop(
    "{count} cell holds an error such as #N/A or #REF!; it counts as blank.",
    "{count} cells hold an error such as #N/A or #REF!; they count as blank.",
)
BEYOND = ngettext_noop(
    "{count} row of the workbook has cells to the right of the last named column; they were not read.",
    "{count} rows of the workbook have cells to the right of the last named column; they were not read.",
)

_OF_THE_ORDER = (
    "order_id", "buyer_id", "name", "email", "phone", "paid_at", "placed_at", "status", "country", "region", "city",
    "address", "waybill", "shipped_at", "coupon", "channel", "timezone", "updated_at", "cancelled_at", "currency",
    "refund_status",
)  # fmt: skip
_TELLING = ("buyer_id", "email", "phone", "paid_at", "placed_at")
"""Fields in which a row that continues an order says nothing, or the same."""


class Tidied:
    """The rows of a source, each whole by itself."""

    def __init__(self, source: Source, kind: str, columns: Columns) -> None:
        self.header, self.encoding, self.total, self.notes = source.header, source.encoding, source.total, source.notes
        self.exact = source.exact
        self._source, self._kind, self._columns = source, kind, columns
        self._latest = _Tidying(kind, columns, source.header)
        self._reads_unnamed = any(UNNAMED.fullmatch(column) for column in columns.used)

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        self._latest = _Tidying(self._kind, self._columns, self.header)
        own = tuple(self.header[:2]) == REJECTS
        for chunk in self._source.chunks():
            yield self._latest.take(with_single_texts_told_apart(chunk) if own else chunk)

    def tell(self, notes: Notes) -> None:
        """Say what was done to the rows read last."""
        for message, count in (
            (FILLED, self._latest.filled),
            (FOOTERS, self._latest.footers),
            (ERRORS, self._latest.errors),
            (BEYOND, 0 if self._reads_unnamed else self._latest.beyond),
        ):
            if count:
                notes.add(message, count=count)


class _Tidying:
    """One pass over the rows: what has been seen so far."""

    def __init__(self, kind: str, columns: Columns, header: list[str]) -> None:
        self.filled = self.footers = self.errors = self.beyond = 0
        self._sums = Sums()
        self._kind, self._columns = kind, columns
        self._fields = {name: sources[0][0] for name, sources in columns.sources.items()}
        self._number = self._fields.get("order_id") if kind == "orders" else None
        lines = {column for name in NUMBERS for column in self._all(name)}
        lines |= {column for name in ("sku", "title", "category", "line_id") for column in self._all(name)}
        ours = dict.fromkeys(column for name in _OF_THE_ORDER for column in self._all(name))
        self._ours = [column for column in ours if column not in lines]
        self._telling = [column for name in _TELLING for column in self._all(name)]
        self._of_lines = [column for column in header if column not in self._ours]
        self._counted = [column for name in NUMBERS for column in self._all(name)]
        self._worded = [column for column in header if column not in self._counted]
        self._summed = {name: self._fields[name] for name in SUMMED if name in self._fields}
        self._summed_columns = set(self._summed.values())
        self._order: pl.DataFrame | None = None
        self._order_line = self._broken_line = 0
        self._own_rejects = tuple(header[:2]) == REJECTS

    def _all(self, name: str) -> list[str]:
        return [column for source in self._columns.sources.get(name, ()) for column in source]

    def take(self, chunk: Chunk) -> Chunk:
        """Return some rows tidied."""
        self.errors += chunk.errors
        self.beyond += chunk.beyond
        frame, lines, refused = chunk.frame, chunk.lines, list(chunk.broken)
        if frame.height:
            left_out = {} if is_own(frame) else self._left_out(frame)
            if left_out:
                refused += [Reject(lines[row], why, frame.row(row), no_order=True) for row, why in left_out.items()]
                kept = pl.Series([True]).new_from_index(0, frame.height).scatter(list(left_out), False)
                frame, lines = frame.filter(kept), lines.filter(kept)
        if self._number and frame.height:
            frame, lines, more = self._continued(frame, lines, sorted(reject.line for reject in chunk.broken))
            refused += more
        if chunk.broken:
            self._broken_line = max(reject.line for reject in chunk.broken)
        if frame is chunk.frame:
            return chunk
        return replace(chunk, frame=frame, lines=lines, broken=sorted(refused, key=lambda reject: reject.line))

    def _left_out(self, frame: pl.DataFrame) -> dict[int, str]:
        """Return the rows that are none, with the reason; sums go on over the others."""
        left_out = self._told_before(frame)
        key = self._number or next(iter(self._fields.values()))
        for row in (frame[key] == key).fill_null(False).arg_true().to_list():
            if sum(cell == name for name, cell in zip(frame.columns, frame.row(row), strict=True)) * 2 > len(
                frame.columns
            ):
                left_out[row] = gettext(REPEATS_HEADER)
        begin = 0
        for row in self._suspects(frame):
            if row in left_out:
                continue
            self._add(frame, begin, row)
            cells = frame.row(row, named=True)
            why = self._adds_up(cells)
            if why:
                left_out[row] = why
                self._sums.restart()
            begin = row + 1 if why else row
        self._add(frame, begin, frame.height)
        return left_out

    def _adds_up(self, cells: Mapping[str, str | None]) -> str | None:
        """Return why a row is no order but a sum, of the rows above or of others."""
        fields = {name: cells[column] for name, column in self._fields.items()}
        others = [cell or "" for column, cell in cells.items() if column not in self._fields.values()]
        if why := footer(fields, others, self._sums):
            self.footers += 1
            return gettext(why)
        if self._kind != "orders" or self._own_rejects:
            return None
        return misfit(fields, others, next(iter(cells.values())), self._sums)

    def _told_before(self, frame: pl.DataFrame) -> dict[int, str]:
        """In our own file of rejects, footers have been told already: the rows they add up are not in it."""
        if not self._own_rejects:
            return {}
        reasons = [
            text.partition("{")[0]
            for why in (REPEATS_HEADER, IS_SUM, NAMES_NOTHING, ADDS_UP_OTHERWISE)
            for text in _spoken(why)
        ]
        cells = frame[REJECTS[1]]
        known = frame.select(pl.any_horizontal(pl.col(REJECTS[1]).str.starts_with(text) for text in reasons))
        return {row: cells[row] for row in known.to_series().fill_null(False).arg_true()}

    def _suspects(self, frame: pl.DataFrame) -> list[int]:
        if self._number is None:
            return has_word(frame, self._worded).arg_true().to_list() if len(frame.columns) > 1 else []
        number = frame[self._number]
        places = list(dict.fromkeys((self._number, frame.columns[0])))
        odd = (number.is_null() | has_word(frame, places)).arg_true()
        if not len(odd):
            return []
        rows = frame[odd]
        mute = rows.select(pl.all_horizontal(pl.col(self._worded).is_null())).to_series()
        return odd.filter(has_word(rows, self._worded) | mute).to_list()

    def _add(self, frame: pl.DataFrame, begin: int, end: int) -> None:
        if end > begin:
            self._sums.add({name: sum_of(frame[column][begin:end]) for name, column in self._summed.items()})

    def _continued(
        self, frame: pl.DataFrame, lines: pl.Series, broken: list[int]
    ) -> tuple[pl.DataFrame, pl.Series, list[Reject]]:
        """Fill in what rows without an order number leave out of the order above them."""
        blank = frame[self._number or ""].is_null()
        before, before_line = self._order, self._order_line
        starts = (~blank).arg_true()
        if len(starts):
            self._order, self._order_line = frame[int(starts[-1]), self._ours], int(lines[int(starts[-1])])
        if not blank.any() or (before is None and not len(starts)):
            return frame, lines, []
        origin, begun = self._origins(frame, lines, blank, before, before_line)
        continues = blank & begun.is_not_null() & self._says_nothing_else(frame, origin)
        if not continues.any():
            return frame, lines, []
        refused, kept = self._after_refused(frame, lines, continues, begun, broken)
        self.filled += len(continues.arg_true()) - len(refused)
        fill = [
            pl.when(continues & frame[name].is_null()).then(origin[name]).otherwise(pl.col(name)).alias(name)
            for name in self._ours
        ]
        frame = frame.with_columns(fill)
        return (frame.filter(kept), lines.filter(kept), refused) if refused else (frame, lines, [])

    def _origins(
        self, frame: pl.DataFrame, lines: pl.Series, blank: pl.Series, before: pl.DataFrame | None, before_line: int
    ) -> tuple[pl.DataFrame, pl.Series]:
        """Return for each row the row its order begins with, and the line of that; null where none does."""
        earlier = frame[self._ours].clear(1) if before is None else before
        rows = pl.concat([earlier, frame.select(self._ours)])
        numbers = pl.concat(
            [pl.Series([before_line if before is not None else None], dtype=pl.Int64), lines.cast(pl.Int64)]
        )
        place = pl.int_range(1, frame.height + 1, eager=True)
        place = pl.select(pl.when(~blank).then(place).forward_fill().fill_null(0)).to_series()
        return rows[place], numbers.gather(place)

    def _says_nothing_else(self, frame: pl.DataFrame, origin: pl.DataFrame) -> pl.Series:
        same = [frame[name].is_null() | (frame[name] == origin[name]).fill_null(False) for name in self._telling]
        named = [name for name in self._of_lines if name not in self._summed_columns]
        facts = [
            pl.all_horizontal(same) if same else pl.lit(True),
            pl.any_horizontal(pl.col(named).is_not_null()) if named else pl.lit(False),
            pl.any_horizontal(pl.col(self._counted).is_not_null()) if self._counted else pl.lit(True),
        ]
        return frame.select(pl.all_horizontal(facts).alias("continues")).to_series()

    def _after_refused(
        self, frame: pl.DataFrame, lines: pl.Series, continues: pl.Series, begun: pl.Series, broken: list[int]
    ) -> tuple[list[Reject], pl.Series]:
        """Refuse rows between which and the beginning of their order a line could not be read: it may begin another."""
        unread = [self._broken_line, *broken]
        refused, kept = [], [True] * frame.height
        if max(unread) > 0:
            for row in continues.arg_true().to_list():
                line = next((each for each in reversed(unread) if begun[row] < each < lines[row]), None)
                if line:
                    reason = gettext(CONTINUES_REFUSED).format(line=line)
                    refused.append(Reject(lines[row], reason, frame.row(row)))
                    kept[row] = False
        return refused, pl.Series(kept)


def _spoken(message: str) -> list[str]:
    """Return a sentence in every language a file of rejects may be written in."""
    found = []
    for language in ("en", "zh-CN"):
        with speaking(language):
            found.append(gettext(message))
    return found
