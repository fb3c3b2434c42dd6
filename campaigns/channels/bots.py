"""The bot of a chat group: one post for everybody in it.

WeCom, DingTalk, Feishu and Lark are asked by our own calls (`bot_platforms`): they say no with a status of 200, which
`apprise` takes for a yes, and it quotes DingTalk's signature twice. Telegram and Discord say it with the status, so
these go through `apprise`, with the picture. It tells yes from no and no more; after its no nobody can know.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from campaigns.campaign.campaigns import Medium
from campaigns.channels.bot_platforms import PLATFORMS, PlatformBot
from campaigns.channels.channel import Accepted, Message, MessageChannel, Outcome, TryLater, Undecided, one_by_one


class BotSettings(BaseModel):
    """Which platform, and the slug of the group the bot is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    platform: Literal["wecom", "dingtalk", "feishu", "lark", "telegram", "discord"]
    group: str = Field("", max_length=64)


@dataclass(frozen=True)
class AppriseBot:
    """A bot by `apprise`; the platform's host is apprise's own, so nobody can point it elsewhere."""

    platform: str
    secrets: Mapping[str, str] = field(repr=False)
    medium: Medium = Medium.BOT
    at_once: int = 1
    repeatable: bool = False

    @contextmanager
    def connect(self) -> Iterator["AppriseBot"]:
        yield self

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        return one_by_one(self._post, messages)

    def _post(self, message: Message) -> Accepted:
        bot = _bot(self.platform, self.secrets["token"])
        if not bot.notify(body=message.text, body_format="text", attach=_attached(message.picture)):
            raise Undecided("the group's platform did not say yes")
        return Accepted()


def bot_channel(settings: BotSettings, secrets: Mapping[str, str], *, allow_private: bool) -> MessageChannel:
    """Return the channel.

    Secrets: token, and for DingTalk, Feishu and Lark the signing secret where the bot has one. The token of Telegram
    is BOT_TOKEN/CHAT, that of Discord WEBHOOK_ID/WEBHOOK_TOKEN.
    """
    if platform := PLATFORMS.get(settings.platform):
        return PlatformBot(platform, platform.home, dict(secrets), allow_private)
    return AppriseBot(settings.platform, dict(secrets))


_KINDS = {
    "telegram": ("NotifyTelegram", "tgram", r"\d+:[\w-]+/(-?\d+|@\w+)"),
    "discord": ("NotifyDiscord", "discord", r"\d+/[\w-]+"),
}
"""By platform: apprise's class and scheme, and how a token looks."""


def _bot(platform: str, token: str) -> Any:
    """Return apprise's bot. Its own look-up would load all the hundred platforms it knows."""
    name, scheme, form = _KINDS[platform]
    if not re.fullmatch(form, token):
        raise TryLater("this is no bot's token", of_sender=True)
    kind = getattr(import_module(f"apprise.plugins.{platform}"), name)
    return kind(**kind.parse_url(f"{scheme}://{token}"))


def _attached(picture: bytes) -> Any:
    if not picture:
        return None
    is_png = picture.startswith(b"\x89PNG")
    kind, name = ("image/png", "picture.png") if is_png else ("image/jpeg", "picture.jpg")
    memory: Any = import_module("apprise.attachment.memory")
    return memory.AttachMemory(content=picture, name=name, mimetype=kind)
