"""The decimal sign of each column, found in all of its cells: `1,234` alone may be a thousand or one and a bit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.counted import QUANTITIES, bare_quantities
from retention.ingest.cells.number_cells import PLAIN, number_cells
from retention.ingest.notes import Note
from retention.ingest.questions import Question
from retention.ingest.survey import Conventions

AMOUNTS = (
    "unit_price", "amount", "total", "order_total", "refunded", "postage", "order_discount", "line_discount",
    "total_after_refunds", "price", "discount", "tax",
)  # fmt: skip
"""The fields that hold amounts, in every kind of file."""

_UNCLEAR = gettext_noop(
    "Column {column}: {examples} may be written with a decimal comma or with a decimal point. Say which with --decimal "
    "comma or --decimal point."
)


@dataclass
class _Column:
    """What the cells of one column show: the signs seen, a cell with a comma, cells that allow both readings."""

    field: str
    signs: set[str] = made(default_factory=set)
    comma: str = ""
    unclear: dict[str, str] = made(default_factory=dict)

    @property
    def decided(self) -> str | None:
        """What stands before the decimals, "mixed" where both do; None where no cell says it."""
        return "mixed" if len(self.signs) > 1 else next(iter(self.signs), None)

    def question(self, name: str) -> Question:
        digits = self.unclear.values()
        choices = {
            "comma": [each.replace(".", "").replace(",", ".") for each in digits],
            "point": [each.replace(",", "") for each in digits],
        }
        return Question(
            _UNCLEAR, option="decimal", field=self.field, column=name, examples=list(self.unclear), choices=choices
        )


class Decimals:
    """Looks at all numbers of a file. `decimal` is what a person said of it.

    `exact`: numbers come from a program or a workbook, where a point always stands before decimals. In a currency
    without cents (`cents` is 0) an amount has no decimals.
    """

    def __init__(self, columns: Mapping[str, str], decimal: str | None, *, exact: bool, cents: int) -> None:
        self._columns = {columns[name]: _Column(name) for name in (*AMOUNTS, *QUANTITIES) if name in columns}
        self._decimal = decimal
        self._exact = exact
        self._cents = cents

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        del lines
        if self._decimal or not self._columns:
            return
        plain = [pl.col(name).str.contains(_SHORT).all() for name in self._columns]
        signs = (frame.select(pl.col(*self._columns).str.contains(sign).any()).row(0) for sign in _SHORT_SIGNS.values())
        seen = zip(self._columns.items(), frame.select(plain).row(0), *signs, strict=True)
        for (name, column), is_plain, *found in seen:
            column.signs |= {sign for sign, is_there in zip(_SHORT_SIGNS, found, strict=True) if is_there}
            cells = frame[name]
            if "comma" in column.signs and not column.comma:
                column.comma = _first(cells.filter(cells.str.contains(_SHORT_SIGNS["comma"])))
            if not is_plain:
                self._look_closer(column, cells.filter(~cells.str.contains(_SHORT)).unique(maintain_order=True))

    def _look_closer(self, column: _Column, cells: pl.Series) -> None:
        bare = bare_quantities(cells) if column.field in QUANTITIES else cells
        parts = number_cells(bare).with_columns(cell=bare)
        if self._exact:
            as_number = parts["cell"].str.contains(PLAIN) & (parts["decimal"] == "either")
            parts = parts.with_columns(decimal=pl.when(as_number).then(pl.lit("point")).otherwise("decimal"))
        column.signs |= set(parts["decimal"].unique().drop_nulls()) & {"point", "comma"}
        column.comma = column.comma or _first(parts.filter(pl.col("decimal") == "comma")["cell"])
        unclear = parts.filter(pl.col("decimal") == "either").head(2)
        if not self._cents and column.field in AMOUNTS:
            column.signs |= {"point" if "," in digits else "comma" for digits in unclear["digits"]}
        for cell, digits in unclear.select("cell", "digits").iter_rows():
            if len(column.unclear) < 2:
                column.unclear[cell] = digits

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with the sign of each column, and a question where a column leaves it open."""
        if self._decimal:
            return replace(found, decimals=dict.fromkeys(self._columns, self._decimal))
        decided = {name: column.decided for name, column in self._columns.items() if column.decided}
        for name, column in self._columns.items():
            if decided.get(name) == "comma" and column.comma:
                note = Note(_COMMA, {"column": repr(name), "example": repr(column.comma)})
                found = replace(found, notes=(*found.notes, note))
        signs = set(decided.values())
        common = signs.pop() if len(signs) == 1 else "mixed"
        for name, column in self._columns.items():
            if name in decided or not column.unclear:
                continue
            if common in _BORROWED:
                decided[name] = common
                note = Note(_BORROWED[common], {"column": repr(name), "example": repr(next(iter(column.unclear)))})
                found = replace(found, notes=(*found.notes, note))
            else:
                found = replace(found, questions=(*found.questions, column.question(name)))
        return replace(found, decimals=decided)


def _first(cells: pl.Series) -> str:
    return str(cells[0]) if len(cells) else ""


_SHORT = r"^[+-]?\d{1,9}(?:[.,]\d{1,2})?$"
_SHORT_SIGNS = {"point": r"^[+-]?\d{1,9}\.\d{1,2}$", "comma": r"^[+-]?\d{1,9},\d{1,2}$"}
_COMMA = gettext_noop("{column} has a decimal comma: {example}.")
_BORROWED = {
    "point": gettext_noop("{column} is read with a decimal point, like the other columns: {example}."),
    "comma": gettext_noop("{column} is read with a decimal comma, like the other columns: {example}."),
}
