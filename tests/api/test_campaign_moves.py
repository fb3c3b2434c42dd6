"""Campaigns from draft to clock, over REST and by command: the same use cases, the same refusals."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.cli import main, terminal
from campaigns.campaign.shop_policy import save_shop_policy
from retention import keys
from retention.access import Scope
from retention.database import transaction
from retention.settings import get_settings
from tests.campaigns.conftest import NOON, Stage
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]
DRAFT = {"slug": "win-back", "recipe": "win-back", "offer": "twenty-off"}


def second_key(stage: Stage) -> dict[str, str]:
    secret = keys.create_api_key(
        stage.session, stage.shop, name="manager", scopes=frozenset({Scope.CAMPAIGNS_APPROVE}), at=NOON
    )
    return {"Authorization": f"Bearer {secret}"}


def test_draft_is_submitted_approved_by_another_key_and_scheduled(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: stage.offer())
    values = {"approval_required": True}
    tea(lambda stage: save_shop_policy(stage.session, stage.shop, values=values, at=NOON, actor="user:9"))
    manager = tea(second_key)
    made = backend.post("/api/v1/campaigns", json=DRAFT).json()
    assert (made["state"], made["offer"], made["review"]) == ("draft", "twenty-off", None)
    assert made["trigger"] == {"recurring": {"rrule": "FREQ=WEEKLY;BYDAY=TU", "at": "10:00", "again": False}}
    assert made["audience"] == {"orders": {"measure": "days_since_last", "more_than": 180}}

    early = backend.post("/api/v1/campaigns/win-back/schedule")
    assert (early.status_code, "Submit this one for approval by another user" in early.json()["detail"]) == (409, True)
    submitted = backend.post("/api/v1/campaigns/win-back/submit").json()
    assert (submitted["state"], submitted["review"]["verdict"]) == ("in_review", "pending")
    own = backend.post("/api/v1/campaigns/win-back/approve")
    assert (own.status_code, own.json()["detail"]) == (
        403,
        "You cannot approve your own campaign. Ask another user of the shop.",
    )
    seen = {"fingerprint": submitted["fingerprint"], "note": "Good."}
    approved = backend.post("/api/v1/campaigns/win-back/approve", json=seen, headers=manager).json()
    assert (approved["state"], approved["review"]["note"]) == ("approved", "Good.")
    scheduled = backend.post("/api/v1/campaigns/win-back/schedule").json()
    assert (scheduled["state"], scheduled["scheduled_at"]) == ("scheduled", "2026-03-17T02:00:00Z")

    edited = backend.patch("/api/v1/campaigns/win-back", json={"policy": {"control_share": 0.5}}).json()
    assert (edited["state"], edited["policy"]["control_share"], edited["review"]["verdict"]) == ("draft", 0.5, "void")
    assert edited["policy"]["caps"] == made["policy"]["caps"]


def test_refused_change_says_why_and_changes_nothing(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: stage.offer())
    before = backend.post("/api/v1/campaigns", json=DRAFT).json()
    for values, status in (
        ({"trigger": {"recurring": {"rrule": "FREQ=HOURLY", "at": "10:00"}}}, 422),
        ({"audience": {"nonsense": {}}}, 422),
        ({"secret": "00"}, 422),
        ({"offer": "nothing"}, 404),
        ({"product": "nothing"}, 404),
        ({"sender": "nobody"}, 404),
    ):
        assert backend.patch("/api/v1/campaigns/win-back", json=values).status_code == status
    assert backend.get("/api/v1/campaigns/win-back/draft").json() == before


def test_campaign_is_sent_back_with_a_note(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: stage.offer())
    backend.post("/api/v1/campaigns", json=DRAFT)
    backend.post("/api/v1/campaigns/win-back/submit")
    back = backend.post("/api/v1/campaigns/win-back/send-back", json={"note": "Too early."}).json()
    assert (back["state"], back["review"]["verdict"], back["review"]["note"]) == ("draft", "sent_back", "Too early.")


def test_arrivals_are_shown_by_where_they_stand(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: stage.product("NEW", arrival_at=NOON + timedelta(days=1)))
    tea(lambda stage: stage.product("HERE", arrival_at=NOON - timedelta(days=1)))
    shown = backend.get("/api/v1/arrivals").json()
    assert [[item["sku"] for item in shown[shelf]] for shelf in ("coming", "live", "sold_out")] == [
        ["NEW"],
        ["HERE"],
        [],
    ]


@pytest.fixture
def regulars(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, Any]]]:
    """Type a command: `regulars("campaigns", "submit", "spring") -> (exit code, its JSON or its refusal)`."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGULARS_DATABASE_URL", sqlite_url)
    get_settings.cache_clear()
    terminal.engine.cache_clear()

    def run(*words: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--shop", "tea", "--json"])
        typed = capsys.readouterr()
        code = int(ended.value.code or 0)
        return code, typed.err.strip() if code else json.loads(typed.out)

    with transaction(terminal.engine()) as session:
        shop = make_shop(session, "tea", at=NOON)
        Stage(session, shop).offer()
    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


def test_commands_take_a_campaign_from_draft_to_clock(regulars: Callable[..., tuple[int, Any]], tmp_path: Path) -> None:
    trigger = '{"recurring": {"rrule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11", "at": "10:00"}}'
    recipe = ("--recipe", "win-back", "--offer", "twenty-off", "--trigger", trigger)
    assert regulars("campaigns", "create", "eleven", *recipe)[0] == 0
    (tmp_path / "changes.json").write_text('{"name": "双十一"}')
    assert regulars("campaigns", "edit", "eleven", str(tmp_path / "changes.json"))[1]["state"] == "draft"
    assert regulars("campaigns", "submit", "eleven")[1]["review"] == "pending"
    assert regulars("campaigns", "send-back", "eleven", "--note", "Wait")[1]["state"] == "draft"
    submitted = regulars("campaigns", "submit", "eleven")[1]
    approved = regulars("campaigns", "approve", "eleven", "--fingerprint", submitted["fingerprint"])[1]
    assert (approved["state"], approved["review"]) == ("approved", "approved")  # this shop asks for no second person
    code, scheduled = regulars("campaigns", "schedule", "eleven")
    assert (code, scheduled["state"], scheduled["scheduled_at"][4:]) == (0, "scheduled", "-11-11T02:00:00+00:00")
    assert regulars("campaigns", "schedule", "eleven", "--at", "soon")[0] == 2
    assert regulars("campaigns", "approve", "eleven")[0] == 1
    assert regulars("campaigns", "arrivals") == (0, {"coming": [], "live": [], "sold_out": []})
