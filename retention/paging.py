"""Pages of a list: the rows after a key, in an order that rows never leave.

A page costs the same however deep it lies, and rows that come or go meanwhile move nothing: a row that is there all the
time is on exactly one page. The cursor that leads on holds the key of the last row and nothing else.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from retention.column_limits import check_number, check_text
from retention.errors import Invalid

USUAL, MOST = 100, 500
"""Rows of a page: when nobody says, and at most."""

LONGEST_CURSOR = 1000

Row = TypeVar("Row")


@dataclass(frozen=True)
class Part:
    """A part of a list that has an order of its own."""

    query: sa.Select[Any]
    keys: Sequence[Any]
    latest_first: bool = False


Found = TypeVar("Found", bound=sa.Select[Any])
Column = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Wanted:
    """Which page of a list is asked for: at most `limit` rows after the one that the cursor `after` names."""

    limit: int = USUAL
    after: str = ""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of a list, and the cursor for those after them; None on the last page."""

    rows: list[Row]
    next: str | None


def page_of(
    session: Session, query: sa.Select[Any], wanted: Wanted, *keys: Any, latest_first: bool = False
) -> Page[Any]:
    """Return a page of `query` in the order of `keys`, which no two rows share: an index has them after the shop.

    The rows are as `query` yields them: one thing, or a tuple of several.
    """
    query = query.where(_after(wanted.after, keys, latest_first=latest_first)) if wanted.after else query
    order = [sa.desc(key) if latest_first else sa.asc(key) for key in keys]
    found = session.execute(query.add_columns(*keys).order_by(*order).limit(wanted.limit + 1)).all()
    shown = [tuple(row) for row in found[: wanted.limit]]
    rows = [row[0] if len(row) == len(keys) + 1 else row[: -len(keys)] for row in shown]
    return Page(rows, write_cursor(shown[-1][-len(keys) :]) if len(found) > wanted.limit else None)


def page_through(session: Session, parts: Sequence[Part], wanted: Wanted) -> Page[Any]:
    """Return a page of a list of several parts, each in its own order, one after the other."""
    number, _dot, after = wanted.after.rpartition(".")
    if wanted.after and number not in {str(each) for each in range(len(parts))}:
        raise _no_cursor()
    rows: list[Any] = []
    for place in range(int(number or 0), len(parts)):
        part, left = parts[place], wanted.limit - len(rows)
        page = page_of(session, part.query, Wanted(max(left, 1), after), *part.keys, latest_first=part.latest_first)
        if not left and page.rows:
            return Page(rows, f"{place}.")
        rows += page.rows
        if page.next:
            return Page(rows, f"{place}.{page.next}")
        after = ""
    return Page(rows, None)


def page_within(things: Mapping[str, Row], wanted: Wanted) -> Page[Row]:
    """Return a page of a list that stands in the code, by the names of its things."""
    names = list(things)
    begin = 0
    if wanted.after:
        (name,) = read_cursor(wanted.after, [str])
        if name not in things:
            raise _no_cursor()
        begin = names.index(name) + 1
    shown = names[begin : begin + wanted.limit]
    more = begin + wanted.limit < len(names)
    return Page([things[name] for name in shown], write_cursor(shown[-1:]) if more else None)


def where_equal(query: Found, values: Mapping[Any, object]) -> Found:
    """Return `query` narrowed to rows whose columns have the values given; None and "" ask for nothing."""
    asked = [column == value for column, value in values.items() if value is not None and value != ""]
    return query.where(*asked) if asked else query


def where_between(query: Found, column: Any, since: datetime | None, until: datetime | None) -> Found:
    """Return `query` narrowed to moments from `since` on and before `until`."""
    query = query.where(column >= since) if since else query
    return query.where(column < until) if until else query


def where_named(query: Found, text: str, *columns: Any) -> Found:
    """Return `query` narrowed to rows of which a column holds `text`, in upper or lower case."""
    return query.where(sa.or_(*(column.icontains(text, autoescape=True) for column in columns))) if text else query


def write_cursor(values: Sequence[Any]) -> str:
    """Return the cursor that names a row by the values of its key."""
    written = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(written, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """Return the values of the key a cursor names; Invalid for anything but a cursor of such a list."""
    try:
        written = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if len(written) != len(kinds):
            raise _no_cursor()
        return [_read(value, kind) for value, kind in zip(written, kinds, strict=True)]
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise _no_cursor() from error


def _after(cursor: str, keys: Sequence[Column], *, latest_first: bool) -> Column:
    values = read_cursor(cursor, [_kind_of(key) for key in keys])
    bounds = [sa.literal(value, key.type) for value, key in zip(values, keys, strict=True)]
    mine: Any = sa.tuple_(*keys) if len(keys) > 1 else keys[0]
    theirs: Any = sa.tuple_(*bounds) if len(keys) > 1 else bounds[0]
    return (mine < theirs) if latest_first else (mine > theirs)  # type: ignore[no-any-return]


def _kind_of(key: Column) -> type:
    kind: Any = getattr(key.type, "impl_instance", key.type)  # SQLModel wraps its texts, SQLAlchemy our moments
    if isinstance(kind, sa.DateTime):
        return datetime
    return int if isinstance(kind, sa.Integer) else str


def _read(value: Any, kind: type[Any]) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(value)
    check = check_text if kind is str else check_number
    check("after", value)
    return value


def _no_cursor() -> Invalid:
    return Invalid("`after` is not a cursor of this list. Use the `next` value of an earlier response.")
