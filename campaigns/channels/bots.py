"""The bot of a chat group: one post for everybody in it. How each platform is asked stands in `bot_platforms`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from campaigns.channels.bot_platforms import PLATFORMS, PlatformBot
from campaigns.channels.channel import MessageChannel


class BotSettings(BaseModel):
    """Which platform, and the slug of the group the bot is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    platform: Literal["wecom", "dingtalk", "feishu", "lark", "telegram", "discord"]
    group: str = Field("", max_length=64)


def bot_channel(settings: BotSettings, secrets: Mapping[str, str], *, allow_private: bool) -> MessageChannel:
    """Return the channel.

    Secrets: token, and for DingTalk, Feishu and Lark the signing secret where the bot has one. The token of Telegram
    is BOT_TOKEN/CHAT, that of Discord WEBHOOK_ID/WEBHOOK_TOKEN.
    """
    platform = PLATFORMS[settings.platform]
    return PlatformBot(platform, platform.home, dict(secrets), allow_private)
