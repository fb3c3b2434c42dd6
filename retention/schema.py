"""Whether a database has the tables, columns and keys that the code declares, and which are missing.

The number of its migration does not say so: a table may have been dropped, or the migration have been another one. The
look costs a few catalogue queries and keeps nothing, so it holds for the database as it is now.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

_MOST_NAMED = 5


@dataclass(frozen=True)
class Lacking:
    """What the code declares and the database has not. Without `needed` it fails, else it is slow or lax."""

    needed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """The first few by name."""
        names = (*self.needed, *self.others)
        more = f" (+{len(names) - _MOST_NAMED})" if len(names) > _MOST_NAMED else ""
        return ", ".join(names[:_MOST_NAMED]) + more


@dataclass(frozen=True)
class Names:
    """The tables of a database with their columns, and what its constraints and indexes are called."""

    columns: dict[str, set[str]]
    keys: set[str]


def lacking(connection: Connection, metadata: sa.MetaData) -> Lacking:
    """Compare a database with the declared tables."""
    found = names_in(connection)
    needed: list[str] = []
    others: list[str] = []
    for table in metadata.sorted_tables:
        if table.name not in found.columns:
            needed.append(f"table {table.name}")
            continue
        there = found.columns[table.name]
        needed += [f"{table.name}.{column.name}" for column in table.columns if column.name not in there]
        for name, is_unique in _keys(connection, table):
            if name not in found.keys:
                (needed if is_unique else others).append(name)
    return Lacking(tuple(needed), tuple(others))


def names_in(connection: Connection) -> Names:
    """Read what there is, of the tables that a statement without a schema's name finds first."""
    return (_names_postgresql if connection.dialect.name == "postgresql" else _names_sqlite)(connection)


def _keys(connection: Connection, table: sa.Table) -> Iterable[tuple[str, bool]]:
    """Return the names of a table's unique keys, foreign keys and indexes as this database spells them."""
    preparer = connection.dialect.identifier_preparer
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint | sa.ForeignKeyConstraint):
            name = preparer.format_constraint(constraint)
            if name is not None:
                yield name.strip('"'), isinstance(constraint, sa.UniqueConstraint)
    for index in table.indexes:
        yield preparer.format_index(index).strip('"'), bool(index.unique)


def _names_sqlite(connection: Connection) -> Names:
    columns: dict[str, set[str]] = {}
    listed = connection.exec_driver_sql(
        "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    )
    for table, column in listed:
        columns.setdefault(table, set()).add(column)
    texts = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    keys: set[str] = set()
    for kind, name, text in texts:
        keys |= {name} if kind == "index" else set(re.findall(r'CONSTRAINT "?(\w+)"?', text))
    return Names(columns, keys)


def _names_postgresql(connection: Connection) -> Names:
    columns: dict[str, set[str]] = {}
    for table, column in _ask(
        connection,
        "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped "
        "AND relnamespace = current_schema()::regnamespace",
    ):
        columns.setdefault(table, set()).add(column)
    keys = _ask(
        connection,
        "SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace UNION "
        "SELECT relname FROM pg_class WHERE relkind IN ('i', 'I') AND relnamespace = current_schema()::regnamespace",
    )
    return Names(columns, {row[0] for row in keys})


def _ask(connection: Connection, statement: str) -> Iterable[Any]:
    return connection.exec_driver_sql(statement)
