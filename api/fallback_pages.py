"""Where to lead somebody who opens an address that is no page: what a form is sent to, or a page without its choice.

People come there by the address line, by "back", by a reloaded tab after signing in again. The nearest page above the
address is what they want.
"""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

PAGES = ("/shops/", "/account/", "/logout", "/join/")


def lead_on(request: Request) -> Response | None:
    """Return a way to the nearest page above what was asked; None where the asker is no reader of pages."""
    path = request.url.path.rstrip("/")
    if request.method not in {"GET", "HEAD"} or request.headers.get("HX-Request") or not path.startswith(PAGES):
        return None
    patterns = [
        compile_path(each.path)[0]
        for each in iter_route_contexts(request.app.routes)
        if each.path and "GET" in (each.methods or ())
    ]
    while path:
        path = path.rpartition("/")[0]
        if any(pattern.match(path or "/") for pattern in patterns):
            return RedirectResponse(path or "/", 303)
    return None
