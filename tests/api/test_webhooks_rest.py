"""Hooks over REST: a secret shown once, calls with what came of them, and scopes that refuse."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import select
from standardwebhooks import Webhook as Signer

from campaigns.webhooks.calling import collect_calls, make_calls
from campaigns.webhooks.webhooks import Webhook, WebhookCall
from retention.access import Scope
from retention.audit import AuditEntry
from retention.consent import Channel
from retention.database import reading, transaction
from retention.settings import get_settings
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.gateways import Gateway, gateway
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]
Caller = Callable[..., TestClient]
ADDRESS = "/api/v1/hooks"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """The shop's other system, on this machine, which hooks may reach for once."""
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    get_settings.cache_clear()
    with gateway() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _shops(tea: Callable[..., Any]) -> None:
    """Ada's tea shop, and another one."""

    def fill(stage: Stage) -> None:
        stage.buyer("ada")
        make_shop(stage.session, "other", timezone="UTC", currency="EUR", at=NOON)

    tea(fill)


def hook(there: Gateway, **values: Any) -> dict[str, Any]:
    return {"slug": "erp", "url": f"{there.url}/hook", "events": ["message.sent", "buyer.unsubscribed"]} | values


def shown(there: Gateway) -> dict[str, Any]:
    events = ["buyer.unsubscribed", "message.sent"]
    moment = NOON.isoformat().replace("+00:00", "Z")
    return {"slug": "erp", "url": f"{there.url}/hook", "events": events, "active": True, "created_at": moment}


def kept(engine: Engine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return every hook and call as its row stands."""
    with reading(engine) as session:
        rows = [session.exec(select(table).order_by(table.id)).all() for table in (Webhook, WebhookCall)]
        return [row.model_dump() for row in rows[0]], [row.model_dump() for row in rows[1]]


def tell(engine: Engine, tea: Tea) -> None:
    """Ada says no to mail, and the hooks are told."""
    tea(lambda stage: stage.answer(1, "out", Channel.EMAIL, at=later(minutes=1)))
    with transaction(engine) as session:
        collect_calls(session, session.exec(select(Webhook)).one(), now=later(minutes=2))
    make_calls(engine, now=later(minutes=2))


def test_hook_is_added_with_a_secret_that_is_shown_once(caller: Caller, there: Gateway, engine: Engine) -> None:
    owner = caller()
    made = owner.post(ADDRESS, json=hook(there)).json()
    secret = made.pop("secret")
    assert made == shown(there)
    assert owner.get(ADDRESS).json() == {"hooks": [shown(there)], "next": None}
    assert base64.b64decode(secret.removeprefix("whsec_")) not in kept(engine)[0][0]["encrypted_secret"]
    with reading(engine) as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.subject == "hook:erp")).all()
        assert (entry.action, secret in entry.model_dump_json()) == ("hook.create", False)
    assert owner.post(f"{ADDRESS}/erp/test").json() == shown(there)
    (arrived,) = there.arrived
    signed = Signer(secret).sign(arrived.headers["webhook-id"], NOON, arrived.body.decode())
    assert (arrived.json["type"], arrived.headers["webhook-signature"]) == ("hook.test", signed)


def test_call_is_listed_with_what_came_of_it_and_made_again_under_the_same_id(
    caller: Caller, there: Gateway, engine: Engine, tea: Tea
) -> None:
    owner = caller()
    owner.post(ADDRESS, json=hook(there))
    tell(engine, tea)
    (call,) = owner.get(f"{ADDRESS}/erp/calls").json()["calls"]
    when = later(minutes=2).isoformat().replace("+00:00", "Z")
    assert call == {
        "id": 1, "key": call["key"], "event": "buyer.unsubscribed", "state": "sent", "attempts": 1, "due_at": when,
        "answer": "", "sent_at": when,
    }  # fmt: skip
    again = owner.post(f"{ADDRESS}/erp/calls/1/resend")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "waiting", 0)
    assert owner.post(f"{ADDRESS}/erp/calls/1/resend").status_code == 409
    assert owner.post(f"{ADDRESS}/erp/calls/99/resend").status_code == 404
    make_calls(engine, now=later(minutes=3))
    assert {each.headers["webhook-id"] for each in there.arrived} == {call["key"]}
    assert len(there.arrived) == 2


def test_hook_that_is_gone_is_off_until_a_person_turns_it_on(
    caller: Caller, there: Gateway, engine: Engine, tea: Tea
) -> None:
    owner = caller()
    owner.post(ADDRESS, json=hook(there))
    assert owner.post(f"{ADDRESS}/erp/on").status_code == 409
    there.answers = [(410, "gone")]
    tell(engine, tea)
    assert owner.get(ADDRESS).json() == {"hooks": [shown(there) | {"active": False}], "next": None}
    assert owner.post(f"{ADDRESS}/erp/on").json() == shown(there)


def test_hook_is_removed_with_its_calls(caller: Caller, there: Gateway, engine: Engine, tea: Tea) -> None:
    owner = caller()
    owner.post(ADDRESS, json=hook(there))
    tell(engine, tea)
    assert len(kept(engine)[1]) == 1
    gone = owner.delete(f"{ADDRESS}/erp")
    assert (gone.status_code, gone.content, kept(engine)) == (204, b"", ([], []))
    assert owner.delete(f"{ADDRESS}/erp").status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "erp.example"}, "is not a webhook URL"),
        ({"events": ["order.paid"]}, "events"),
        ({"events": []}, "events"),
        ({"slug": "No slug"}, "slug"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_hook_that_cannot_work_is_refused_and_nothing_is_kept(
    caller: Caller, there: Gateway, engine: Engine, changes: dict[str, Any], said: str
) -> None:
    refused = caller().post(ADDRESS, json=hook(there) | changes)
    assert (refused.status_code, said in refused.text) == (422, True), refused.text
    assert kept(engine) == ([], [])


def test_test_that_is_not_taken_says_what_the_other_side_said(caller: Caller, there: Gateway) -> None:
    owner = caller()
    owner.post(ADDRESS, json=hook(there))
    assert owner.post(ADDRESS, json=hook(there)).status_code == 409
    there.answers = [(500, "not today")]
    refused = owner.post(f"{ADDRESS}/erp/test")
    assert (refused.status_code, "500 not today" in refused.text) == (409, True)


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        (Scope.CAMPAIGNS_WRITE, "POST", ""),
        (Scope.CAMPAIGNS_WRITE, "DELETE", "/erp"),
        (Scope.CAMPAIGNS_WRITE, "POST", "/erp/on"),
        (Scope.CAMPAIGNS_WRITE, "POST", "/erp/test"),
        (Scope.CAMPAIGNS_WRITE, "POST", "/erp/calls/1/resend"),
        (Scope.BATCHES_READ, "GET", ""),
        (Scope.BATCHES_READ, "GET", "/erp/calls"),
    ],
)
def test_key_without_the_scope_and_another_shop_are_refused_and_nothing_changes(
    caller: Caller, there: Gateway, engine: Engine, tea: Tea, scope: Scope, method: str, path: str
) -> None:
    caller().post(ADDRESS, json=hook(there))
    tell(engine, tea)
    before = kept(engine)
    body = hook(there, slug="more") if (method, path) == ("POST", "") else None
    assert caller(scope).request(method, f"{ADDRESS}{path}", json=body).status_code == 403
    if path:
        assert caller(shop="other").request(method, f"{ADDRESS}{path}").status_code == 404
    assert (kept(engine), len(there.arrived)) == (before, 1)
