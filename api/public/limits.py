"""Rate limits of public pages: how often one address may open, claim or answer, and the response beyond that.

Counted in the memory of each web process, so that it costs no row. People who share an address, as a carrier's phones
do, have different links; only the link of a group's post is shared, so it may be opened by many at once. Whoever asks
for links that are not there is slowed down by address alone.
"""

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from threading import Lock

from fastapi import FastAPI, Request
from fastapi.responses import Response

from api.pages import page
from campaigns.offers.scans import find_link
from campaigns.posts.sharing import is_shared
from retention.database import reading
from retention.errors import NotFound
from retention.i18n import gettext

WINDOW = timedelta(minutes=1)
SHARED = 20
"""How many times as often a link may be used that stands in a group's post."""
MOST_KEPT = 20_000


class Act(StrEnum):
    """What is counted."""

    SCAN = "scan"
    CLAIM = "claim"
    ANSWER = "answer"  # on the way out
    MISS = "miss"  # no such link


MOST = {Act.SCAN: 30, Act.CLAIM: 10, Act.ANSWER: 20, Act.MISS: 60}
"""How often within a minute, by address and link."""


class TooOften(Exception):
    """One address has used one link too often. `seconds` from now it may again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class _Uses:
    moments: deque[datetime]
    most: int | None = None


class VisitLimits:
    """The uses of the last minute. A use that is refused is not counted, so waiting always ends."""

    def __init__(self) -> None:
        self._uses: OrderedDict[tuple[Act, str, str], _Uses] = OrderedDict()
        self._lock = Lock()

    def use(self, act: Act, visitor: str, link: str, *, at: datetime, is_shared: Callable[[], bool]) -> None:
        """Count one use; TooOften, with nothing counted, when the last minute had as many as there may be."""
        with self._lock:
            uses = self._recent(act, visitor, link, at)
            full = len(uses.moments) >= MOST[act]
        if full and uses.most is None:
            uses.most = MOST[act] * (SHARED if is_shared() else 1)
        with self._lock:
            if len(uses.moments) >= (uses.most or MOST[act]):
                raise TooOften(max(1, ceil((uses.moments[0] + WINDOW - at).total_seconds())))
            uses.moments.append(at)

    def _recent(self, act: Act, visitor: str, link: str, at: datetime) -> _Uses:
        key = act, visitor, link
        uses = self._uses.setdefault(key, _Uses(deque()))
        self._uses.move_to_end(key)
        while len(self._uses) > MOST_KEPT:
            self._uses.popitem(last=False)
        while uses.moments and not at - WINDOW < uses.moments[0] <= at:  # also when the clock was ahead then
            uses.moments.popleft()
        return uses


def install(app: FastAPI) -> None:
    """Count on this application, and answer who is too quick with a page."""
    app.state.limits = VisitLimits()
    app.add_exception_handler(TooOften, _tell)


def check(request: Request, act: Act, link: str, *, at: datetime) -> None:
    """Count one use of a link by this visitor; TooOften when that is one too many."""
    limits: VisitLimits = request.app.state.limits

    def shared() -> bool:
        if act is Act.ANSWER:
            return False
        try:
            with reading(request.app.state.engine) as session:
                return is_shared(session, find_link(session, link))
        except NotFound:
            return False

    limits.use(act, visitor(request), link, at=at, is_shared=shared)


def check_miss(request: Request, *, at: datetime) -> None:
    """Count a link that is not there; TooOften instead of one more answer to somebody who tries many."""
    limits: VisitLimits = request.app.state.limits
    limits.use(Act.MISS, visitor(request), "", at=at, is_shared=lambda: False)


def visitor(request: Request) -> str:
    """Return the visitor's network address; of IPv6 the part that one line has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


async def _tell(request: Request, error: Exception) -> Response:
    seconds = error.seconds if isinstance(error, TooOften) else 1
    detail = gettext("Too many requests. Wait {seconds} seconds and try again.")
    return page(
        request,
        "error.html",
        status=429,
        headers={"Retry-After": str(seconds)},
        title=gettext("Please wait"),
        detail=detail.format(seconds=seconds),
    )
