"""The watchdog: a process reports to its parent at intervals, so that the parent notices when it hangs.

Said through a pipe, by the monotonic clock, which all processes of a machine share and nobody sets: neither a full disk
nor a folder that is gone nor a clock put right stops it. Without a parent that listens it says nothing.
"""

import os
import struct
import time
from contextlib import suppress

from retention.settings import get_settings

VARIABLE = "REGULARS_WATCHDOG"
"""The environment variable with the number of the pipe's end to write to."""

_WORD = struct.Struct("d")
_KEPT = 512
_SAID_EVERY = 1.0
_fd: int | None = int(os.environ[VARIABLE]) if VARIABLE in os.environ else None
_task: "_Task | None" = None


class _Task:
    """What goes on: how long it may be silent, until when it may go on at all, and when it last moved."""

    def __init__(self, silence: float, most: float) -> None:
        self.silence = silence
        self.moved = time.monotonic()
        self.until = self.moved + most


class Watchdog:
    """The parent's end: `due` is the moment, by the monotonic clock, by which the child will have said something."""

    def __init__(self, patience: float) -> None:
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self.write, False)
        self.due = time.monotonic() + patience

    def is_late(self, at: float) -> bool:
        """Tell whether the child is silent for longer than it said."""
        with suppress(BlockingIOError):
            while beats := os.read(self._read, _KEPT * _WORD.size):
                (self.due,) = _WORD.unpack(beats[-_WORD.size :])
        return at > self.due

    def close(self) -> None:
        for end in (self._read, self.write):
            with suppress(OSError):
                os.close(end)


def say_to(number: int) -> None:
    """Have this process, which was forked, report to its watchdog through this end of a pipe."""
    global _fd  # noqa: PLW0603 - one process, one parent
    _fd = number


def idle() -> float:
    """Return within how many seconds a process that has nothing to do says something again."""
    return get_settings().pulse_idle


def beat() -> None:
    """Say that this process lives, and says so again before it is late; nothing while something long goes on."""
    if _fd is not None and _task is None:
        _say(idle())


def begin(limit: float, *, most: float = 0.0) -> None:
    """Say that something begins that is over, or moves on, within `limit` seconds; after `most` it hangs anyway."""
    global _task  # noqa: PLW0603
    _say(limit)
    _task = _Task(limit, max(limit, most))


def move() -> None:
    """Say that what began has come a step further: a chunk of a file, a statement, a page. It costs next to nothing."""
    now = time.monotonic()
    if _task is not None and now >= _task.moved + _SAID_EVERY:
        _task.moved = now
        _say(min(_task.silence, _task.until - now))


def end() -> None:
    """Say that it is done."""
    global _task  # noqa: PLW0603
    _task = None
    beat()


def _say(within: float) -> None:
    if _fd is not None:
        with suppress(OSError):  # a pipe that is full was not read for long, and holds what is needed
            os.write(_fd, _WORD.pack(time.monotonic() + within))
