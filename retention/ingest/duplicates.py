"""Lines that repeat an earlier line of the file, cell for cell.

Each line is remembered as a 64-bit digest, so 12 million lines take 150 MB; the chance that among so many a line is
wrongly called a duplicate is one in 250,000, and then the rejects file names it.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Digests = NDArray[np.uint64]
Lines = NDArray[np.signedinteger]

_LARGEST_MERGED = 500_000  # longer runs are left alone: to merge two takes the memory of both again


class Duplicates:
    """The lines seen so far, as sorted runs; runs of like size are merged, so there are few of them."""

    def __init__(self) -> None:
        self._runs: list[tuple[Digests, Lines]] = []

    def first_lines(self, frame: pl.DataFrame, lines: pl.Series) -> pl.Series:
        """Return for each row the earlier line that says the same, or null, and remember the rows."""
        digests = frame.hash_rows(seed=1)
        seen = pl.DataFrame({"digest": digests, "line": lines.cast(pl.Int64)})
        digests, places = seen.sort("digest", "line").get_columns()  # sorted values are sought much faster
        values, own = digests.to_numpy(), places.to_numpy()
        begins = np.r_[True, values[1:] != values[:-1]][: len(values)]
        first = own[np.maximum.accumulate(np.where(begins, np.arange(len(values)), 0))]
        for run, known in self._runs:
            at = np.minimum(np.searchsorted(run, values), len(run) - 1)
            first = np.where(run[at] == values, np.minimum(first, known[at]), first)
        self._remember(values[begins], own[begins])
        repeated = pl.DataFrame({"line": own[first < own], "first": first[first < own]})
        if not repeated.height:
            return pl.Series("first", [None], pl.Int64).new_from_index(0, len(lines))
        return seen.join(repeated, on="line", how="left", maintain_order="left")["first"]

    def _remember(self, digests: Digests, lines: Lines) -> None:
        while self._runs and len(self._runs[-1][0]) <= min(2 * len(digests), _LARGEST_MERGED):
            earlier, places = self._runs.pop()
            digests, lines = np.concatenate([earlier, digests]), np.concatenate([places, lines])
            order = np.argsort(digests, kind="stable")  # stable: of equal digests the earliest line comes first
            digests, lines = digests[order], lines[order]
        self._runs.append((digests, lines.astype(np.int32)))
