"""The first pass over a file: what its columns have in common is found out before any row is taken.

Each piece of evidence looks at every chunk and concludes at the end. What was concluded stands in `Conventions`, which
the second pass reads by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from retention.ingest.chunks import Source


@dataclass(frozen=True)
class Conventions:
    """How the cells of one file are written and what its rows have in common."""


class Evidence(Protocol):
    """One question to the whole file."""

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        ...


def survey(source: Source, evidence: Sequence[Evidence]) -> Conventions:
    """Show the whole file to each piece of evidence and return what follows. With none the file is not read."""
    for chunk in source.chunks() if evidence else ():
        for each in evidence:
            each.look(chunk.frame, chunk.lines)
    return Conventions()
