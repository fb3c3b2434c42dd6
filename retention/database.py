"""The database, SQLite or PostgreSQL: connections, transactions, and the statements in which the two differ.

One request or task is one transaction, committed here and nowhere else. What must happen outside (queue a task, delete
a file) is handed to `after_commit` and runs only when the commit stood.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from time import monotonic
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, CursorResult, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import Field, Session, SQLModel, col

from retention.column_limits import check_rows, check_statement

event.listen(Session, "before_flush", check_rows)
event.listen(Engine, "before_execute", check_statement)

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Row numbers: SQLite numbers rows by itself only for INTEGER."""

Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
"""A JSON value; binary on PostgreSQL."""

_PATIENCE = 10.0
"""Seconds a request waits for a connection while all are in use."""

_CACHE, _LARGE_CACHE = 65_536, 24_576
"""Pages SQLite holds, in KiB. A large transaction mostly appends, and sorts indexes in as much again."""

_READ_ONLY = "regulars_read_only"
_NO_TRANSACTION = "regulars_no_transaction"
_AFTER_COMMIT = "after_commit"


class ShopRow(SQLModel):
    """A row that belongs to one shop. `shop_id` leads every unique key and index, and is the future shard key."""

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    shop_id: int = Field(foreign_key="shops.id", sa_type=BigId)


def choice(kind: type[StrEnum]) -> sa.Enum:
    """Return the column type of an enumeration: its values as text, with a CHECK."""
    return sa.Enum(
        kind,
        name=kind.__name__.lower(),
        native_enum=False,
        create_constraint=True,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )


def open_engine(url: str) -> Engine:
    """Return an engine for a SQLite or PostgreSQL address. Its errors tell no value of a statement."""
    patient: dict[str, Any] = {"pool_timeout": _PATIENCE, "hide_parameters": True}
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"check_same_thread": False, "timeout": 30}, **patient)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20, **patient)


def open_watching_engine(url: str) -> Engine:
    """Return an engine for whoever looks whether the database is well: it shares no pool and waits for nobody."""
    if url.startswith("sqlite"):
        hurry = {"check_same_thread": False, "timeout": 1}
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=hurry, hide_parameters=True)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    patience = {"connect_timeout": 3, "options": "-c statement_timeout=3000"}
    return sa.create_engine(url, poolclass=sa.NullPool, connect_args=patience, hide_parameters=True)


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Run the body in one transaction: committed at its end, rolled back on any exception."""
    with Session(engine, expire_on_commit=False) as session:
        with session.begin():
            yield session
        for action in session.info.pop(_AFTER_COMMIT, []):
            action()


@contextmanager
def hurried(engine: Engine, *, wait: timedelta) -> Iterator[Session]:
    """Run the body like `transaction`, but give up (OperationalError) where others hold the locks longer than `wait`.

    For what a person waits for and may do without.
    """
    with (
        engine.connect() as connection,
        _impatient(connection, wait),
        Session(connection, expire_on_commit=False) as session,
    ):
        yield session
        session.flush()
    for action in session.info.pop(_AFTER_COMMIT, []):
        action()


@contextmanager
def large_transaction(engine: Engine) -> Iterator[Session]:
    """Run the body like `transaction`, made for millions of rows.

    Temporary tables are on disk and may outgrow the memory. On SQLite foreign keys are not checked row by row; the
    body may only refer to rows it has looked up or made. PostgreSQL plans every statement of the driver again, for the
    tables grow under it (its own checks of foreign keys keep their plans: they are one a row), and compiles none, for
    that takes longer than running ours.
    """
    with engine.connect() as connection:
        driver = cast("Any", connection.connection.dbapi_connection)
        if engine.dialect.name != "sqlite":
            usual, driver.prepare_threshold = driver.prepare_threshold, None
            try:
                with transaction(cast("Engine", connection)) as session:
                    session.connection().exec_driver_sql("SET LOCAL jit = off")
                    yield session
            finally:
                driver.prepare_threshold = usual
            return
        for pragma in ("temp_store=FILE", "foreign_keys=OFF", f"cache_size=-{_LARGE_CACHE}"):
            driver.execute(f"PRAGMA {pragma}")
        try:
            with transaction(cast("Engine", connection)) as session:
                yield session
        finally:
            for pragma in ("temp_store=MEMORY", "foreign_keys=ON", f"cache_size=-{_CACHE}"):
                driver.execute(f"PRAGMA {pragma}")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Run the body in a transaction that writes nothing and waits for no writer."""
    with Session(engine.execution_options(**{_READ_ONLY: True}), expire_on_commit=False) as session:
        yield session
    for action in session.info.pop(_AFTER_COMMIT, []):
        action()


