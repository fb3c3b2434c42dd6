"""Databases that a worker keeps from test to test: what was compiled stays, no row does.

SQLite: each test has a copy of a file, with connections of its own. PostgreSQL: making a database takes a hundred times
as long as emptying one, so each worker keeps one with its connections; one whose tables a test changed is made again.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event, inspect, make_url

from retention import migrate
from retention.database import open_engine, transaction
from tests.row_order import reverse

event.listen(Engine, "connect", reverse)

TEMPLATE = "template_migrated"
LONGEST_USE = 400
"""Tests until a kept database is made again: nothing vacuums it, and deleted rows leave their pages behind."""

MOST_LEFT = 16_000_000
"""Bytes that deleted rows may leave behind: an index full of what a large import left is slow to look through."""

# Notes every change of a table, index, column or sequence that outlives its transaction. Temporary ones do not count.
_WATCH = """
CREATE SCHEMA suite;
CREATE TABLE suite.changes (tag text);
CREATE FUNCTION suite.note_change() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'public') THEN
    INSERT INTO suite.changes VALUES (tg_tag);
  END IF;
END $$;
CREATE FUNCTION suite.note_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE schema_name = 'public') THEN
    INSERT INTO suite.changes VALUES (tg_tag);
  END IF;
END $$;
CREATE EVENT TRIGGER note_change ON ddl_command_end EXECUTE FUNCTION suite.note_change();
CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION suite.note_drop();
"""

_NUMBERS = "SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'"

_END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND NOT (state = 'idle' AND pid = ANY(%s))
"""


class KeptSqlite:
    """What an engine compiles, kept from file to file. Each test has connections of its own to its own file."""

    def __init__(self, first: Path) -> None:
        self._first = open_engine(f"sqlite:///{first}")
        with self._first.connect():
            """Now the dialect knows its server."""
        self._first.dispose()

    @contextmanager
    def at(self, file: Path) -> Iterator[Engine]:
        """Yield an engine over this file."""
        opened = open_engine(f"sqlite:///{file}")
        event.listen(opened, "connect", _hurry)
        opened.dialect, opened._compiled_cache = self._first.dialect, self._first._compiled_cache
        yield opened
        opened.dispose()


