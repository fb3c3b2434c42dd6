"""The shop's policy and the reason why, over REST and by command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from api.cli import main, terminal
from campaigns.campaign.shop_policy import shop_policy
from campaigns.runs.drafting import find_campaign
from retention import keys
from retention.access import Scope
from retention.database import reading, transaction
from retention.settings import get_settings
from retention.shops import find_shop
from tests.api.conftest import launched
from tests.campaigns.conftest import NOON, Stage
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]
Regulars = Callable[..., tuple[int, str, str]]


def policy_of(session: Session) -> dict[str, Any]:
    return shop_policy(session, find_shop(session, "tea")).model_dump(mode="json", exclude_defaults=True)


def test_policy_is_changed_value_by_value_and_read_again(backend: TestClient) -> None:
    assert backend.get("/api/v1/policy").json()["quiet"] is None
    quiet = {"from": "21:00", "to": "09:00"}
    changed = backend.put("/api/v1/policy", json={"quiet": quiet, "caps": [{"messages": 2, "per": "week"}]})
    assert changed.status_code == 200, changed.text
    assert backend.put("/api/v1/policy", json={"most_inserts": 2}).json() == changed.json() | {"most_inserts": 2}
    assert backend.get("/api/v1/policy").json()["quiet"] == quiet | {"zone": "buyer"}


def test_wrong_policy_is_named_and_changes_nothing(backend: TestClient, engine: Engine) -> None:
    backend.put("/api/v1/policy", json={"most_inserts": 2})
    refused = backend.put("/api/v1/policy", json={"most_inserts": 3, "caps": [{"messages": 2}]})
    assert (refused.status_code, "either a number of days or a calendar period" in refused.text) == (422, True)
    with reading(engine) as session:
        assert policy_of(session) == {"most_inserts": 2}


def test_who_may_send_may_not_change_who_has_to_approve(backend: TestClient, tea: Tea) -> None:
    def make_key(stage: Stage) -> str:
        scopes = frozenset(Scope) - {Scope.PEOPLE_WRITE}
        return keys.create_api_key(stage.session, stage.shop, name="marketing", scopes=scopes, at=NOON)

    refused = backend.put(
        "/api/v1/policy", json={"approval_required": False}, headers={"Authorization": f"Bearer {tea(make_key)}"}
    )
    assert refused.status_code == 403


def test_why_is_answered_before_and_after_a_run(backend: TestClient, tea: Tea) -> None:
    def begin(stage: Stage) -> None:
        stage.buyer("may/1")
        stage.buyer("kim", answer="out")
        stage.push()

    tea(begin)
    why = "/api/v1/campaigns/spring/why/"
    assert backend.get(why + "kim").json()["answers"] == [
        {
            "run": None,
            "outcome": "absent",
            "reason": "no_consent",
            "sentence": "The campaign has not run yet. If planned now, they would be excluded: "
            "They have not opted in to this channel, or have opted out.",
        }
    ]
    assert "If planned now, they would receive it" in backend.get(why + "may/1").json()["answers"][0]["sentence"]
    tea(lambda stage: launched(stage, find_campaign(stage.session, stage.shop.id, "spring")))
    answers = [backend.get(why + name).json()["answers"][0] for name in ("may/1", "kim")]
    assert [(each["run"], each["outcome"], each["reason"]) for each in answers] == [
        (1, "waiting", ""),
        (1, "skipped", "no_consent"),
    ]
    assert backend.get(why + "nobody").status_code == 404


def test_plan_says_what_it_costs_in_money(backend: TestClient, tea: Tea) -> None:
    def begin(stage: Stage) -> None:
        stage.buyer("may")
        stage.push(policy={"cost_each": 450, "cost_ceiling": 4, "late_after": 1})

    tea(begin)
    planned = backend.post("/api/v1/campaigns/spring/plan").json()
    assert (planned["cost"], planned["cost_ceiling"], planned["over_ceiling"]) == ("0.05", "0.04", True)
    refused = backend.post("/api/v1/campaigns/spring/launch")
    assert (refused.status_code, "¥0.05" in refused.text) == (409, True)


@pytest.fixture
def regulars(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Regulars]:
    """Type `regulars ... --shop tea` in a shop where nothing is set yet."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGULARS_DATABASE_URL", database_url)
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    with transaction(terminal.engine()) as session:
        make_shop(session, "tea", at=NOON)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--shop", "tea"])
        typed = capsys.readouterr()
        return int(ended.value.code or 0), typed.out, typed.err

    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


def test_policy_is_set_and_shown_by_command(regulars: Regulars) -> None:
    code, out, _ = regulars("policy", "set", "most_inserts=2", "approval_required=true", "--json")
    assert (code, json.loads(out)["most_inserts"], json.loads(out)["approval_required"]) == (0, 2, True)
    assert regulars("policy", "set", 'quiet={"from": "21:00", "to": "09:00"}')[0] == 0
    assert "most inserts: 2" in regulars("policy", "show")[1]
    for wrong, says in (("most_inserts", "NAME=VALUE"), ("most_inserts=two", "is not JSON"), ("colour=1", "colour")):
        code, _, error = regulars("policy", "set", wrong)
        assert (code, says in error) == (2, True)
    with reading(terminal.engine()) as session:
        assert policy_of(session) == {
            "approval_required": True,
            "quiet": {"from": "21:00", "to": "09:00"},
            "most_inserts": 2,
        }
