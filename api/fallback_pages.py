"""Fallback pages: for addresses that only take forms, or whose choice is missing.

People come there by the address line, by "back", by a reloaded tab after signing in again. The nearest page above the
address is what they want. A form that is refused stands on such a page, or on one beside it.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

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


def pages_beside(request: Request, typed: Mapping[str, object]) -> list[str]:
    """Return the pages for something new in the same part of the console: there a form has an address of its own.

    What the form holds names the parameters of such a page, as the kind of a sender does.
    """
    home = request.url.path.split("/")[:4]
    known = {name: value for name, value in typed.items() if isinstance(value, str) and value} | {"slug": home[2]}
    part = "/".join(home) + "/"
    found = []
    for each in iter_route_contexts(request.app.routes):
        names = re.findall(r"{(\w+)", each.path or "")
        if "GET" in (each.methods or ()) and all(name in known for name in names):
            path = re.sub(r"{(\w+)[^}]*}", lambda name: quote(str(known[name[1]]), safe=""), each.path or "")
            if path.startswith(f"{part}new"):
                found.append(path)
    return found
