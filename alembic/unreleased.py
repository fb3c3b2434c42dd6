"""Bring a database of the days before revision 0001 was frozen to the tables of 0001 as it stands.

Until then 0001 was rewritten in place 28 times, so a database may call itself 0001 and lack tables and columns, keep
narrower checks, or hold columns that went away. Such a database is copied, table by table, into tables made by 0001
itself; revisions that follow find what they expect. One that is right is only looked at. What cannot be carried over
is refused before anything is changed.
"""

# ruff: noqa: S608 - statements are put together from names of our own tables
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from retention.errors import Conflict

FIRST = "0001"
_ASIDE = "regulars_first_tables"
_EMPTY_BITMAP = {"sqlite": "X'3a30000000000000'", "postgresql": r"'\x3a30000000000000'"}

FILLS = {
    "bounces.report": "'row ' || id",
    "campaigns.topic": "''",
    "campaigns.trigger": "'{}'",
    "consents.topic": "''",
    "flyers.picture": "''",
    "partners.picture": "''",
    "posts.attempts": "0",
    "posts.campaign_id": "(SELECT campaign_id FROM runs AS run WHERE run.id = run_id)",
    "posts.token": "''",
    "products.brand": "''",
    "proofs.content": (
        """(SELECT '{"design": "' || design || '", "language": "' || language || '", "fields": {}, "pictures": {}, """
        """"targets": {}}' FROM flyers AS flyer WHERE flyer.id = flyer_id)"""
    ),
    "proofs.digest": "''",
    "proofs.profile": "'office'",
    "runs.control_share": "0",
    "runs.read_out_at": "planned_at",
    "runs.wave": "0",
    "segments.pinned_in": "empty bitmap",
    "segments.pinned_out": "empty bitmap",
    "segments.refreshed_from": "''",
    "senders.repeatable": "false",
}
"""What a required column gets that the old table lacks, in SQL over the old row: what code of that day meant without it.

A proof from before proofs kept the copy they show has no digest of it, so it never counts again.
"""

DROPPED = {
    "approvals.voided_at": "",
    "batches.profile": "profile = CASE profile WHEN 'label' THEN 'label-203' ELSE profile END",
    "bounces.lifted_at": "kind = CASE WHEN lifted_at IS NULL THEN kind ELSE 'lifted' END",
    "joint_flyers.state": "closed_at = CASE state WHEN 'closed' THEN created_at END",
    "order_lines.id": "",
    "proofs.targets": "",
    "proofs.voided_at": "",
}
"""Columns that went away or changed before 0001 was frozen, and what follows from their values for another column."""

LEFT_OUT = {"approvals.voided_at": "voided_at IS NULL"}
"""Which rows are carried over: an approval that was voided must not come back as one that counts."""


@dataclass
class Shape:
    """The tables of a database: columns by table with their types, what refuses rows, and what finds them."""

    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)

    def fits(self, wanted: "Shape") -> bool:
        """Whether code that expects `wanted` can work with this; tables and indexes of somebody else do no harm."""
        ours = {rule for rule in self.rules if rule.split(" ", 1)[0] in wanted.columns}
        return (
            all(self.columns.get(name, {}).items() >= columns.items() for name, columns in wanted.columns.items())
            and ours == wanted.rules
            and self.indexes >= wanted.indexes
            and not (self.strange(wanted) & (self.required | set(DROPPED)))
        )

    def strange(self, wanted: "Shape") -> set[str]:
        """Columns of our tables that `wanted` has not."""
        return {
            f"{name}.{column}"
            for name, columns in self.columns.items()
            for column in columns
            if name in wanted.columns and column not in wanted.columns[name]
        }


def repair(connection: Connection, make_first: Callable[[], None]) -> bool:
    """Copy a database that calls itself 0001 and is not into the tables of 0001; tell whether that was needed.

    `make_first` is the `upgrade` of 0001. Conflict, with nothing changed, when a column holds what 0001 has no place
    for or a table cannot be filled.
    """
    heads = MigrationContext.configure(connection).get_current_heads()
    if heads != (FIRST,):
        return False
    found, wanted = shape(connection), first_shape(connection, make_first)
    if found.fits(wanted):
        return False
    refuse_what_would_be_lost(connection, found, wanted)
    rebuild = _rebuild_postgresql if connection.dialect.name == "postgresql" else _rebuild_sqlite
    rebuild(connection, found, wanted, make_first)
    return True


