"""Addresses that nobody can be reached by are refused when they are saved, for senders and hooks alike."""

from typing import Any

import pytest

from campaigns.channels.senders import SenderKind, create_sender, edit_sender, senders_of
from campaigns.webhooks.webhooks import create_webhook, webhooks_of
from retention.errors import Invalid
from tests.campaigns.conftest import NOON, Stage

BAD = (
    "http://[::1",
    "http://",
    "https://:443/",
    "https://shop.example:0/",
    "https://shop.example:99999/",
    "https://shop.example:port/",
    "https://shop..example/",
    "https://-shop.example/",
    "https://1.2.3/",
    "https://user:secret@shop.example/",
    "https://shop example/",
    "https://shop.example/\r\nX: y",
    "ftp://shop.example/",
)
GOOD = (
    "https://shop.example/hook?a=1",
    "http://shop.example:8080",
    "https://[2001:4860:4860::8888]/",
    "https://茶.cn/",
)
SECRET = {"secret": "whsec_" + "a" * 32}


@pytest.mark.parametrize("url", BAD)
def test_address_that_is_none_is_refused(stage: Stage, url: str) -> None:
    with pytest.raises(Invalid):
        create_webhook(stage.session, stage.shop, "erp", url=url, events=["message.sent"], at=NOON, actor="u")
    with pytest.raises(Invalid):
        _sender(stage, "own", url)
    sender = _sender(stage, "good", "https://shop.example/")
    with pytest.raises(Invalid):
        edit_sender(stage.session, sender, settings={"url": url}, at=NOON, actor="u")
    assert webhooks_of(stage.session, stage.shop.id) == []
    assert [each.settings["url"] for each in senders_of(stage.session, stage.shop.id)] == ["https://shop.example/"]


def test_addresses_that_are_some_are_taken(stage: Stage) -> None:
    for number, url in enumerate(GOOD):
        create_webhook(stage.session, stage.shop, f"h{number}", url=url, events=["message.sent"], at=NOON, actor="u")
        assert _sender(stage, f"s{number}", url).settings["url"] == url


@pytest.mark.parametrize("host", ["::::", "...", "-mail.example", "1.2.3", "a" * 64 + ".example"])
def test_mail_server_that_is_none_is_refused(stage: Stage, host: str) -> None:
    with pytest.raises(Invalid):
        create_sender(
            stage.session, stage.shop, "mail", kind=SenderKind.SMTP, secrets={}, at=NOON, actor="u",
            settings={"host": host, "mail_from": "shop@shop.example"},
        )  # fmt: skip


def test_signing_secret_that_is_none_is_refused(stage: Stage) -> None:
    with pytest.raises(Invalid, match="secrets cannot be used"):
        _sender(stage, "own", "https://shop.example/", secrets={"secret": "whsec_abcde"})


def _sender(stage: Stage, slug: str, url: str, secrets: Any = None) -> Any:
    return create_sender(
        stage.session, stage.shop, slug, kind=SenderKind.WEBHOOK, settings={"url": url}, secrets=secrets or SECRET,
        at=NOON, actor="u",
    )  # fmt: skip
