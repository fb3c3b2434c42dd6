"""Parts of an installation in which everything goes wrong that may quote a value: each fault holds all the secrets."""

import logging
import sys
import threading
import warnings
from collections.abc import Callable

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from api.app import create_app
from retention.database import open_engine, transaction
from retention.queue import engine_task
from retention.settings import get_settings

SECRETS = ("tok-Zq81xW", "CODE-7XKQ", "ada.noisy@buyers.example", "13900008888", "SELEKT-4711")
LINES = "\n".join(SECRETS)

library = logging.getLogger("some.package")


def twice_the_same(engine: Engine) -> None:
    """Break a unique constraint with a value that PostgreSQL quotes."""
    taken = sa.text("CREATE TABLE IF NOT EXISTS noisy (said VARCHAR(200) PRIMARY KEY)")
    for statement in (taken, sa.text("DELETE FROM noisy")):
        with transaction(engine) as session:
            session.execute(statement)
    with transaction(engine) as session:
        for _ in range(2):
            session.execute(sa.text("INSERT INTO noisy VALUES (:said)"), {"said": LINES})


def unfit_value(engine: Engine) -> None:
    """Hand the database what it cannot read, also within the statement."""
    with transaction(engine) as session:
        session.execute(sa.text(f"SELECT CAST('{SECRETS[0]}' AS INTEGER) + nothing(:said)"), {"said": LINES})


def wrapped(engine: Engine) -> None:
    try:
        twice_the_same(engine)
    except DBAPIError as error:
        raise RuntimeError(LINES) from error


def in_the_message(_: Engine) -> None:
    raise ValueError(LINES)


def as_a_key(_: Engine) -> None:
    {}[LINES]


def several(_: Engine) -> None:
    raise ExceptionGroup(LINES, [ValueError(LINES), KeyError(LINES)])


def no_file(_: Engine) -> None:
    with open(f"/nowhere/{SECRETS[0]}", encoding="utf-8"):  # noqa: PTH123 - as a library would
        pass


def said_by_a_library(_: Engine) -> None:
    """Log, warn and lose an error in a thread, as libraries do."""
    library.warning(LINES)
    library.error("%s of %s", LINES, SECRETS[2])
    library.error("%(name)s %(args)s", {"name": "a.task", "args": LINES})
    library.warning("%d %s", 1, ValueError(LINES))
    library.warning("the number of values is wrong %s", *SECRETS)
    try:
        in_the_message(_)
    except ValueError:
        library.exception("for %r", SECRETS[0])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = _shown
        warnings.warn(LINES, stacklevel=1)
    thread = threading.Thread(target=in_the_message, args=(None,))
    thread.start()
    thread.join()


_shown = warnings.showwarning

FAULTS: dict[str, Callable[[Engine], None]] = {
    each.__name__: each
    for each in (
        twice_the_same,
        unfit_value,
        wrapped,
        in_the_message,
        as_a_key,
        several,
        no_file,
        said_by_a_library,
    )
}


def noisy(app: FastAPI) -> FastAPI:
    """Give an application an address below which each fault happens."""

    @app.post("/q/{token}/{fault}/{code}")
    def fail(token: str, fault: str, code: str, body: dict[str, str]) -> str:
        FAULTS[fault](app.state.engine)
        return f"{token} {code} {body}"

    return app


def web() -> FastAPI:
    global _shown  # noqa: PLW0603 - what `create_app` has set up for warnings
    app = noisy(create_app())
    _shown = warnings.showwarning
    return app


def worker() -> None:
    """Work until the queue is empty of the faults, one of each."""
    global _shown  # noqa: PLW0603
    from api.worker import app

    _shown = warnings.showwarning
    for name, fault in FAULTS.items():
        engine_task(f"noisy.{name}")(_with_arguments(fault))
        app.send_task(f"noisy.{name}", args=[SECRETS[1]], kwargs={})
    app.start(["worker", "--pool", "solo", "--queues", "quick", "--without-gossip", "--without-mingle"])


def _with_arguments(fault: Callable[[Engine], None]) -> Callable[..., None]:
    def run(engine: Engine, *_: object) -> None:
        fault(engine)

    return run


def uncaught() -> None:
    """End a process by an error nobody catches."""
    from api.logs import configure_logs

    configure_logs()
    wrapped(open_engine(get_settings().database))


if __name__ == "__main__":
    {"worker": worker, "uncaught": uncaught}[sys.argv[1]]()
