"""Samples a dry run keeps of a file: some cells of each column, the first rows as stored, the first rows refused."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from retention import money
from retention.clock import day_of, zone
from retention.ingest.files.chunks import Chunk, Reject
from retention.ingest.orders.merging import MERGED
from retention.shops import Shop

MOST_SAMPLES = 3
"""Cells shown of a column."""
MOST_ROWS = 10
MOST_REJECTS = 20
LONGEST = 200
"""Characters shown of a cell."""

_ORDER_COLUMNS = {
    "key": "order_id", "buyer": "buyer_id", "ordered_at": "ordered_at", "status": "status", "sku": "sku",
    "title": "title", "category": "category", "quantity": "quantity", "price": "unit_price", "line_amount": "amount",
    "amount": "order_total", "refunded": "refunded", "postage": "postage", "country": "country", "region": "region",
    "city": "city", "channel": "channel", "coupon_code": "coupon", "counts": "counts",
}  # fmt: skip
_MONEY = frozenset({"price", "line_amount", "amount", "refunded", "postage"})
_INTERNAL = frozenset({"place", "email_key", "phone_key"})


class CellSamples:
    """The first filled cells of each column that differ."""

    def __init__(self) -> None:
        self.seen = False
        self._cells: dict[str, list[str]] = {}

    def __call__(self, chunk: Chunk) -> None:
        """Look at the first rows there are."""
        if self.seen or not chunk.frame.height:
            return
        self.seen = True
        for column in chunk.frame.head(1000).get_columns():
            filled = column.drop_nulls().unique(maintain_order=True).head(MOST_SAMPLES)
            self._cells[column.name] = [cell[:LONGEST] for cell in filled.to_list()]

    def of(self, header: Sequence[str]) -> dict[str, list[str]]:
        """Return the cells of every column, in the order of the file."""
        return {name: self._cells.get(name, []) for name in header}


class FirstRejects:
    """Counts rejected rows and keeps the first; no file is written."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[Reject] = []

    def add(self, rejects: Iterable[Reject]) -> None:
        """Take rejected rows."""
        for reject in rejects:
            self.count += 1
            if len(self._first) < MOST_REJECTS:
                self._first.append(reject)

    def weave(self, late: Iterable[Reject]) -> None:
        """Take rows that were refused at the end, at their places among the others."""
        first = [*self._first]
        self.add(late)
        self._first = sorted([*first, *self._first[len(first) :]], key=lambda each: each.line)

    def keep(self) -> Path | None:
        """Return that there is no file of them."""
        return None

    def shown(self, header: Sequence[str]) -> list[dict[str, Any]]:
        """Return the first ones: where each stands, why, and its filled cells by column."""
        return [reject_shown(each.line, each.reason, header, each.cells) for each in self._first]


def reject_shown(line: int, reason: str, header: Sequence[str], cells: Sequence[str | None]) -> dict[str, Any]:
    """Return a rejected row as pages and programs show it."""
    filled = {name: cell[:LONGEST] for name, cell in zip(header, cells, strict=False) if cell}
    return {"line": line, "reason": reason, "cells": filled}


class FirstRows:
    """The first rows as they will be stored, seen where they would be written."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._found: pl.DataFrame | None = None

    def staged(self, table: str, rows: pl.DataFrame) -> None:
        """Look at rows meant for a table: those of an order file, or of a file of another kind."""
        if table == MERGED:
            first = rows.select("line", *_ORDER_COLUMNS).sort("line").head(MOST_ROWS)
            together = first if self._found is None else pl.concat([self._found, first])
            self._found = together.sort("line").head(MOST_ROWS)
        elif table.startswith("import_") and self._found is None and "place" in rows.columns:
            self._found = rows.head(MOST_ROWS)

    def shown(self) -> list[dict[str, str]]:
        """Return the rows as text by field; a field that none of them fills is left out."""
        if self._found is None:
            return []
        of_orders = "line_amount" in self._found.columns
        names = _ORDER_COLUMNS if of_orders else {n: n for n in self._found.columns if n not in _INTERNAL}
        texts = [self._texts(row, names) for row in self._found.iter_rows(named=True)]
        filled = [field for field in names.values() if any(row[field] for row in texts)]
        return [{field: row[field] for field in filled} for row in texts]

    def _texts(self, row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
        return {field: self._text(name, row[name]) for name, field in names.items()}

    def _text(self, name: str, value: Any) -> str:
        if name in _MONEY and value is not None:
            return str(money.major(value, self._shop.currency))
        if name.endswith("_day") and isinstance(value, int):
            value = day_of(value)
        if isinstance(value, datetime):
            return value.astimezone(zone(self._shop.timezone)).strftime("%Y-%m-%d %H:%M:%S")
        if isinstance(value, bool):
            return str(value).lower()
        return "" if value is None else str(value)[:LONGEST]
