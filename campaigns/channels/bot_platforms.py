"""The bots of WeCom, DingTalk, Feishu and Lark: how each is asked, and what its answer means.

All of them answer 200 whatever became of a post and tell it in the body, so a status alone says nothing. The codes are
what is known of them and have not been tried against the platforms; one that is not listed refuses the post and shows
its own words. Where a picture can go along, it follows the text as a second message: the text is what was promised, and
a picture that is not taken takes nothing of it back.
"""

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import structlog

from campaigns.campaign.campaigns import Medium
from campaigns.channels.channel import Accepted, Connection, Message, Outcome, Refused, TryLater, Undecided
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel
from retention import clock
from retention.pictures import read_picture

log = structlog.get_logger()

Secrets = Mapping[str, str]
_MINUTE = timedelta(minutes=1)
_MOST_PICTURE = 2 * 1024 * 1024
"""Bytes of a picture that WeCom takes."""


@dataclass(frozen=True)
class Platform:
    """One platform by its calls and its words for no.

    `waits` are the codes that mean later, with how long it wants to be left alone (None: it does not say); `of_bot`
    those that are about the bot and would meet every post. Any other code but 0 refuses the post.
    """

    home: str
    path: Callable[[Secrets], str]
    body: Callable[[str, Secrets], dict[str, Any]]
    picture: Callable[[Message], dict[str, Any] | None]
    waits: Mapping[int, timedelta | None]
    of_bot: frozenset[int]


@dataclass(frozen=True)
class PlatformBot:
    """The channel of one bot. `home` is the platform's own; no setting changes it, so nobody points it elsewhere."""

    platform: Platform
    home: str
    secrets: Secrets = field(repr=False)
    allow_private: bool = False
    medium: Medium = Medium.BOT
    at_once: int = 1
    repeatable: bool = False

    @contextmanager
    def connect(self) -> Iterator["_TextThenPicture"]:
        web = WebChannel(
            self.medium, self._build_request, self._read, at_once=self.at_once, allow_private=self.allow_private
        )
        with web.connect() as connection:
            yield _TextThenPicture(connection, self.platform)

    def _build_request(self, message: Message) -> HttpRequest:
        shown = self.platform.picture(message) if not message.text else None
        body = shown or self.platform.body(message.text, self.secrets)
        url = f"{self.home}{self.platform.path(self.secrets)}"
        return HttpRequest("POST", url, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _read(self, response: HttpResponse) -> Accepted:
        data = response.json()
        code = next((data[name] for name in _CODES if name in data), None) if isinstance(data, dict) else None
        if not isinstance(code, int):
            raise Undecided(f"it does not say whether it took the post: {response.excerpt()}")
        if code == 0:
            return Accepted()
        if code in self.platform.waits:
            wait = self.platform.waits[code]
            raise TryLater(response.excerpt(), of_sender=wait is not None, wait=wait)
        if code in self.platform.of_bot:
            raise TryLater(response.excerpt(), of_sender=True)
        raise Refused(response.excerpt())


@dataclass(frozen=True)
class _TextThenPicture:
    """Sends each post and its picture after it."""

    connection: Connection
    platform: Platform

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        outcomes = self.connection.hand_over_all(messages)
        for message, outcome in zip(messages, outcomes, strict=True):
            if isinstance(outcome, Accepted) and self.platform.picture(message):
                self._show(message)
        return outcomes

    def _show(self, message: Message) -> None:
        (shown,) = self.connection.hand_over_all([replace(message, text="")])
        if not isinstance(shown, Accepted):
            log.warning("a post was said and its picture was not taken", post=message.key, why=type(shown).__name__)


def _wecom_path(secrets: Secrets) -> str:
    return f"/cgi-bin/webhook/send?{urlencode({'key': secrets['token']})}"


def _wecom_picture(message: Message) -> dict[str, Any] | None:
    if not message.picture:
        return None
    picture = _small(message.picture)
    sums = {
        "base64": base64.b64encode(picture).decode(),
        "md5": hashlib.md5(picture, usedforsecurity=False).hexdigest(),
    }
    return {"msgtype": "image", "image": sums}


def _dingtalk_path(secrets: Secrets) -> str:
    query = {"access_token": secrets["token"]}
    if secret := secrets.get("secret"):
        stamp = str(int(clock.now().timestamp() * 1000))
        query |= {"timestamp": stamp, "sign": _signed(secret, f"{stamp}\n{secret}")}
    return f"/robot/send?{urlencode(query)}"


def _dingtalk_picture(message: Message) -> dict[str, Any] | None:
    """Return a message that is one picture: a bot of DingTalk takes none but by its public address."""
    if not message.picture_address:
        return None
    markdown = {"title": message.subject or message.sender_name, "text": f"![]({message.picture_address})"}
    return {"msgtype": "markdown", "markdown": markdown}


def _feishu_path(secrets: Secrets) -> str:
    return f"/open-apis/bot/v2/hook/{quote(secrets['token'], safe='')}"


def _feishu_body(text: str, secrets: Secrets) -> dict[str, Any]:
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    if secret := secrets.get("secret"):
        stamp = str(int(clock.now().timestamp()))
        body |= {"timestamp": stamp, "sign": _signed(f"{stamp}\n{secret}", "")}
    return body


def _signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _small(picture: bytes) -> bytes:
    if len(picture) <= _MOST_PICTURE:
        return picture
    drawn = read_picture(picture, within=1280).convert("RGB")
    drawn.save(kept := io.BytesIO(), "JPEG", quality=85)
    return kept.getvalue()


_CODES = ("errcode", "code", "StatusCode")
_FEISHU = Platform(
    home="https://open.feishu.cn",
    path=_feishu_path,
    body=_feishu_body,
    picture=lambda _: None,  # a bot there shows only what an app has uploaded before
    waits={11232: _MINUTE, 9499: None},
    of_bot=frozenset({19001, 19021, 19022, 19024}),
)
PLATFORMS = {
    "wecom": Platform(
        home="https://qyapi.weixin.qq.com",
        path=_wecom_path,
        body=lambda text, _: {"msgtype": "text", "text": {"content": text}},
        picture=_wecom_picture,
        waits={-1: None, 45009: _MINUTE, 45033: _MINUTE},
        of_bot=frozenset({40001, 93000, 93004, 93008}),
    ),
    "dingtalk": Platform(
        home="https://oapi.dingtalk.com",
        path=_dingtalk_path,
        body=lambda text, _: {"msgtype": "text", "text": {"content": text}},
        picture=_dingtalk_picture,
        waits={-1: None, 130101: 10 * _MINUTE, 410100: 10 * _MINUTE},
        of_bot=frozenset({300001, 310000, 400013, 400101, 400102}),
    ),
    "feishu": _FEISHU,
    "lark": replace(_FEISHU, home="https://open.larksuite.com"),
}
