"""Rows of a file of rejected rows that stand there as one text, because nobody could take them apart.

A stray quote, or another encoding, leaves a row like that. Mended in its one cell it is a row again. Left as it is, it
is refused again, and the lines of its order wait with it as they did before.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from retention.i18n import gettext
from retention.ingest.files.chunks import REJECTS, Chunk, Reject
from retention.ingest.files.delimiters import DELIMITERS
from retention.ingest.files.jsonlines import cells_of, json_object, parts_of_json
from retention.ingest.files.records import STRAY_QUOTE, parts_of

_OWN = len(REJECTS)
_UNREADABLE = "\ufffd"


def with_single_texts_told_apart(chunk: Chunk) -> Chunk:
    """Return rows of a file of rejected rows in which those that are one text are rows again, or refused."""
    names = chunk.frame.columns[_OWN:]
    if len(names) < 2 or not chunk.frame.height:
        return chunk
    alone = pl.col(names[0]).is_not_null() & pl.all_horizontal(pl.col(names[1:]).is_null())
    several = pl.col(names[0]).str.contains(f"[{''.join(DELIMITERS)}]")
    found = chunk.frame.select(alone & several).to_series().fill_null(value=False).arg_true().to_list()
    if not found:
        return chunk
    rows, refused = chunk.frame.rows(), []
    for place in found:
        line, reason, text = rows[place][: _OWN + 1]
        cells = _cells(text, names)
        if cells:
            rows[place] = (line, reason, *cells)
        else:
            reason, parts = reason or gettext(STRAY_QUOTE), ("", "", *_parts(text, names))
            refused.append((place, Reject(chunk.lines[place], reason, rows[place], parts=parts)))
    left_out = {place for place, _ in refused}
    kept = pl.Series([place not in left_out for place in range(len(rows))])
    frame = pl.DataFrame(rows, schema=chunk.frame.schema, orient="row").filter(kept)
    return replace(
        chunk, frame=frame, lines=chunk.lines.filter(kept), broken=[*chunk.broken, *(each for _, each in refused)]
    )


def _parts(text: str, names: Sequence[str]) -> list[str]:
    """Return what a text that is no row may say under each name."""
    if text.startswith("{"):
        return parts_of_json(text, names)
    return parts_of(text, max(DELIMITERS, key=text.count), '"')


def _cells(text: str, names: Sequence[str]) -> Sequence[str | None]:
    """Return the cells of a text that is a row under these names; none where it is not."""
    if text.startswith("{"):
        found = cells_of(json_object(text), names)
        return () if isinstance(found, str) else found
    if text.count('"') % 2 or _UNREADABLE in text:
        return ()
    for sign in DELIMITERS:
        try:
            rows = list(csv.reader([text], delimiter=sign, skipinitialspace=True))
        except csv.Error:
            continue
        if len(rows) == 1 and len(rows[0]) == len(names):
            return [cell.strip() or None for cell in rows[0]]
    return ()
