"""The REST API as a shop's other system uses it."""

import json
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import col, select

from campaigns.campaign.campaigns import CampaignState, Delivery, DeliveryState
from campaigns.offers.coupons import Coupon, CouponState
from retention import keys
from retention.access import Scope
from retention.database import reading
from retention.idempotency import GivenAnswer
from retention.orders import Order, OrderLine
from retention.tokens import new_codes, spaced
from segments.rules import parse
from segments.segments import save_segment
from tests.api.conftest import SITE, launched
from tests.campaigns.conftest import EVERYBODY, NOON, Stage
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]


def rows(engine: Engine, table: type[Any]) -> list[Any]:
    with reading(engine) as session:
        return list(session.exec(select(table).order_by(table.id)))


def order(number: str = "A1", **values: Any) -> dict[str, Any]:
    line = {"sku": "TEA-1", "title": "Spring tea", "quantity": 2, "unit_price": "64.00"}
    paid = {"order_id": number, "buyer_id": "may", "status": "paid", "paid_at": "2026-03-09T12:00:00+08:00"}
    return paid | {"lines": [line]} | values


def put(backend: TestClient, *orders: dict[str, Any], key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return backend.post("/api/v1/orders", json={"source": "till", "orders": orders}, headers=headers)


def a_coupon(stage: Stage, **terms: Any) -> str:
    """Launch a flyer to one buyer and return the coupon's code."""
    stage.buyer("may", parcel=True)
    launched(stage, stage.flyer(offer_id=stage.offer(**terms).id))
    return stage.session.exec(select(Coupon.code)).one()


def test_an_order_lands_with_its_lines_and_its_buyer(backend: TestClient, engine: Engine) -> None:
    answer = put(backend, order(lines=[{"sku": "A", "amount": "100.50"}, {"sku": "B", "amount": "27.50"}]))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"orders": 1, "changed": 1, "unchanged": 0, "rejected": []}
    (landed,) = rows(engine, Order)
    assert (landed.source, landed.external_id, landed.amount, landed.counts) == ("till", "A1", 12800, True)


def test_the_same_order_again_changes_nothing(backend: TestClient) -> None:
    put(backend, order())
    assert put(backend, order()).json() == {"orders": 1, "changed": 0, "unchanged": 1, "rejected": []}


def test_an_order_shares_its_total_keeps_broken_quantities_and_its_newer_state(
    backend: TestClient, engine: Engine
) -> None:
    lines = [
        {"line_id": "1", "sku": "TEA", "quantity": "0.25", "unit_price": "40"},
        {"line_id": "2", "sku": "CUP", "unit_price": "20"},
    ]
    newer = {"updated_at": "2026-03-10T12:00:00Z", "order_total": "25.00", "postage": "5", "lines": lines}
    assert put(backend, order(**newer, refund_status="partially refunded")).json()["changed"] == 1
    older = newer | {"updated_at": "2026-03-09T12:00:00Z", "status": "placed"}
    assert put(backend, order(**older)).json()["unchanged"] == 1
    (landed,) = rows(engine, Order)
    assert (landed.amount, landed.status.value, landed.items * 1000 + landed.items_thousandths) == (2500, "paid", 1250)
    with reading(engine) as session:
        found = select(OrderLine.line_id, OrderLine.amount).order_by(col(OrderLine.number))
        assert list(session.exec(found)) == [("1", 667), ("2", 1333)]
    assert put(backend, order(lines=[{"quantity": "0.1234"}])).status_code == 422


def test_an_order_in_another_currency_is_rejected_and_never_added_up(backend: TestClient, engine: Engine) -> None:
    answer = put(backend, order("A1", currency="EUR"), order("A2", currency="CNY"), order("A3")).json()
    assert (answer["changed"], [each["order_id"] for each in answer["rejected"]]) == (2, ["A1"])
    assert "EUR" in answer["rejected"][0]["reason"]
    assert {landed.currency for landed in rows(engine, Order)} == {""}
    assert put(backend, order("A4", currency="euro")).status_code == 422


