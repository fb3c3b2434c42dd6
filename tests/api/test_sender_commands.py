"""Senders and hooks by command: secrets come from files and are shown to nobody, refusals are one line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from api.cli import main, terminal
from campaigns.channels.senders import Sender
from campaigns.webhooks.calling import collect_calls, make_calls
from campaigns.webhooks.webhooks import Webhook
from retention import clock
from retention.consent import Channel
from retention.database import reading, transaction
from retention.settings import get_settings
from retention.shops import Shop
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.gateways import Gateway, gateway
from tests.factories import make_shop

Regulars = Callable[..., tuple[int, str, str]]
SECRET = "hidden-in-the-row"


@pytest.fixture
def there() -> Iterator[Gateway]:
    with gateway() as opened:
        yield opened


@pytest.fixture
def regulars(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Regulars]:
    """Type `regulars ... --shop tea` where senders may reach this machine; no answer ever shows the secret."""
    monkeypatch.setenv("REGULARS_DATABASE_URL", database_url)
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    with transaction(terminal.engine()) as session:
        shop = make_shop(session, "tea", at=NOON)
        Stage(session, shop).buyer("ada")

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--shop", "tea"])
        typed = capsys.readouterr()
        assert SECRET not in typed.out + typed.err
        return int(ended.value.code or 0), typed.out, typed.err

    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


def texts(folder: Path, there: Gateway, *, slug: str = "texts") -> list[str]:
    """Return the words that add a sender, with its settings and its secret in files."""
    (folder / "settings.json").write_text(json.dumps({
        "url": f"{there.url}/send", "fields": {"to": "{to}", "key": "{secret.token}"}, "reference": "id",
    }))  # fmt: skip
    (folder / "token").write_text(f"{SECRET}\n")
    files = ["--settings", str(folder / "settings.json"), "--secret", f"token={folder / 'token'}"]
    return ["senders", "create", slug, "--kind", "sms-http", *files]


def rows(table: Any) -> list[dict[str, Any]]:
    with reading(terminal.engine()) as session:
        return [row.model_dump() for row in session.exec(select(table).order_by(table.id))]


def test_sender_is_added_tried_changed_paused_and_resumed(regulars: Regulars, there: Gateway, tmp_path: Path) -> None:
    code, out, _ = regulars(*texts(tmp_path, there), "--per-second", "5", "--price", "450", "--json")
    made = json.loads(out)
    assert (code, made["slug"], made["name"], made["state"]) == (0, "texts", "texts", "active")
    assert (made["per_second"], made["price"], "encrypted_secrets" in made) == (5.0, "0.0450", False)
    assert SECRET.encode() not in rows(Sender)[0]["encrypted_secrets"]
    assert regulars("senders", "list")[1] == "texts\tsms-http\tactive\n"
    assert json.loads(regulars("senders", "list", "--json")[1])["senders"] == [made]
    tried = json.loads(regulars("senders", "test", "texts", "--to", "13800138000", "--json")[1])
    assert tried == {"sender": "texts", "taken": True, "reference": "m-1"}
    assert there.arrived[0].json == {"to": "13800138000", "key": SECRET}
    assert json.loads(regulars("senders", "edit", "texts", "--name", "SMS", "--json")[1])["name"] == "SMS"
    assert json.loads(regulars("senders", "pause", "texts", "--json")[1])["state"] == "paused"
    assert regulars("senders", "list")[1] == "texts\tsms-http\tpaused\n"
    assert json.loads(regulars("senders", "resume", "texts", "--json")[1])["state"] == "active"
    assert regulars("senders", "test", "texts", "--to", "13800138000")[0] == 0
    assert there.arrived[1].json["key"] == SECRET  # the edit kept it


def test_sender_that_cannot_be_is_refused_in_one_line_and_nothing_is_kept(
    regulars: Regulars, there: Gateway, tmp_path: Path
) -> None:
    right = texts(tmp_path, there)
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    for words, code, said in (
        ([*right[:5], "--settings", str(tmp_path / "list.json")], 2, "one JSON object"),
        ([*right[:5], "--settings", str(tmp_path / "broken.json")], 2, "broken.json is not JSON"),
        ([*right[:5], "--settings", str(tmp_path / "none.json")], 1, "There is no file"),
        ([*right[:5], "--secret", "token"], 2, "name=FILE"),
        ([*right[:5], "--secret", f"token={tmp_path / 'none'}"], 1, "There is no file"),
        (["senders", "create", "texts", "--kind", "pigeon"], 2, "kind"),
        (["senders", "create", "texts", "--kind", "sms-twilio"], 2, "account_sid"),
        (["senders", "edit", "none", "--name", "x"], 1, "No sender is called none"),
        (["senders", "pause", "none"], 1, "No sender is called none"),
        (["senders", "test", "none", "--to", "1"], 1, "No sender is called none"),
    ):
        found, out, error = regulars(*words)
        assert (found, out, said in error) == (code, "", True), (words, error)
    assert rows(Sender) == []
    assert regulars(*right)[0] == 0
    assert regulars(*right)[0] == 1
    assert regulars("senders", "resume", "texts")[0] == 1
    assert len(rows(Sender)) == 1


def test_test_that_is_not_taken_ends_with_what_was_said(regulars: Regulars, there: Gateway, tmp_path: Path) -> None:
    regulars(*texts(tmp_path, there))
    there.answers = [(400, "bad number")]
    code, out, error = regulars("senders", "test", "texts", "--to", "1")
    assert (code, out, "400 bad number" in error) == (1, "", True)


def test_hook_is_added_tried_resent_turned_on_and_removed(regulars: Regulars, there: Gateway) -> None:
    url = f"{there.url}/hook"
    code, out, _ = regulars("hooks", "create", "erp", "--url", url, "--event", "buyer.unsubscribed", "--json")
    made = json.loads(out)
    secret = made.pop("secret")
    listed = {"slug": "erp", "url": url, "events": ["buyer.unsubscribed"], "active": True}
    listed["created_at"] = made["created_at"]
    assert (code, made, secret[:6]) == (0, listed, "whsec_")
    assert regulars("hooks", "list")[1] == f"erp\ton\t{url}\tbuyer.unsubscribed\n"
    assert json.loads(regulars("hooks", "list", "--json")[1]) == {"hooks": [listed]}
    assert json.loads(regulars("hooks", "test", "erp", "--json")[1]) == {"slug": "erp", "taken": True}
    there.answers = [(410, "gone")]
    _say_no()
    assert regulars("hooks", "calls", "erp")[1] == "1\tbuyer.unsubscribed\tfailed\t1\t410 gone\n"
    assert regulars("hooks", "list")[1].split("\t")[1] == "off"
    assert json.loads(regulars("hooks", "on", "erp", "--json")[1]) == listed
    assert json.loads(regulars("hooks", "resend", "erp", "1", "--json")[1]) == {"call": 1, "state": "waiting"}
    assert json.loads(regulars("hooks", "calls", "erp", "--json")[1])["calls"][0]["state"] == "waiting"
    assert regulars("hooks", "resend", "erp", "1")[0] == 1
    assert json.loads(regulars("hooks", "delete", "erp", "--json")[1]) == {"slug": "erp", "deleted": True}
    assert rows(Webhook) == []


def test_hook_that_cannot_be_is_refused_in_one_line_and_nothing_is_kept(regulars: Regulars, there: Gateway) -> None:
    url = f"{there.url}/hook"
    for words, code, said in (
        (["create", "erp", "--url", "erp.example", "--event", "message.sent"], 2, "is not a webhook URL"),
        (["create", "erp", "--url", url, "--event", "order.paid"], 2, "order.paid"),
        (["delete", "none"], 1, "No webhook is called none"),
        (["on", "none"], 1, "No webhook is called none"),
        (["test", "none"], 1, "No webhook is called none"),
        (["calls", "none"], 1, "No webhook is called none"),
        (["resend", "none", "1"], 1, "No webhook is called none"),
    ):
        found, out, error = regulars("hooks", *words)
        assert (found, out, said in error) == (code, "", True), (words, error)
    assert (rows(Webhook), there.arrived) == ([], [])


def _say_no() -> None:
    """Ada says no to mail, and the hooks are told."""
    with transaction(terminal.engine()) as session:
        Stage(session, session.get_one(Shop, 1)).answer(1, "out", Channel.EMAIL)
        session.flush()
        collect_calls(session, session.exec(select(Webhook)).one(), now=clock.now())
    make_calls(terminal.engine(), now=clock.now())
