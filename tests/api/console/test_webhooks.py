"""The page of the hooks: added with a secret shown once, tried, turned on, removed; only by an owner."""

from sqlalchemy import Engine

from campaigns.webhooks.webhooks import Webhook, webhooks_of
from retention.database import reading
from retention.shops import find_shop
from tests.api.console.doors import HOME, SignIn, send

ERP = {"name": "erp", "url": "https://erp.example/hook", "events": "message.sent"}


def hooks(engine: Engine) -> list[Webhook]:
    with reading(engine) as session:
        return webhooks_of(session, find_shop(session, "camellia").id)


def test_hook_is_added_and_its_secret_shown_once(camellia: Engine, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    assert "whsec_" in send(owner, "/hooks", **ERP)
    assert [(hook.slug, hook.events) for hook in hooks(camellia)] == [("erp", ["message.sent"])]
    assert "whsec_" not in owner.get(f"{HOME}/hooks").text + owner.get(f"{HOME}/hooks/erp").text


def test_address_that_is_none_is_refused_and_stays_in_the_form(camellia: Engine, sign_in: SignIn) -> None:
    page = send(sign_in("owner"), "/hooks", **ERP | {"url": "erp.example"})
    assert "is not a webhook URL" in page
    assert 'value="erp.example"' in page
    assert hooks(camellia) == []


def test_test_call_to_a_private_address_is_refused_with_the_reason(camellia: Engine, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    send(owner, "/hooks", **ERP | {"url": "https://127.0.0.1/hook"})
    assert "The test was rejected" in send(owner, "/hooks/erp/test")


def test_hook_is_removed(camellia: Engine, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    send(owner, "/hooks", **ERP)
    send(owner, "/hooks/erp/delete")
    assert hooks(camellia) == []


def test_marketer_has_no_hooks_page(sign_in: SignIn) -> None:
    assert sign_in("marketer").get(f"{HOME}/hooks").status_code == 403