def test_a_bad_order_is_named_with_its_reason_and_the_good_part_lands(backend: TestClient, engine: Engine) -> None:
    late = order("A2", paid_at=None)
    answer = put(backend, order(), late).json()
    assert answer["rejected"] == [{"order_id": "A2", "reason": "the time of the order is missing"}]
    assert [each.external_id for each in rows(engine, Order)] == ["A1"]


def test_a_wrong_value_is_pointed_at_and_nothing_lands(backend: TestClient, engine: Engine) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "/body/orders/0/paid_at": {"paid_at": "2026-03-09T12:00:00"},
        "/body/orders/0/status": {"status": "lost"},
        "/body/orders/0/colour": {"colour": "red"},
        "/body/orders/0/lines": {"lines": []},
        "/body/orders/0/lines/0/amount": {"lines": [{"amount": "1e9"}]},
    }
    for pointer, values in wrong.items():
        answer = put(backend, order() | values)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert rows(engine, Order) == []


def test_a_request_sent_twice_is_answered_as_the_first_time(backend: TestClient, engine: Engine) -> None:
    first, second = put(backend, order(), key="k1"), put(backend, order(), key="k1")
    assert first.json()["changed"] == 1
    assert second.json() == first.json()
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert len(rows(engine, GivenAnswer)) == 1


def test_a_key_belongs_to_one_request(backend: TestClient, engine: Engine) -> None:
    put(backend, order(), key="k1")
    other = put(backend, order("A2"), key="k1")
    assert (other.status_code, other.json()["detail"]) == (
        409,
        "The idempotency key k1 was used for another request. Use a new one.",
    )
    assert [each.external_id for each in rows(engine, Order)] == ["A1"]


def test_a_key_is_free_again_after_a_day(backend: TestClient, tea_app: FastAPI) -> None:
    put(backend, order(), key="k1")
    tea_app.state.moment = NOON + timedelta(hours=24)
    assert "idempotency-replayed" not in put(backend, order("A2"), key="k1").headers


def test_a_refusal_is_not_kept_under_its_key(backend: TestClient, tea: Tea, tea_app: FastAPI, engine: Engine) -> None:
    code = tea(lambda stage: a_coupon(stage, starts_at=NOON + timedelta(hours=1)))
    use = {"order_id": "A1", "amount": "128.00"}

    def redeem() -> int:
        return backend.post(f"/api/v1/coupons/{code}/redeem", json=use, headers={"Idempotency-Key": "k1"}).status_code

    assert redeem() == 409
    assert rows(engine, GivenAnswer) == []
    tea_app.state.moment = NOON + timedelta(hours=2)
    assert redeem() == 200


def test_the_same_request_at_the_same_time_works_once(backend: TestClient, engine: Engine) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(put(backend, order(), key="k1"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.json()["changed"] for answer in answers] == [1, 1, 1, 1]
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, True, True, True]


def test_without_a_valid_key_there_is_no_answer(tea_app: FastAPI) -> None:
    with TestClient(tea_app, base_url=SITE) as nobody:
        for key in (None, "Bearer rk_unknown", "Basic eA=="):
            answer = nobody.get("/api/v1/segments", headers={"Authorization": key} if key else {})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_without_the_scope_is_refused(tea_app: FastAPI, tea: Tea, engine: Engine) -> None:
    def make_key(stage: Stage) -> str:
        scopes = frozenset({Scope.SEGMENTS_READ})
        return keys.create_api_key(stage.session, stage.shop, name="reader", scopes=scopes, at=NOON)

    with TestClient(tea_app, base_url=SITE, headers={"Authorization": f"Bearer {tea(make_key)}"}) as reader:
        assert reader.get("/api/v1/segments").status_code == 200
        assert put(reader, order()).status_code == 403
    assert rows(engine, Order) == []


