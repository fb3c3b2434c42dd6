"""Temporary tables a file lands in before it is merged: filled by COPY on PostgreSQL and executemany on SQLite."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlmodel import Session

from retention.database import is_postgresql


class Kind(StrEnum):
    """Types of staged columns."""

    TEXT = "text"
    WHOLE = "bigint"
    TIME = "time"
    DATE = "date"
    FLAG = "flag"
    KEY = "key"


_FEW = 2000
_SLICE = 10_000  # rows turned into text or Python values at a time

_POSTGRESQL = {
    Kind.TEXT: "text",
    Kind.WHOLE: "bigint",
    Kind.TIME: "timestamptz",
    Kind.DATE: "date",
    Kind.FLAG: "boolean",
    Kind.KEY: "bigint PRIMARY KEY",
}
_SQLITE = {
    Kind.TEXT: "text",
    Kind.WHOLE: "integer",
    Kind.TIME: "text",
    Kind.DATE: "text",
    Kind.FLAG: "integer",
    Kind.KEY: "integer PRIMARY KEY",
}


_FRAME: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.WHOLE: pl.Int64,
    Kind.KEY: pl.Int64,
    Kind.FLAG: pl.Boolean,
    Kind.TIME: pl.Datetime("us", "UTC"),
    Kind.DATE: pl.String,
}


def create_staging(session: Session, name: str, columns: Mapping[str, Kind]) -> None:
    """Make an empty temporary table; it is gone with the transaction, and an old one of the name goes now."""
    types = _POSTGRESQL if is_postgresql(session) else _SQLITE
    body = ", ".join(f"{column} {types[kind]}" for column, kind in columns.items())
    run(session, f"DROP TABLE IF EXISTS {_temporary(session)}.{name}")
    run(session, f"CREATE TEMPORARY TABLE {name} ({body})" + (" ON COMMIT DROP" if is_postgresql(session) else ""))


def drop_staging(session: Session, *names: str) -> None:
    """Drop temporary tables at the end of their use, so that a pooled connection keeps none."""
    for name in names:
        run(session, f"DROP TABLE IF EXISTS {_temporary(session)}.{name}")


def stage(session: Session, name: str, frame: pl.DataFrame) -> None:
    """Add rows to a table, a staging one or a real one. The frame's columns are the table's; moments are in UTC."""
    if not frame.height:
        return
    cursor = session.connection().connection.cursor()
    names = ", ".join(frame.columns)
    try:
        if is_postgresql(session):
            with cursor.copy(f"COPY {name} ({names}) FROM STDIN (FORMAT csv)") as copy:
                for part in frame.iter_slices(_SLICE):
                    copy.write(_spell_times(part, "+00:00").write_csv(include_header=False).encode())
        else:
            _insert_many(cursor, name, frame)
    finally:
        cursor.close()


def _insert_many(cursor: Any, name: str, frame: pl.DataFrame) -> None:
    """Insert on SQLite, fifty rows a statement: the values are the same, the calls are a fiftieth."""
    width = frame.width
    marks = f"({', '.join('?' * width)})"
    statement = f"INSERT INTO {name} ({', '.join(frame.columns)}) VALUES {{}}"  # noqa: S608 - our own names
    fifty = statement.format(", ".join([marks] * 50))
    for part in frame.iter_slices(_SLICE):
        values: list[Any] = [None] * (width * part.height)
        for place, column in enumerate(_spell_times(part, "").get_columns()):
            values[place::width] = column.to_list()
        whole = part.height // 50 * 50 * width
        cursor.executemany(fifty, [values[k : k + 50 * width] for k in range(0, whole, 50 * width)])
        cursor.executemany(statement.format(marks), [values[k : k + width] for k in range(whole, len(values), width)])


def settle(session: Session, *names: str) -> None:
    """Tell PostgreSQL's planner how large the staging tables have become."""
    if is_postgresql(session):
        for name in names:
            run(session, f"ANALYZE {name}")


@contextmanager
def merging(session: Session, rows: int) -> Iterator[None]:
    """Plan the statements of a merge of `rows` rows for what they are, not for what the statistics remember.

    PostgreSQL plans by statistics that a growing table outruns: it takes one that was empty yesterday for empty, and
    compares every row with every other. Without nested loops it can do no such thing; few rows need no such care.
    """
    guarded = rows > _FEW and is_postgresql(session)
    if guarded:
        run(session, "SET LOCAL enable_nestloop = off")
    yield
    if guarded:
        run(session, "SET LOCAL enable_nestloop = on")


