"""Bots of chat groups: what each platform is asked, what its no looks like, and the picture that goes along."""

import base64
import hashlib
import hmac
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from campaigns.channels.bot_platforms import PLATFORMS, PlatformBot
from campaigns.channels.channel import Accepted, Message, Outcome, Refused, TryLater, Undecided
from campaigns.channels.kinds import make_channel
from retention import clock
from tests.campaigns.gateways import DROP, Gateway, gateway

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)
POST = Message(
    to="tea", sender="", sender_name="回头客茶铺", subject="春茶", text="新茶到店 HTTPS://R.EXAMPLE.CN/Q/7K", html="",
    language="zh-CN", message_id="post.7.ab", unsubscribe_address="", key="post.7.ab",
)  # fmt: skip
SECRETS = {
    "wecom": {"token": "693a91f6-7aaa"},
    "dingtalk": {"token": "a1b2", "secret": "SECabc"},
    "feishu": {"token": "abcdefgh-1234", "secret": "s3cret"},
    "lark": {"token": "abcdefgh-1234"},
    "telegram": {"token": "123456:AbC_d-9/-100200"},
    "discord": {"token": "1122/aB-c_9"},
}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    with gateway() as opened:
        opened.usually = (200, {"errcode": 0, "code": 0, "errmsg": "ok"})
        yield opened


def say(there: Gateway, platform: str, *messages: Message, secrets: dict[str, str] | None = None) -> list[Outcome]:
    channel = make_channel("robot", {"platform": platform, "group": "tea"}, secrets or SECRETS[platform],
                           allow_private=True)  # fmt: skip
    assert isinstance(channel, PlatformBot)
    assert channel.home == PLATFORMS[platform].home
    with replace(channel, home=there.url).connect() as connection:
        return connection.hand_over_all(messages or (POST,))


def picture(side: int = 8, kind: str = "PNG") -> bytes:
    Image.effect_noise((side, side), 120).save(drawn := io.BytesIO(), kind)
    return drawn.getvalue()


def test_each_platform_has_its_own_home() -> None:
    assert {name: each.home for name, each in PLATFORMS.items()} == {
        "wecom": "https://qyapi.weixin.qq.com",
        "dingtalk": "https://oapi.dingtalk.com",
        "feishu": "https://open.feishu.cn",
        "lark": "https://open.larksuite.com",
        "telegram": "https://api.telegram.org",
        "discord": "https://discord.com",
    }


def test_wecom_is_asked_for_a_text(there: Gateway) -> None:
    assert say(there, "wecom") == [Accepted()]
    (arrived,) = there.arrived
    assert arrived.path == "/cgi-bin/webhook/send?key=693a91f6-7aaa"
    assert arrived.json == {"msgtype": "text", "text": {"content": POST.text}}


def test_dingtalk_gets_a_signature_that_can_be_checked(there: Gateway) -> None:
    assert say(there, "dingtalk") == [Accepted()]
    (arrived,) = there.arrived
    stamp = str(int(NOON.timestamp() * 1000))
    expected = base64.b64encode(hmac.new(b"SECabc", f"{stamp}\nSECabc".encode(), hashlib.sha256).digest()).decode()
    assert parse_qs(urlsplit(arrived.path).query) == {
        "access_token": ["a1b2"],
        "timestamp": [stamp],
        "sign": [expected],
    }
    assert arrived.json == {"msgtype": "text", "text": {"content": POST.text}}


def test_feishu_gets_its_signature_in_the_body_and_only_where_the_bot_has_a_secret(there: Gateway) -> None:
    assert say(there, "feishu") == say(there, "lark") == [Accepted()]
    signed, plain = there.arrived
    stamp = str(int(NOON.timestamp()))
    expected = base64.b64encode(hmac.new(f"{stamp}\ns3cret".encode(), b"", hashlib.sha256).digest()).decode()
    said = {"msg_type": "text", "content": {"text": POST.text}}
    assert signed.path == plain.path == "/open-apis/bot/v2/hook/abcdefgh-1234"
    assert signed.json == said | {"timestamp": stamp, "sign": expected}
    assert plain.json == said


@pytest.mark.parametrize(
    ("platform", "said", "outcome", "of_bot", "wait"),
    [
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, TryLater, True, 60),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, TryLater, True, None),
        ("wecom", {"errcode": -1, "errmsg": "system busy"}, TryLater, False, None),
        ("wecom", {"errcode": 45002, "errmsg": "content size out of limit"}, Refused, False, None),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, TryLater, True, 600),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, TryLater, True, None),
        ("dingtalk", {"errcode": 430102, "errmsg": "unsuitable words"}, Refused, False, None),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, TryLater, True, 60),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, TryLater, True, None),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, TryLater, False, None),
        ("lark", {"code": 11246, "msg": "too long"}, Refused, False, None),
        ("telegram", {"ok": False, "error_code": 400, "description": "chat not found"}, Refused, False, None),
        ("telegram", {"result": {}}, Undecided, False, None),
        ("discord", {"message": "surprise"}, Undecided, False, None),
        ("wecom", {"surprise": True}, Undecided, False, None),
        ("wecom", "<html>sign in to the hotel's network</html>", Undecided, False, None),
    ],
)
def test_no_with_a_status_of_200_is_never_taken_for_a_yes(
    there: Gateway,
    platform: str,
    said: Any,
    outcome: type[Exception],
    of_bot: bool,  # noqa: FBT001
    wait: int | None,
) -> None:
    there.answers = [(200, said)]
    (found,) = say(there, platform, replace(POST, picture=picture(), picture_address="https://r.example/p"))
    assert type(found) is outcome
    if isinstance(found, TryLater):
        assert (found.of_sender, found.wait) == (of_bot, timedelta(seconds=wait) if wait else None)
    assert len(there.arrived) == 1  # no picture follows words that were not said


