"""Migration of the database to the newest schema; the revisions are in `alembic/versions`.

It names no table: the migrations and the models declare them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, event, pool, text
from sqlmodel import SQLModel

from retention.errors import Conflict, Error
from retention.i18n import gettext_noop
from retention.schema import lacking, names_in

# Any constant does, as long as every release takes the same one.
_UPGRADE_LOCK = 8_247_431_906


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision`, in one transaction: it is at the new shape or untouched.

    Several processes may call it at once; one does the work, the others wait and find it done. Conflict when the
    database is not one that can be upgraded, or lacks something although its migrations have run.
    """
    with connect(url) as connection:
        if (reason := refusal(connection)) is not None:
            raise reason
    command.upgrade(configuration(url), revision)
    if revision == "head":
        with connect(url) as connection:
            if (reason := unfitness(connection, SQLModel.metadata)) is not None:
                raise reason


def downgrade(url: str, revision: str = "base") -> None:
    command.downgrade(configuration(url), revision)


def is_current(connection: Connection) -> bool:
    """Whether the database is at the newest migration this code knows."""
    return _heads(connection) == {newest()}


def refusal(connection: Connection) -> Error | None:
    """Return why no migration can be applied to this database; None when one can."""
    heads = _heads(connection)
    if unknown := heads - known():
        return Conflict(
            gettext_noop(
                "The database is at revision {revision}, which this release does not know: a newer release has "
                "upgraded it. Install that release, or restore the backup made before."
            ),
            revision=", ".join(sorted(unknown)),
        )
    if not heads and "shops" in (tables := names_in(connection).columns) and "buyers" in tables:
        return Conflict(
            gettext_noop(
                "The database has tables of Regulars but no revision number, so what they need is not known. Restore "
                "it from a backup, or name an empty database."
            )
        )
    return None


def unfitness(connection: Connection, metadata: MetaData) -> Error | None:
    """Return why this release cannot work with this database as it is; None when it can."""
    if (reason := refusal(connection)) is not None:
        return reason
    if not is_current(connection):
        return Conflict(
            gettext_noop("The database is at revision {revision} and needs: regulars db upgrade"),
            revision=", ".join(sorted(_heads(connection))) or "0",
        )
    if (lacks := lacking(connection, metadata)).needed:
        return Conflict(
            gettext_noop(
                "The database is at the newest revision and yet lacks {names}. Restore it from a backup, or export "
                "what you need and import it into a new one."
            ),
            names=lacks.named,
        )
    return None


def slackness(connection: Connection, metadata: MetaData) -> str:
    """Return which indexes and foreign keys a database that can be worked with lacks; empty when it has all."""
    lacks = lacking(connection, metadata)
    return "" if lacks.needed else lacks.named


@cache
def newest() -> str:
    """Return the newest migration this code knows."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


@cache
def known() -> frozenset[str]:
    """Return every migration this code knows."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(configuration()).walk_revisions())


def _heads(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def configuration(url: str = "") -> Config:
    """Alembic's settings for this database. The address travels as an attribute, where `%` needs no escape."""
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return config


def folder() -> Path:
    """Where the migrations are: inside the installed package, or beside the packages in a checkout.

    The installed place is looked at first: beside an installed package, `alembic` is the library of that name.
    """
    here = Path(__file__).resolve().parent
    installed = here / "migrations"
    return installed if installed.is_dir() else here.parent / "alembic"


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection fit for changing tables, which differs from the one the application works with.

    On SQLite a table is changed by building its successor and dropping it; with foreign keys enforced, the drop would
    empty every table that points at it. And Python's driver begins a transaction too late to cover CREATE and DROP.
    """
    engine = create_engine(url, poolclass=pool.NullPool, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _make_folder(engine.url.database)
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_for_writing)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def take_turn(connection: Connection) -> None:
    """Wait for another process that migrates, but never make the shop wait behind us for a table lock.

    On SQLite the transaction itself has taken the only write lock there is.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))


def _make_folder(database: str | None) -> None:
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)


def _leave_transactions_to_us(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None
    dbapi_connection.execute("PRAGMA foreign_keys = OFF")
    dbapi_connection.execute("PRAGMA busy_timeout = 30000")


def _begin_for_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
