"""The task queue, which wakes workers; what there is to do is read from the database.

A task is one transaction, carries ids only, may run twice, and does nothing when the row says done. Losing every
message costs minutes: the sweeps named here find what is due from the rows. Each kind of work has a queue of its own,
so that a long round of sending or an import keeps nobody else waiting.
"""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, task_postrun, task_prerun, worker_process_init, worker_ready
from kombu.entity import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlmodel import Session

from retention import clock, heartbeats, watchdog
from retention.database import after_commit, open_engine, transaction
from retention.heartbeats import Process
from retention.settings import Settings, get_settings

log = structlog.get_logger()

TRANSPORT_ALIASES["files"] = "retention.file_queue:Transport"

app = Celery("regulars", set_as_current=True)


class Lane(StrEnum):
    """The queues, by what may wait for what."""

    QUICK = "quick"
    SENDING = "sending"
    CALLS = "calls"
    PREPARING = "preparing"
    LONG = "long"


LANES = {
    "campaigns.send": Lane.SENDING,
    "campaigns.call_hooks": Lane.CALLS,
    "campaigns.send_posts": Lane.CALLS,
    "imports.run": Lane.LONG,
    "segments.forecast_shop": Lane.LONG,
    "figures.begin": Lane.PREPARING,
    "figures.count": Lane.PREPARING,
    "printables.render": Lane.PREPARING,
}
"""Where tasks wait that are not quick. By name, since whoever sends one need not have imported it."""

LIMITS = {
    Lane.QUICK: 15 * 60.0,
    Lane.SENDING: 20 * 60.0,
    Lane.CALLS: 15 * 60.0,
    Lane.PREPARING: 30 * 60.0,
    Lane.LONG: 30 * 60.0,
}
"""Seconds without a step forward (a statement that ended, a part of a file, a sheet) after which a task hangs."""

MOST = {
    Lane.QUICK: 2 * 3600.0,
    Lane.SENDING: 3600.0,
    Lane.CALLS: 3600.0,
    Lane.PREPARING: 6 * 3600.0,
    Lane.LONG: 24 * 3600.0,
}
"""Seconds after which it hangs even if it moves. Of a task that hangs the worker is replaced by its parent."""

_sweeps: dict[str, dict[str, Any]] = {}


def configure(settings: Settings) -> Celery:
    """Point the Celery app at this installation's broker and return it."""
    app.conf.update(
        broker_url=settings.broker_url or "files://localhost",
        broker_transport_options={} if settings.broker_url else {"folder": str(embedded_queue(settings))},
        broker_connection_retry_on_startup=True,
        task_default_queue=Lane.QUICK.value,
        task_queues=[Queue(lane.value, Exchange(lane.value), routing_key=lane.value) for lane in Lane],
        task_routes={name: {"queue": lane.value} for name, lane in LANES.items()},
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        timezone="UTC",
        beat_schedule=_sweeps,
        beat_scheduler="retention.timetable:Timetable",
        # On one machine nobody asks a worker from afar, and each question would be a file.
        worker_enable_remote_control=bool(settings.broker_url),
    )
    # Configured a second time (the demo, tests), it must not go on sending through the connections to the first broker.
    app._after_fork()  # noqa: SLF001
    return app


def task(name: str, *, every: timedelta | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function whose first parameter is the session as a task that runs in one transaction.

    With `every` it is also a sweep: the scheduler sends it that often, without arguments.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: object) -> None:
            with transaction(worker_engine()) as session:
                function(session, *arguments)

        _add(name, run, every)
        return function

    return register


def engine_task(name: str, *, every: timedelta | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a task whose first parameter is the engine: it makes several short transactions of its own.

    For work that talks to the world between two of them and must not hold the database meanwhile.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        # Celery spells the signature out again, so a lambda will not do.
        def run(*arguments: object) -> None:
            function(worker_engine(), *arguments)

        _add(name, run, every)
        return function

    return register


def send(session: Session, name: str, *arguments: int) -> None:
    """Wake a worker for `name` once the transaction stands.

    A broker that is away is no error: the sweep finds the work.
    """

    def deliver() -> None:
        try:
            app.send_task(name, args=arguments, retry=False)
        except Exception as error:  # noqa: BLE001 - the work stands already, whatever is wrong with the queue
            log.warning("queue unreachable, the sweep will find the work", task=name, error=error)

    after_commit(session, deliver)


@cache
def worker_engine() -> Engine:
    """Return the engine the tasks of this process use."""
    engine = open_engine(get_settings().database)
    event.listen(engine, "after_cursor_execute", lambda *_: watchdog.move())
    return engine


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _leave_the_parents_sockets(**_: object) -> None:
    # A forked child must not share the parent's connections, nor close them for the parent.
    if worker_engine.cache_info().currsize:
        worker_engine().dispose(close=False)


@task_prerun.connect  # type: ignore[untyped-decorator]
def _say_how_long(task: Any, **_: object) -> None:
    lane = LANES.get(task.name, Lane.QUICK)
    watchdog.begin(LIMITS[lane], most=MOST[lane])


@task_postrun.connect  # type: ignore[untyped-decorator]
def _say_it_is_done(**_: object) -> None:
    watchdog.end()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _say_who_works(sender: Any, **_: object) -> None:
    queues = ",".join(sorted(sender.app.amqp.queues.consume_from))
    heartbeats.keep_beating(worker_engine, Process.WORKER, str(sender.hostname), queues=queues)


@beat_init.connect  # type: ignore[untyped-decorator]
def _say_who_schedules(**_: object) -> None:
    heartbeats.keep_beating(worker_engine, Process.SCHEDULER, os.uname().nodename)


def _add(name: str, run: Callable[..., None], every: timedelta | None) -> None:
    app.task(run, name=name)
    if every:
        # A sweep nobody took before the next one is due would only do the same again.
        pause = every.total_seconds()
        _sweeps[name] = {"task": name, "schedule": pause, "options": {"expires": pause}}


def embedded_queue(settings: Settings) -> Path:
    """Return the folder of the queue that needs no server."""
    return settings.home.resolve() / "queue"


def empty_embedded_queue(settings: Settings) -> None:
    """Forget every message, before anybody works: the queue holds no truth, and old messages only delay new ones."""
    shutil.rmtree(embedded_queue(settings), ignore_errors=True)


@task("retention.say_that_sweeps_run", every=heartbeats.EVERY)
def say_that_sweeps_run(session: Session) -> None:
    """Leave a sign that scheduler, queue and workers are at work together; forget the old ones."""
    now = clock.now()
    heartbeats.beat(session, Process.SWEEPS, Lane.QUICK, at=now)
    heartbeats.forget_old(session, at=now)
