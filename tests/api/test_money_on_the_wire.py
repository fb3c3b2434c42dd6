"""Money in answers: a string of major units in every face, never a number that programs would round."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import select

from api.cli import main, terminal
from campaigns.channels.senders import SenderKind, create_sender
from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon
from retention.database import transaction
from retention.settings import get_settings
from tests.api.conftest import launched
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.random_weeks import paid_order
from tests.factories import make_shop

_MONEY = re.compile(
    r"(^|_)(amount|price|cost|revenue|spend|spent|discount|minimum|money|ceiling|postage|refunded|fee|value)(s|_|$)"
)
_NO_MONEY = {"over_ceiling", "values"}  # whether; the variables of a template
_WRITTEN = re.compile(r"-?\d+(\.\d+)?")


def money_in(answer: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value under a name of money, with the name."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from money_in(value, str(key))
    elif isinstance(answer, list):
        for value in answer:
            yield from money_in(value, name)
    elif name and name not in _NO_MONEY and _MONEY.search(name) and answer is not None:
        yield name, answer


def assert_written(answer: Any) -> set[str]:
    found = list(money_in(answer))
    assert [(name, value) for name, value in found if not isinstance(value, str) or not _WRITTEN.fullmatch(value)] == []
    return {name for name, _ in found}


def test_no_documented_answer_has_money_as_a_number(tea_app: FastAPI) -> None:
    schemas = tea_app.openapi()["components"]["schemas"]
    answers = {name: schema for name, schema in schemas.items() if not name.endswith("In")}
    money = {
        (name, field): kinds
        for name, schema in answers.items()
        for field, value in schema.get("properties", {}).items()
        if field not in _NO_MONEY and _MONEY.search(field) and (kinds := set(_kinds(value)))
    }
    assert money[("PlanOut", "cost")] == {"string"}
    assert {where: kinds for where, kinds in money.items() if not kinds <= {"string", "null"}} == {}


def _kinds(schema: dict[str, Any]) -> Iterator[str]:
    if "type" in schema:
        yield from _kinds(schema["items"]) if schema["type"] == "array" else [schema["type"]]
    for part in schema.get("anyOf", []):
        yield from _kinds(part)


def sold(stage: Stage) -> None:
    """A campaign with costs and a ceiling, launched, and an order that used its coupon."""
    buyer = stage.buyer("ada")
    create_sender(
        stage.session, stage.shop, "calls", kind=SenderKind.WEBHOOK, settings={"url": "https://example.com/in"},
        secrets={"secret": "0123456789abcdef" * 2}, name="Calls", per_second=None, price=450, at=NOON, actor="test",
    )  # fmt: skip
    policy = {"cost_each": 450, "cost_ceiling": 1000}
    launched(stage, stage.push(policy=policy))
    stage.push("draft", policy=policy)
    code = stage.session.exec(select(Coupon)).one().code
    stage.session.add(paid_order(stage.shop, "A1", buyer, at=later(hours=1), amount=12_345, code=code))
    match_orders(stage.session, stage.shop, at=later(hours=2))


def test_money_of_rest_answers_is_written(tea: Callable[..., Any], backend: TestClient, tea_app: FastAPI) -> None:
    tea(sold)
    tea_app.state.moment = later(hours=3)
    results = backend.get("/api/v1/campaigns/spring/results").json()
    assert results["code_matched"] == {"orders": 1, "revenue": "123.45"}
    assert assert_written(results) >= {"revenue"}
    assert assert_written(backend.post("/api/v1/campaigns/draft/plan").json()) == {"cost", "cost_ceiling"}
    assert backend.get("/api/v1/senders/calls").json()["price"] == "0.0450"
    draft = backend.get("/api/v1/campaigns/draft/draft").json()
    assert (draft["policy"]["cost_each"], draft["policy"]["cost_ceiling"]) == ("0.0450", "10.00")
    sent = {"policy": {"cost_each": "0.05", "cost_ceiling": "25.50"}}
    changed = backend.patch("/api/v1/campaigns/draft", json=sent).json()
    assert (changed["policy"]["cost_each"], changed["policy"]["cost_ceiling"]) == ("0.0500", "25.50")
    for price, written in (("0.0375", "0.0375"), (500, "0.0500")):
        assert backend.patch("/api/v1/senders/calls", json={"price": price}).json()["price"] == written
    assert backend.patch("/api/v1/senders/calls", json={"price": "0.00001"}).status_code == 422


@pytest.fixture
def typed(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Type a command of the tea shop and read its JSON."""
    monkeypatch.setenv("REGULARS_DATABASE_URL", sqlite_url)
    get_settings.cache_clear()
    terminal.engine.cache_clear()

    def run(*words: str) -> Any:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--json"])
        out = capsys.readouterr()
        assert not ended.value.code, out.err
        return json.loads(out.out)

    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


def test_money_of_commands_is_written(typed: Callable[..., Any], tmp_path: Path) -> None:
    with transaction(terminal.engine()) as session:
        shop = make_shop(session, "tea", at=NOON)
        sold(Stage(session, shop))
    (tmp_path / "t.csv").write_text("arm,did,spent\nA,1,20\nA,0,0\nB,1,30\nB,1,5\n")
    table = ["--arm", "arm", "--control", "A", "--converted", "did", "--value", "spent"]
    assert {
        "repeat": assert_written(typed("report", "repeat", "--shop", "tea")),
        "rfm": assert_written(typed("report", "rfm", "--shop", "tea")),
        "results": "revenue" in assert_written(typed("campaigns", "show", "spring", "--shop", "tea")),
        "plan": assert_written(typed("campaigns", "plan", "draft", "--shop", "tea")),
        "senders": assert_written(typed("senders", "list", "--shop", "tea")),
        "lift": assert_written(typed("lift", str(tmp_path / "t.csv"), *table)),
    } == {
        "repeat": {"revenue", "revenue_without_buyer"},
        "rfm": set(),
        "results": True,
        "plan": {"cost", "cost_ceiling"},
        "senders": {"price"},
        "lift": {"value", "value_per_buyer"},
    }
    terms = ["--shop", "tea", "--value", "20", "--minimum", "99"]
    offers = [typed("offers", "create", kind, "--kind", kind, *terms) for kind in ("amount", "percent", "shipping")]
    assert [(assert_written(each), each["value"], each["minimum"]) for each in offers] == [
        ({"value", "minimum"}, value, "99.00") for value in ("20.00", "20", "20.00")
    ]
    rfm = typed("report", "rfm", "--shop", "tea")
    assert (rfm["buyers"], rfm["scored"], sum(group["buyers"] for group in rfm["groups"])) == (
        1,
        0,
        1,
    )  # aggregates are renewed by an import
    assert [len(row) for row in rfm["grid"]] == [5] * 5