def test_segments_are_counted_and_say_who_is_in_them(backend: TestClient, tea: Tea) -> None:
    def save(stage: Stage) -> None:
        for name in ("may", "lin"):
            stage.buyer(name)
        rule = {"buyer": {"field": "external_id", "is": ["may"]}}
        save_segment(stage.session, stage.shop.id, "mays", rule=parse(rule), actor="user:1", at=NOON, name="Mays")

    tea(save)
    assert [each["slug"] for each in backend.get("/api/v1/segments").json()["segments"]] == ["mays"]
    assert backend.get("/api/v1/segments/mays").json()["buyers"] == 1
    assert backend.get("/api/v1/segments/mays/buyers/may").json()["member"] is True
    assert backend.get("/api/v1/segments/mays/buyers/lin").json()["member"] is False
    assert backend.get("/api/v1/segments/mays/buyers/nobody").status_code == 404
    assert backend.post("/api/v1/segments/count", json={"rule": EVERYBODY}).json()["buyers"] == 2
    wrong = backend.post("/api/v1/segments/count", json={"rule": {"orders": {"measure": "colour"}}})
    assert (wrong.status_code, "colour" in wrong.json()["detail"]) == (422, True)


def test_a_coupon_is_held_redeemed_and_given_back(backend: TestClient, tea: Tea, engine: Engine) -> None:
    code = tea(a_coupon)
    path = f"/api/v1/coupons/{spaced(code).lower()}"
    assert backend.get(path).json() == {
        "code": spaced(code),
        "state": "issued",
        "offer": "twenty-off",
        "kind": "amount",
        "headline": "¥20",
        "minimum": "99.00",
        "currency": "CNY",
        "expires_at": None,
        "last_day": None,
        "hold_expires_at": None,
        "order_id": "",
        "source": "",
    }
    assert backend.post(f"{path}/hold", json={"order_id": "cart-7"}).json()["state"] == "held"
    other = backend.post(f"{path}/redeem", json={"order_id": "A9", "amount": "128.00"})
    assert (other.status_code, rows(engine, Coupon)[0].state) == (409, CouponState.HELD)
    small = backend.post(f"{path}/redeem", json={"order_id": "cart-7", "amount": "98.99"})
    assert small.json()["detail"] == "This coupon is for orders from ¥99; this one is ¥98.99."
    assert other.json()["type"] == "urn:regulars:problem:coupon-held"
    used = backend.post(f"{path}/redeem", json={"order_id": "cart-7", "amount": "128.00"}).json()
    assert (used["discount"], used["again"], used["coupon"]["state"]) == ("20.00", False, "redeemed")
    assert backend.post(f"{path}/redeem", json={"order_id": "cart-7", "amount": "128.00"}).json()["again"] is True
    differs = backend.post(f"{path}/redeem", json={"order_id": "cart-7", "amount": "128.01"})
    assert (differs.status_code, differs.json()["type"]) == (409, "urn:regulars:problem:amount-differs")
    assert backend.post(f"{path}/give-back", json={"order_id": "A9"}).status_code == 409
    assert backend.post(f"{path}/give-back", json={"order_id": "cart-7"}).json()["state"] == "claimed"


def test_an_amount_that_is_none_redeems_nothing(backend: TestClient, tea: Tea, engine: Engine) -> None:
    code = tea(a_coupon)
    for amount in ("-1.00", "128.001", "1e3", "NaN", "", 128):
        answer = backend.post(f"/api/v1/coupons/{code}/redeem", json={"order_id": "A1", "amount": amount})
        assert answer.status_code == 422, amount
    assert rows(engine, Coupon)[0].state is CouponState.ISSUED


def test_an_unknown_code_and_an_invalid_code_are_distinguished(backend: TestClient) -> None:
    codes = (new_codes(1)[0], "7K3M9PQ!", "%00%00")
    assert [backend.get(f"/api/v1/coupons/{code}").status_code for code in codes] == [404, 422, 422]


