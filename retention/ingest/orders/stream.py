"""Rows merged while the rest of the file is still being read: a second thread writes what the first has checked.

Most files hold the lines of an order side by side. Then a stretch of the file can be merged as soon as it is read, and
reading and writing share the time. A file that does not is found out at the first order that comes back, and is
imported again from the spool.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from retention.ingest.orders.seen_keys import SeenKeys

WINDOW = 30_000  # rows merged at a time


class Scattered(Exception):
    """The lines of an order lie far apart in the file."""


class Stream:
    """Stretches of whole orders on their way to `merge`, which is called in another thread, one call at a time.

    `screen` takes out right before what must not be merged.
    """

    def __init__(
        self, merge: Callable[[pl.DataFrame], None], screen: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows
    ) -> None:
        self._merge = merge
        self._screen = screen
        self._thread = ThreadPoolExecutor(1)
        self._under_way: Future[None] | None = None
        self._waiting: list[pl.DataFrame] = []
        self._seen = SeenKeys()

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows in; raises Scattered when one belongs to an order that has been merged already."""
        self._waiting.append(frame)
        if sum(part.height for part in self._waiting) < WINDOW:
            return
        rows = pl.concat(self._waiting)
        unfinished = rows["key"] == rows["key"][-1]
        self._waiting = [rows.filter(unfinished)]
        self._send(rows.filter(~unfinished))

    def expect(self, keys: pl.Series) -> None:
        """Raise Scattered when an order of these has been merged already."""
        if len(keys) and self._seen.any_of(keys):
            raise Scattered

    def finish(self) -> None:
        """Merge the rest and wait until all is written."""
        if self._waiting:
            self._send(pl.concat(self._waiting))
            self._waiting = []
        self._wait()

    def close(self) -> None:
        """Let the other thread end; nothing it does can be undone by the transaction before that."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _send(self, rows: pl.DataFrame) -> None:
        if not rows.height:
            return
        keys = rows["key"].unique()
        if self._seen.any_of(keys):
            raise Scattered
        self._seen.add(keys)
        whole = self._screen(rows)
        self._wait()
        self._under_way = self._thread.submit(self._merge, whole) if whole.height else None

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
            self._under_way = None