@contextmanager
def indexed_late(session: Session, *tables: str) -> Iterator[None]:
    """On SQLite, fill tables that are still empty without their indexes and make these at the end, in one sorted go.

    PostgreSQL would lock everybody out for it.
    """
    found: list[tuple[str, str]] = []
    if not is_postgresql(session):
        empty = [t for t in tables if not fetch(session, f"SELECT count(*) FROM (SELECT 1 FROM {t} LIMIT 1)")[0]]  # noqa: S608
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table"
        found = [(str(name), str(sql)) for table in empty for name, sql in fetch_all(session, query, table=table)]
    for name, _ in found:
        run(session, f"DROP INDEX {name}")
    yield
    for _, sql in found:
        run(session, sql)


def run(session: Session, statement: str, **values: Any) -> int:
    """Run one statement and return how many rows it touched."""
    result = session.connection().execute(sa.text(statement), values)
    return result.rowcount  # type: ignore[no-any-return, attr-defined, unused-ignore]


def fetch(session: Session, statement: str, **values: Any) -> Any:
    """Return the one row of a query."""
    return session.connection().execute(sa.text(statement), values).one()


def fetch_all(session: Session, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return [tuple(row) for row in session.connection().execute(sa.text(statement), values)]


def fetch_frame(
    session: Session,
    tail: str | None,
    shape: Mapping[str, Kind],
    columns: Mapping[str, str] | None = None,
    **values: Any,
) -> pl.DataFrame:
    """Return the rows of `SELECT columns tail` (FROM and on) as a frame of `shape`; an empty one without it.

    `columns` gives the expression behind each name; moments are in UTC.
    """
    schema = pl.Schema({name: _FRAME[kind] for name, kind in shape.items()})
    if tail is None:
        return pl.DataFrame(schema=schema)
    postgresql = is_postgresql(session)
    expressions = (
        f"({columns[name] if columns else name}) AT TIME ZONE 'UTC'"
        if kind is Kind.TIME and postgresql
        else (columns[name] if columns else name)
        for name, kind in shape.items()
    )
    query = sa.text(f"SELECT {', '.join(expressions)} {tail}")
    cursor = session.connection().execute(query, values).cursor
    rows = cursor.fetchall() if cursor else []  # the driver's own rows: a third of the time
    plain = {name: _plain(kind, postgresql=postgresql) for name, kind in shape.items()}
    frame = pl.DataFrame(rows, schema=plain, orient="row")
    times = [name for name, kind in shape.items() if kind is Kind.TIME]
    moments = pl.col(times) if postgresql else pl.col(times).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    return frame.with_columns(moments.dt.replace_time_zone("UTC")).cast(schema) if times else frame.cast(schema)


def new_ids(session: Session, table: str, count: int) -> pl.Series:
    """Return `count` row numbers nobody else gets, rising."""
    if not count:
        return pl.Series("id", [], pl.Int64)
    if is_postgresql(session):
        sequence = fetch(session, f"SELECT pg_get_serial_sequence('{table}', 'id')")[0]
        numbers = f"SELECT nextval('{sequence}') AS id FROM generate_series(1, :count)"  # noqa: S608 - our own name
        ends = f"SELECT min(id), max(id) FROM ({numbers}) AS n"  # noqa: S608 - our own name
        first, last = fetch(session, ends, count=count)
        if last - first + 1 == count:
            return pl.int_range(first, last + 1, eager=True).alias("id")
        # Somebody else took numbers meanwhile; ours have gaps, so other ones are taken and listed.
        return pl.Series("id", [row[0] for row in fetch_all(session, numbers, count=count)], pl.Int64)
    # The write lock is held from the beginning of a transaction, so nobody numbers rows meanwhile.
    last = fetch(session, f"SELECT coalesce(max(id), 0) FROM {table}")[0]  # noqa: S608 - our own name
    return pl.int_range(last + 1, last + 1 + count, eager=True).alias("id")


def _plain(kind: Kind, *, postgresql: bool) -> Any:
    if kind is Kind.TIME:
        return pl.Datetime("us") if postgresql else pl.String
    return pl.Int64 if kind is Kind.FLAG and not postgresql else _FRAME[kind]


def _temporary(session: Session) -> str:
    return "pg_temp" if is_postgresql(session) else "temp"


def _spell_times(frame: pl.DataFrame, suffix: str) -> pl.DataFrame:
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(f"%Y-%m-%d %H:%M:%S%.6f{suffix}") for name in times)
