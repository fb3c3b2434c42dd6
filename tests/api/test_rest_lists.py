"""Every list of the REST API: read a page at a time it is the whole list, and each filter leaves what it says."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from campaigns.campaign.media import Medium
from retention import keys
from retention.access import Scope
from retention.database import transaction
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.posts import group, launched, posted
from tests.factories import make_shop
from tests.retention import rows

Tea = Callable[[Callable[[Stage], Any]], Any]

NOT_PAGED = {
    "/api/v1/imports/{number}": "the first twenty rejected rows; all of them are a file",
    "/api/v1/calendar": "the days asked for by `from` and `to`",
    "/api/v1/campaigns/{slug}/content": "what one text may use, and what is found in it",
    "/api/v1/campaigns/{slug}/preview": "one message, or the two extremes",
    "/api/v1/parcels/{waybill}/inserts": "what goes into one parcel",
    "/api/v1/policy": "the shop's caps, which are values of its policy",
    "/api/v1/privacy/export": "all that is known of one buyer",
}
ASIDE = {"now"}
"""Lists in an answer that are not the one that comes in pages."""

OF_ONE = {
    "campaigns": "campaigns.slug",
    "hooks": "hooks.slug",
    "segments": "segments.slug",
    "why": "buyers.external_id",
}
SHOPS_OWN = [
    "campaigns",
    "segments",
    "topics",
    "consents",
    "suppressions",
    "bounces",
    "senders",
    "hooks",
    "hook_calls",
    "failures",
    "groups",
    "batches",
    "products",
    "segment_snapshots",
    "runs",
    "memberships",
    "posts",
    "jobs",
    "saved_mappings",
    "status_words",
]


@pytest.fixture
def filled(tea: Tea, engine: Engine) -> None:
    """Three of everything, all of them the tea shop's."""

    def shops(stage: Stage) -> None:
        for slug in ("pots", "cups"):
            make_shop(stage.session, slug, name=slug, at=NOON)
            keys.create_api_key(stage.session, stage.shop, name=slug, scopes=frozenset({Scope.ORDERS_WRITE}), at=NOON)

    tea(shops)
    with transaction(engine) as session:
        connection = session.connection()
        rows.fill(connection, each=3)
        for table in SHOPS_OWN:
            connection.exec_driver_sql(f"UPDATE {table} SET shop_id = 1")
        for table, column in (("runs", "campaign_id"), ("hook_calls", "hook_id"), ("consents", "buyer_id")):
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = 1")
        connection.exec_driver_sql("UPDATE segment_snapshots SET segment_id = 1")
        connection.exec_driver_sql('UPDATE jobs SET kind = \'import\', input = \'{"kind": "orders", "name": "a.csv"}\'')
        connection.exec_driver_sql("UPDATE hooks SET events = '[]'")
        connection.exec_driver_sql("UPDATE segments SET rule = '{\"all\": []}'")
        connection.exec_driver_sql("UPDATE campaigns SET audience = '{\"all\": []}'")
        arrives = sa.text("UPDATE products SET arrival_at = :at, stock = id - 2 WHERE id = :number").bindparams(
            sa.bindparam("at", type_=sa.DateTime(timezone=True))
        )
        for number, days in ((1, 1), (2, -2), (3, -1)):
            connection.execute(arrives, {"at": NOON + timedelta(days=days), "number": number})


