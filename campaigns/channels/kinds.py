"""Kinds of senders: the medium, settings, secrets and channel of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from campaigns.campaign.media import Medium
from campaigns.channels.addresses import check_host
from campaigns.channels.aliyun import AliyunSettings, aliyun_channel
from campaigns.channels.bots import BotSettings, bot_channel
from campaigns.channels.channel import MessageChannel
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.mime import address
from campaigns.channels.sms_http import SmsHttpSettings, sms_channel
from campaigns.channels.smtp import SmtpChannel
from campaigns.channels.twilio import TwilioSettings, twilio_channel
from campaigns.channels.webhook import WebhookSettings, webhook_channel
from retention.errors import Invalid
from retention.validation_errors import refusal_in


class SmtpSettings(BaseModel):
    """A mail server. `authority` is a certificate (PEM) to trust besides the usual ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, AfterValidator(check_host)] = Field(pattern=r"^[A-Za-z0-9.:-]+$", max_length=253)
    port: int | None = Field(None, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = Field("", max_length=200)
    mail_from: str = Field(max_length=254)
    at_once: int = Field(4, ge=1, le=20, description="Connections kept open, each with one mail in the air.")
    authority: str = Field("", max_length=20_000)


class EmptySettings(BaseModel):
    """Nothing to say."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Make = Callable[[Any, Mapping[str, str], bool], MessageChannel]


@dataclass(frozen=True)
class Kind:
    """One kind: its medium, its settings, the secrets it must and may have, and its channel."""

    medium: Medium
    settings: type[BaseModel]
    make: Make
    needed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    free: bool = False
    """Whether its secrets may have any name, because templates name them."""


def _smtp(settings: SmtpSettings, secrets: Mapping[str, str], allow_private: bool) -> MessageChannel:  # noqa: FBT001
    login = f"{quote(settings.user, safe='')}:{quote(secrets.get('password', ''), safe='')}@" if settings.user else ""
    scheme = "smtps" if settings.tls == "implicit" else "smtp"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = f":{settings.port}" if settings.port else (":587" if settings.tls == "starttls" else "")
    only = "?tls=required" if settings.tls == "starttls" else ""
    return SmtpChannel(
        f"{scheme}://{login}{host}{port}{only}",
        at_once=settings.at_once,
        authority=settings.authority,
        allow_private=allow_private,
    )


def _memory(_settings: EmptySettings, _secrets: Mapping[str, str], _allow_private: bool) -> MessageChannel:  # noqa: FBT001
    return MemoryChannel()


def _web(make: Callable[..., MessageChannel]) -> Make:
    return lambda settings, secrets, allow_private: make(settings, secrets, allow_private=allow_private)


KINDS = {
    "smtp": Kind(Medium.EMAIL, SmtpSettings, cast("Make", _smtp), optional=frozenset({"password"})),
    "sms-http": Kind(Medium.SMS, SmsHttpSettings, _web(sms_channel), free=True),
    "sms-aliyun": Kind(Medium.SMS, AliyunSettings, _web(aliyun_channel), frozenset({"access_key_secret"})),
    "sms-twilio": Kind(Medium.SMS, TwilioSettings, _web(twilio_channel), frozenset({"auth_token"})),
    "webhook": Kind(Medium.WEBHOOK, WebhookSettings, _web(webhook_channel), frozenset({"secret"})),
    "robot": Kind(Medium.BOT, BotSettings, _web(bot_channel), frozenset({"token"}), frozenset({"secret"})),
    "memory": Kind(Medium.EMAIL, EmptySettings, cast("Make", _memory)),
}
"""By `SenderKind`. People press send for the assisted ones, so these have no channel."""


def read_settings(kind: str, values: Mapping[str, Any]) -> BaseModel:
    """Return the settings of a kind; Invalid names the first wrong one."""
    if kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise Invalid("A sender of the kind {kind} takes no settings. Kinds: {known}.", kind=kind, known=known)
    try:
        settings = KINDS[kind].settings.model_validate(dict(values))
    except ValidationError as error:
        raise refusal_in(error, "settings") from error
    if isinstance(settings, SmtpSettings):
        _check_mail_from(settings.mail_from)
    return settings


def check_secrets(kind: str, secrets: Mapping[str, str]) -> None:
    """Raise Invalid unless these are the secrets the kind needs."""
    known = KINDS[kind]
    for name in sorted(known.needed - {name for name, value in secrets.items() if value}):
        raise Invalid("A sender of the kind {kind} needs the secret {name}.", kind=kind, name=name)
    for name in sorted(set(secrets) - known.needed - known.optional):
        if not known.free:
            raise Invalid("A sender of the kind {kind} has no secret {name}.", kind=kind, name=name)


def make_channel(
    kind: str, settings: Mapping[str, Any], secrets: Mapping[str, str], *, allow_private: bool
) -> MessageChannel:
    """Return the channel of a sender's stored values."""
    return KINDS[kind].make(read_settings(kind, settings), secrets, allow_private)


def _check_mail_from(text: str) -> None:
    try:
        address(text)
    except (ValueError, IndexError) as error:
        raise Invalid("{text} is not an email address.", text=repr(text)) from error
