"""Errors as responses: problem details (RFC 9457) for programs, a page in the language of the visitor for people.

The status comes from the error's class (`retention.errors`): Invalid 422, NotFound 404, Conflict 409, Forbidden 403.
"""

import http
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.deps import LoginNeeded, NotYourShop
from api.fallback_pages import lead_on
from api.form_refill import form_again
from api.middleware import HEADERS, language_of
from api.pages import page
from api.request_ids import HEADER, request_id
from retention.column_limits import is_taken
from retention.database_errors import SENTENCES, database_problem
from retention.errors import Conflict, Error, Forbidden, Invalid, NotFound
from retention.i18n import gettext, gettext_noop, speaking
from retention.validation_errors import refusal_of

log = structlog.get_logger()

PROBLEM = "application/problem+json"
PROBLEM_TYPE = "urn:regulars:problem:"
API = "/api/v1"

TITLES = {
    400: gettext_noop("Bad request"),
    401: gettext_noop("Sign-in required"),
    403: gettext_noop("Not allowed"),
    404: gettext_noop("Not found"),
    405: gettext_noop("Method not allowed"),
    408: gettext_noop("Request timed out"),
    409: gettext_noop("Conflict with the current state"),
    413: gettext_noop("Too large"),
    422: gettext_noop("Invalid input"),
    429: gettext_noop("Too many requests"),
    500: gettext_noop("Internal error"),
    503: gettext_noop("Temporarily unavailable"),
}


def install(app: FastAPI) -> None:
    """Answer every error of this application in the two ways."""
    app.add_exception_handler(Error, _tell_refusal)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(LoginNeeded, _lead_to_login)
    for kind in (DataError, OverflowError, UnicodeEncodeError):
        app.add_exception_handler(kind, _tell_unkeepable)
    app.add_exception_handler(IntegrityError, _tell_conflict)
    app.add_exception_handler(DBAPIError, _tell_unavailable)
    app.add_exception_handler(PoolTimeoutError, _tell_unavailable)
    app.add_exception_handler(Exception, _tell_failure)


def tell(
    request: Request,
    status: int,
    detail: str,
    *,
    name: str = "",
    errors: Sequence[dict[str, Any]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the answer to a request that went wrong, in the form its asker reads. `name` is the refusal's own."""
    detail = detail.encode(errors="replace").decode()  # it may quote half a character, which nobody can be sent
    title = gettext(TITLES.get(status, http.HTTPStatus(status).phrase))
    if request.url.path.startswith("/api/"):
        problem: dict[str, Any] = {
            "type": f"{PROBLEM_TYPE}{name}" if name else "about:blank",
            "title": title,
            "status": status,
            "detail": detail,
        }
        if errors:
            problem["errors"] = list(errors)
        if request_id(request):
            problem["request_id"] = request_id(request)
        return JSONResponse(problem, status, headers, media_type=PROBLEM)
    if request.headers.get("HX-Request"):
        return PlainTextResponse(detail, status, headers)
    return page(request, "error.html", status=status, headers=headers, title=title, detail=detail)


async def _tell_refusal(request: Request, error: Exception) -> Response:
    refusal = cast("Error", error)
    if isinstance(refusal, (Invalid, Conflict, NotFound, Forbidden)) and not isinstance(refusal, NotYourShop):
        field, quoted = str(refusal.values.get("field", "")), refusal.values.values()
        again = await form_again(request, refusal.status, lambda: refusal.say(gettext), fields=[field], quoted=quoted)
        if again:
            return again
    # Whoever was taken out of a shop does not go on looking at the page that was open.
    leave = isinstance(error, NotYourShop) and request.headers.get("HX-Request")
    headers = {"HX-Redirect": "/"} if leave else {}
    if refusal.retry_after:
        headers["Retry-After"] = str(refusal.retry_after)
    return tell(request, refusal.status, refusal.say(gettext), name=refusal.type, headers=headers or None)


async def _tell_http(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    if refusal.status_code == 405 and (above := lead_on(request)):
        return above
    headers = dict(refusal.headers) if refusal.headers else None
    phrase = http.HTTPStatus(refusal.status_code).phrase
    # Starlette's own details are bare English phrases.
    detail = gettext("Check the address.") if refusal.detail == phrase else gettext(refusal.detail)
    return tell(request, refusal.status_code, detail, headers=headers)


async def _tell_invalid(request: Request, error: Exception) -> Response:
    found = cast("RequestValidationError", error).errors()
    errors = [
        {"pointer": "/".join(["", *map(str, each["loc"])]).encode(errors="replace").decode(), "detail": each["msg"]}
        for each in found
    ]
    if request.url.path.startswith("/api/"):
        detail = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in found[:5])
        return tell(request, 422, detail, errors=errors)
    if not request.url.query and (above := lead_on(request)):
        return above

    def say() -> str:
        return " ".join(dict.fromkeys(refusal_of(each).say(gettext) for each in found[:5]))

    fields = dict.fromkeys(str(refusal_of(each).values["field"]) for each in found[:5])
    return await form_again(request, 422, say, fields=fields) or tell(request, 422, say())


async def _lead_to_login(request: Request, _error: Exception) -> Response:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = f"/login?next={quote(asked)}" if request.method == "GET" and asked != "/" else "/login"
    if request.headers.get("HX-Request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(address, 303)


async def _tell_conflict(request: Request, error: Exception) -> Response:
    """Tell of two who did the same at once, or of a value that no row may have."""
    if not is_taken(error):
        return await _tell_unkeepable(request, error)
    detail = gettext("Another request changed or removed this at the same time. Reload and try again.")
    return await form_again(request, 409, lambda: detail) or tell(request, 409, detail)


async def _tell_unkeepable(request: Request, error: Exception) -> Response:
    log.warning("value cannot be kept", **_asked(request), error=error)
    detail = gettext("A value is too long or contains characters that cannot be stored.")
    return await form_again(request, 422, lambda: detail) or tell(request, 422, detail)


async def _tell_unavailable(request: Request, error: Exception) -> Response:
    problem = database_problem(error)
    if problem is None:
        raise error  # a fault of ours, told as one
    log.error("database refuses", **_asked(request), problem=problem.value, error=error)
    headers = {"Retry-After": "5"} if problem.passes else None
    return tell(request, 503, gettext(SENTENCES[problem]), headers=headers)


async def _tell_failure(request: Request, error: Exception) -> Response:
    # Outside the guard: the language has been put down already, and its headers are not added.
    log.error("request failed", **_asked(request), exc_info=error)
    with speaking(language_of(request)):
        detail = gettext("The error was logged. Try again; if it persists, contact your administrator.")
        return tell(request, 500, detail, headers=HEADERS | {HEADER: request_id(request)})


def _asked(request: Request) -> dict[str, str]:
    """Return what was asked, for the log: the route, since its path may hold a token or an address."""
    route = getattr(request.scope.get("route"), "path", "")
    in_api = request.url.path.startswith(API) and not route.startswith(API)
    return {"method": request.method, "route": f"{API}{route}" if in_api and route else route}
