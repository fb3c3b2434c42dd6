"""The keys that have come by so far, in little memory.

Each is remembered as two 64-bit digests made with different seeds; that two keys which differ agree in both does not
happen. A key takes 16 bytes.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Run = tuple[NDArray[np.uint64], NDArray[np.uint64]]

_LARGEST_MERGED = 500_000  # longer runs are left alone: to merge two takes the memory of both again


class SeenKeys:
    """Keys as runs sorted by digest; runs of like size are merged, so there are few of them."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def any_of(self, keys: pl.Series) -> bool:
        """Tell whether one of the keys has been added."""
        digests, seconds = _sorted_digests(keys)  # sorted values are sought much faster
        for run, other in self._runs:
            at = np.minimum(np.searchsorted(run, digests), len(run) - 1)
            if ((run[at] == digests) & (other[at] == seconds)).any():
                return True
        return False

    def add(self, keys: pl.Series) -> None:
        """Remember keys."""
        new = _sorted_digests(keys)
        while self._runs and len(self._runs[-1][0]) <= min(2 * len(new[0]), _LARGEST_MERGED):
            digests, seconds = (np.concatenate(pair) for pair in zip(self._runs.pop(), new, strict=True))
            order = np.argsort(digests)
            new = (digests[order], seconds[order])
        self._runs.append(new)


def _sorted_digests(keys: pl.Series) -> Run:
    frame = keys.to_frame()
    digests = pl.DataFrame({"digest": frame.hash_rows(seed=1), "second": frame.hash_rows(seed=2)}).sort("digest")
    return digests["digest"].to_numpy(), digests["second"].to_numpy()