@pytest.mark.parametrize(("answer", "outcome"), [((500, "oops"), Undecided), (DROP, Undecided), ((429, ""), TryLater)])
def test_other_statuses_are_read_like_those_of_any_gateway(
    there: Gateway, answer: Any, outcome: type[Exception]
) -> None:
    there.answers = [answer]
    assert type(say(there, "dingtalk")[0]) is outcome


def test_feishu_of_the_older_kind_says_yes_in_its_own_words(there: Gateway) -> None:
    there.answers = [(200, {"StatusCode": 0, "StatusMessage": "success"})]
    assert say(there, "feishu") == [Accepted()]


def test_picture_follows_the_text_where_the_platform_shows_one(there: Gateway) -> None:
    drawn = picture()
    post = replace(POST, picture=drawn, picture_address="https://r.example/Q/7K/picture")
    assert [say(there, platform, post) for platform in ("wecom", "dingtalk", "feishu")] == [[Accepted()]] * 3
    shown = [each.json for each in there.arrived if "text" not in each.json.get("msgtype", each.json.get("msg_type"))]
    md5 = hashlib.md5(drawn, usedforsecurity=False).hexdigest()
    assert shown == [
        {"msgtype": "image", "image": {"base64": base64.b64encode(drawn).decode(), "md5": md5}},
        {"msgtype": "markdown", "markdown": {"title": "春茶", "text": "![](https://r.example/Q/7K/picture)"}},
    ]
    assert len(there.arrived) == 5


def test_picture_too_large_for_wecom_is_drawn_smaller(there: Gateway) -> None:
    large = picture(2000)
    assert len(large) > 2 * 1024 * 1024
    say(there, "wecom", replace(POST, picture=large))
    shown = base64.b64decode(there.arrived[1].json["image"]["base64"])
    with Image.open(io.BytesIO(shown)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (1280, 1280))
    assert len(shown) < 2 * 1024 * 1024


def test_picture_that_is_not_taken_takes_nothing_back(there: Gateway) -> None:
    there.answers = [(200, {"errcode": 0}), (200, {"errcode": 40009, "errmsg": "invalid image size"})]
    assert say(there, "wecom", replace(POST, picture=picture())) == [Accepted()]


@pytest.mark.parametrize(
    ("platform", "said", "paths", "field"),
    [
        ("telegram", {"ok": True, "result": {"message_id": 7}},
         ["/bot123456:AbC_d-9/sendMessage", "/bot123456:AbC_d-9/sendPhoto"], "photo"),
        ("discord", {"id": "99"}, ["/api/webhooks/1122/aB-c_9?wait=true"] * 2, "files[0]"),
    ],
)  # fmt: skip
def test_telegram_and_discord_get_the_words_then_the_picture_as_a_form_sends_it(
    there: Gateway, platform: str, said: Any, paths: list[str], field: str
) -> None:
    there.usually = (200, said)
    drawn = picture()
    assert say(there, platform, replace(POST, picture=drawn)) == [Accepted()]
    words, shown = there.arrived
    assert [words.path, shown.path] == paths
    text = words.json
    assert text == ({"chat_id": "-100200", "text": POST.text} if platform == "telegram" else {"content": POST.text})
    form = read_form(shown.headers["content-type"], shown.body)
    assert form.pop(field) == ("picture.png", "image/png", drawn)
    assert form == ({"chat_id": (None, "text/plain", b"-100200")} if platform == "telegram" else {})


def read_form(kind: str, body: bytes) -> dict[str, tuple[str | None, str, bytes]]:
    """Each field of a form by name, as the library's reader of mail understands it."""
    read = BytesParser(policy=policy.HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in read.iter_parts()
    }


@pytest.mark.parametrize(
    ("status", "outcome", "of_bot"),
    [(400, Refused, False), (401, TryLater, True), (403, TryLater, True), (404, TryLater, True), (429, TryLater, True),
     (500, Undecided, False)],
)  # fmt: skip
def test_telegram_and_discord_say_no_with_the_status(
    there: Gateway,
    status: int,
    outcome: type[Exception],
    of_bot: bool,  # noqa: FBT001
) -> None:
    there.usually = (status, {"ok": False, "error_code": status, "description": "no"})
    for platform in ("telegram", "discord"):
        (found,) = say(there, platform, replace(POST, picture=picture()))
        assert type(found) is outcome
        assert getattr(found, "of_sender", False) is of_bot
    assert len(there.arrived) == 2


@pytest.mark.parametrize("token", ["123456:AbC", "x/y?verify=no", "http://127.0.0.1/1", "1/2/../3"])
def test_what_is_no_bots_token_reaches_nobody(token: str) -> None:
    for platform in ("telegram", "discord"):
        channel = make_channel("robot", {"platform": platform}, {"token": token}, allow_private=False)
        with channel.connect() as connection:
            (outcome,) = connection.hand_over_all([POST])
        assert isinstance(outcome, TryLater)
        assert outcome.of_sender
