"""Lines that repeat an earlier line of the file, cell for cell.

Each line is remembered as a 64-bit digest, so 12 million lines take 150 MB; the chance that among so many a line is
wrongly called a duplicate is one in 250,000, and then the rejects file names it.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Digests = NDArray[np.uint64]
Lines = NDArray[np.int64]


class Duplicates:
    """The lines seen so far, as sorted runs; runs of like size are merged, so there are few of them."""

    def __init__(self) -> None:
        self._runs: list[tuple[Digests, Lines]] = []

    def first_lines(self, frame: pl.DataFrame, lines: pl.Series) -> pl.Series:
        """Return for each row the earlier line that says the same, or null, and remember the rows."""
        digests = frame.hash_rows(seed=1)
        seen = pl.DataFrame({"digest": digests, "line": lines.cast(pl.Int64)})
        own = seen.select(pl.col("line").min().over("digest")).to_series().to_numpy()
        first = own.copy()
        values = digests.to_numpy()
        for run, places in self._runs:
            at = np.minimum(np.searchsorted(run, values), len(run) - 1)
            first = np.where(run[at] == values, np.minimum(first, places[at]), first)
        fresh = seen.unique("digest", keep="first", maintain_order=True)
        self._remember(fresh["digest"].to_numpy(), fresh["line"].to_numpy())
        found = pl.Series("first", first)
        return pl.select(pl.when(found < lines.cast(pl.Int64)).then(found)).to_series()

    def _remember(self, digests: Digests, lines: Lines) -> None:
        while self._runs and len(self._runs[-1][0]) <= 2 * len(digests):
            earlier, places = self._runs.pop()
            digests, lines = np.concatenate([earlier, digests]), np.concatenate([places, lines])
        order = np.argsort(digests, kind="stable")  # stable: of equal digests the earliest line comes first
        self._runs.append((digests[order], lines[order]))
