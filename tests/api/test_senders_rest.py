"""Senders over REST: exact answers, secrets that go in and never come out, and scopes that refuse."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.channels.senders import Sender
from retention.access import Scope
from retention.audit import AuditEntry
from retention.database import reading
from retention.settings import get_settings
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.gateways import Gateway, gateway
from tests.factories import make_shop

Caller = Callable[..., TestClient]
ADDRESS = "/api/v1/senders"
SECRET = "hidden-in-the-row"
TEXTS = {
    "slug": "texts",
    "kind": "sms-http",
    "name": "Texts",
    "settings": {"url": "https://gateway.example/send", "headers": {"X-Key": "{secret.token}"}},
    "secrets": {"token": SECRET},
    "per_second": 20.0,
    "price": 450,
}
SHOWN = {
    "slug": "texts",
    "name": "Texts",
    "medium": "sms",
    "kind": "sms-http",
    "settings": TEXTS["settings"],
    "per_second": 20.0,
    "price": "0.0450",
    "state": "active",
    "failures": 0,
    "broken_until": None,
    "last_error": "",
}


@pytest.fixture(autouse=True)
def _shops(tea: Callable[..., Any]) -> None:
    """Ada's tea shop, and another one."""

    def fill(stage: Stage) -> None:
        stage.buyer("ada")
        make_shop(stage.session, "other", timezone="UTC", currency="EUR", at=NOON)

    tea(fill)


