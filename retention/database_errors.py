"""Errors of the database by kind, temporary ones told apart from permanent ones."""

import re
import sqlite3
from enum import StrEnum
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from retention.i18n import gettext_noop


class DatabaseProblem(StrEnum):
    """What a database error means for whoever runs the installation."""

    TABLES = "tables"
    READ_ONLY = "read-only"
    FULL = "full"
    DAMAGED = "damaged"
    DENIED = "denied"
    CROWDED = "crowded"
    BUSY = "busy"
    AWAY = "away"

    @property
    def passes(self) -> bool:
        """Whether the same request may well succeed a moment later."""
        return self in {DatabaseProblem.CROWDED, DatabaseProblem.BUSY, DatabaseProblem.AWAY}


SENTENCES = {
    DatabaseProblem.TABLES: gettext_noop(
        "The database lacks a table or column that this release needs. Nothing was changed. Run `regulars db upgrade`: "
        "it brings the database up to date, or says what is missing."
    ),
    DatabaseProblem.READ_ONLY: gettext_noop("The database is read-only. Nothing was changed. Make it writable again."),
    DatabaseProblem.FULL: gettext_noop("The disk of the database is full. Nothing was changed. Make room on it."),
    DatabaseProblem.DAMAGED: gettext_noop(
        "The database is damaged, or its file is not a database. Nothing was changed. Restore it from a backup."
    ),
    DatabaseProblem.DENIED: gettext_noop(
        "The database refused access. Nothing was changed. Check REGULARS_DATABASE_URL and the privileges of its user."
    ),
    DatabaseProblem.CROWDED: gettext_noop("Too many requests at once. Nothing was changed; try again in a moment."),
    DatabaseProblem.BUSY: gettext_noop("The database is busy. Nothing was changed; try again in a moment."),
    DatabaseProblem.AWAY: gettext_noop("The database does not answer. Nothing was changed; try again in a moment."),
}

_SQLITE = {
    sqlite3.SQLITE_READONLY: DatabaseProblem.READ_ONLY,
    sqlite3.SQLITE_FULL: DatabaseProblem.FULL,
    sqlite3.SQLITE_IOERR: DatabaseProblem.FULL,
    sqlite3.SQLITE_CORRUPT: DatabaseProblem.DAMAGED,
    sqlite3.SQLITE_NOTADB: DatabaseProblem.DAMAGED,
    sqlite3.SQLITE_PERM: DatabaseProblem.DENIED,
    sqlite3.SQLITE_AUTH: DatabaseProblem.DENIED,
    sqlite3.SQLITE_BUSY: DatabaseProblem.BUSY,
    sqlite3.SQLITE_LOCKED: DatabaseProblem.BUSY,
}

_POSTGRESQL = (
    (("42P01", "42703", "3F000"), DatabaseProblem.TABLES),
    (("25006",), DatabaseProblem.READ_ONLY),
    (("53100",), DatabaseProblem.FULL),
    (("XX001", "XX002", "58030"), DatabaseProblem.DAMAGED),
    (("42501", "28", "3D000"), DatabaseProblem.DENIED),
    (("53300", "53200"), DatabaseProblem.CROWDED),
    (("55P03", "57014", "40"), DatabaseProblem.BUSY),
    (("08", "57P"), DatabaseProblem.AWAY),
)
"""The beginnings of SQLSTATE codes."""


def database_problem(error: BaseException) -> DatabaseProblem | None:
    """Return what is the matter; None for an error that is no fault of the database, such as a statement of ours."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseProblem.CROWDED
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original)
    state = getattr(original, "sqlstate", None)
    if state:
        return next((problem for starts, problem in _POSTGRESQL if state.startswith(starts)), None)
    return _of_connecting(str(original)) if isinstance(error, SQLAlchemyError) and _is_operational(original) else None


def driver_message(error: BaseException) -> str:
    """Return the first line of what the driver said, without statement and values."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    original: Any = error.orig
    state = getattr(original, "sqlstate", None) or ""
    lines = str(original).strip().splitlines()
    line = lines[0].rstrip(".") if lines else type(original).__name__
    # What quotes a value says so with a colon, or is of the class of unfit data; what else it quotes are names.
    return (_QUOTED if state.startswith("22") else _QUOTED_AFTER_COLON).sub("...", line)


_QUOTED = re.compile(r"""["'].*["']""")
_QUOTED_AFTER_COLON = re.compile(r'''(?<=: )".*"''')


def _of_sqlite(error: sqlite3.Error) -> DatabaseProblem | None:
    text = str(error)
    if text.startswith(("no such table", "no such column")) or "has no column named" in text:
        return DatabaseProblem.TABLES
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return DatabaseProblem.AWAY if isinstance(error, sqlite3.OperationalError) else None
    return _SQLITE.get(code & 0xFF, DatabaseProblem.AWAY if code & 0xFF == sqlite3.SQLITE_CANTOPEN else None)


def _is_operational(error: object) -> bool:
    return any(kind.__name__ in {"OperationalError", "InterfaceError"} for kind in type(error).__mro__)


def _of_connecting(text: str) -> DatabaseProblem:
    """Judge a connection that was never made, for which the driver gives no code."""
    if "too many clients" in text or "remaining connection slots" in text:
        return DatabaseProblem.CROWDED
    refused = ("authentication failed", "does not exist", "permission denied", "no pg_hba.conf entry", "no password")
    return DatabaseProblem.DENIED if any(each in text for each in refused) else DatabaseProblem.AWAY
