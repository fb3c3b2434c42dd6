"""Rows between polars and the database, many at a time: staged, merged by statements, looked up by their keys.

What is to be merged by a statement lands in a temporary table first; what is new goes straight into its table.
A session that `write_nothing` was called for goes the same way and leaves the database as it is: what would be written
is shown to a watcher instead.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

import polars as pl
import sqlalchemy as sa
from sqlmodel import Session

from retention.database import is_postgresql
from retention.row_writing import settled, write_rows, writing_behind


class ColumnKind(StrEnum):
    """Types of staged columns."""

    TEXT = "text"
    WHOLE = "bigint"
    TIME = "time"
    DATE = "date"
    FLAG = "flag"
    KEY = "key"


_JOURNAL = "staging_journal"
_DRY = "staging_dry"
_FEW = 2000
_PARTS_AHEAD = 4

_POSTGRESQL = {
    ColumnKind.TEXT: "text",
    ColumnKind.WHOLE: "bigint",
    ColumnKind.TIME: "timestamptz",
    ColumnKind.DATE: "date",
    ColumnKind.FLAG: "boolean",
    ColumnKind.KEY: "bigint PRIMARY KEY",
}
_SQLITE = {
    ColumnKind.TEXT: "text",
    ColumnKind.WHOLE: "integer",
    ColumnKind.TIME: "text",
    ColumnKind.DATE: "text",
    ColumnKind.FLAG: "integer",
    ColumnKind.KEY: "integer PRIMARY KEY",
}


_FRAME: dict[ColumnKind, Any] = {
    ColumnKind.TEXT: pl.String,
    ColumnKind.WHOLE: pl.Int64,
    ColumnKind.KEY: pl.Int64,
    ColumnKind.FLAG: pl.Boolean,
    ColumnKind.TIME: pl.Datetime("us", "UTC"),
    ColumnKind.DATE: pl.String,
}


class Watcher:
    """Sees what would be written by a session that writes nothing, and gives out row numbers that nobody has."""

    def __init__(self, staged: Callable[[str, pl.DataFrame], None]) -> None:
        self.staged = staged
        self._given: Counter[str] = Counter()

    def numbers(self, session: Session, table: str, count: int) -> pl.Series:
        """Return row numbers beyond those of the table."""
        first = self._given[table] or _last_number(session, table) + 1
        self._given[table] = first + count
        return pl.int_range(first, first + count, eager=True).alias("id")


def write_nothing(session: Session, staged: Callable[[str, pl.DataFrame], None]) -> None:
    """Have the functions of this module read only: `staged` gets each table's name and the rows meant for it."""
    session.info[_DRY] = Watcher(staged)


def writes(session: Session) -> bool:
    """Tell whether what a session does is written."""
    return _DRY not in session.info


def watch(session: Session, name: str, rows: Callable[[], pl.DataFrame]) -> None:
    """Show rows to the watcher of a session that writes nothing; in others they are not even made."""
    if not writes(session):
        session.info[_DRY].staged(name, rows())


class Journal(Protocol):
    """Is told what is about to change and what was added, so that it can be taken back."""

    def added(self, table: str, rows: pl.DataFrame) -> None:
        """Take rows that were added."""
        ...

    def before(self, table: str, where: str, values: Mapping[str, Any]) -> None:
        """Take the rows as they are which a statement is about to change."""
        ...

    def insert(self, table: str, statement: str, values: Mapping[str, Any]) -> int:
        """Run a statement that adds rows, and take these."""
        ...


def keep_journal(session: Session, journal: Journal | None) -> None:
    """Have the functions of this module tell a journal what they change; with None no longer."""
    session.info[_JOURNAL] = journal


def keep_before(session: Session, table: str, where: str, **values: Any) -> None:
    """Say which rows of a table a statement is about to change or delete: those of the shop where `where` is true."""
    journal: Journal | None = session.info.get(_JOURNAL)
    if journal:
        journal.before(table, where, values)


def insert_new(session: Session, table: str, statement: str, **values: Any) -> int:
    """Run an INSERT into a table and return how many rows it added or, by ON CONFLICT, changed."""
    journal: Journal | None = session.info.get(_JOURNAL)
    return journal.insert(table, statement, values) if journal else run(session, statement, **values)


def create_staging(session: Session, name: str, columns: Mapping[str, ColumnKind]) -> None:
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
    journal: Journal | None = session.info.get(_JOURNAL)
    if journal:
        journal.added(name, frame)
    if writes(session):
        write_rows(session, name, frame)
    else:
        session.info[_DRY].staged(name, frame)


def take_turn(session: Session, shop_id: int) -> None:
    """Wait for other imports into the shop to end. Two that name the same new buyer would both add them.

    SQLite has one writer at a time anyway.
    """
    if is_postgresql(session):
        run(session, "SELECT pg_advisory_xact_lock(hashtext('regulars.ingest'), CAST(:shop AS integer))", shop=shop_id)


def settle(session: Session, *names: str) -> None:
    """Tell PostgreSQL's planner how large the staging tables have become."""
    if is_postgresql(session):
        for name in names:
            run(session, f"ANALYZE {name}")


