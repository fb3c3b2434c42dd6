"""Totals of orders after refunds, as Etsy's Adjusted Order Total: what went back is what they are less than the total.

A 0 there says that all went back where rows without a refund are blank or repeat the total; where nearly all rows have
it, it says that there was no refund, and an order that went back as a whole cannot be told from the others.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from retention.i18n import ngettext_noop
from retention.ingest.notes import Note
from retention.ingest.survey import Conventions

NAME = "total_after_refunds"

VAGUE = ngettext_noop(
    "{count} row has 0 in {column}, as rows without a refund have it: whether the order went back as a whole can only "
    "be told by its status.",
    "{count} rows have 0 in {column}, as rows without a refund have it: whether one of these orders went back as a "
    "whole can only be told by its status.",
)


class ZeroTotals:
    """Counts the rows that have 0 after refunds, and those that show how the file writes an order without one."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._column = columns.get(NAME, "")
        self._total = columns.get("order_total") or columns.get("amount", "")
        self._zeros = self._others = 0

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in the rows of a chunk."""
        del lines
        if not (self._column and self._total):
            return
        after, total = pl.col(self._column), pl.col(self._total)
        zeros = ~after.str.contains("[1-9]") & total.str.contains("[1-9]")
        found = frame.select(zeros=zeros.sum(), others=(after.is_null() | (after == total)).sum()).row(0)
        self._zeros += found[0]
        self._others += found[1]

    def conclude(self, found: Conventions) -> Conventions:
        """Return what 0 says, and that it leaves something open."""
        if self._others and self._others >= self._zeros:
            return replace(found, zero_is_all_back=True)
        if not self._zeros:
            return found
        note = Note(VAGUE, {"count": self._zeros, "column": repr(self._column)})
        return replace(found, notes=(*found.notes, note))


def with_refunds(frame: pl.DataFrame, conventions: Conventions) -> pl.DataFrame:
    """Return rows with what went back by their totals, where nothing else says it."""
    after, total = pl.col(NAME), pl.coalesce("order_total", "amount")
    shown = after.is_not_null() & (after < total) & ((after > 0) | pl.lit(conventions.zero_is_all_back))
    silent = pl.col("refunded").fill_null(0) == 0
    return frame.with_columns(refunded=pl.when(silent & shown).then(total - after).otherwise("refunded"))
