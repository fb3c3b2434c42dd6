"""Rows about erased buyers: their orders still count, other data about them is left out."""

from collections.abc import Mapping

import polars as pl

from retention.i18n import gettext, gettext_noop
from retention.ingest.cells.identifiers import bare_identifiers
from retention.ingest.columns import Columns
from retention.ingest.files.chunks import Reject
from retention.privacy.erased import Erased

LEFT_OUT = gettext_noop("was erased on request and is not imported again")
_STILL_COUNTED = frozenset({"orders", "parcels"})
_OF_THE_PERSON = ("name", "email", "phone", "region", "city")


def screen(
    erased: Erased,
    kind: str,
    frame: pl.DataFrame,
    lines: pl.Series,
    columns: Mapping[str, str],
    written: Columns | None = None,
) -> tuple[pl.DataFrame, pl.Series, list[Reject]]:
    """Return the rows of a file without what they say of erased buyers, and the rows left out.

    `columns` holds the fields as they are read, `written` as the file has them.
    """
    column = columns.get("buyer_id")
    if not erased.left or column is None or column not in frame.columns:
        return frame, lines, []
    left = _left(erased, frame, column)
    if written and "buyer_id" in written:  # hashes of earlier releases were made of ids as they were written
        left = pl.select(pl.coalesce(left, _left(erased, frame, written["buyer_id"]))).to_series()
    theirs = left.is_not_null()
    if not theirs.any():
        return frame, lines, []
    if kind in _STILL_COUNTED:
        blank = {columns[field] for field in _OF_THE_PERSON if columns.get(field) in frame.columns}
        if written:
            blank |= {name for field in _OF_THE_PERSON for source in written.sources.get(field, ()) for name in source}
        kept = frame.with_columns(
            pl.coalesce(left, pl.col(column)).alias(column),
            *(pl.when(~theirs).then(pl.col(name)).alias(name) for name in sorted(blank - {column})),
        )
        return kept, lines, []
    reason = gettext(LEFT_OUT)
    rejects = [Reject(lines[row], reason, frame.row(row)) for row in theirs.arg_true()]
    return frame.filter(~theirs), lines.filter(~theirs), rejects


def _left(erased: Erased, frame: pl.DataFrame, column: str) -> pl.Series:
    """Return what is left of whom the cells of a column name; null for everybody else."""
    raw = frame[column].unique().drop_nulls()
    written = zip(raw.to_list(), bare_identifiers(raw).to_list(), strict=True)
    found = {each: erased.tombstone(bare) if bare else None for each, bare in written}
    gone = {each: left for each, left in found.items() if left}
    return frame[column].replace_strict(gone, default=None, return_dtype=pl.String)
