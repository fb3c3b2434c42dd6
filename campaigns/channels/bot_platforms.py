"""The bots of WeCom, DingTalk, Feishu, Lark, Telegram and Discord: how each is asked, and what its answer means.

The first four answer 200 whatever became of a post and tell it in the body, so a status alone says nothing. The codes
are what is known of them and have not been tried against the platforms; one that is not listed refuses the post and
shows its own words. Telegram and Discord say no with the status. Where a picture can go along, it follows the text as a
second message: the text is what was promised, and a picture that is not taken takes nothing of it back.
"""

import base64
import hashlib
import hmac
import io
import json
import re
import secrets as randomness
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import structlog

from campaigns.campaign.media import Medium
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
class Call:
    """What is posted to a platform, and where."""

    path: str
    body: bytes
    kind: str = "application/json"


def _code(payload: dict[str, Any]) -> Any:
    return next((payload[name] for name in ("errcode", "code", "StatusCode") if name in payload), None)


@dataclass(frozen=True)
class Platform:
    """One platform by its calls and its words for no.

    `waits` are the codes that mean later, with how long it wants to be left alone (None: it does not say); `of_bot`
    those that are about the bot and would meet every post. Any other code but 0 refuses the post.
    """

    home: str
    say: Callable[[str, Secrets], Call]
    show: Callable[[Message, Secrets], Call | None]
    waits: Mapping[int, timedelta | None] = field(default_factory=dict)
    of_bot: frozenset[int] = frozenset()
    code: Callable[[dict[str, Any]], Any] = _code


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
            yield _TextThenPicture(connection, self.platform, self.secrets)

    def _build_request(self, message: Message) -> HttpRequest:
        shown = self.platform.show(message, self.secrets) if not message.text else None
        call = shown or self.platform.say(message.text, self.secrets)
        return HttpRequest("POST", f"{self.home}{call.path}", {"Content-Type": call.kind}, call.body)

    def _read(self, response: HttpResponse) -> Accepted:
        data = response.json()
        code = self.platform.code(data) if isinstance(data, dict) else None
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
    secrets: Secrets = field(repr=False)

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        outcomes = self.connection.hand_over_all(messages)
        for message, outcome in zip(messages, outcomes, strict=True):
            if isinstance(outcome, Accepted) and self.platform.show(message, self.secrets):
                self._show(message)
        return outcomes

    def _show(self, message: Message) -> None:
        (shown,) = self.connection.hand_over_all([replace(message, text="")])
        if not isinstance(shown, Accepted):
            log.warning("a post was said and its picture was not taken", post=message.key, why=type(shown).__name__)


def _wecom(body: Mapping[str, Any], secrets: Secrets) -> Call:
    return Call(f"/cgi-bin/webhook/send?{urlencode({'key': secrets['token']})}", _json(body))


def _wecom_picture(message: Message, secrets: Secrets) -> Call | None:
    if not message.picture:
        return None
    picture = _small(message.picture)
    sums = {
        "base64": base64.b64encode(picture).decode(),
        "md5": hashlib.md5(picture, usedforsecurity=False).hexdigest(),
    }
    return _wecom({"msgtype": "image", "image": sums}, secrets)


def _dingtalk(body: Mapping[str, Any], secrets: Secrets) -> Call:
    query = {"access_token": secrets["token"]}
    if secret := secrets.get("secret"):
        stamp = str(int(clock.now().timestamp() * 1000))
        query |= {"timestamp": stamp, "sign": _signed(secret, f"{stamp}\n{secret}")}
    return Call(f"/bot/send?{urlencode(query)}", _json(body))


def _dingtalk_picture(message: Message, secrets: Secrets) -> Call | None:
    """Return a message that is one picture: a bot of DingTalk takes none but by its public address."""
    if not message.picture_address:
        return None
    markdown = {"title": message.subject or message.sender_name, "text": f"![]({message.picture_address})"}
    return _dingtalk({"msgtype": "markdown", "markdown": markdown}, secrets)


