"""Rows of polars into a table of the database, many at a time: by COPY, or by INSERTs of many rows on SQLite.

Knows nothing of what the tables mean; what is staged, merged and noted is told in `retention.staging`.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlmodel import Session

from retention.database import is_postgresql

_BEHIND = "writing_behind"
_SLICE = 10_000  # rows turned into text or Python values at a time


def write_rows(session: Session, name: str, frame: pl.DataFrame) -> None:
    """Add rows to a table, behind those under way. The frame has the columns of the table; moments are in UTC."""
    behind = writing_behind(session)
    if behind:
        behind.add(name, frame)
    else:
        _write(session, name, frame)


def settled(session: Session) -> sa.Connection:
    """Return the connection once the rows written behind have arrived."""
    behind = writing_behind(session)
    if behind:
        behind.wait()
    return session.connection()


class WritingBehind:
    """Lets `write_rows` return while the database still takes the rows; what asks it next waits for them.

    The database's part of the work is the longer one, so the next rows are made ready meanwhile. Until `close`
    nobody may speak to the database but by `settled`. `numbers` are row numbers asked for ahead, by table: to ask for a
    few waits for all that is being written.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._thread = ThreadPoolExecutor(1)
        self._under_way: list[Future[None]] = []
        self.numbers: dict[str, pl.Series] = {}
        session.info[_BEHIND] = self

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Write rows after those under way."""
        self._under_way.append(self._thread.submit(_write, self._session, name, frame))

    def wait(self) -> None:
        """Return when all is written; raise what went wrong."""
        under_way, self._under_way = self._under_way, []
        for each in under_way:
            each.result()

    def close(self) -> None:
        """Let the thread end; what it has not begun is not written."""
        self._session.info.pop(_BEHIND, None)
        self._thread.shutdown(wait=True, cancel_futures=True)


def writing_behind(session: Session) -> WritingBehind | None:
    """Return what takes the rows of a session, if they are written behind."""
    behind: WritingBehind | None = session.info.get(_BEHIND)
    return behind


def _write(session: Session, name: str, frame: pl.DataFrame) -> None:
    if is_postgresql(session):
        _copy(session, name, frame)
    else:
        _insert_many(session, name, frame)


def _copy(session: Session, name: str, frame: pl.DataFrame) -> None:
    statement = f"COPY {name} ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)"
    with closing(session.connection().connection.cursor()) as cursor, cursor.copy(statement) as copy:
        for part in frame.iter_slices(_SLICE):
            copy.write(_spell_times(part, "+00:00").write_csv(include_header=False).encode())


def _insert_many(session: Session, name: str, frame: pl.DataFrame) -> None:
    """Insert on SQLite, fifty rows a statement: the values are the same, the calls are a fiftieth.

    What is the same in all rows of a slice is handed over once a statement. OR FAIL spares SQLite keeping each page as
    it was before the statement: whoever gets its error rolls all back anyway.
    """
    with closing(session.connection().connection.cursor()) as cursor:
        for part in frame.iter_slices(_SLICE):
            other, same = _split_shared(_spell_times(part, ""))
            shared, width = [column[0] for column in same], len(other)
            values: list[Any] = [None] * (width * part.height)
            for place, column in enumerate(other):
                values[place::width] = column.to_list()
            marks = ", ".join([*(f"?{place}" for place in range(1, len(same) + 1)), *"?" * width])
            names = ", ".join(column.name for column in (*same, *other))
            statement = f"INSERT OR FAIL INTO {name} ({names}) VALUES {{}}"  # noqa: S608 - our own names
            whole = part.height // 50 * 50 * width
            many, few = (statement.format(", ".join([f"({marks})"] * count)) for count in (50, 1))
            cursor.executemany(many, [shared + values[k : k + 50 * width] for k in range(0, whole, 50 * width)])
            cursor.executemany(few, [shared + values[k : k + width] for k in range(whole, len(values), width)])


def _split_shared(frame: pl.DataFrame) -> tuple[list[pl.Series], list[pl.Series]]:
    """Return the columns that differ from row to row, at least one, and those with one value for all rows."""
    alike = frame.select(pl.all().eq_missing(pl.all().first()).all()).row(0)
    other = [column for column, one in zip(frame, alike, strict=True) if not one]
    same = [column for column, one in zip(frame, alike, strict=True) if one]
    return (other, same) if other else (same[:1], same[1:])


def _spell_times(frame: pl.DataFrame, suffix: str) -> pl.DataFrame:
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(f"%Y-%m-%d %H:%M:%S%.6f{suffix}") for name in times)
