"""Routing of the REST API: idempotency of POST, and refusal of unknown parameters, for every endpoint.

Routers are made by `router_for`, so that no endpoint can lack it.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.v1.callers import Caller, current_caller
from api.v1.idempotency import answered_once
from retention.i18n import gettext

PREFIX = "/api/v1"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_LOCATION = {"description": "Where it is now.", "schema": {"type": "string"}}


class Route(APIRoute):
    """One endpoint of the REST API."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        status, address = settings.get("status_code") or 200, getattr(endpoint, "address", "")
        if address:
            described = {"description": "Successful Response", "headers": {"Location": _LOCATION}}
            settings["responses"] = {status: described} | (settings.get("responses") or {})
        if "POST" in (settings.get("methods") or ()) and not hasattr(endpoint, "__wrapped__"):
            endpoint = answered_once(endpoint, status=status, headers=lambda value: _located(address, value))
        super().__init__(path, endpoint, **settings)
        asked = get_flat_params(self.dependant)
        self.known = frozenset(each.alias for each in asked if isinstance(each.field_info, params.Query))
        """The query parameters it takes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request. A form is read after those who look at the bytes of the request."""
        answer = super().get_route_handler()

        async def read_first(request: Request) -> Response:
            await request.body()
            return await answer(request)

        return read_first


def refuse_unknown(request: Request, _: Annotated[Caller, Depends(current_caller)]) -> None:
    """Refuse query parameters that the endpoint does not take: a filter that is misspelt would filter nothing."""
    route: Route = request.scope["route"]
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in route.known]
    if not unknown:
        return
    known = ", ".join(sorted(route.known)) or gettext("none")
    detail = gettext("Unknown parameter. This endpoint accepts: {known}.").format(known=known)
    raise RequestValidationError([{"type": "unknown", "loc": ("query", name), "msg": detail} for name in unknown])


def router_for(tag: str) -> APIRouter:
    """Return a router of the REST API, named in the document by its tag."""
    return APIRouter(tags=[tag], route_class=Route)


def made_at(address: str) -> Callable[[Endpoint], Endpoint]:
    """Mark a POST that makes something with an address, filled in from its answer: `@made_at("/senders/{slug}")`."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.address = address  # type: ignore[attr-defined]
        return endpoint

    return mark


def made_or_changed(shape: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return what a PUT documents that answers 201 with `shape` when the thing is new."""
    return {201: {"model": shape, "description": "It is new.", "headers": {"Location": _LOCATION}}}


def say_made(request: Request, response: Response) -> None:
    """Have a PUT answer 201: what stands at its address now was not there."""
    response.status_code = 201
    response.headers["Location"] = request.url.path


def _located(address: str, value: dict[str, Any]) -> dict[str, str]:
    if not address:
        return {}
    return {"Location": PREFIX + address.format_map({name: quote(str(each), safe="") for name, each in value.items()})}
