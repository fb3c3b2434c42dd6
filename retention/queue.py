"""The queue wakes workers; it never holds the truth.

A task is one transaction, carries ids only, may run twice, and does nothing when the row says done. Losing every
message costs minutes: the sweeps named here find what is due from the rows.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import structlog
from celery import Celery
from celery.signals import worker_process_init
from kombu.exceptions import OperationalError
from sqlalchemy.engine import Engine
from sqlmodel import Session

from retention.database import after_commit, open_engine, transaction
from retention.settings import Settings, get_settings

log = structlog.get_logger()

app = Celery("regulars", set_as_current=True)

_sweeps: dict[str, dict[str, Any]] = {}


def configure(settings: Settings) -> Celery:
    """Point the Celery app at this installation's broker and return it."""
    app.conf.update(
        broker_url=settings.broker_url or "filesystem://",
        broker_transport_options={} if settings.broker_url else _filesystem_queue(settings),
        broker_connection_retry_on_startup=True,
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        timezone="UTC",
        beat_schedule=_sweeps,
        beat_schedule_filename=str(settings.home / "beat-schedule"),
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
        except (*app.connection_for_write().connection_errors, OperationalError, OSError) as error:
            log.warning("queue unreachable, the sweep will find the work", task=name, error=str(error))

    after_commit(session, deliver)


@cache
def worker_engine() -> Engine:
    """Return the engine the tasks of this process use."""
    return open_engine(get_settings().database)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _leave_the_parents_sockets(**_: object) -> None:
    # A forked child must not share the parent's connections, nor close them for the parent.
    if worker_engine.cache_info().currsize:
        worker_engine().dispose(close=False)


def _add(name: str, run: Callable[..., None], every: timedelta | None) -> None:
    app.task(run, name=name)
    if every:
        # A sweep nobody took before the next one is due would only do the same again.
        pause = every.total_seconds()
        _sweeps[name] = {"task": name, "schedule": pause, "options": {"expires": pause}}


def _filesystem_queue(settings: Settings) -> dict[str, str]:
    folder = settings.home / "queue"
    for name in ("messages", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # In and out are one folder: every process both sends and receives.
    return {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
    }
