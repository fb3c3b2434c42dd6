"""In which time zone the times of a file are read: the shop's, that of a column, or one that a cell names itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from retention.i18n import gettext, gettext_noop
from retention.ingest.cells.time_cells import time_cells
from retention.ingest.files.chunks import Chunk
from retention.ingest.time_columns import MOMENTS

_OF_SHOP = gettext_noop("Times are read in the zone of the shop, {zone}.")
_OF_COLUMN = gettext_noop(
    "Times are read in the zone that the column “{column}” names, and where it is blank in that of the shop, {zone}."
)
_OF_CELL = gettext_noop("Times that name their zone, such as {example} in “{column}”, are read in that one.")

_MAY_NAME = r"[A-Za-z)]\s*$|[+-]\d{1,2}:?(?:\d{2})?\s*$|^\d{10}(?:\.\d+)?$"
_LOOKED_AT = 200


class NamedZones:
    """Looks for cells that name their zone themselves, or count seconds; `examples` holds one of each column."""

    def __init__(self, sources: Mapping[str, Sequence[tuple[str, ...]]]) -> None:
        self._open = dict.fromkeys(part for name in MOMENTS for source in sources.get(name, ()) for part in source)
        self.examples: dict[str, str] = {}

    def __call__(self, chunk: Chunk) -> None:
        """Take in some rows."""
        for name in [each for each in self._open if each in chunk.frame.columns]:
            cells = chunk.frame[name]
            cells = cells.filter(cells.str.contains(_MAY_NAME).fill_null(value=False))
            cells = cells.unique(maintain_order=True).head(_LOOKED_AT)
            if len(cells):
                named = pl.any_horizontal(pl.col("offset", "zone", "seconds").is_not_null())
                found = cells.filter(time_cells(cells).select(named).to_series())
                if len(found):
                    self.examples[name] = found[0]
                    del self._open[name]


def zone_column(kind: str, columns: Mapping[str, str]) -> str:
    """Return the column that says in which zone the times of a row are; blank where there is none."""
    return columns.get("timezone", "") if kind == "orders" else ""  # that of a buyer is where they live


def zone_words(seen: Mapping[str, Any]) -> list[str]:
    """Return in which zone the times of a file are read, as sentences; none for a file without times."""
    if seen.get("columns", {}).keys().isdisjoint(MOMENTS):
        return []
    column = seen.get("timezone_column", "")
    first = _OF_COLUMN if column else _OF_SHOP
    sentences = [gettext(first).format(zone=seen.get("timezone", ""), column=column)]
    for column, example in list(seen.get("named_zones", {}).items())[:1]:
        sentences.append(gettext(_OF_CELL).format(example=example, column=column))
    return sentences
