"""Visits: the opening of a link is recorded before the response, which is sent even if that fails.

A disk that is full, a database that is locked or read-only must not take the offer from a buyer who holds the paper.
What could not be written waits in the memory of the process and is written with the next visit that can be.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlmodel import Session

from campaigns.offers import scans
from campaigns.offers.links import Link
from retention.database import hurried, reading
from retention.errors import NotFound

log = structlog.get_logger()

PATIENCE = timedelta(seconds=2)
"""How long a phone waits for others who write."""
UNWRITABLE = (OperationalError, InternalError, InterfaceError)
MOST_WAITING = 10_000
AT_ONCE = 50

Show = Callable[[Session, Link], Response]


@dataclass(frozen=True, slots=True)
class LinkVisit:
    """One opening of a link, as `scans.open_link` takes it."""

    token: str
    at: datetime
    user_agent: str
    address: str
    method: str
    purpose: str

    def write(self, session: Session) -> Link:
        return scans.open_link(
            session,
            self.token,
            at=self.at,
            user_agent=self.user_agent,
            address=self.address,
            method=self.method,
            purpose=self.purpose,
        ).link


def install(app: FastAPI) -> None:
    """Give this application a place for visits that could not be written."""
    app.state.unwritten = deque(maxlen=MOST_WAITING)


def visit_of(request: Request, token: str, *, at: datetime) -> LinkVisit:
    """Return what is written down of a request."""
    sent = request.headers
    return LinkVisit(
        token,
        at,
        user_agent=sent.get("user-agent", ""),
        address=request.client.host if request.client else "",
        method=request.method,
        purpose=sent.get("sec-purpose") or sent.get("purpose") or sent.get("x-purpose") or "",
    )


def show_and_record(app: FastAPI, visit: LinkVisit, show: Show) -> Response:
    """Write a visit down and return what `show` makes of its link, or only that; NotFound for an unknown token."""
    engine: Engine = app.state.engine
    unwritten: deque[LinkVisit] = app.state.unwritten
    try:
        with hurried(engine, wait=PATIENCE) as session:
            answer = show(session, visit.write(session))
    except UNWRITABLE as error:
        unwritten.append(visit)
        log.warning("a scan waits to be written", error=_name(error), waiting=len(unwritten))
        with reading(engine) as session:
            return show(session, scans.find_link(session, visit.token))
    _write_late(engine, unwritten)
    return answer


def _write_late(engine: Engine, unwritten: deque[LinkVisit]) -> None:
    """Write what waited, a few at a time; what cannot be written goes on waiting."""
    if not unwritten:
        return
    some = [unwritten.popleft() for _ in range(min(AT_ONCE, len(unwritten)))]
    try:
        with hurried(engine, wait=PATIENCE) as session:
            for visit in some:
                _write_if_there(session, visit)
    except UNWRITABLE as error:
        unwritten.extendleft(reversed(some))
        log.warning("scans go on waiting", error=_name(error), waiting=len(unwritten))


def _write_if_there(session: Session, visit: LinkVisit) -> None:
    try:
        visit.write(session)
    except NotFound:
        log.warning("a scan of a link that is gone is not written")


def _name(error: DBAPIError | Any) -> str:
    return type(error.orig).__name__
