"""Words with a meaning: states, answers."""

from collections.abc import Mapping

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.identifiers import bare_identifiers
from retention.ingest.rows import Rows


def read_words(rows: Rows, name: str, meanings: Mapping[str, str]) -> pl.Series:
    """Return a column of words by what they mean; a word that means nothing is refused."""
    cells = rows.cells(name)
    found = cells.replace_strict(meanings, default=None, return_dtype=pl.String)
    if found.null_count() == cells.null_count():
        return found.alias(name)
    plain = bare_identifiers(cells).str.to_lowercase()  # 'YES, ＹＥＳ, 1.0
    found = plain.replace_strict(meanings, default=None, return_dtype=pl.String)
    wrong = cells.is_not_null() & found.is_null()
    if wrong.any():
        message = gettext_noop("{field} {value} is unknown; known are {known}")
        rows.refuse(wrong, message, cells, field=name, known=", ".join(meanings))
    return found.alias(name)