def _feishu(text: str, secrets: Secrets) -> Call:
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    if secret := secrets.get("secret"):
        stamp = str(int(clock.now().timestamp()))
        body |= {"timestamp": stamp, "sign": _signed(f"{stamp}\n{secret}", "")}
    return Call(f"/open-apis/bot/v2/hook/{quote(secrets['token'], safe='')}", _json(body))


def _telegram(text: str, secrets: Secrets) -> Call:
    token, chat = _parts(secrets, r"(\d+:[\w-]+)/(-?\d+|@\w+)")
    return Call(f"/bot{token}/sendMessage", _json({"chat_id": chat, "text": text}))


def _telegram_picture(message: Message, secrets: Secrets) -> Call | None:
    if not message.picture:
        return None
    token, chat = _parts(secrets, r"(\d+:[\w-]+)/(-?\d+|@\w+)")
    return _upload(f"/bot{token}/sendPhoto", "photo", message.picture, chat_id=chat)


def _discord(text: str, secrets: Secrets) -> Call:
    return Call(_discord_path(secrets), _json({"content": text}))


def _discord_picture(message: Message, secrets: Secrets) -> Call | None:
    return _upload(_discord_path(secrets), "files[0]", message.picture) if message.picture else None


def _discord_path(secrets: Secrets) -> str:
    number, token = _parts(secrets, r"(\d+)/([\w-]+)")
    return f"/api/webhooks/{number}/{token}?wait=true"  # else it answers before it knows


def _parts(secrets: Secrets, form: str) -> tuple[str, str]:
    """Return the two parts of a token, which stand in the path; TryLater when it is none, so that nobody is asked."""
    found = re.fullmatch(form, secrets["token"], re.ASCII)
    if not found:
        raise TryLater("this is no bot's token", of_sender=True)
    return found[1], found[2]


def _upload(path: str, name: str, picture: bytes, **fields: str) -> Call:
    """Return a call with a picture as a form sends it, RFC 7578."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    mark = randomness.token_hex(16)
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{fields[key]}\r\n' for key in fields]
    parts.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="picture.{kind}"\r\n'
        f"Content-Type: image/{kind}\r\n\r\n"
    )
    body = "".join(parts).encode() + picture + f"\r\n--{mark}--\r\n".encode()
    return Call(path, body, f"multipart/form-data; boundary={mark}")


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _small(picture: bytes) -> bytes:
    if len(picture) <= _MOST_PICTURE:
        return picture
    drawn = read_picture(picture, within=1280).convert("RGB")
    drawn.save(kept := io.BytesIO(), "JPEG", quality=85)
    return kept.getvalue()


_FEISHU = Platform(
    home="https://open.feishu.cn",
    say=_feishu,
    show=lambda *_: None,  # a bot there shows only what an app has uploaded before
    waits={11232: _MINUTE, 9499: None},
    of_bot=frozenset({19001, 19021, 19022, 19024}),
)
PLATFORMS = {
    "wecom": Platform(
        home="https://qyapi.weixin.qq.com",
        say=lambda text, secrets: _wecom({"msgtype": "text", "text": {"content": text}}, secrets),
        show=_wecom_picture,
        waits={-1: None, 45009: _MINUTE, 45033: _MINUTE},
        of_bot=frozenset({40001, 93000, 93004, 93008}),
    ),
    "dingtalk": Platform(
        home="https://oapi.dingtalk.com",
        say=lambda text, secrets: _dingtalk({"msgtype": "text", "text": {"content": text}}, secrets),
        show=_dingtalk_picture,
        waits={-1: None, 130101: 10 * _MINUTE, 410100: 10 * _MINUTE},
        of_bot=frozenset({300001, 310000, 400013, 400101, 400102}),
    ),
    "feishu": _FEISHU,
    "lark": replace(_FEISHU, home="https://open.larksuite.com"),
    "telegram": Platform(
        home="https://api.telegram.org",
        say=_telegram,
        show=_telegram_picture,
        code=lambda payload: 0 if payload.get("ok") is True else payload.get("error_code"),
    ),
    "discord": Platform(
        home="https://discord.com",
        say=_discord,
        show=_discord_picture,
        code=lambda payload: 0 if payload.get("id") else None,
    ),
}
