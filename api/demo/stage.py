"""The environment of the demonstration: its folder, embedded database, clock and progress."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.progress import Progress
from sqlalchemy.engine import Engine

from retention.files import FileStore
from retention.settings import Settings

ZONE = "Asia/Shanghai"
PAST_DAYS = 11
"""How long ago the chain begins, so that by now every message campaign can be read out."""


@dataclass
class Stage:
    """The demonstration's world. `now` is what every request and use case is told."""

    out: Path
    seed: int
    day: date
    engine: Engine
    settings: Settings
    files: FileStore
    progress: Progress
    now: datetime
    _done: int = field(default=0, init=False)

    @property
    def morning(self) -> datetime:
        """The moment the demonstration is looked at: eight o'clock, `PAST_DAYS` after it began."""
        return self.moment(8, days=PAST_DAYS)

    def moment(self, hour: int, minute: int = 0, *, days: int = 0) -> datetime:
        """Return an hour of the shop's day, `days` after the first."""
        return datetime.combine(self.day + timedelta(days=days), time(hour, minute), tzinfo=ZoneInfo(ZONE))

    def at(self, hour: int, minute: int = 0, *, days: int = 0) -> datetime:
        """Move the clock to an hour of the shop's day, `days` after the first, and return the moment."""
        self.now = self.moment(hour, minute, days=days)
        return self.now

    @contextmanager
    def step(self, words: str, total: int | None = None) -> Iterator["DemoStep"]:
        """Show one step of the chain with its own bar."""
        self._done += 1
        task = self.progress.add_task(f"{self._done:2d}  {words}", total=total)
        step = DemoStep(self.progress, task)
        yield step
        step.finish()


@dataclass
class DemoStep:
    """One bar on the screen."""

    progress: Progress
    task: int

    def advance(self, count: int = 1) -> None:
        """Say that `count` more are done."""
        self.progress.advance(self.task, count)  # type: ignore[arg-type]

    def seen(self, done: int, total: int | None) -> None:
        """Say how many of how many are done."""
        self.progress.update(self.task, completed=done, total=total)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Fill the bar."""
        current = self.progress.tasks[self.task].completed or 1
        self.progress.update(self.task, completed=current, total=current)  # type: ignore[arg-type]