@contextmanager
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway on this machine, which senders may reach for once."""
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    get_settings.cache_clear()
    with gateway() as opened:
        yield opened


def kept(engine: Engine) -> list[dict[str, Any]]:
    """Return every sender as its row stands."""
    with reading(engine) as session:
        return [row.model_dump() for row in session.exec(select(Sender).order_by(Sender.id))]


def test_sender_is_added_shown_listed_and_changed_without_its_secret(caller: Caller, engine: Engine) -> None:
    owner = caller()
    assert (owner.post(ADDRESS, json=TEXTS).json(), len(kept(engine))) == (SHOWN, 1)
    assert SECRET.encode() not in kept(engine)[0]["encrypted_secrets"]
    assert owner.get(f"{ADDRESS}/texts").json() == SHOWN
    assert owner.get(ADDRESS).json() == {"senders": [SHOWN], "next": None}
    changed = owner.patch(f"{ADDRESS}/texts", json={"name": "SMS", "per_second": 0, "price": 500})
    assert changed.json() == SHOWN | {"name": "SMS", "per_second": None, "price": "0.0500"}
    with reading(engine) as session:
        entries = session.exec(
            select(AuditEntry).where(AuditEntry.subject == "sender:texts").order_by(AuditEntry.id)
        ).all()
        assert [each.action for each in entries] == ["sender.create", "sender.edit"]
        assert SECRET not in "".join(each.model_dump_json() for each in entries)


def test_sender_sent_twice_under_one_key_is_made_once(caller: Caller, engine: Engine) -> None:
    owner, once = caller(), {"Idempotency-Key": "one"}
    assert owner.post(ADDRESS, json=TEXTS, headers=once).json() == owner.post(ADDRESS, json=TEXTS, headers=once).json()
    assert len(kept(engine)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"slug": "No slug"}, 422, "slug"),
        ({"kind": "pigeon"}, 422, "kind"),
        ({"kind": "assisted"}, 422, "Manual posts are sent by users"),
        ({"settings": {"url": "file:///etc/passwd"}}, 422, "url"),
        ({"settings": {"url": "https://a.example/", "surprise": 1}}, 422, "surprise is not a known setting"),
        ({"kind": "sms-twilio", "settings": {"account_sid": "AC" + "0" * 32, "sender": "+1"}}, 422, "auth_token"),
        ({"per_second": -1}, 422, "per_second"),
        ({"price": -1}, 422, "price"),
        ({"surprise": 1}, 422, "surprise"),
    ],
)
def test_sender_that_cannot_work_is_refused_and_nothing_is_kept(
    caller: Caller, engine: Engine, changes: dict[str, Any], status: int, said: str
) -> None:
    refused = caller().post(ADDRESS, json=TEXTS | {"secrets": {}} | changes)
    assert (refused.status_code, said in refused.text) == (status, True), refused.text
    assert kept(engine) == []


def test_taken_slug_and_another_address_without_its_secrets_are_refused(caller: Caller, engine: Engine) -> None:
    owner = caller()
    owner.post(ADDRESS, json=TEXTS)
    before = kept(engine)
    assert owner.post(ADDRESS, json=TEXTS | {"name": "Again"}).status_code == 409
    moved = owner.patch(f"{ADDRESS}/texts", json={"settings": {"url": "https://elsewhere.example/"}})
    assert (moved.status_code, "Enter the secrets again" in moved.text) == (422, True)
    assert kept(engine) == before


def test_pause_and_resume_say_how_it_stands_and_refuse_what_is_so_already(caller: Caller) -> None:
    owner = caller()
    owner.post(ADDRESS, json=TEXTS)
    assert owner.post(f"{ADDRESS}/texts/pause").json() == SHOWN | {"state": "paused"}
    assert owner.post(f"{ADDRESS}/texts/pause").status_code == 409
    assert owner.post(f"{ADDRESS}/texts/resume").json() == SHOWN
    assert owner.post(f"{ADDRESS}/texts/resume").status_code == 409


def test_test_is_answered_with_what_the_other_side_calls_it_or_what_it_said(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    with private(monkeypatch) as there:
        there.answers = [(200, {"code": 0, "id": "m-7"}), (200, {"code": 9, "msg": "no money"})]
        settings = {
            "url": f"{there.url}/send", "fields": {"to": "{to}", "text": "{text}"}, "reference": "id", "says": "msg",
            "taken": {"field": "code", "values": [0]},
        }  # fmt: skip
        owner = caller()
        owner.post(ADDRESS, json=TEXTS | {"settings": settings})
        taken = owner.post(f"{ADDRESS}/texts/test", json={"to": "13800138000"})
        assert (taken.status_code, taken.json()) == (200, {"reference": "m-7"})
        assert there.arrived[0].json == {"to": "13800138000", "text": "This is a test of the sender Texts of Tea & Co."}
        refused = owner.post(f"{ADDRESS}/texts/test", json={"to": "13800138000"})
        assert (refused.status_code, "no money" in refused.text) == (409, True)
        assert owner.post(f"{ADDRESS}/texts/test", json={"to": ""}).status_code == 422
        assert len(there.arrived) == 2


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        (Scope.CAMPAIGNS_WRITE, "POST", "", TEXTS | {"slug": "more"}),
        (Scope.CAMPAIGNS_WRITE, "PATCH", "/texts", {"name": "Mine"}),
        (Scope.CAMPAIGNS_READ, "POST", "/texts/pause", None),
        (Scope.CAMPAIGNS_READ, "POST", "/texts/resume", None),
        (Scope.CAMPAIGNS_READ, "POST", "/texts/test", {"to": "13800138000"}),
        (Scope.BATCHES_READ, "GET", "", None),
        (Scope.BATCHES_READ, "GET", "/texts", None),
    ],
)
def test_key_without_the_scope_is_refused_and_nothing_changes(
    caller: Caller, engine: Engine, scope: Scope, method: str, path: str, body: Any
) -> None:
    caller().post(ADDRESS, json=TEXTS)
    before = kept(engine)
    assert caller(scope).request(method, f"{ADDRESS}{path}", json=body).status_code == 403
    assert kept(engine) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/texts", None),
        ("PATCH", "/texts", {"name": "Mine"}),
        ("POST", "/texts/pause", None),
        ("POST", "/texts/resume", None),
        ("POST", "/texts/test", {"to": "13800138000"}),
    ],
)
def test_sender_of_another_shop_is_not_there(caller: Caller, engine: Engine, method: str, path: str, body: Any) -> None:
    caller().post(ADDRESS, json=TEXTS)
    before, other = kept(engine), caller(shop="other")
    assert other.request(method, f"{ADDRESS}{path}", json=body).status_code == 404
    assert other.get(ADDRESS).json() == {"senders": [], "next": None}
    assert kept(engine) == before
