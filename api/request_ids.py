"""The id of a request: given by who asks in `X-Request-Id`, else made here; answered, and in every event it logs."""

import re
import secrets

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=@-]{0,127}")
"""What is taken from others: it goes into the log as it is."""

_KEPT = "regulars.request_id"


class RequestIds:
    """ASGI middleware that gives every request its id.

    The id stays bound when the request is over: a server runs each in a context of its own, and whoever tells of an
    error that nobody caught does so after this.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        mine = scope.setdefault(_KEPT, _given(Headers(scope=scope)) or secrets.token_hex(16))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=mine)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = mine
            await send(message)

        await self.app(scope, receive, send_named)


def request_id(request: Request) -> str:
    """Return the id of a request; nothing for one that did not come through the middleware."""
    found: str = request.scope.get(_KEPT, "")
    return found


def same_request(request: Request) -> dict[str, str]:
    """Return what to put into the scope of a request that is asked inside another."""
    return {_KEPT: request_id(request)} if request_id(request) else {}


def _given(headers: Headers) -> str:
    sent = headers.get(HEADER, "")
    return sent if SANE.fullmatch(sent) else ""
