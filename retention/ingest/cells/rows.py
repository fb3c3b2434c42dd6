"""The rows of one chunk: their mapped cells, and what was found wrong with them.

The readers of `identifiers`, `numbers`, `times` and `words` take these rows and give polars columns. A blank cell is
null and stays null; a cell that cannot be turned into a value says why.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

import polars as pl

from retention.i18n import gettext, gettext_noop
from retention.ingest.cells.identifiers import (
    IDENTIFIERS,
    ODD,
    ODD_TEXT,
    are_rounded,
    are_shortened,
    bare_identifiers,
    bare_texts,
)
from retention.ingest.files.chunks import Reject, is_own
from retention.ingest.survey import NOTHING_FOUND, Conventions


class Rows:
    """The mapped cells of one chunk, and what was found wrong with them."""

    def __init__(
        self,
        frame: pl.DataFrame,
        lines: pl.Series,
        columns: Mapping[str, str],
        conventions: Conventions = NOTHING_FOUND,
    ) -> None:
        self.raw = frame
        self.lines = lines
        self.columns = columns
        self.conventions = conventions
        self._reasons: dict[int, list[str]] = {}
        self._refused: dict[str, set[int]] = {}
        self._cells: dict[str, pl.Series] = {}

    def text(self, name: str, limit: int) -> pl.Series:
        """Return a text column; a cell longer than `limit` characters is refused."""
        return self.texts({name: limit})[name]

    def texts(self, limits: Mapping[str, int]) -> dict[str, pl.Series]:
        """Return text columns; a cell longer than its column's limit in characters is refused."""
        found = {name: self.cells(name) for name in limits}
        # Bytes are counted at no cost, and there are at least as many as characters.
        longest = pl.DataFrame(found).select(pl.all().str.len_bytes().max()).row(0, named=True)
        for name, limit in limits.items():
            if (longest[name] or 0) > limit:
                message = gettext_noop("{field} is longer than {limit} characters")
                self.refuse(found[name].str.len_chars() > limit, message, found[name], limit=limit, field=name)
        return found

    def brief_texts(self, limits: Mapping[str, int], shortened: Counter[str]) -> dict[str, pl.Series]:
        """Return text columns; a cell longer than its column's limit in characters is shortened and counted."""
        found = {name: self.cells(name) for name in limits}
        longest = pl.DataFrame(found).select(pl.all().str.len_bytes().max()).row(0, named=True)
        for name, limit in limits.items():
            if (longest[name] or 0) > limit:
                plain = found[name].str.replace_all(r"\s+", " ")
                wrong = (plain.str.len_chars() > limit).fill_null(value=False)
                shortened[name] += int(wrong.sum())
                brief = plain.str.slice(0, limit - 1) + "…"
                found[name] = pl.select(pl.when(wrong).then(brief).otherwise(plain).alias(name)).to_series()
        return found

    def cells(self, name: str) -> pl.Series:
        """Return the cells of a field without what a spreadsheet put around them; nulls when no column holds it.

        An identifier that a spreadsheet destroyed is refused.
        """
        if name not in self._cells:
            raw = self.raw_cells(name)
            if is_own(self.raw):
                self._refuse_shortened(name, raw)
            elif name in self._odd_columns:
                raw = self._identifiers(name, raw) if name in IDENTIFIERS else bare_texts(raw)
            self._cells[name] = self._refuse_rounded(name, raw)
        return self._cells[name]

    @cached_property
    def _odd_columns(self) -> frozenset[str]:
        """The fields with any cell that is not written as usual; all columns are looked at together, which is quick."""
        looks = (
            pl.col(column).str.contains(ODD if name in IDENTIFIERS else ODD_TEXT).any().alias(name)
            for name, column in self.columns.items()
        )
        return frozenset(name for name, odd in self.raw.select(looks).row(0, named=True).items() if odd)

    def _identifiers(self, name: str, raw: pl.Series) -> pl.Series:
        column = self.columns.get(name, "")
        cells = bare_identifiers(raw, whole=column not in self.conventions.fractions)
        self._refuse_shortened(name, cells)
        return cells

    def _refuse_shortened(self, name: str, cells: pl.Series) -> None:
        if name not in IDENTIFIERS:
            return
        message = gettext_noop("{field} {value} was rounded by a spreadsheet; export it as text")
        if name == "order_id":
            message = gettext_noop("order number {value} was rounded by a spreadsheet; export it as text")
        self.refuse(are_shortened(cells), message, self.raw_cells(name), field=name)

    def _refuse_rounded(self, name: str, cells: pl.Series) -> pl.Series:
        """Return identifiers, after refusing those that the survey found to be rounded."""
        if proofs := self.conventions.rounded.get(self.columns.get(name, "")):
            message = gettext_noop(
                "{field} {value} was rounded by a spreadsheet: lines {first} and {second} have one number and are two "
                "orders; export it as text"
            )
            rounded = are_rounded(cells)
            for number in cells.filter(rounded).unique().to_list():
                if lines := proofs.get(number, proofs.get("")):
                    theirs = rounded & (cells == number).fill_null(value=False)
                    self.refuse(theirs, message, cells, field=name, first=lines[0], second=lines[1])
        return cells

    def raw_cells(self, name: str) -> pl.Series:
        """Return the cells of a field as they are in the file; nulls when no column holds it."""
        if name not in self.columns:
            return pl.Series(name, [None], pl.String).new_from_index(0, self.raw.height)
        return self.raw[self.columns[name]].alias(name)

    def refuse(
        self,
        wrong: pl.Series,
        message: str,
        cells: pl.Series | None = None,
        *,
        unless: Iterable[str] = (),
        **values: object,
    ) -> None:
        """Refuse the rows where `wrong` is true; `{value}` in the message is the cell.

        Of a row a reason is said once, and not where cells of the fields `unless` were refused: that is the cause.
        """
        if not wrong.any():
            return
        elsewhere = {row for name in unless for row in self._refused.get(name, ())}
        template, refused = gettext(message), self._refused.setdefault(str(values.get("field", "")), set())
        for row in wrong.arg_true().to_list():
            if row in elsewhere:
                continue
            refused.add(row)
            value = None if cells is None else repr(cells[row])
            reasons, reason = self._reasons.setdefault(row, []), template.format(value=value, **values)
            if reason not in reasons:
                reasons.append(reason)

    def good(self) -> pl.Series:
        """Return which rows nothing is wrong with."""
        good = pl.Series("good", [True]).new_from_index(0, self.raw.height)
        return good.scatter(list(self._reasons), False) if self._reasons else good

    def rejects(self) -> list[Reject]:
        """Return the refused rows in the order of the file."""
        return [
            Reject(self.lines[row], "; ".join(self._reasons[row]), self.raw.row(row)) for row in sorted(self._reasons)
        ]
