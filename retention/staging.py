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
    KEY = "key"


_FEW = 2000

_POSTGRESQL = {
    Kind.TEXT: "text",
    Kind.WHOLE: "bigint",
    Kind.TIME: "timestamptz",
    Kind.DATE: "date",
    Kind.KEY: "bigint PRIMARY KEY",
}
_SQLITE = {
    Kind.TEXT: "text",
    Kind.WHOLE: "integer",
    Kind.TIME: "text",
    Kind.DATE: "text",
    Kind.KEY: "integer PRIMARY KEY",
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
    """Add rows to a staging table. The frame's columns are the table's; moments are in UTC."""
    if not frame.height:
        return
    frame = _spell_times(frame, "+00:00" if is_postgresql(session) else "")
    cursor = session.connection().connection.cursor()
    names = ", ".join(frame.columns)
    try:
        if is_postgresql(session):
            with cursor.copy(f"COPY {name} ({names}) FROM STDIN (FORMAT csv)") as copy:
                copy.write(frame.write_csv(include_header=False).encode())
        else:
            marks = ", ".join("?" * frame.width)
            cursor.executemany(f"INSERT INTO {name} ({names}) VALUES ({marks})", frame.rows())  # noqa: S608 - our names
    finally:
        cursor.close()


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


def _temporary(session: Session) -> str:
    return "pg_temp" if is_postgresql(session) else "temp"


def _spell_times(frame: pl.DataFrame, suffix: str) -> pl.DataFrame:
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(f"%Y-%m-%d %H:%M:%S%.6f{suffix}") for name in times)
