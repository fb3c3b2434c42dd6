"""Rows for every table of whatever schema a database has: enough to see whether they survive a migration."""

import itertools
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap

LONG_AGO = datetime(2025, 3, 1, 8, tzinfo=UTC)


def fill(connection: sa.Connection, *, each: int = 2) -> dict[str, int]:
    """Put rows into every table that has none, the nth pointing at the nth of others; return how many."""
    known = sa.MetaData()
    known.reflect(connection)
    checks = {table: _choices(connection, table) for table in known.tables}
    numbers = itertools.count(1)
    for table in known.sorted_tables:
        if table.name != "alembic_version" and not _count(connection, table):
            for nth in range(each):
                connection.execute(table.insert().values(_row(connection, table, nth, checks[table.name], numbers)))
    return count(connection)


def load(connection: sa.Connection, path: Path) -> None:
    """Put the rows of a file in, which is {table: [{column: value}]} in an order that foreign keys allow."""
    known = sa.MetaData()
    known.reflect(connection)
    for name, rows in json.loads(path.read_text(encoding="utf-8")).items():
        columns = known.tables[name].columns
        for row in rows:
            values = {column: _read(columns[column], value) for column, value in row.items()}
            connection.execute(known.tables[name].insert().values(values))
        if connection.dialect.name == "postgresql" and "id" in columns:
            number = f"pg_get_serial_sequence('{name}', 'id')"
            connection.exec_driver_sql(f"SELECT setval({number}, max(id)) FROM {name}")


def _read(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(column.type, sa.DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC if column.type.timezone else None)
    return bytes.fromhex(value) if isinstance(column.type, sa.LargeBinary) else value


def count(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    known = sa.MetaData()
    known.reflect(connection)
    return {name: _count(connection, table) for name, table in known.tables.items() if name != "alembic_version"}


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _row(connection: sa.Connection, table: sa.Table, nth: int, choices: dict[str, str], numbers: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        number = next(numbers)
        targets = [key.column for key in column.foreign_keys]
        if targets and targets[0].table is not table:
            asked = sa.select(targets[0]).order_by(targets[0]).offset(nth).limit(1)
            row[column.name] = connection.scalar(asked)
        elif column.name in choices:
            row[column.name] = choices[column.name]
        elif not column.nullable and not (column.primary_key and column.name == "id"):
            row[column.name] = _value(column, number)
    return row


def _value(column: sa.Column[Any], number: int) -> Any:
    values: list[tuple[Any, Any]] = [
        (sa.JSON, {}),
        (sa.LargeBinary, BitMap([number]).serialize()),
        (sa.Boolean, False),
        (sa.DateTime, LONG_AGO.replace(tzinfo=UTC if getattr(column.type, "timezone", False) else None)),
        (sa.Integer | sa.Numeric | sa.Float, number),
    ]
    fitting = [value for kind, value in values if isinstance(column.type, kind)]
    return fitting[0] if fitting else f"v{number}"[: getattr(column.type, "length", None)]


def _choices(connection: sa.Connection, table: str) -> dict[str, str]:
    """Return a value that the CHECK of each column with an enumeration takes."""
    found = {}
    for check in sa.inspect(connection).get_check_constraints(table):
        column = re.search(r"\(*(\w+)\)*(?:::text)? (?:IN|=)", str(check["sqltext"]))
        value = re.search(r"'([^']*)'", str(check["sqltext"]))
        if column and value:
            found[column[1]] = value[1]
    return found
