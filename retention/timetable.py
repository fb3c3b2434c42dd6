"""The timetable: when each periodic task is sent, by the monotonic clock.

It keeps nothing: at its start everything is due. So no file can be damaged, and a clock that was days ahead and is put
right neither stops a sweep nor hurries it. `celery beat` runs it.
"""

import time
from typing import Any

import structlog
from celery.beat import Scheduler

from retention import watchdog

log = structlog.get_logger()

LONGEST_SLEEP = 1.0
AGAIN = 5.0
"""Seconds until a sweep is tried again that could not be sent: the queue is away, or the disk full."""


class Timetable(Scheduler):
    """What `celery beat` asks, at each turn, to send what is due."""

    def setup_schedule(self) -> None:
        self.data: dict[str, Any] = {}
        self._due: dict[str, float] = {}

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due and return the seconds to sleep."""
        for name, sweep in self.app.conf.beat_schedule.items():
            if time.monotonic() >= self._due.get(name, 0.0):
                pause = float(sweep["schedule"])
                self._due[name] = time.monotonic() + (pause if self._sent(sweep) else min(pause, AGAIN))
        watchdog.beat()
        soonest = min(self._due.values(), default=0.0) - time.monotonic()
        return min(max(soonest, 0.05), LONGEST_SLEEP)

    def close(self) -> None:
        """Keep nothing."""

    def should_sync(self) -> bool:
        return False

    @property
    def info(self) -> str:
        return "    . keeps nothing"

    def _sent(self, sweep: dict[str, Any]) -> bool:
        try:
            self.app.send_task(sweep["task"], retry=False, **sweep["options"])
        except Exception as error:  # noqa: BLE001 - one that cannot be sent keeps no other waiting
            log.warning("a sweep cannot be sent, trying again", task=sweep["task"], why=error)
            return False
        return True
