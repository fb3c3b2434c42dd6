"""Cells that name parcels: each by its waybill, several in one cell."""

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.rows import Rows
from retention.waybills import longest

MOST_LETTERS = 1000
"""Of a cell."""
_MOST_OF_ONE = 64


def refuse_long(rows: Rows, cells: pl.Series) -> None:
    """Refuse rows with a waybill longer than any label has."""
    most = cells.str.len_bytes().max()
    if isinstance(most, int) and most > _MOST_OF_ONE:
        message = gettext_noop("{field} is longer than {limit} characters")
        rows.refuse(
            (longest(cells) > _MOST_OF_ONE).fill_null(value=False), message, limit=_MOST_OF_ONE, field="waybill"
        )
