"""The evidence of a file for whose its refunds are: each line's, or the order's and said again on each of its lines.

By chance an order may have the same refund on all lines, a whole file may not. So orders of different articles are
looked at, as far as a chunk holds them. Where they do not tell, the report says what was done and how to say otherwise.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.columns import OF_ORDER
from retention.ingest.notes import Note
from retention.ingest.survey import Conventions

OF_LINES_BY_EVIDENCE = "lines by evidence"

_ENOUGH = 2
_OUTWEIGHS = 9
_NAMED = 3

ONCE = gettext_noop(
    "In {alike} of {all} orders all lines have the same refund ({numbers}). It was taken for the order's and counted "
    "once. If it is each line's, undo this import and say so: --map line_refunded={plain}"
)
ADDED_UP = gettext_noop(
    "In {alike} of {all} orders all lines have the same refund ({numbers}). It may be each line's or the order's and "
    "was added up. If it is the order's, undo this import and say so: --map order_refunded={plain}"
)
UNSURE_ONCE = gettext_noop(
    "In {alike} of {all} orders all lines have the same refund ({numbers}). It may be each line's or the order's and "
    "was counted once. If it is each line's, undo this import and say so: --map line_refunded={plain}"
)


class RepeatedRefunds:
    """Looks at the refunds of orders of several articles; `said` is what the column is known to hold."""

    def __init__(self, columns: Mapping[str, str], answer: str) -> None:
        self._said, self._totals = answer, "order_total" in columns
        self._looks = not answer and {"order_id", "refunded"} <= columns.keys()
        self._looks = self._looks and ("amount" in columns or not self._totals)
        self._key, self._refund = columns.get("order_id", ""), columns.get("refunded", "")
        self._worth = columns.get("amount") or columns.get("unit_price", "")
        self._article = [columns[name] for name in ("sku", "title") if name in columns] or [self._worth]
        self._alike = self._like_lines = self._differing = self._larger = 0
        self._numbers: list[str] = []
        self._columns = list(dict.fromkeys((self._key, self._refund, self._worth, *self._article)))
        self._waiting = pl.DataFrame(schema=dict.fromkeys(self._columns, pl.String))

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in the rows of a chunk."""
        del lines
        if not self._looks or not frame.height:
            return
        rows = pl.concat([self._waiting, frame.select(self._columns)])
        goes_on = (rows[self._key] == rows[self._key][-1]).fill_null(value=False)  # the next chunk may have more of it
        self._waiting = rows.filter(goes_on)
        self._count(rows.filter(~goes_on))

    def _count(self, frame: pl.DataFrame) -> None:
        given = frame[self._key].filter(frame[self._refund].str.contains("[1-9]").fill_null(value=False))
        if given.is_empty():
            return
        of_these = frame.filter(frame[self._key].is_in(given.unique().implode()))
        rows = of_these.select(
            key=self._key,
            refund=_plain(pl.col(self._refund)),
            worth=_plain(pl.col(self._worth)),
            article=pl.struct(self._article),
        )
        orders = rows.group_by("key", maintain_order=True).agg(
            several=pl.col("article").n_unique() > 1,
            alike=pl.col("refund").n_unique() == 1,
            like_lines=(pl.col("refund") == pl.col("worth")).all(),
            larger=(_number("refund") > _number("worth")).any(),
        )
        orders = orders.filter("several")
        alike = orders.filter("alike")
        like_lines = int(alike["like_lines"].sum())
        self._alike += alike.height - like_lines
        self._like_lines += like_lines
        self._differing += orders.height - alike.height
        self._larger += int(alike["larger"].sum())
        self._numbers += (
            alike.sort("like_lines", maintain_order=True)["key"].head(_NAMED - len(self._numbers)).to_list()
        )

    def conclude(self, found: Conventions) -> Conventions:
        """Return whose the refunds are, and what is to be said of that."""
        if self._waiting.height:
            self._count(self._waiting)
        if self._said:
            return replace(found, refunds=self._said)
        enough = self._alike >= _ENOUGH or self._larger
        if enough and self._alike > _OUTWEIGHS * self._differing:
            return self._as_told(replace(found, refunds=OF_ORDER), ONCE)
        if self._differing and self._differing >= self._alike:
            return replace(found, refunds=OF_LINES_BY_EVIDENCE)
        if self._alike or self._like_lines:
            return self._as_told(found, UNSURE_ONCE if self._totals else ADDED_UP)
        return found

    def _as_told(self, found: Conventions, message: str) -> Conventions:
        alike = self._alike + self._like_lines
        numbers = ", ".join(self._numbers) + (", …" if alike > len(self._numbers) else "")
        plain = f'"{self._refund}"' if " " in self._refund else self._refund
        values = {"alike": alike, "all": alike + self._differing, "numbers": numbers, "plain": plain}
        return replace(found, notes=(*found.notes, Note(message, values)))


def _number(column: str) -> pl.Expr:
    return pl.col(column).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def _plain(cells: pl.Expr) -> pl.Expr:
    """Return amounts as texts that are equal where the amounts are: without signs, currencies, zeros at the end."""
    digits = cells.str.replace_all(r"[^\d.,]", "").str.replace(r"([.,]\d*?)0+$", "$1")
    return digits.str.strip_chars_end(".,")
