"""A POST to the REST API that is sent twice under one key: every POST takes a key, whatever it does with its rows."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine
from sqlmodel import select

from api.v1.routing import Route
from retention import users
from retention.access import Role
from retention.database import reading, transaction
from retention.idempotency import GivenAnswer
from tests.campaigns.conftest import EVERYBODY, NOON, Stage

Tea = Callable[[Callable[[Stage], Any]], Any]

KEY = {"Idempotency-Key": "once"}

POSTS: dict[str, tuple[dict[str, Any], int]] = {
    "orders": ({"orders": [{"order_id": "A1", "status": "paid", "paid_at": NOON.isoformat(), "lines": [{}]}]}, 200),
    "campaigns": ({"slug": "summer", "recipe": "check-in"}, 201),
    "campaigns/spring/plan": ({}, 200),
    "campaigns/spring/launch": ({"fingerprint": None}, 202),
    "segments/count": ({"rule": EVERYBODY}, 200),
    "segments/describe": ({"rule": EVERYBODY}, 200),
    "segments/refresh": ({}, 200),
    "consents": ({"buyer": "may", "answer": "out", "source": "phone", "evidence": "Said so."}, 201),
    "pauses": ({"buyer": "may", "until": None, "source": "phone"}, 200),
    "privacy/erase?buyer=may": ({}, 200),
    "senders": (
        {
            "slug": "gate",
            "kind": "webhook",
            "settings": {"url": "http://127.0.0.1:9/"},
            "secrets": {"secret": "s" * 32},
        },
        201,
    ),
    "hooks": ({"slug": "erp", "url": "http://127.0.0.1:9/", "events": ["message.sent"]}, 201),
    "keys": ({"name": "till", "scopes": ["orders:write"]}, 201),
    "people/invitations": ({"email": "lin@example.cn", "role": "viewer"}, 201),
    "people/1/sign-out": ({}, 204),
}


def body_of(answer: Response) -> Any:
    return answer.json() if answer.content else None


def test_post_sent_twice_is_answered_as_the_first_time_and_refused_for_another_request(
    backend: TestClient, tea: Tea
) -> None:
    tea(things)
    for number, (path, (body, status)) in enumerate(POSTS.items()):
        key = {"Idempotency-Key": f"key {number}"}
        first, again = (backend.post(f"/api/v1/{path}", json=body, headers=key) for _ in range(2))
        assert (first.status_code, again.status_code) == (status, status), first.text + again.text
        assert body_of(again) == body_of(first)
        assert again.headers.get("Location") == first.headers.get("Location")
        assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
        other = backend.post("/api/v1/segments/describe", json={"rule": {"not": EVERYBODY}}, headers=key)
        assert other.status_code == 409, path


def things(stage: Stage) -> None:
    stage.buyer("may")
    stage.push()
    users.add_user(stage.session, "may@tea.example", shop=stage.shop, role=Role.OWNER, password="", at=NOON)


def test_every_post_takes_an_idempotency_key(tea_app: FastAPI) -> None:
    routes = [each for each in iter_route_contexts(tea_app.routes) if each.path.startswith("/api/v1/")]
    assert [each.path for each in routes if not isinstance(each.original_route, Route)] == ["/api/v1/openapi.json"]
    posts = {path: each["post"] for path, each in tea_app.openapi()["paths"].items() if "post" in each}
    asked = {path: [param["name"] for param in each["parameters"]] for path, each in posts.items()}
    assert len(posts) > 40
    assert [path for path, names in asked.items() if "Idempotency-Key" not in names] == []


def test_secret_is_shown_again_to_its_key_only_and_is_not_in_the_database(backend: TestClient, engine: Engine) -> None:
    body, _ = POSTS["keys"]
    secret = backend.post("/api/v1/keys", json=body, headers=KEY).json()["key"]
    with reading(engine) as session:
        (kept,) = session.exec(select(GivenAnswer)).all()
    assert secret not in kept.model_dump_json()
    assert set(kept.answer or {}) == {"sealed"}


def test_what_is_made_has_its_address_in_location(backend: TestClient, tea: Tea) -> None:
    tea(things)
    made = {path: backend.post(f"/api/v1/{path}", json=POSTS[path][0]) for path in MADE}
    assert [each.text for each in made.values() if each.status_code != 201] == []
    found = {path: each.headers["Location"] for path, each in made.items()}
    found["topics"] = backend.put("/api/v1/topics/news", json={"names": {"en": "News", "zh-CN": "新闻"}}).headers[
        "Location"
    ]
    found["segments"] = backend.put("/api/v1/segments/all", json={"rule": EVERYBODY}).headers["Location"]
    assert found == MADE | {"topics": "/api/v1/topics/news", "segments": "/api/v1/segments/all"}
    for path, address in found.items():
        if path != "topics":  # they are read as one list
            shown, said = backend.get(address), made[path].json() if path in made else {"slug": "all"}
            assert shown.status_code == 200, path
            both = shown.json().keys() & said.keys()
            assert both, path
            assert {name: shown.json()[name] for name in both} == {name: said[name] for name in both}
            assert not {"secret", "key", "link"} & shown.json().keys(), path
    changed = backend.put("/api/v1/segments/all", json={"rule": EVERYBODY})
    assert (changed.status_code, "Location" in changed.headers) == (200, False)


MADE = {
    "campaigns": "/api/v1/campaigns/summer/draft",
    "senders": "/api/v1/senders/gate",
    "hooks": "/api/v1/hooks/erp",
    "keys": "/api/v1/keys/2",
    "people/invitations": "/api/v1/people/invitations/1",
}

HAS_NO_ADDRESS = {
    "/api/v1/consents": "one answer may be written for many buyers; the history is asked for by buyer",
    "/api/v1/imports/{number}/mapping": "saved mappings are few and read as a list",
    "/api/v1/status-words": "status words are few and read as a list",
}


def test_every_post_that_makes_something_names_an_address_that_can_be_read(tea_app: FastAPI) -> None:
    paths = tea_app.openapi()["paths"]
    made = {
        path: each["post"]["responses"]
        for path, each in paths.items()
        if "201" in each.get("post", {}).get("responses", {})
    }
    without = {path for path, answers in made.items() if "Location" not in answers["201"].get("headers", {})}
    assert without == set(HAS_NO_ADDRESS)
    assert made.keys() - without == {f"/api/v1/{path}" for path in MADE}


def test_work_that_no_transaction_spans_is_refused_while_the_first_request_is_at_it(
    backend: TestClient, tea: Tea, engine: Engine
) -> None:
    body, _ = POSTS["people/invitations"]
    path = "/api/v1/people/invitations"
    refused = backend.post(path, json=body | {"email": "nobody"}, headers=KEY)
    assert refused.status_code == 422
    assert tea(lambda stage: stage.session.exec(select(GivenAnswer)).all()) == []
    first = backend.post(path, json=body, headers=KEY)
    assert first.status_code == 201
    with transaction(engine) as session:
        session.exec(select(GivenAnswer)).one().answer = None  # as if the process had died over it
    again = backend.post(path, json=body, headers=KEY)
    assert (again.status_code, "still in progress" in again.json()["detail"]) == (409, True)
