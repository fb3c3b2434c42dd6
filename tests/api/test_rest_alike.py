"""What holds for every endpoint of the REST API, whatever it is about: read from the application's own routes."""

import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from api import v1
from api.v1.callers import Permitted
from api.v1.routing import Route
from tests.api.rights import declared


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation of the document."""
    paths = app.openapi()["paths"]
    return [(method.upper(), path, each) for path, found in paths.items() for method, each in found.items()]


def test_unknown_query_parameters_are_refused_everywhere_with_those_that_are_known(
    backend: TestClient, tea_app: FastAPI
) -> None:
    for method, path, described in operations(tea_app):
        known = sorted(each["name"] for each in described.get("parameters", []) if each["in"] == "query")
        address = re.sub(r"{\w+}", "1", path)
        answer = backend.request(method, address, params={"colour": "red", "size": "2"})
        problem = answer.json()
        assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json"), address
        pointers = {each["pointer"]: each["detail"] for each in problem["errors"]}
        told = f"Unknown parameter. This endpoint accepts: {', '.join(known) or 'none'}."
        assert pointers == {"/query/colour": told, "/query/size": told}, address


def test_unknown_parameters_tell_nothing_to_who_has_no_key(tea_app: FastAPI) -> None:
    assert TestClient(tea_app).get("/api/v1/campaigns?colour=red").status_code == 401


def test_every_route_takes_what_the_document_says_and_nothing_else(tea_app: FastAPI) -> None:
    routes = [each for each in iter_route_contexts(tea_app.routes) if isinstance(each.original_route, Route)]
    assert len(routes) == len(operations(tea_app))


def test_every_route_declares_its_scopes_by_its_caller_and_by_nothing_else(tea_app: FastAPI) -> None:
    routes = [each for each in iter_route_contexts(tea_app.routes) if isinstance(each.original_route, Route)]
    found: dict[str, frozenset[str]] = {}
    for each in routes:
        callers = [need.call for need in each.dependant.dependencies if isinstance(need.call, Permitted)]
        assert len(callers) == 1, each.path
        found |= {f"{method} {each.path}": frozenset(map(str, callers[0].scopes)) for method in each.methods or ()}
    assert found == {route: needs for route, needs in declared().items() if route in found}
    assert len(found) == len(operations(tea_app))
    asked = [
        path.name for path in Path(v1.__file__).parent.glob("*.py") if ".require" in path.read_text(encoding="utf-8")
    ]
    assert asked == ["callers.py"]


def test_request_id_is_taken_when_it_is_sane_else_made_and_stands_in_refusals(backend: TestClient) -> None:
    kept = ["a", "7f3c-11", "till:2/A1", "x" * 128]
    for sent in kept:
        answer = backend.get("/api/v1/campaigns/never-was", headers={"X-Request-Id": sent})
        assert (answer.headers["X-Request-Id"], answer.json()["request_id"]) == (sent, sent)
    made = set()
    for sent in ("", "x" * 129, "two words", "-dash", "{}", 'a"b'):
        answer = backend.get("/api/v1/segments", headers={"X-Request-Id": sent})
        made.add(answer.headers["X-Request-Id"])
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert len(made) == 6
    assert re.fullmatch("[0-9a-f]{32}", backend.get("/api/v1/segments").headers["X-Request-Id"])


def test_generated_clients_find_a_short_name_of_its_own_for_every_shape_and_operation(tea_app: FastAPI) -> None:
    names = [each["operationId"] for _, _, each in operations(tea_app)]
    shapes = tea_app.openapi()["components"]["schemas"]
    assert len(set(names)) == len(names)
    assert [each for each in names if not re.fullmatch("[a-z_]{4,30}", each)] == []
    assert [each for each in shapes if not re.fullmatch("[A-Z][A-Za-z]+", each)] == []
