"""Checked rows on their way from the file to the merge, divided so that all rows of one order come out together.

A small file stays in memory. A large one is divided by a digest of the order number into parts that do, and the parts
wait on disk; so an order whose lines lie anywhere in a file of any size is seen whole, in bounded memory.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

PART_SIZE = 24 << 20  # bytes of the file; its rows take two to three times as much in memory


class Spool:
    """Frames with a column `key`, in `parts` parts; files lie in `folder`, which the caller removes."""

    def __init__(self, folder: Path | None, size: int) -> None:
        self._folder = folder
        self._parts = 1 if folder is None else size // PART_SIZE + 1
        self._frames: list[pl.DataFrame] = []
        self._pieces = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows in."""
        if self._folder is None or self._parts == 1:
            self._frames.append(frame)
            return
        place = frame["key"].hash(seed=7) % self._parts
        for part in range(self._parts):
            frame.filter(place == part).write_ipc(self._folder / f"{part}-{self._pieces}.arrow")
        self._pieces += 1

    def drain(self) -> Iterator[pl.DataFrame]:
        """Give the rows back part by part, in each part in the order of the file."""
        if self._frames:
            rows = pl.concat(self._frames)
            self._frames.clear()
            yield rows
        if self._folder is None:
            return
        for part in range(self._parts if self._pieces else 0):
            paths = [self._folder / f"{part}-{piece}.arrow" for piece in range(self._pieces)]
            rows = pl.concat([pl.read_ipc(path) for path in paths])
            for path in paths:
                path.unlink()
            if rows.height:
                yield rows