def lists(app: FastAPI) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    """Yield path, description and arrays of every GET that answers with a list."""
    document = app.openapi()
    for path, operations in document["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        named = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        properties = document["components"]["schemas"].get(named, {}).get("properties", {})
        arrays = {name for name, each in properties.items() if "$ref" in each.get("items", {})}
        if "next" in properties:
            yield path, operations["get"], arrays - ASIDE
        elif path.rpartition("/")[2] != "{slug}":
            assert not arrays or path in NOT_PAGED, path


def address_of(engine: Engine, path: str) -> tuple[str, dict[str, str]]:
    """Return the address of a list that has rows, and the parameters it cannot do without."""
    with engine.connect() as connection:
        for word, name in re.findall(r"([\w-]+)/{(\w+)}", path):
            table, column = OF_ONE[word].split(".")
            first = connection.exec_driver_sql(f"SELECT {column} FROM {table} ORDER BY id").scalar()
            path = path.replace(f"{word}/{{{name}}}", f"{word}/{first}")
        buyer = connection.exec_driver_sql("SELECT external_id FROM buyers ORDER BY id").scalar()
    needed = {"buyer": buyer} if path.endswith("/consents") else {"state": "waiting"} if path.endswith("/posts") else {}
    return path, needed


def items(answer: dict[str, Any], arrays: set[str]) -> list[Any]:
    return [(name, each) for name in sorted(arrays) for each in answer[name]]


def walk(backend: TestClient, address: str, params: dict[str, Any], arrays: set[str]) -> list[Any]:
    """Return a list as it is read one row at a time."""
    found, after = [], {}
    while True:
        answer = backend.get(address, params=params | {"limit": 1} | after).json()
        if "next" not in answer:
            return [("refused", answer)]
        found += items(answer, arrays)
        if answer["next"] is None:
            return found
        after = {"after": answer["next"]}


@pytest.mark.usefixtures("filled")
def test_every_list_read_row_by_row_is_the_whole_list_and_filters_leave_what_they_say(
    backend: TestClient, tea_app: FastAPI, engine: Engine
) -> None:
    found, wrong = list(lists(tea_app)), []
    assert len(found) >= 19
    for path, operation, arrays in found:
        address, params = address_of(engine, path)

        def ask(place: str = address, needed: dict[str, str] = params, **more: Any) -> list[Any]:
            answer = backend.get(place, params=needed | {"limit": 500} | more)
            return items(answer.json(), arrays) if answer.status_code == 200 else [("refused", answer.text)]  # noqa: B023

        whole, walked = ask(), walk(backend, address, params, arrays)
        if len(whole) < 3 or {name: of(walked, name) for name in arrays} != {name: of(whole, name) for name in arrays}:
            wrong.append((address, whole, walked))
        for name, values in filters(tea_app, operation, set(params)):
            if values:
                kept, asked = [each for value in values for each in ask(**{name: value})], sorted(map(str, whole))
                wrong += [] if sorted(map(str, kept)) == asked else [(address, name, kept)]
            else:
                kept = ask(**{name: FAR if name in {"since", "until"} else "never-was"})
                wrong += [] if kept == (whole if name == "until" else []) else [(address, name, kept)]
    assert wrong == []


FAR = datetime(2100, 1, 1, tzinfo=UTC).isoformat()


def of(rows: list[Any], name: str) -> list[Any]:
    return [each for array, each in rows if array == name]


def filters(app: FastAPI, operation: dict[str, Any], needed: set[str]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the filters of a list, and the values of those that have only some."""
    for parameter in operation["parameters"]:
        name, schema = parameter["name"], parameter["schema"]
        if parameter["in"] == "query" and name not in {"limit", "after", *needed}:
            yield name, [value for kind in schema.get("anyOf", [schema]) for value in choices(app, kind)]


def choices(app: FastAPI, schema: dict[str, Any]) -> list[Any]:
    if schema.get("type") == "boolean":
        return [True, False]
    named = schema.get("$ref", "").rpartition("/")[2]
    return list(app.openapi()["components"]["schemas"].get(named, schema).get("enum", []))


def test_rows_that_come_and_go_meanwhile_move_nothing(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: [stage.push(slug) for slug in ("a", "b", "c")] and None)
    first = backend.get("/api/v1/campaigns", params={"limit": 1}).json()
    tea(lambda stage: stage.push("d") and None)
    second = backend.get("/api/v1/campaigns", params={"limit": 1, "after": first["next"]}).json()
    third = backend.get("/api/v1/campaigns", params={"limit": 1, "after": second["next"]}).json()
    seen = [each["slug"] for page in (first, second, third) for each in page["campaigns"]]
    assert (seen, third["next"]) == (["c", "b", "a"], None)


def test_posts_that_are_due_come_in_pages_in_the_order_of_the_task_list(backend: TestClient, tea: Tea) -> None:
    def begin(stage: Stage) -> None:
        for name in ("friends", "locals", "guests"):
            group(stage, name, stage.buyer(f"of-{name}"))
        launched(stage, posted(stage, Medium.ASSISTED))

    tea(begin)
    whole = [("posts", each) for each in backend.get("/api/v1/posts").json()["posts"]]
    assert len(whole) == 3
    assert walk(backend, "/api/v1/posts", {}, {"posts"}) == whole
    one = backend.get("/api/v1/posts", params={"group": "locals"}).json()["posts"]
    assert [each["group"] for each in one] == ["locals"]


@pytest.mark.parametrize("cursor", ["x", "%00", "bnVsbA", "WzFd" * 200, "W10", "WzEsMl0", "WyJhIl0", "é"])
def test_what_is_no_cursor_is_refused(backend: TestClient, cursor: str) -> None:
    assert backend.get("/api/v1/campaigns", params={"after": cursor}).status_code == 422
    assert backend.get("/api/v1/arrivals", params={"after": cursor}).status_code == 422
