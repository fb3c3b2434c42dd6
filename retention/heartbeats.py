"""Heartbeats: when web, worker and scheduler last ran, as rows that any process can read.

Workers and the scheduler say that they live. `sweeps` is said by a sweep itself, so it moves only while the scheduler
sends, the queue carries and a worker takes: without it nothing leaves by itself, whoever lives.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Field, Session, SQLModel, col, select

from retention import clock
from retention.database import insert, transaction
from retention.errors import Error
from retention.i18n import gettext_noop

EVERY = timedelta(seconds=15)
LATE = timedelta(minutes=2)
"""How old a heartbeat may be; one from the future, by a clock that was wrong, is as bad."""

KEPT = timedelta(days=1)


class Process(StrEnum):
    """Who says it."""

    SCHEDULER = "scheduler"
    WORKER = "worker"
    SWEEPS = "sweeps"
    WEB = "web"


class Heartbeat(SQLModel, table=True):
    """The last heartbeat of `who`: a process by its host and name. `queues` are those a worker takes from.

    It belongs to the installation and to no shop.
    """

    __tablename__ = "heartbeats"

    part: str = Field(primary_key=True, max_length=16)
    who: str = Field(primary_key=True, max_length=100)
    queues: str = Field(default="", max_length=200)
    beat_at: datetime


@dataclass(frozen=True)
class Life:
    """When each part was last at work, and the newest heartbeat of a worker by queue."""

    scheduler: datetime | None
    sweeps: datetime | None
    workers: dict[str, datetime]

    def standstill(self, queues: Iterable[str], *, at: datetime) -> list[Error]:
        """Return what stands still, as sentences; empty while everything moves."""
        found = []
        if not _is_fresh(self.sweeps, at):
            found.append(_SWEEPS.error_for(self.sweeps, at))
        if not _is_fresh(self.scheduler, at):
            found.append(_SCHEDULER.error_for(self.scheduler, at))
        if idle := [queue for queue in queues if not _is_fresh(self.workers.get(queue), at)]:
            found.append(Error(gettext_noop("No worker is running for: {queues}."), queues=idle))
        return found


@dataclass(frozen=True)
class _Silence:
    """The two ways to say that a part is silent."""

    never: str
    since: str

    def error_for(self, last: datetime | None, at: datetime) -> Error:
        if last is None:
            return Error(self.never)
        return Error(self.since, minutes=max(int((at - last).total_seconds() // 60), 0))


_SWEEPS = _Silence(
    gettext_noop("The periodic dispatch has not run yet."),
    gettext_noop("The periodic dispatch has not run for {minutes} minutes."),
)
_SCHEDULER = _Silence(
    gettext_noop("The scheduler has not been seen yet."),
    gettext_noop("The scheduler has not been seen for {minutes} minutes."),
)


def beat(session: Session, part: Process, who: str, *, at: datetime, queues: str = "") -> None:
    """Note that `who` is at work."""
    row = {"part": part.value, "who": who[:100], "queues": queues[:200], "beat_at": at}
    statement = insert(session, Heartbeat).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["part", "who"],
            set_={"beat_at": statement.excluded.beat_at, "queues": statement.excluded.queues},
        )
    )


def read_life(session: Session) -> Life:
    """Read when every part was last at work."""
    last: dict[str, datetime] = {}
    workers: dict[str, datetime] = {}
    for row in session.exec(select(Heartbeat).where(Heartbeat.part != Process.WEB)):
        last[row.part] = max(row.beat_at, last.get(row.part, row.beat_at))
        for queue in filter(None, row.queues.split(",")):
            workers[queue] = max(row.beat_at, workers.get(queue, row.beat_at))
    return Life(last.get(Process.SCHEDULER), last.get(Process.SWEEPS), workers)


def forget_old(session: Session, *, at: datetime) -> None:
    """Delete the heartbeats of processes that are long gone."""
    session.execute(sa.delete(Heartbeat).where(col(Heartbeat.beat_at) < at - KEPT))


def keep_beating(engine: Callable[[], Engine], part: Process, who: str, *, queues: str = "") -> None:
    """Have a thread of this process note every few seconds that it lives. A database that is away ends it not."""

    def run() -> None:
        pause = threading.Event()
        while True:
            with suppress(SQLAlchemyError), transaction(engine()) as session:
                beat(session, part, who, at=clock.now(), queues=queues)
            pause.wait(EVERY.total_seconds())

    threading.Thread(target=run, name=f"heartbeat of {who}", daemon=True).start()


def _is_fresh(last: datetime | None, at: datetime) -> bool:
    return last is not None and abs(at - last) <= LATE