@contextmanager
def looking(engine: Engine) -> Iterator[Session]:
    """Run the body without a transaction: each statement reads what stands at its moment, and none can write.

    For what looks into the database for minutes; it keeps nobody waiting and holds no snapshot.
    """
    sqlite = engine.dialect.name == "sqlite"
    begin, end = ("PRAGMA query_only = ON", "PRAGMA query_only = OFF") if sqlite else _READING_ONLY
    with engine.connect() as connection:
        connection.execution_options(**{_READ_ONLY: True, _NO_TRANSACTION: True})
        if not sqlite:
            connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(begin)
        try:
            with Session(connection, expire_on_commit=False) as session:
                yield session
        finally:
            connection.exec_driver_sql(end)


_READING_ONLY = "SET default_transaction_read_only = on", "RESET default_transaction_read_only"


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` once this session's transaction has been committed; never when it is rolled back."""
    session.info.setdefault(_AFTER_COMMIT, []).append(action)


def write_aside(session: Session, action: Callable[[Session], None]) -> None:
    """Run `action` after this session, in a short transaction of its own that gives up where others hold the locks.

    For what may be lost, such as a cache: neither the work at hand nor anybody else's waits for it or fails with it.
    """
    bind = session.get_bind()
    engine = (bind if isinstance(bind, Engine) else bind.engine).execution_options(**{_READ_ONLY: False})

    def write() -> None:
        with (
            suppress(OperationalError),
            engine.connect() as connection,
            _impatient(connection, timedelta(milliseconds=100)),
            Session(connection) as own,
        ):
            action(own)
            own.flush()

    after_commit(session, write)


def write_after(session: Session, action: Callable[[Session], None]) -> None:
    """Run `action` after this session, in a transaction of its own that waits its turn like any other.

    For what a reader must leave behind, such as the record of an export: it holds no lock while it reads.
    """
    bind = session.get_bind()
    engine = (bind if isinstance(bind, Engine) else bind.engine).execution_options(**{_READ_ONLY: False})

    def write() -> None:
        with transaction(engine) as own:
            action(own)

    after_commit(session, write)


def lock(session: Session, row: SQLModel) -> None:
    """Hold `row` until the transaction ends, and reload it: whoever held it before may have changed it.

    What this transaction changed of it is written first; reloading would lose it.
    """
    session.flush()
    session.refresh(row, with_for_update=True)


class Horizon(NamedTuple):
    """Where the writers stand: all numbered below `ended` are over, all that write by now are below `begun`."""

    ended: int
    begun: int


def horizon(session: Session) -> Horizon:
    """Return which transactions are over. Nothing that one below `ended` wrote appears from now on.

    A row gets its number before its transaction commits, so on PostgreSQL a lower number may appear after a higher one,
    hours later if need be. On SQLite writers follow one another and rows appear in the order of their numbers.
    """
    if not is_postgresql(session):
        return Horizon(0, 0)
    seen = "pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text"
    ended, begun = session.execute(sa.text(f"SELECT {seen}")).one()
    return Horizon(int(ended), int(begun))


def storable(text: str, most: int) -> str:
    """Return what another side said as a row can keep it: without NUL and half characters, cut to `most`."""
    return text.replace("\0", "").encode(errors="replace").decode()[:most]


def reached(moment: Any, at: datetime, *, longest: timedelta) -> sa.ColumnElement[bool]:
    """Return the condition that a moment has come which was set at most `longest` ahead.

    One that is further away was set by a clock that was ahead, and has been put right since: nothing waits for it.
    """
    return sa.or_(col(moment) <= at, col(moment) > at + longest)


def insert_rows(session: Session, table: type[SQLModel], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Store many rows at once: COPY on PostgreSQL, executemany on SQLite. Values are what the driver takes."""
    connection = session.connection()
    names = ", ".join(columns)
    target = table.__tablename__
    cursor = connection.connection.cursor()
    try:
        if is_postgresql(session):
            with cursor.copy(f"COPY {target} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(columns))
            driver = cast("Any", cursor)  # SQLite takes any iterable, so rows may stream
            driver.executemany(f"INSERT INTO {target} ({names}) VALUES ({marks})", rows)  # noqa: S608 - our own names
    finally:
        cursor.close()


def as_stored(session: Session, at: datetime) -> datetime | str:
    """Return a moment as `insert_rows` needs it: SQLite keeps UTC as text without a zone, in SQLAlchemy's spelling."""
    return at if is_postgresql(session) else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class TimedOut(Exception):
    """A statement was given up for it took longer than it may."""


@contextmanager
def time_limit(session: Session, seconds: float) -> Iterator[None]:
    """Give up on statements of the body `seconds` from now, as TimedOut. What the session read before stays good.

    PostgreSQL counts again for each statement: who runs several looks at the time between them.
    """
    limit = _limit_postgresql if is_postgresql(session) else _limit_sqlite
    try:
        with limit(session, seconds):
            yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _CANCELLED or str(error.orig) == _INTERRUPTED:
            raise TimedOut from error
        raise


_CANCELLED, _INTERRUPTED = "57014", "interrupted"


@contextmanager
def _limit_postgresql(session: Session, seconds: float) -> Iterator[None]:
    with session.begin_nested():  # a cancelled statement ends its transaction; here, only as far as this
        session.connection().exec_driver_sql(f"SET LOCAL statement_timeout = {max(round(seconds * 1000), 1)}")
        yield
        session.connection().exec_driver_sql("SET LOCAL statement_timeout TO DEFAULT")


@contextmanager
def _limit_sqlite(session: Session, seconds: float) -> Iterator[None]:
    driver = cast("Any", session.connection().connection.driver_connection)
    ends_at = monotonic() + seconds
    driver.set_progress_handler(lambda: monotonic() > ends_at, 20_000)  # every few milliseconds
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def is_reading(session: Session) -> bool:
    """Tell whether a session only reads, as that of a page does."""
    return bool(session.get_bind().get_execution_options().get(_READ_ONLY, False))


def insert(session: Session, table: type[SQLModel]) -> postgresql.Insert | sqlite.Insert:
    """Return this database's INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if is_postgresql(session) else sqlite.insert(table)


def changed(session: Session, statement: UpdateBase) -> int:
    """Run an INSERT, UPDATE or DELETE and return how many rows it touched: the answer of a conditional claim."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def is_postgresql(session: Session) -> bool:
    """Tell which of the two databases this session speaks to."""
    return session.get_bind().dialect.name == "postgresql"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late for savepoints and reads; ours is sent by _begin_sqlite.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "temp_store=MEMORY",
        f"cache_size=-{_CACHE}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("translate", 3, _translate, deterministic=True)


@cache
def _signs(old: str, new: str) -> dict[int, str]:
    return {ord(sign): new[place : place + 1] for place, sign in enumerate(old)}


def _translate(text: str | None, old: str, new: str) -> str | None:
    """Do in SQLite what PostgreSQL's function of that name does."""
    return text.translate(_signs(old, new)) if text is not None else None


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another wrote in between; taking the write lock
    # at the start makes it wait instead.
    options = connection.get_execution_options()
    if options.get(_NO_TRANSACTION, False):
        return
    reads = options.get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _impatient(connection: Connection, wait: timedelta) -> Iterator[None]:
    """Run the body in a transaction that waits only so long for a lock, not half a minute."""
    milliseconds = int(wait / timedelta(milliseconds=1))
    if connection.dialect.name == "postgresql":
        with connection.begin():
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
            yield
        return
    driver = cast("Any", connection.connection.driver_connection)
    driver.execute(f"PRAGMA busy_timeout={milliseconds}")
    try:
        with connection.begin():
            yield
    finally:
        driver.execute("PRAGMA busy_timeout=30000")
