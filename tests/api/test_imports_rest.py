"""Files imported by another system of the shop: sent or named, understood, started, looked at."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import select

from retention.access import Scope
from retention.database import reading
from retention.ingest.jobs import run_import
from retention.jobs import Job, JobState
from retention.orders import Order
from tests.campaigns.conftest import NOON
from tests.factories import make_shop
from tests.retention.makers import TWO_LINES
from tests.retention.test_import_drafts import ODD, SAID

IMPORTS = "/api/v1/imports"
HEADER = ["number", "who", "day", "paid", "gift"]
ODD_FIELDS = {name: json.dumps(value) for name, value in SAID.as_json().items()}


def sent(backend: TestClient, content: str, **fields: str) -> Any:
    return backend.post(IMPORTS, data={"kind": "orders", **fields}, files={"file": ("orders.csv", content.encode())})


def work(app: FastAPI) -> None:
    """Do what a worker does about the imports that wait."""
    with reading(app.state.engine) as session:
        waiting = list(session.exec(select(Job.id).where(Job.state == JobState.WAITING)))
    for number in waiting:
        run_import(app.state.engine, number, now=lambda: NOON, files=app.state.files)


def orders(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.exec(select(Order.external_id).order_by(Order.external_id)))


def test_file_that_is_sent_is_imported_by_a_worker(backend: TestClient, tea_app: FastAPI, engine: Engine) -> None:
    answer = sent(backend, TWO_LINES)
    assert (answer.status_code, answer.json()["state"], orders(engine)) == (202, "waiting", [])
    work(tea_app)
    shown = backend.get(answer.headers["Location"]).json()
    assert (shown["state"], shown["done"] == shown["total"], shown["rejects"]) == ("done", True, None)
    assert shown["report"] | {"totals": {}} == {
        "preset": shown["report"]["preset"],
        "encoding": "UTF-8",
        "columns": shown["report"]["columns"],
        "mapping": shown["report"]["columns"],
        "ignored_columns": [],
        "read": 3,
        "accepted": 3,
        "rejected": 0,
        "changed": 2,
        "unchanged": 0,
        "totals": {},
        "notes": [],
    }
    assert (shown["report"]["totals"]["revenue"], orders(engine)) == ("35.45", ["A1", "A2"])


def test_import_is_taken_back_once(backend: TestClient, tea_app: FastAPI, engine: Engine) -> None:
    at = sent(backend, TWO_LINES).headers["Location"]
    assert backend.post(f"{at}/undo").status_code == 409
    work(tea_app)
    answer = backend.post(f"{at}/undo")
    undone = answer.json()["undone"]
    assert (answer.status_code, answer.headers["Location"], undone["removed"]) == (
        202,
        at,
        {"order_lines": 2, "orders": 2, "buyers": 2},
    )
    assert (orders(engine), backend.get(at).json()["state"]) == ([], "undone")
    again = backend.post(f"{at}/undo")
    assert (again.status_code, "already been undone" in again.json()["detail"]) == (409, True)


def test_large_import_is_taken_back_by_a_worker(
    backend: TestClient, tea_app: FastAPI, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retention.ingest.journals.undo_jobs.SMALL", 1)
    at = sent(backend, TWO_LINES).headers["Location"]
    work(tea_app)
    answer = backend.post(f"{at}/undo")
    assert (answer.status_code, answer.json()["state"], len(orders(engine))) == (202, "undoing", 2)
    assert backend.post(f"{at}/undo").status_code == 409
    work(tea_app)
    shown = backend.get(at).json()
    assert (shown["state"], shown["undone"]["removed"]["orders"], orders(engine)) == ("undone", 2, [])
    assert (shown["undo_problem"], shown["report"]["accepted"]) == ("", 3)


def test_dry_run_is_told_more_and_then_started(backend: TestClient, tea_app: FastAPI, engine: Engine) -> None:
    answer = sent(backend, ODD, dry_run="true")
    shown, at = answer.json(), answer.headers["Location"]
    assert (shown["state"], shown["understanding"]["header"]) == (
        "understood",
        ["number", "who", "day", "paid", "gift"],
    )
    refused = backend.post(f"{at}/start")
    assert (refused.status_code, "No column holds" in refused.json()["detail"]) == (422, True)
    shown = backend.post(f"{at}/options", json=SAID.as_json()).json()
    assert (shown["understanding"]["problem"], shown["understanding"]["totals"]["revenue"]) == ("", "20.00")
    assert shown["understanding"]["first_rows"][0]["buyer_id"] == "ann"
    assert (backend.post(f"{at}/start").json()["state"], orders(engine)) == ("waiting", [])
    work(tea_app)
    shown = backend.get(at).json()
    assert (shown["state"], shown["report"]["rejected"], orders(engine)) == ("done", 1, ["A1"])
    assert "soon" in backend.get(shown["rejects"]).text
    assert shown["first_rejects"][0]["cells"]["day"] == "soon"
    assert backend.post(f"{at}/start").status_code == 409
    assert [(each["id"], each["accepted"]) for each in backend.get(IMPORTS).json()["imports"]] == [(shown["id"], 1)]


def test_form_and_json_say_the_same_and_a_file_of_the_store_is_named(backend: TestClient, tea_app: FastAPI) -> None:
    form = sent(backend, ODD, dry_run="true", **ODD_FIELDS).json()
    tea_app.state.files.write("incoming/tea/odd.csv", ODD.encode())
    asked = {"kind": "orders", "address": "odd.csv", "dry_run": True, **SAID.as_json()}
    answer = backend.post(IMPORTS, json=asked)
    assert (answer.status_code, answer.json()["state"]) == (202, "reading")
    work(tea_app)
    named = backend.get(answer.headers["Location"]).json()
    assert named["options"] == form["options"] == SAID.as_json()
    assert named["understanding"] == form["understanding"]


def test_what_is_wrong_is_refused_with_its_reason(backend: TestClient, tea_app: FastAPI) -> None:
    for fields, status, words in [
        ({"kind": "coupons"}, 422, "'coupons' cannot be imported"),
        ({"kind": "orders", "preset": "acme"}, 422, "There is no preset 'acme'"),
        ({"kind": "orders", "dates": "ymd"}, 422, "Dates can be dmy or mdy"),
        ({"kind": "orders", "colour": "red"}, 422, "colour"),
        ({"kind": "orders"}, 422, "Send the file"),
        ({"kind": "orders", "address": "../cup/orders.csv"}, 404, "No file"),
        ({"kind": "orders", "address": "none.csv"}, 404, "is no longer stored"),
        ([], 422, "body"),
    ]:
        answer = backend.post(IMPORTS, json=fields)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    answer = backend.post(IMPORTS, content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, "must be JSON" in answer.text) == (422, True)
    answer = sent(backend, TWO_LINES, mapping="buyer_id=who")
    assert (answer.status_code, "mapping must be JSON" in answer.text) == (422, True)
    assert backend.get(f"{IMPORTS}/77").status_code == 404
    assert sent(backend, TWO_LINES, kind="coupons").status_code == 422
    assert not (tea_app.state.files.folder / "uploads").exists()


def test_another_file_under_the_same_key_is_refused(backend: TestClient) -> None:
    key = {"Idempotency-Key": "once"}
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}

    def post(content: str) -> Any:
        body = (
            '--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\norders\r\n--x\r\n'
            f'Content-Disposition: form-data; name="file"; filename="o.csv"\r\n\r\n{content}\r\n--x--\r\n'
        )
        return backend.post(IMPORTS, content=body.encode(), headers=key | boundary)

    first = post(TWO_LINES)
    assert (first.status_code, post(TWO_LINES).json()["id"], post(ODD).status_code) == (202, first.json()["id"], 409)


def test_cells_are_shown_to_keys_that_may_see_persons(
    backend: TestClient, caller: Callable[..., TestClient], tea: Callable[..., Any]
) -> None:
    made = sent(backend, TWO_LINES + "A3,b3,soon,TEA-1,1,10.00,9.90,Japan,,c@example.com\n", dry_run="true").json()
    assert "c@example.com" in json.dumps(made)
    plain = caller(Scope.IMPORTS_WRITE)
    shown = plain.get(f"{IMPORTS}/{made['id']}")
    assert (shown.json()["understanding"]["accepted"], "@example.com" in shown.text) == (3, False)
    assert plain.get(f"{IMPORTS}/{made['id']}/rejects.csv").status_code == 403
    assert caller(Scope.ORDERS_WRITE).get(IMPORTS).status_code == 403
    tea(lambda stage: make_shop(stage.session, "cup", at=NOON))
    assert caller(shop="cup").get(f"{IMPORTS}/{made['id']}").status_code == 404


def test_mappings_are_saved_listed_used_and_removed(backend: TestClient) -> None:
    made = sent(backend, ODD, dry_run="true", **ODD_FIELDS).json()
    assert backend.post(f"{IMPORTS}/{made['id']}/mapping", json={"name": "Till"}).status_code == 201
    (saved,) = backend.get("/api/v1/import-mappings").json()["mappings"]
    assert (saved["name"], saved["options"]) == ("Till", SAID.as_json())
    assert backend.get("/api/v1/import-mappings?kind=buyers").json()["mappings"] == []
    assert sent(backend, ODD, dry_run="true").json()["mapping"] == "Till"
    named = sent(backend, ODD, dry_run="true", saved_mapping="Till", dates="mdy").json()
    assert (named["mapping"], named["options"]) == ("Till", {**saved["options"], "dates": "mdy"})
    unknown = sent(backend, ODD, saved_mapping="Tell")
    assert (unknown.status_code, "'Tell'" in unknown.json()["detail"]) == (404, True)
    assert backend.delete(f"/api/v1/import-mappings/{saved['id']}").status_code == 204
    assert backend.delete(f"/api/v1/import-mappings/{saved['id']}").status_code == 404


def test_status_words_are_said_listed_known_to_imports_and_removed(backend: TestClient, tea_app: FastAPI) -> None:
    words = "/api/v1/status-words"
    assert backend.post(words, json={"word": "寄存", "meaning": "paid"}).status_code == 201
    said = backend.post(words, json={"word": "寄存 ", "meaning": "ignore"}).json()
    assert backend.get(words).json() == {"statuses": [said], "next": None}
    assert (said["word"], said["meaning"]) == ("寄存", "ignore")
    answer = sent(backend, "order_id,paid_at,amount,status\n1,2026-03-05,1.00,寄存\n", dry_run="true")
    assert (answer.json()["understanding"]["rejected"], answer.json()["understanding"]["questions"]) == (0, [])
    for wrong in ({"word": "寄存", "meaning": "lost"}, {"word": " ", "meaning": "paid"}):
        assert backend.post(words, json=wrong).status_code == 422
    assert backend.delete(f"{words}/{said['id']}").status_code == 204
    assert backend.delete(f"{words}/{said['id']}").status_code == 404
    assert backend.get(words).json()["statuses"] == []


def test_all_that_a_file_leaves_open_is_asked_at_once(backend: TestClient, tea_app: FastAPI, engine: Engine) -> None:
    answer = sent(backend, "order_id,paid_at,amount\n1,1/2/2026,1.234\n2,3/4/2026,5.678\n")
    work(tea_app)
    shown = backend.get(answer.headers["Location"], headers={"Accept-Language": "zh-CN"}).json()
    assert (shown["state"], orders(engine)) == ("failed", [])
    assert [
        said in shown["problem"] for said in ("'1.234', '5.678'", "--decimal", "'1/2/2026', '3/4/2026'", "--dates")
    ] == [
        True,
        True,
        True,
        True,
    ]
