"""Rows about erased buyers: their orders still count, other data about them is left out."""

import polars as pl

from retention.i18n import gettext, gettext_noop
from retention.ingest.chunks import Reject
from retention.ingest.identifiers import bare_identifiers
from retention.privacy.erased import Erased

LEFT_OUT = gettext_noop("was erased on request and is not imported again")
_STILL_COUNTED = frozenset({"orders", "parcels"})
_OF_THE_PERSON = ("name", "email", "phone", "region", "city")


def screen(
    erased: Erased, kind: str, frame: pl.DataFrame, lines: pl.Series, columns: dict[str, str]
) -> tuple[pl.DataFrame, pl.Series, list[Reject]]:
    """Return the rows of a file without what they say of erased buyers, and the rows left out."""
    column = columns.get("buyer_id")
    if not erased.left or column is None or column not in frame.columns:
        return frame, lines, []
    raw = frame[column].unique().drop_nulls()
    written = zip(raw.to_list(), bare_identifiers(raw).to_list(), strict=True)
    found = {each: erased.tombstone(bare) if bare else None for each, bare in written}
    gone = {each: left for each, left in found.items() if left}
    if not gone:
        return frame, lines, []
    theirs = frame[column].is_in(list(gone)).fill_null(value=False)
    if kind in _STILL_COUNTED:
        blank = [columns[field] for field in _OF_THE_PERSON if columns.get(field) in frame.columns]
        kept = frame.with_columns(
            pl.col(column).replace(gone), *(pl.when(~theirs).then(pl.col(name)).alias(name) for name in blank)
        )
        return kept, lines, []
    reason = gettext(LEFT_OUT)
    rejects = [Reject(lines[row], reason, frame.row(row)) for row in theirs.arg_true()]
    return frame.filter(~theirs), lines.filter(~theirs), rejects
