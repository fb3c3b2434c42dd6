"""Slow down guessing from one address.

Counted in the memory of each web process: it takes no row from an attacker, and a restart only forgives. The count that
must hold over all processes, wrong tries per account, is kept in rows by `retention.people`.
"""

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

MOST_ADDRESSES = 10_000


class Throttle:
    """Counts failures per address over a sliding window."""

    def __init__(self, most: int = 20, window: timedelta = timedelta(minutes=15)) -> None:
        self.most = most
        self.window = window
        self._failures: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def is_full(self, address: str, *, at: datetime) -> bool:
        """Tell whether `address` has failed as often as it may within the window."""
        with self._lock:
            return len(self._recent(address, at)) >= self.most

    def count(self, address: str, *, at: datetime) -> None:
        """Write down one failure of `address`."""
        with self._lock:
            if len(self._failures) >= MOST_ADDRESSES:
                self._failures.pop(next(iter(self._failures)))
            self._failures.setdefault(address, deque(maxlen=self.most)).append(at)

    def _recent(self, address: str, at: datetime) -> deque[datetime]:
        failures = self._failures.get(address, deque())
        while failures and failures[0] <= at - self.window:
            failures.popleft()
        if not failures:
            self._failures.pop(address, None)
        return failures
