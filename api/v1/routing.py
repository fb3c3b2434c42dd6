"""What every endpoint of the REST API does alike, beginning with a POST that is sent twice.

Routers are made by `router_for`, so that no endpoint can lack it.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.v1.once import answered_once

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
