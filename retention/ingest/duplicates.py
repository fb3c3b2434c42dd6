"""Rows that say what an earlier one said, cell for cell.

Each row is remembered as two 64-bit digests made with different seeds; that two rows which differ agree in both does
not happen. A row takes 20 bytes.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Digests = NDArray[np.uint64]
Lines = NDArray[np.signedinteger]
Run = tuple[Digests, Digests, Lines]

_LARGEST_MERGED = 500_000  # longer runs are left alone: to merge two takes the memory of both again


class Duplicates:
    """The rows seen so far, as runs sorted by digest; runs of like size are merged, so there are few of them."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def first_lines(self, frame: pl.DataFrame, lines: pl.Series) -> pl.Series:
        """Return for each row the earlier line that says the same, or null, and remember the rows."""
        seen = pl.DataFrame(
            {"digest": frame.hash_rows(seed=1), "second": frame.hash_rows(seed=2), "line": lines.cast(pl.Int64)}
        )
        # Sorted values are sought much faster.
        digests, seconds, places = (column.to_numpy() for column in seen.sort("digest", "second", "line").get_columns())
        changes = (digests[1:] != digests[:-1]) | (seconds[1:] != seconds[:-1])
        begins = np.r_[True, changes][: len(digests)]
        first = places[np.maximum.accumulate(np.where(begins, np.arange(len(digests)), 0))]
        for run, other, known in self._runs:
            at = np.minimum(np.searchsorted(run, digests), len(run) - 1)
            same = (run[at] == digests) & (other[at] == seconds)
            first = np.where(same, np.minimum(first, known[at]), first)
        self._remember((digests[begins], seconds[begins], places[begins]))
        repeated = pl.DataFrame({"line": places[first < places], "first": first[first < places]})
        if not repeated.height:
            return pl.Series("first", [None], pl.Int64).new_from_index(0, len(lines))
        return seen.join(repeated, on="line", how="left", maintain_order="left")["first"]

    def knows(self, frame: pl.DataFrame) -> bool:
        """Whether one of the rows has been seen."""
        digests, seconds = frame.hash_rows(seed=1).to_numpy(), frame.hash_rows(seed=2).to_numpy()
        for run, other, _ in self._runs:
            at = np.minimum(np.searchsorted(run, digests), len(run) - 1)
            if ((run[at] == digests) & (other[at] == seconds)).any():
                return True
        return False

    def _remember(self, new: Run) -> None:
        while self._runs and len(self._runs[-1][0]) <= min(2 * len(new[0]), _LARGEST_MERGED):
            earlier = self._runs.pop()
            digests, seconds, lines = (np.concatenate(pair) for pair in zip(earlier, new, strict=True))
            order = np.argsort(digests, kind="stable")  # stable: of equal digests the earliest line comes first
            new = (digests[order], seconds[order], lines[order])
        digests, seconds, lines = new
        self._runs.append((digests, seconds, lines.astype(np.int32)))