def refuse_what_would_be_lost(connection: Connection, found: Shape, wanted: Shape) -> None:
    """Conflict for a column nobody knows that holds something, and for a missing one nobody can fill."""
    for name in sorted(found.strange(wanted) - set(DROPPED)):
        table, column = name.split(".")
        if connection.scalar(sa.text(f'SELECT count("{column}") FROM "{table}"')):
            raise Conflict(
                "The database is older than the first release, and its column {column} holds values that the first "
                "release has no place for. Nothing was changed. Remove that column, or export what you need with "
                "the release that made the database and import it into a new one.",
                column=name,
            )
    for table, columns in wanted.columns.items():
        if table not in found.columns or not connection.scalar(sa.text(f'SELECT EXISTS (SELECT 1 FROM "{table}")')):
            continue
        for column in sorted(set(columns) - set(found.columns[table])):
            name = f"{table}.{column}"
            if name in wanted.required and name not in FILLS:
                raise Conflict(
                    "The database is older than the first release: it lacks {column}, which nothing in it can "
                    "fill. Nothing was changed. Export what you need with the release that made the database and "
                    "import it into a new one.",
                    column=name,
                )


def first_shape(connection: Connection, make_first: Callable[[], None]) -> Shape:
    """Return the shape of 0001 on this kind of database, read from tables that nobody keeps."""
    if connection.dialect.name == "postgresql":
        savepoint = connection.begin_nested()
        connection.exec_driver_sql("SET LOCAL search_path TO pg_temp")
        _run(connection, make_first)
        wanted = _shape_postgresql(connection, "pg_my_temp_schema()")
        savepoint.rollback()
        return wanted
    engine = sa.create_engine("sqlite://")
    with engine.connect() as scratch:
        _run(scratch, make_first)
        return shape(scratch)


def shape(connection: Connection) -> Shape:
    """Read the shape of the tables that a statement without a schema's name finds first."""
    found = (_shape_postgresql if connection.dialect.name == "postgresql" else _shape_sqlite)(connection)
    found.columns.pop("alembic_version", None)
    found.rules = {rule for rule in found.rules if not rule.startswith("alembic_version ")}
    return found


def _shape_sqlite(connection: Connection) -> Shape:
    found, inspector = Shape(), sa.inspect(connection)
    listed = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    texts: dict[str, str] = {row.name: row.sql for row in listed}
    for table in inspector.get_table_names():
        columns = inspector.get_columns(table)
        found.columns[table] = {each["name"]: f"{each['type']} {each['nullable']}" for each in columns}
        found.required |= {
            f"{table}.{each['name']}" for each in columns if not each["nullable"] and not each["default"]
        }
        marks = re.findall(r"AUTOINCREMENT|WITHOUT ROWID", texts[table].upper())
        rules = [f"key {inspector.get_pk_constraint(table)['constrained_columns']} {marks}"]
        rules += [f"check {_words(each['sqltext'])}" for each in inspector.get_check_constraints(table)]
        rules += [f"unique {each['column_names']}" for each in inspector.get_unique_constraints(table)]
        rules += [
            f"refers {each['constrained_columns']} {each['referred_table']} {each['options']}"
            for each in inspector.get_foreign_keys(table)
        ]
        found.rules |= {f"{table} {rule}" for rule in rules}
    indexes = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    found.indexes = {_words(text) for text in indexes.scalars()}
    return found


def _shape_postgresql(connection: Connection, space: str = "current_schema()::regnamespace") -> Shape:
    found = Shape()
    columns = connection.exec_driver_sql(
        "SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, atthasdef FROM pg_attribute "
        "JOIN pg_class ON pg_class.oid = attrelid "
        f"WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND relnamespace = {space}"
    )
    for table, column, kind, required, filled in columns:
        found.columns.setdefault(table, {})[column] = f"{kind} {required}"
        found.required |= {f"{table}.{column}"} if required and not filled else set()
    rules = connection.exec_driver_sql(
        "SELECT relname, contype::text, pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint "
        "JOIN pg_class ON pg_class.oid = conrelid "
        f"WHERE relnamespace = {space} AND contype IN ('c', 'f', 'p', 'u')"
    )
    found.rules = {f"{table} {kind} {text}" for table, kind, text in rules}
    indexes = connection.exec_driver_sql(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        f"WHERE relnamespace = {space}"
    )
    found.indexes = {re.sub(r" ON [^ .]+\.", " ON ", text) for text in indexes.scalars()}
    return found