def settle_grown(session: Session, *names: str) -> None:
    """Tell PostgreSQL's planner about tables that have rows and of which it knows nothing, or a tenth at most.

    It would take a shop's part of such a table for one row and seek keys in the wrong index. What it knows well enough
    is left alone: ANALYZE keeps others from the same until the end of the transaction.
    """
    if is_postgresql(session):
        # -1 rows stand for nothing known; less than a row a page is what is left of many.
        query = """
            SELECT relname FROM pg_class WHERE oid = ANY(CAST(:names AS regclass[])) AND pg_relation_size(oid) > 0
              AND (reltuples < relpages OR pg_relation_size(oid) > 10 * 8192 * greatest(relpages, 1))
            """
        settle(session, *sorted(str(name) for (name,) in fetch_all(session, query, names=list(names))))


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
    """Run one statement and return how many rows it touched; none where nothing is to be written."""
    if not writes(session):
        return 0
    result = settled(session).execute(sa.text(statement), values)
    return result.rowcount  # type: ignore[no-any-return, attr-defined, unused-ignore]


def fetch(session: Session, statement: str, **values: Any) -> Any:
    """Return the one row of a query."""
    return settled(session).execute(sa.text(statement), values).one()


def fetch_all(session: Session, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return [tuple(row) for row in settled(session).execute(sa.text(statement), values)]


def look_up(
    session: Session,
    table: str,
    keys: pl.Series,
    match: str,
    columns: Mapping[str, tuple[str, ColumnKind]],
    **values: Any,
) -> pl.DataFrame:
    """Return the rows `t` of a table that match one of the keys, `s.value`, as a frame of `columns` (expression, kind).

    Only rows of the shop `:shop` are meant; moments are in UTC. Each key is sought in the table's index, whatever the
    planner thinks of it: PostgreSQL by the subquery, whose shop it does not see and so cannot take for a small one, and
    SQLite by the order CROSS JOIN stands for. The time depends on the number of keys and not on what the table holds.
    """
    postgresql = is_postgresql(session)
    schema = pl.Schema({name: _FRAME[kind] for name, (_, kind) in columns.items()})
    if postgresql:
        whole = keys.dtype.is_integer()
        source = f"""unnest(CAST(:keys AS {"bigint" if whole else "text"}[])) AS s(value) CROSS JOIN LATERAL (
            SELECT * FROM {table} AS t WHERE t.shop_id = (SELECT CAST(:shop AS bigint)) AND {match} OFFSET 0) AS t"""  # noqa: S608
        bound: Any = keys.to_list()
    else:
        source = f"json_each(:keys) AS s CROSS JOIN {table} AS t WHERE t.shop_id = :shop AND {match}"
        bound = json.dumps(keys.to_list())
    expressions = (
        f"({expression}) AT TIME ZONE 'UTC'" if kind is ColumnKind.TIME and postgresql else expression
        for expression, kind in columns.values()
    )
    query = sa.text(f"SELECT {', '.join(expressions)} FROM {source}")  # noqa: S608 - our own names
    cursor = settled(session).execute(query, {"keys": bound, **values}).cursor
    rows = cursor.fetchall() if cursor else []  # the driver's own rows: a third of the time
    plain = {name: _plain(kind, postgresql=postgresql) for name, (_, kind) in columns.items()}
    frame = pl.DataFrame(rows, schema=plain, orient="row")
    times = [name for name, (_, kind) in columns.items() if kind is ColumnKind.TIME]
    moments = pl.col(times) if postgresql else pl.col(times).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    return frame.with_columns(moments.dt.replace_time_zone("UTC")).cast(schema) if times else frame.cast(schema)


def delete_matching(session: Session, table: str, column: str, keys: Sequence[int], *, shop: int) -> None:
    """Delete the rows of the shop whose `column` holds one of the keys."""
    postgresql = is_postgresql(session)
    among = "= ANY(:keys)" if postgresql else "IN (SELECT value FROM json_each(:keys))"
    bound = keys if postgresql else json.dumps(keys)
    keep_before(session, table, f"{column} {among}", keys=bound)
    run(session, f"DELETE FROM {table} WHERE shop_id = :shop AND {column} {among}", shop=shop, keys=bound)  # noqa: S608


def nothing_found(columns: Mapping[str, tuple[str, ColumnKind]]) -> pl.DataFrame:
    """Return what `look_up` returns when no row matches."""
    return pl.DataFrame(schema={name: _FRAME[kind] for name, (_, kind) in columns.items()})


def new_ids(session: Session, table: str, count: int) -> pl.Series:
    """Return `count` row numbers nobody else gets, rising."""
    if not count:
        return pl.Series("id", [], pl.Int64)
    if not writes(session):
        watcher: Watcher = session.info[_DRY]
        return watcher.numbers(session, table, count)
    behind = writing_behind(session)
    if behind is None:
        return _take_numbers(session, table, count)
    ahead = behind.numbers.get(table)
    if ahead is None:
        ahead = _take_numbers(session, table, count)
    elif len(ahead) < count:  # there will be more parts like this one; what was left is nobody's
        ahead = _take_numbers(session, table, count * _PARTS_AHEAD)
    behind.numbers[table] = ahead.slice(count)
    return ahead.head(count)


def _take_numbers(session: Session, table: str, count: int) -> pl.Series:
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
    last = _last_number(session, table)
    return pl.int_range(last + 1, last + 1 + count, eager=True).alias("id")


def _last_number(session: Session, table: str) -> int:
    """Return the highest row number that a table has and, on SQLite, ever had."""
    last = fetch(session, f"SELECT coalesce(max(id), 0) FROM {table}")[0]  # noqa: S608 - our own name
    if not is_postgresql(session):
        last = max(last, *fetch(session, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :t", t=table))
    return int(last)


def _plain(kind: ColumnKind, *, postgresql: bool) -> Any:
    if kind is ColumnKind.TIME:
        return pl.Datetime("us") if postgresql else pl.String
    return pl.Int64 if kind is ColumnKind.FLAG and not postgresql else _FRAME[kind]


def _temporary(session: Session) -> str:
    return "pg_temp" if is_postgresql(session) else "temp"
