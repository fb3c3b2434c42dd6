"""Column limits: what a column can hold, from its model, checked before a row is written and reported by field.

SQLite keeps a text of any length and PostgreSQL does not, PostgreSQL refuses a NUL and SQLite does not, neither keeps
half a surrogate pair or a number of more than 64 bits. So the answer comes from here, before the database is asked, and
is the same on both: every row that a session is about to write is looked through, and every INSERT and UPDATE that is
written as one. What other systems say (a gateway's answer, a reply, a report) is never refused for its form: `fitting`
makes it fit.
"""

import math
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from retention.errors import Invalid

LARGEST = 2**63 - 1
DEEPEST_JSON = 200
FIRST_YEAR, LAST_YEAR = 1900, 2200

Check = Callable[[str, Any], None]


def check_rows(session: Session, _context: object, _instances: object) -> None:
    """Look through every row that a session is about to write."""
    for row in session.new:
        check_row(row)
    for row in session.dirty:
        changed = sa.inspect(row).attrs
        names = (name for name, _column, _checks in _checks_of(cast("Hashable", type(row))))
        check_row(row, {name for name in names if changed[name].history.added})


def check_row(row: SQLModel, names: set[str] | None = None) -> None:
    """Raise Invalid, naming field and bound, for the first value that its column cannot hold."""
    for name, column, checks in _checks_of(cast("Hashable", type(row))):
        if names is None or name in names:
            value = getattr(row, name)
            for check in checks:
                check(column, value)


def check_statement(_connection: object, statement: object, several: Any, one: Any, _options: object) -> None:
    """Look through the values of an INSERT or UPDATE that is about to run, whoever wrote it."""
    if not isinstance(statement, (sa.Insert, sa.Update)) or not isinstance(statement.table, sa.Table):
        return
    checks = _checks_of_table(statement.table)
    for row in (*_own_values(statement), *(several or ()), one or {}):
        for name, value in row.items():
            for check in checks.get(name, ()):
                check(name, value)


def fitting(text: str, most: int) -> str:
    """Return a text from outside as every database keeps it: without NUL and half characters, cut to its length."""
    return _UNKEPT.sub("", text)[:most]


_UNKEPT = re.compile("[\0\ud800-\udfff]")


def _own_values(statement: sa.Insert | sa.Update) -> Iterator[Mapping[str, Any]]:
    """Return the values a statement holds itself, by the names of columns; expressions of SQL are none."""
    written: Any = statement
    for row in (written._values or {}, *(each for rows in getattr(written, "_multi_values", ()) for each in rows)):  # noqa: SLF001 - told nowhere else
        named = {getattr(name, "key", name): getattr(value, "value", value) for name, value in row.items()}
        yield {name: value for name, value in named.items() if not isinstance(value, sa.ClauseElement)}


@cache
def _checks_of_table(table: sa.Table) -> dict[str, tuple[Check, ...]]:
    found = {each.key: tuple(check for check in _checks_for(each) if check is not _needed) for each in table.columns}
    return {name: checks for name, checks in found.items() if checks}


def check_text(name: str, value: str) -> None:
    """Raise Invalid for a text with a NUL or half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            "{field} contains an incomplete character (a lone surrogate). Remove it and try again.", field=name
        ) from error
    if "\0" in value:
        raise Invalid("{field} contains a NUL character. Remove it and try again.", field=name)


def check_number(name: str, value: float) -> None:
    """Raise Invalid for a number of more than 64 bits, or for none at all."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid("{field} is a number that cannot be stored: {value}.", field=name, value=value)
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise Invalid("{field} must be between -{most} and {most}.", field=name, most=LARGEST)


def check_json(name: str, value: object, depth: int = 0) -> None:
    """Raise Invalid for a text or number anywhere in a JSON value that a database could not keep."""
    if depth > DEEPEST_JSON:
        raise Invalid("{field} is nested too deeply: at most {most} levels.", field=name, most=DEEPEST_JSON)
    if isinstance(value, str):
        check_text(name, value)
    elif isinstance(value, (int, float)):
        check_number(name, value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_json(name, key, depth + 1)
            check_json(name, inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            check_json(name, inner, depth + 1)


@cache
def _checks_of(model: type[Any]) -> tuple[tuple[str, str, tuple[Check, ...]], ...]:
    """Return what to ask of each column of a model, by the name it has there and its own, which people know."""
    columns = ((each.key, each.columns[0]) for each in sa.inspect(model).column_attrs)
    found = ((name, column.name, tuple(_checks_for(column))) for name, column in columns)
    return tuple((name, column, checks) for name, column, checks in found if checks)


def _checks_for(column: sa.Column[Any]) -> list[Check]:
    kind: Any = getattr(column.type, "impl_instance", column.type)  # SQLModel wraps its texts, SQLAlchemy our moments
    if isinstance(kind, sa.Enum):
        return []
    checks: list[Check] = []
    if not (column.nullable or column.primary_key or column.foreign_keys or column.server_default):
        checks.append(_needed)
    if isinstance(kind, sa.JSON):
        checks.append(check_json)
    elif isinstance(kind, sa.String):
        checks.append(_if(str, check_text))
        if kind.length:
            checks.append(_at_most(kind.length))
    elif isinstance(kind, (sa.Integer, sa.BigInteger)):
        checks.append(_if(int, check_number))
        if not isinstance(kind, sa.BigInteger) and not column.primary_key:
            checks.append(_small)
    elif isinstance(kind, sa.DateTime):
        checks.append(check_moment)
    elif isinstance(kind, sa.Float):
        checks.append(_if((int, float), check_number))
    return checks


def _needed(name: str, value: object) -> None:
    if value is None:
        raise Invalid("{field} is required.", field=name)


def check_moment(name: str, value: object) -> None:
    """Raise Invalid for a day or a moment so far away that a calendar could not go on from it."""
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise Invalid(
            "{field} must be between the years {first} and {last}, not in {year}.",
            field=name,
            first=FIRST_YEAR,
            last=LAST_YEAR,
            year=value.year,
        )


def _small(name: str, value: object) -> None:
    if isinstance(value, int) and not -(2**31) <= value < 2**31:
        raise Invalid("{field} must be between -{most} and {most}.", field=name, most=2**31 - 1)


def _at_most(length: int) -> Check:
    def check(name: str, value: object) -> None:
        if isinstance(value, str) and len(value) > length:
            raise Invalid(
                "{field} has at most {most} characters, this one {found}.", field=name, most=length, found=len(value)
            )

    return check


def _if(kind: type | tuple[type, ...], check: Callable[[str, Any], None]) -> Check:
    def asked(name: str, value: object) -> None:
        if isinstance(value, kind) and not isinstance(value, datetime):
            check(name, value)

    return asked


def is_taken(error: Exception) -> bool:
    """Tell whether a refusal of the database is about other rows (one is there or gone), not about the value."""
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    if state:
        return state in _OF_OTHERS
    return str(original).startswith(("UNIQUE", "FOREIGN KEY"))


_OF_OTHERS = {"23001", "23503", "23505", "23P01"}