class KeptPostgresql:
    """One database of a server, emptied after each test, and its engine."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._pids: set[int] = set()
        self._made = self._used = 0
        self._name = ""
        on_server(server, f"CREATE DATABASE {TEMPLATE}")
        migrate.upgrade(server.format(TEMPLATE))
        with psycopg.connect(_plain(server.format(TEMPLATE)), autocommit=True) as connection:
            connection.execute(_WATCH)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the address of the database, which holds no row."""
        if not self._name:
            self._make()
        yield self.url
        self._used += 1
        if self._used >= LONGEST_USE or not self._emptied():
            self.close()
            gone, self._name = self._name, ""
            with suppress(psycopg.errors.ObjectInUse):  # nobody uses it again, and the server goes with the suite
                on_server(self._server, f"DROP DATABASE {gone} WITH (FORCE)")

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Yield the engine over the database. What a test listens to ends with the test."""
        yield _handed_out(self._engine, self.url)

    def close(self) -> None:
        if self._name:
            self._engine.dispose()
            self._broom.close()

    def _make(self) -> None:
        self._made, self._used = self._made + 1, 0
        name = f"test_{self._made}"
        on_server(self._server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        self.url = self._server.format(name)
        self._engine = open_engine(self.url)
        event.listen(self._engine, "connect", lambda connection, _: self._pids.add(connection.info.backend_pid))
        self._broom = psycopg.connect(_plain(self.url), autocommit=True)
        self._broom.execute("SET session_replication_role = replica")
        self._broom.execute("SET lock_timeout = '5s'")
        self._empty, self._whole, self._first_size = _statement(self._broom), self._state(), self._size()
        self._name = name

    def _emptied(self) -> bool:
        """Empty all tables and begin all numbers again; False when the tables are no longer those of the template."""
        try:
            self._broom.execute(_END_OTHERS, (list(self._pids),))
            if self._state() != self._whole or self._size() > self._first_size + MOST_LEFT:
                return False
            self._broom.execute(self._empty, prepare=True)
        except psycopg.Error:
            return False
        return True

    def _state(self) -> Any:
        seen = "SELECT (SELECT count(*) FROM suite.changes), array(SELECT version_num FROM alembic_version)"
        return self._broom.execute(seen, prepare=True).fetchone()

    def _size(self) -> int:
        found = self._broom.execute("SELECT pg_database_size(current_database())", prepare=True).fetchone()
        return int(found[0]) if found else 0


def filled_once(fill: Callable[[Engine], None]) -> Callable[[Engine], None]:
    """Have a function that fills an empty database do so once on each kind; afterwards its rows are copied in."""
    kept: dict[str, list[tuple[str, Any]]] = {}

    def run(engine: Engine) -> None:
        if engine.dialect.name in kept:
            _put_rows(engine, kept[engine.dialect.name])
        else:
            fill(engine)
            kept[engine.dialect.name] = _rows_of(engine)

    return run


def _rows_of(engine: Engine) -> list[tuple[str, Any]]:
    """Return the tables that hold something with all they hold, as this kind of database reads it fastest."""
    names = [name for name in inspect(engine).get_table_names() if name != "alembic_version"]
    with transaction(engine) as session:
        driver: Any = session.connection().connection.driver_connection
        read = _copied if engine.dialect.name == "postgresql" else _fetched
        return [(name, rows) for name in names if (rows := read(driver, name))]


def _copied(driver: Any, table: str) -> bytes:
    with driver.cursor().copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(copy)


def _fetched(driver: Any, table: str) -> list[Any]:
    return list(driver.execute(f"SELECT * FROM {table}"))


def _put_rows(engine: Engine, kept: list[tuple[str, Any]]) -> None:
    with transaction(engine) as session:
        driver: Any = session.connection().connection.driver_connection
        if engine.dialect.name == "sqlite":
            driver.execute("PRAGMA defer_foreign_keys=ON")
            for table, rows in kept:
                driver.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            return
        cursor = driver.cursor()
        cursor.execute("SET LOCAL session_replication_role = replica")
        numbered = set(_names(driver, _NUMBERS))
        for table, rows in kept:
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(rows)
            if f"{table}_id_seq" in numbered:
                cursor.execute(f"SELECT setval('{table}_id_seq', max(id)) FROM {table}")


_new = itertools.count(1)


@contextmanager
def new_database(server: str, template: str = "template1") -> Iterator[str]:
    """Yield the address of a database made for one test, a copy of another; a bare one unless it is named."""
    name = f"new_{next(_new)}"
    on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.format(name)
    on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def on_server(address: str, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    with psycopg.connect(_plain(address.format("postgres")), autocommit=True) as connection:
        connection.execute(statement)


def _statement(connection: psycopg.Connection[Any]) -> Any:
    """Return the one statement that empties every table but that of the revision; no foreign key is in its way."""
    tables = _names(connection, "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
    numbers = _names(connection, _NUMBERS)
    emptied = [f"d{place} AS (DELETE FROM {name})" for place, name in enumerate(tables) if name != "alembic_version"]
    begun = [f"setval('{name}', 1, false)" for name in numbers]
    return f"WITH {', '.join(emptied)} SELECT {', '.join(begun)}"


def _names(connection: psycopg.Connection[Any], query: Any) -> list[str]:
    return [name for (name,) in connection.execute(query)]


def _handed_out(kept: Engine, url: str) -> Engine:
    """Return the engine as one test has it: with its pool and its compiled statements, without others' listeners."""
    handed: Engine = kept.execution_options()
    handed.url = make_url(url)
    return handed


def _hurry(connection: Any, _record: object) -> None:
    """Nobody needs these rows after a power cut."""
    connection.execute("PRAGMA synchronous=OFF")


def _plain(address: str) -> str:
    return address.replace("+psycopg", "")