def test_the_coupon_of_another_shop_answers_like_an_unknown_one(backend: TestClient, tea: Tea) -> None:
    def in_other_shop(stage: Stage) -> str:
        pots = make_shop(stage.session, "pots", at=NOON)
        return a_coupon(Stage(stage.session, pots))

    code = tea(in_other_shop)
    answer = backend.get(f"/api/v1/coupons/{code}")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"This shop has no coupon {spaced(code)}.")


def test_a_campaign_is_planned_launched_paused_resumed_and_cancelled(
    backend: TestClient, tea: Tea, engine: Engine
) -> None:
    def draft(stage: Stage) -> None:
        for name in ("may", "lin"):
            stage.buyer(name)
        stage.push()

    tea(draft)
    path = "/api/v1/campaigns/spring"
    planned = backend.post(f"{path}/plan").json()
    assert (planned["audience"], planned["final"]) == (2, 2)
    refused = backend.post(f"{path}/launch", json={"fingerprint": "of another plan"})
    assert (refused.status_code, rows(engine, Delivery)) == (409, [])
    run = backend.post(f"{path}/launch", json={"fingerprint": planned["fingerprint"]}).json()
    assert (run["run"], run["audience"], run["fingerprint"]) == (1, 2, planned["fingerprint"])
    assert run["funnel"] == planned["funnel"]
    states = [backend.post(f"{path}/{move}").json()["state"] for move in ("pause", "resume", "cancel")]
    assert states == ["paused", "running", "cancelled"]
    assert backend.post(f"{path}/resume").status_code == 409
    assert backend.get(path).json()["state"] == CampaignState.CANCELLED
    assert {each.state for each in rows(engine, Delivery)} == {DeliveryState.SKIPPED}
    assert backend.get(f"{path}/results").json()["planned"] == 2
    assert [each["slug"] for each in backend.get("/api/v1/campaigns").json()["campaigns"]] == ["spring"]


def test_a_waybill_says_what_goes_in_and_an_unknown_one_nothing(backend: TestClient, tea: Tea) -> None:
    tea(a_coupon)
    shown = backend.get("/api/v1/parcels/W-may/inserts").json()
    assert shown["inserts"] == [{"campaign": "flyer", "flyer": "", "code": "", "batch": None, "packed": False}]
    assert backend.get("/api/v1/parcels/W-else/inserts").status_code == 404


def test_a_shop_without_batches_has_an_empty_list(backend: TestClient) -> None:
    assert backend.get("/api/v1/batches").json() == {"batches": [], "next": None}
    assert backend.get("/api/v1/batches/1").status_code == 404


def test_the_schema_describes_every_endpoint(tea_app: FastAPI) -> None:
    schema = tea_app.openapi()
    names = set()
    for path, operations in schema["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in operations.values():
            names.add(operation["operationId"])
            assert operation["description"], path
            assert "Scope" in operation["description"], path
            assert operation["security"] == [{"key": []}], path
            assert "application/problem+json" in operation["responses"]["422"]["content"], path
    assert len(names) == sum(len(operations) for operations in schema["paths"].values())
    assert json.loads(json.dumps(schema)) == schema


def test_a_text_no_database_keeps_is_refused(backend: TestClient, engine: Engine) -> None:
    answer = put(backend, order(order_id="A\x001"))
    assert answer.status_code == 422
    assert rows(engine, Order) == []


def said(operation: dict[str, Any]) -> str:
    """Return the sentence of an endpoint that names the scopes it always needs."""
    found = re.search(r"Scopes? [a-z]+:[^.]*", operation["description"])
    return found[0] if found else ""


def test_each_endpoint_is_documented_with_its_scopes(tea_app: FastAPI) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
    documented = re.findall(
        r"^\| (GET|POST|PUT|PATCH|DELETE) \| `(/[^Qu`][^`]*)` \| ([a-z:, ]+) \|$", page, re.MULTILINE
    )
    served = [
        (method.upper(), path.removeprefix("/api/v1"), ", ".join(re.findall(r"\b[a-z]+:[a-z]+\b", said(each))))
        for path, operations in tea_app.openapi()["paths"].items()
        for method, each in operations.items()
    ]
    assert sorted(documented) == sorted(served)
