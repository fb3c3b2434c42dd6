"""Further articles of an order in columns of their own: line_item_2, Product Item 2 Name. They are not read, and said.

WebToffee writes an order in one row and as many columns as its largest order has articles, SkyVerge's legacy format
order_item_2; both also write each article in a row.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from retention.i18n import ngettext_noop
from retention.ingest.notes import Note
from retention.ingest.survey import Conventions

_FURTHER = re.compile(
    r"(?:line|order|product)[ _]item[ _](?P<nth>[2-9]|[1-9]\d+)(?:[ _](?:name|sku|id|title))?|"
    r"(?:item|product|article|lineitem)[ _](?P<other>[2-9]|[1-9]\d+)[ _](?:name|sku|title)",
    re.IGNORECASE,
)
_NAMED = 2

NOT_READ = ngettext_noop(
    "{count} order has further articles in columns of their own ({columns}), which are not read: its total is right, "
    "and only its first article is known. Export each article in a row of its own.",
    "{count} orders have further articles in columns of their own ({columns}), which are not read: their totals are "
    "right, and only their first article is known. Export each article in a row of its own.",
)


class FurtherArticles:
    """Counts the rows with an article in the columns of a second one or of later ones."""

    def __init__(self, header: Sequence[str], used: frozenset[str]) -> None:
        self._columns = [name for name in header if _FURTHER.fullmatch(name.strip()) and name not in used]
        self._count = 0

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in the rows of a chunk."""
        del lines
        if self._columns:
            self._count += frame.select(pl.any_horizontal(pl.col(self._columns).is_not_null()).sum()).item()

    def conclude(self, found: Conventions) -> Conventions:
        """Return what is to be said of them."""
        if not self._count:
            return found
        named = ", ".join(self._columns[:_NAMED]) + (", …" if len(self._columns) > _NAMED else "")
        note = Note(NOT_READ, {"count": self._count, "columns": named})
        return replace(found, notes=(*found.notes, note))
