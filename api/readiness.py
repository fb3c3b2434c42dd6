"""Readiness: whether the database answers, has the right tables and takes writes.

Looked at by one thread of its own, on connections of its own, so that it answers while every other thread and
connection is busy. Several who ask at once get the same answer.
"""

import asyncio
import os
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from kombu.connection import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

import api.tables
from retention import clock, heartbeats, migrate
from retention.database import hurried, open_watching_engine, reading
from retention.database_errors import SENTENCES, DatabaseProblem, database_problem, driver_message
from retention.errors import Error
from retention.heartbeats import Life, Process
from retention.queue import Lane, app
from retention.settings import Settings

PATIENCE = 5.0
"""Seconds within which the look must be over; after that the database counts as away."""

WRITTEN = 5.0
"""Seconds for which a write that stood counts."""

BUSY_FOR = 30.0
"""Seconds for which somebody else may be writing, as a large import on SQLite, before it counts as not writable."""

GRACE = 60.0
"""Seconds after the start in which nobody is told that nothing has run yet."""

QUEUES = tuple(lane.value for lane in Lane)


@dataclass(frozen=True)
class ReadinessReport:
    """What was found. `why` is what keeps it from being ready; `standstill` is what stands still beside it."""

    why: str = ""
    detail: str = ""
    life: Life | None = None
    standstill: list[str] = field(default_factory=list)
    broker: str = ""
    lacks: str = ""
    """Indexes and foreign keys that are not there: it works, and is slow or lax."""

    @property
    def is_ready(self) -> bool:
        return not self.why


class Readiness:
    """Looks at one installation. `address` is that of its database."""

    def __init__(self, settings: Settings, address: str) -> None:
        self.settings = settings
        self.engine = open_watching_engine(address)
        self.grace = GRACE
        self._started = time.monotonic()
        self._written = -WRITTEN
        self._busy_since: float | None = None
        self._thread = ThreadPoolExecutor(1, "readiness")
        self._asked: dict[bool, Future[ReadinessReport]] = {}
        self._lock = Lock()

    async def ask(self, *, deep: bool = False) -> ReadinessReport:
        """Look, in the thread for it; give up after `PATIENCE` seconds."""
        with self._lock:
            asked = self._asked.get(deep)
            if asked is None or asked.done():
                asked = self._asked[deep] = self._thread.submit(self.look, deep=deep)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(asked)), PATIENCE)
        except TimeoutError:
            return ReadinessReport(SENTENCES[DatabaseProblem.AWAY])

    def look(self, *, deep: bool = False) -> ReadinessReport:
        """Return what is the matter, if anything. `deep` asks for the broker and for signs of life too."""
        try:
            why = self._look_at_tables() or self._write()
            if why or not deep:
                return ReadinessReport(why)
            with reading(self.engine) as session:
                life = heartbeats.read_life(session)
                lacks = migrate.slackness(session.connection(), api.tables.metadata)
        except SQLAlchemyError as error:
            return ReadinessReport(SENTENCES[database_problem(error) or DatabaseProblem.AWAY], driver_message(error))
        except OSError as error:
            return ReadinessReport(f"REGULARS_HOME cannot be written: {error.strerror}.", str(error.filename or ""))
        standing = [str(each) for each in life.standstill(QUEUES, at=clock.now())]
        return ReadinessReport(life=life, standstill=standing, broker=self._ask_broker(), lacks=lacks)

    def standstill(self, session: Session) -> list[Error]:
        """Return what stands still, for a page; nothing in the first minute of this process."""
        if time.monotonic() - self._started < self.grace:
            return []
        return heartbeats.read_life(session).standstill(QUEUES, at=clock.now())

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.engine.dispose()

    def _look_at_tables(self) -> str:
        with reading(self.engine) as session:
            reason = migrate.unfitness(session.connection(), api.tables.metadata)
        return str(reason) if reason else ""

    def _write(self) -> str:
        """Write a row and a file, and keep the row; empty when both stood or somebody else is writing."""
        if time.monotonic() - self._written < WRITTEN:
            return ""
        try:
            with hurried(self.engine, wait=timedelta(milliseconds=100)) as session:
                heartbeats.beat(session, Process.WEB, os.uname().nodename, at=clock.now())
        except SQLAlchemyError as error:
            if database_problem(error) is not DatabaseProblem.BUSY:
                raise
            self._busy_since = self._busy_since or time.monotonic()
            return SENTENCES[DatabaseProblem.BUSY] if time.monotonic() - self._busy_since > BUSY_FOR else ""
        self._busy_since = None
        if self._needs_home():
            _write_file(self.settings.home)
        self._written = time.monotonic()
        return ""

    def _needs_home(self) -> bool:
        apart = (self.settings.database_url, self.settings.broker_url, self.settings.files_url, self.settings.secret)
        return not all(apart)

    def _ask_broker(self) -> str:
        """Return why the queue cannot be reached; empty when it can."""
        if not self.settings.broker_url:
            return ""
        patience = {"socket_connect_timeout": 2, "socket_timeout": 2, "connect_timeout": 2}
        options: dict[str, Any] = {**app.conf.broker_transport_options, **patience}
        try:
            with closing(Connection(self.settings.broker_url, transport_options=options, connect_timeout=2)) as asked:
                asked.ensure_connection(max_retries=1, timeout=2)
        except Exception as error:  # noqa: BLE001 - each transport has errors of its own
            return f"The queue cannot be reached: {type(error).__name__}"
        return ""


def _write_file(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=home) as file:
        file.write(b"\0" * 4096)
        file.flush()
        os.fsync(file.fileno())
