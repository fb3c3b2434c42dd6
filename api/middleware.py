"""Middleware of every request: language, strict headers, no forms from other sites, limited bodies."""

from contextlib import AsyncExitStack

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import forms
from api.request_bodies import FIRST_SECONDS, Body
from retention.field_names import labelled
from retention.i18n import gettext, nearest_language, speaking

LANGUAGE_COOKIE = "regulars_language"

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: under that, browsers send our own forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}

# Programs call these without a login; the key in the header, or the signed address, is the proof.
_FOR_PROGRAMS = ("/api/", "/in/", "/u/")


class Guard:
    """ASGI middleware around everything but the last-resort error page."""

    def __init__(self, app: ASGIApp, *, public_url: str, patience: float = FIRST_SECONDS) -> None:
        self.app = app
        self.patience = patience
        self.public_url = public_url
        self.headers = dict(HEADERS)
        if public_url.startswith("https://"):
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(request, MutableHeaders(scope=message))
            await send(message)

        for_programs = request.url.path.startswith(_FOR_PROGRAMS)
        with speaking(language_of(request)), labelled(None if for_programs else {}):
            app = refuse_other_sites if self._is_foreign(request) else self.app
            async with AsyncExitStack() as closing:
                scope[forms.CLOSING] = closing
                await app(scope, Body(request, receive, patience=self.patience).receive, send_guarded)

    def _is_foreign(self, request: Request) -> bool:
        for_programs = request.url.path.startswith(_FOR_PROGRAMS)
        return not for_programs and forms.is_cross_site(request.method, request.headers, self.public_url)

    def _complete(self, request: Request, headers: MutableHeaders) -> None:
        for name, value in self.headers.items():
            headers.setdefault(name, value)
        if not request.url.path.startswith("/static"):
            headers.setdefault("Cache-Control", "no-store")
        if "lang" in request.query_params:
            language = nearest_language(request.query_params["lang"])
            headers.append("Set-Cookie", f"{LANGUAGE_COOKIE}={language}; Path=/; Max-Age=31536000; SameSite=Lax")


def language_of(request: Request) -> str:
    """Return the language to answer in: asked for in the address, chosen before, or preferred by the browser."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return nearest_language(asked or request.headers.get("accept-language", ""))


async def refuse_other_sites(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a form that another site sent."""
    text = gettext("This form was submitted from another site and was rejected.")
    await PlainTextResponse(text, status_code=403)(scope, receive, send)
