"""Rate limits: tries are counted in rows before they are made, so that a limit holds across all processes.

    wait = take(session, [Limit("login", address, most=20, window=...)], at=now)
    if wait: refuse
    # commit, then look at the secret

A row is one statement that adds and answers, so that of many at once exactly as many pass as may. It keeps a digest of
what is counted and goes when its window is over.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Index
from sqlmodel import Field, Session, SQLModel, col, delete, select

from retention import tokens
from retention.database import insert, reached


class Attempts(SQLModel, table=True):
    """How often one thing was tried in the window that ends at `ends_at`."""

    __tablename__ = "tries"
    __table_args__ = (Index(None, "ends_at"),)

    digest: str = Field(primary_key=True, max_length=64)
    count: int
    ends_at: datetime


@dataclass(frozen=True)
class Limit:
    """`most` tries of `what`, such as logins, by `who` within `window`, which begins with the first."""

    what: str
    who: str
    most: int
    window: timedelta = timedelta(minutes=15)

    @property
    def digest(self) -> str:
        return tokens.digest(f"{self.what}\0{self.who}")


def left(session: Session, limits: Iterable[Limit], *, at: datetime) -> timedelta | None:
    """Return how long to wait, or None when one more try is free. Counts nothing, so it needs no lock."""
    waits = []
    for limit in limits:
        row = session.exec(select(Attempts).where(Attempts.digest == limit.digest, ~_is_over(limit, at))).first()
        if row and row.count >= limit.most:
            waits.append(row.ends_at - at)
    return max(waits, default=None)


def take(session: Session, limits: Iterable[Limit], *, at: datetime) -> timedelta | None:
    """Count one more try against each limit; return how long to wait when one of them was full, else None."""
    waits = []
    for limit in limits:
        count, ends_at = _count(session, limit, at)
        if count > limit.most:
            waits.append(ends_at - at)
    return max(waits, default=None)


def give_back(session: Session, limits: Iterable[Limit]) -> None:
    """Uncount one try: it was right."""
    for limit in limits:
        session.exec(
            sa.update(Attempts)
            .where(col(Attempts.digest) == limit.digest, col(Attempts.count) > 0)
            .values(count=Attempts.count - 1)
        )


def forget(session: Session, limits: Iterable[Limit]) -> None:
    """Begin again at none."""
    for limit in limits:
        session.exec(delete(Attempts).where(col(Attempts.digest) == limit.digest))


def forget_old(session: Session, at: datetime) -> None:
    """Remove the rows whose windows are over."""
    session.exec(delete(Attempts).where(col(Attempts.ends_at) <= at))


def network_of(address: str) -> str:
    """Return who is behind an address as far as one can tell: of IPv6 the first half, which one line has to itself."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    return ":".join(number.exploded.split(":")[:4]) if number.version == 6 else address


def _is_over(limit: Limit, at: datetime) -> sa.ColumnElement[bool]:
    """Tell whether the window of a row is over; one that ends later than it can was begun by a clock that was wrong."""
    return reached(Attempts.ends_at, at, longest=limit.window)


def _count(session: Session, limit: Limit, at: datetime) -> tuple[int, datetime]:
    row = {"digest": limit.digest, "count": 1, "ends_at": at + limit.window}
    is_over = _is_over(limit, at)
    adding = insert(session, Attempts).values(row)
    adding = adding.on_conflict_do_update(
        index_elements=["digest"],
        set_={
            "count": sa.case((is_over, 1), else_=Attempts.count + 1),
            "ends_at": sa.case((is_over, row["ends_at"]), else_=Attempts.ends_at),
        },
    )
    count, ends_at = session.connection().execute(adding.returning(col(Attempts.count), col(Attempts.ends_at))).one()
    return count, ends_at
