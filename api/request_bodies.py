"""Limits of request bodies: how much is read, from whom, and for how long.

A body is refused while it comes, before anything is done with it: past what its address takes (413), from somebody we
do not know past a small form (401), when it comes too slowly (408), and when an upload lacks its end (400): the parser
of forms takes such a part for none. Nothing of a refused body is kept.
"""

import asyncio
import re
import time
from collections.abc import Callable

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from api import forms
from retention import access, keys, logins, users
from retention.database import reading
from retention.i18n import gettext_noop
from retention.shops import Shop

SMALL = 100_000
"""Bytes that are read from anybody: a form of a buyer's page, a login."""

IMPORTS = re.compile(r"/shops/([^/]+)/imports/?")
MOST_BYTES: tuple[tuple[re.Pattern[str], int], ...] = (
    (IMPORTS, 2_500_000_000),
    (re.compile(r"/shops/.*"), 32_000_000),
    (re.compile(r"/api/v1/imports"), 100_000_000),
    (re.compile(r"/(api|in)/.*"), 10_000_000),
    (re.compile(r".*"), SMALL),
)
"""How large a body may be, by address: order files, pictures and lists, what programs send, all the rest."""

FIRST_SECONDS = 20.0
SLOWEST = 10_000
"""Bytes a second: a body may take FIRST_SECONDS and what it needs at this pace."""

TOO_LARGE = gettext_noop("The request body is too large for this endpoint.")
UNKNOWN = gettext_noop("This request is too large for an anonymous client. Sign in, or send a valid API key.")
LONGEST_END = 4_096
"""Bytes at the end of an upload in which its closing boundary is looked for: what follows it means nothing."""

CUT_OFF = gettext_noop("The upload arrived without its end. Send it again.")
TOO_SLOW = gettext_noop("The upload timed out before it was complete. Send it again.")


class Body:
    """The body of one request as it comes in; `receive` is what the application is given to read it by."""

    def __init__(
        self, request: Request, receive: Receive, *, clock: Callable[[], float] = time.monotonic, patience: float
    ) -> None:
        self._request = request
        self._receive = receive
        self._clock = clock
        self._patience = patience
        self._most = next(most for address, most in MOST_BYTES if address.fullmatch(request.url.path))
        self._begun = clock()
        self._taken = 0
        self._known = False
        self._whole = False
        self._closing = _closing_boundary(request)
        self._end = b""

    async def receive(self) -> Message:
        """Return the next message; HTTPException 413, 401, 408 or 400 when the body is refused."""
        if self._whole:  # what follows is news of the connection, and may take for ever
            return await self._receive()
        await self._admit(max(self._taken, _announced(self._request)))
        message = await self._in_time()
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        await self._admit(self._taken)
        self._check_end(message.get("body", b""))
        return message

    def _check_end(self, piece: bytes) -> None:
        if not self._closing:
            return
        self._end = (self._end + piece)[-LONGEST_END:]
        if self._whole and self._taken and self._closing not in self._end:
            raise HTTPException(400, CUT_OFF)

    async def _admit(self, size: int) -> None:
        if size > self._most:
            raise HTTPException(413, TOO_LARGE, {"Connection": "close"})
        if size <= SMALL or self._known or self._request.url.path.startswith("/in/"):
            return
        self._known = await run_in_threadpool(_is_known, self._request)
        if not self._known:
            raise HTTPException(401, UNKNOWN, {"Connection": "close"})

    async def _in_time(self) -> Message:
        left = self._begun + self._patience + self._taken / SLOWEST - self._clock()
        try:
            return await asyncio.wait_for(self._receive(), max(left, 0.001))
        except TimeoutError as error:
            raise HTTPException(408, TOO_SLOW, {"Connection": "close"}) from error


def _closing_boundary(request: Request) -> bytes:
    """Return what a form with files ends with (RFC 2046, 5.1.1); nothing for other bodies."""
    kind, params = parse_options_header(request.headers.get("content-type", ""))
    boundary = params.get(b"boundary", b"") if kind == b"multipart/form-data" else b""
    return b"--" + boundary + b"--" if boundary else b""


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _is_known(request: Request) -> bool:
    """Tell whether a key or a login of ours comes with the request; for a file to import, one that may import it."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    secret, at = request.cookies.get(forms.LOGIN_COOKIE, ""), request.app.state.now()
    with reading(request.app.state.engine) as session:
        if request.url.path.startswith("/api/"):
            caller = keys.member_of_key(session, key.strip(), at=at) if scheme.lower() == "bearer" else None
            return isinstance(caller, access.Member)
        user = logins.user_of_login(session, secret, at=at) if secret else None
        target = IMPORTS.fullmatch(request.url.path)
        if user is None or target is None:
            return user is not None
        shops = {shop.slug: shop for shop, _ in users.shops_of_user(session, user)}
        shop: Shop | None = shops.get(target[1])
        member = users.member_for(session, user, shop) if shop else None
        return member is not None and access.Scope.IMPORTS_WRITE in member.scopes