def _rebuild_sqlite(connection: Connection, found: Shape, wanted: Shape, make_first: Callable[[], None]) -> None:
    ours = [table for table in found.columns if table in wanted.columns]
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")  # tables of somebody else keep pointing at ours
    indexes = sa.text("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    for index, table in connection.execute(indexes).all():
        if table in ours:
            connection.exec_driver_sql(f'DROP INDEX "{index}"')
    for table in ours:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" RENAME TO "{_ASIDE}_{table}"')
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
    _run(connection, make_first)
    for table in _in_order(connection, ours):
        connection.exec_driver_sql(_copy(connection, table, f'"{_ASIDE}_{table}"', found, wanted))
    for table in ours:
        connection.exec_driver_sql(f'DROP TABLE "{_ASIDE}_{table}"')


def _rebuild_postgresql(connection: Connection, found: Shape, wanted: Shape, make_first: Callable[[], None]) -> None:
    ours = [table for table in found.columns if table in wanted.columns]
    path, home = connection.exec_driver_sql("SELECT current_setting('search_path'), current_schema()").one()
    connection.exec_driver_sql(f"CREATE SCHEMA {_ASIDE}")
    connection.exec_driver_sql(f"SET LOCAL search_path TO {_ASIDE}")
    _run(connection, make_first)
    for table in _in_order(connection, ours):
        connection.exec_driver_sql(_copy(connection, table, f'"{home}"."{table}"', found, wanted))
    numbered = [table for table, columns in wanted.columns.items() if "id" in columns]
    for table in numbered:
        number = f"pg_get_serial_sequence('{table}', 'id')"
        connection.exec_driver_sql(f'SELECT setval({number}, max(id)) FROM "{table}" HAVING {number} IS NOT NULL')
    connection.exec_driver_sql("DROP TABLE " + ", ".join(f'"{home}"."{table}"' for table in ours))
    for table in wanted.columns:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" SET SCHEMA "{home}"')
    connection.exec_driver_sql(f"SET LOCAL search_path TO {path}")
    connection.exec_driver_sql(f"DROP SCHEMA {_ASIDE}")


def _in_order(connection: Connection, tables: list[str]) -> list[str]:
    """Return these tables so that what a row points at comes before it."""
    names = [name for name, _ in sa.inspect(connection).get_sorted_table_and_fkc_names()]
    return [name for name in names if name in tables]


def _copy(connection: Connection, table: str, old: str, found: Shape, wanted: Shape) -> str:
    """Return the statement that carries the rows of an old table over into the new one."""
    had = found.columns[table]
    values = {column: f'"{column}"' for column in wanted.columns[table] if column in had}
    for column in set(wanted.columns[table]) - set(had):
        if fill := FILLS.get(f"{table}.{column}"):
            values[column] = _EMPTY_BITMAP[connection.dialect.name] if fill == "empty bitmap" else fill
    for column in had:
        target, separator, value = DROPPED.get(f"{table}.{column}", "").partition(" = ")
        if separator:
            values[target] = value
    if connection.dialect.name == "postgresql":
        kinds = {column: kind.rsplit(" ", 1)[0] for column, kind in wanted.columns[table].items()}
        values = {column: f"CAST({value} AS {kinds[column]})" for column, value in values.items()}
    kept = [condition for name, condition in LEFT_OUT.items() if name in {f"{table}.{column}" for column in had}]
    where = f" WHERE {' AND '.join(kept)}" if kept else ""
    columns = ", ".join(f'"{column}"' for column in values)
    return f'INSERT INTO "{table}" ({columns}) SELECT {", ".join(values.values())} FROM {old}{where}'


def _run(connection: Connection, make_first: Callable[[], None]) -> None:
    with Operations.context(MigrationContext.configure(connection, opts={"render_as_batch": True})):
        make_first()


def _words(text: str) -> str:
    return " ".join(text.split())
