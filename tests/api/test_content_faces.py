"""Texts, topics, bounces and branding, by the command line and by REST: the same use cases."""

import json
import mailbox
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api.cli import main
from campaigns.campaign.campaigns import Campaign
from campaigns.optouts.bounces import Bounce
from tests.api.conftest import launched
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.test_bounces import dsn, mail_id
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]
Regulars = Callable[..., tuple[int, str, str]]


@pytest.fixture
def regulars(home: Path, engine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Regulars:
    """Run a command on this test's database: `regulars("shop", "list") -> (code, out, err)`."""
    monkeypatch.setattr("api.cli.terminal.engine", lambda: engine)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def news(stage: Stage) -> None:
    """Ada and Maximiliane, and a campaign that asks for their names."""
    for name in ("ada", "maximiliane"):
        stage.buyer(name)
    drafted = stage.push("news")
    drafted.content_json = {"en": {"subject": "Act now", "body": "Dear {{ buyer.name }}, {{ coupon.code }}"}}


def test_a_text_is_read_and_checked_at_the_command_line(tea: Tea, regulars: Regulars, tmp_path: Path) -> None:
    tea(news)
    of = ("news", "--shop", "tea")
    code, out, _ = regulars("campaigns", "preview", *of, "--html", str(tmp_path / "mail.html"))
    assert (code, out.count("subject: Act now")) == (0, 2)
    assert out.index("Dear Ada, 2345-6789") < out.index("Dear Maximiliane, 2345-6789")
    assert "Dear Maximiliane" in (tmp_path / "mail.html").read_text("utf-8")
    one = json.loads(regulars("campaigns", "preview", *of, "--buyer", "ada", "--json")[1])
    assert [each["buyer"] for each in one["messages"]] == ["ada"]
    findings = json.loads(regulars("campaigns", "check", *of, "--json")[1])["findings"]
    assert {each["kind"] for each in findings} == {"spam_words", "private_address"}
    assert "{{ coupon.code }}" in regulars("campaigns", "variables", *of)[1]
    code, _, err = regulars("campaigns", "test-send", *of, "--to", "stranger@example.com")
    assert (code, "Tests can only be sent to users of the shop, and no user has the address" in err) == (1, True)


def test_topics_and_branding_are_kept_at_the_command_line(tea: Tea, regulars: Regulars, tmp_path: Path) -> None:
    tea(news)
    assert regulars("topics", "create", "arrivals", "--shop", "tea", "--en", "New tea")[0] == 0
    assert regulars("topics", "rename", "arrivals", "--shop", "tea", "--en", "New", "--zh", "上新")[0] == 0
    assert regulars("topics", "list", "--shop", "tea")[1] == "arrivals\tNew / 上新\n"
    assert regulars("topics", "create", "arrivals", "--shop", "tea", "--en", "Again")[0] == 1
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    set_it = ("branding", "set", "--shop", "tea")
    assert regulars(*set_it, "--logo", str(tmp_path / "logo.png"), "--accent", "#0B6E4F")[0] == 0
    look = json.loads(regulars("branding", "show", "--shop", "tea", "--json")[1])
    assert (len(look["logo"]), look["accent"]) == (64, "#0b6e4f")
    assert regulars(*set_it, "--no-logo", "--accent", "red")[0] == 2
    assert json.loads(regulars("branding", "show", "--shop", "tea", "--json")[1]) == look


def test_bounces_are_read_listed_and_lifted_at_the_command_line(tea: Tea, regulars: Regulars, tmp_path: Path) -> None:
    def sent(stage: Stage) -> str:
        news(stage)
        launched(stage, stage.session.exec(select(Campaign)).one())
        return mail_id(stage, "ada", "news")

    about = tea(sent)
    with closing(mailbox.mbox(tmp_path / "box")) as box:
        box.add(dsn(about))
        box.add(b"\n\nnonsense")
    code, out, _ = regulars("bounces", "read", str(tmp_path / "box"), "--json")
    assert (code, json.loads(out)) == (0, {"hard": 1, "unreadable": 1, "rejected": str(tmp_path / "box.rejected.mbox")})
    (row,) = json.loads(regulars("bounces", "list", "--shop", "tea", "--json")[1])["bounces"]
    assert (row["kind"], row["address"]) == ("hard", "ada@example.com")
    assert regulars("bounces", "lift", "ada@example.com", "--shop", "tea")[0] == 0
    assert regulars("bounces", "lift", "ada@example.com", "--shop", "tea")[0] == 1
    assert regulars("bounces", "read", str(tmp_path / "nowhere"))[0] == 1
    addresses = json.loads(regulars("bounces", "addresses", "--shop", "tea", "--json")[1])
    assert addresses["mail"].startswith("http://127.0.0.1:8000/in/")
    assert addresses["sms"].endswith("/sms")


def test_a_text_is_read_checked_and_tried_over_rest(tea: Tea, backend: TestClient) -> None:
    tea(news)
    content = backend.get("/api/v1/campaigns/news/content").json()
    assert [each["name"] for each in content["variables"]][:2] == ["shop.name", "buyer.name"]
    assert [each["kind"] for each in content["findings"] if each["language"]] == ["spam_words", "private_address"]
    shown = backend.get("/api/v1/campaigns/news/preview").json()["messages"]
    assert [each["buyer"] for each in shown] == ["ada", "maximiliane"]
    assert backend.get("/api/v1/campaigns/news/preview?buyer=ada").json()["messages"] == shown[:1]
    assert backend.get("/api/v1/campaigns/news/preview?buyer=bo").status_code == 404
    test = {"to": "stranger@example.com", "buyer": "ada"}
    assert backend.post("/api/v1/campaigns/news/test", json=test).status_code == 403


def test_topics_and_bounces_over_rest_are_the_shops_own(tea: Tea, backend: TestClient) -> None:
    def another(stage: Stage) -> None:
        other = make_shop(stage.session, "other", timezone="UTC", currency="EUR", at=NOON)
        values = {"channel": "email", "kind": "hard", "address": "x@example.com", "report": "0" * 64, "at": NOON}
        stage.session.add(Bounce(shop_id=other.id, **values))
        stage.session.add(Bounce(shop_id=stage.shop.id, **values | {"address": "y@example.com"}))

    tea(another)
    for names in ({"en": "New tea"}, {"en": "New", "zh-CN": "上新"}):
        assert backend.put("/api/v1/topics/arrivals", json={"names": names}).json()["names"] == names
    assert backend.put("/api/v1/topics/empty", json={"names": {}}).status_code == 422
    assert [each["slug"] for each in backend.get("/api/v1/topics").json()["topics"]] == ["arrivals"]
    assert [each["address"] for each in backend.get("/api/v1/bounces").json()["bounces"]] == ["y@example.com"]
    assert backend.post("/api/v1/bounces/lift", json={"address": "x@example.com"}).status_code == 404
    lifted = backend.post("/api/v1/bounces/lift", json={"address": "Y@example.com"})
    assert lifted.json() == {"address": "Y@example.com", "lifted": 1}
