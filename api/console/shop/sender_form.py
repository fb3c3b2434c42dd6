"""The form of a sender: its fields come from the settings and secrets of its kind, and are read back as these."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

from fastapi import Request
from pydantic.fields import FieldInfo

from api.forms import read_texts
from campaigns.channels.kinds import KINDS
from campaigns.channels.senders import Sender, SenderKind
from retention import money
from retention.errors import Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop

LABELS = {
    "host": gettext_noop("Host"),
    "port": gettext_noop("Port"),
    "tls": gettext_noop("Encryption"),
    "user": gettext_noop("User"),
    "mail_from": gettext_noop("From address"),
    "at_once": gettext_noop("Concurrent messages"),
    "authority": gettext_noop("Additional trusted certificate (PEM)"),
    "url": gettext_noop("Address"),
    "method": gettext_noop("Method"),
    "headers": gettext_noop("Headers"),
    "body": gettext_noop("Body"),
    "fields": gettext_noop("Fields"),
    "taken": gettext_noop("Success condition"),
    "later": gettext_noop("Temporary failure condition"),
    "reference": gettext_noop("Path of the message ID"),
    "says": gettext_noop("Path of the error text"),
    "takes_key_once": gettext_noop("Gateway deduplicates by {key}"),
    "signature": gettext_noop("SMS signature"),
    "access_key_id": gettext_noop("Access key"),
    "sign_name": gettext_noop("Approved signature"),
    "template_code": gettext_noop("Approved template"),
    "values": gettext_noop("Values of the template"),
    "region": gettext_noop("Region"),
    "endpoint": gettext_noop("Gateway URL"),
    "account_sid": gettext_noop("Account SID"),
    "sender": gettext_noop("Sender number or name"),
    "messaging_service_sid": gettext_noop("Messaging service SID"),
    "status_callback": gettext_noop("URL for delivery reports"),
    "platform": gettext_noop("Platform"),
    "group": gettext_noop("Chat group (short name)"),
}
SECRETS = {
    "password": gettext_noop("Password"),
    "access_key_secret": gettext_noop("Access key secret"),
    "auth_token": gettext_noop("Auth token"),
    "secret": gettext_noop("Signing secret"),
    "token": gettext_noop("Token"),
}


@dataclass(frozen=True)
class SenderLine:
    """One field of the form. `options` are the choices of a list; `long` is a JSON value or a text of many lines."""

    name: str
    label: str
    value: str
    kind: Literal["text", "number", "choice", "check", "long", "secret"] = "text"
    options: list[str] = field(default_factory=list)
    required: bool = False


@dataclass
class TypedSender:
    """The form as typed, without its secrets: those are typed again."""

    kind: SenderKind
    slug: str = ""
    name: str = ""
    per_second: str = ""
    price: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


async def typed_sender(request: Request) -> TypedSender:
    """Read the form; its fields depend on the kind."""
    form = await read_texts(request)
    texts = {name: str(value).strip() for name, value in form.items()}
    try:
        kind = SenderKind(texts.get("kind", ""))
    except ValueError:
        raise Invalid("{kind} is not a kind of sender.", kind=repr(texts.get("kind", ""))) from None

    def part(prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): value for name, value in texts.items() if name.startswith(prefix)}

    return TypedSender(
        kind=kind,
        slug=texts.get("slug", ""),
        name=texts.get("name", ""),
        per_second=texts.get("per_second", ""),
        price=texts.get("price", ""),
        settings=part("set_"),
        secrets={name: value for name, value in part("secret_").items() if value},
    )


def setting_lines(typed: TypedSender) -> Iterator[SenderLine]:
    for name, info in KINDS[typed.kind.value].settings.model_fields.items():
        kind, options = _input(info)
        default = "" if info.is_required() or info.default_factory else info.default
        value = typed.settings.get(name, _written(default))
        yield SenderLine(name, _(LABELS[name]), value, kind, options, required=info.is_required())


def secret_lines(typed: TypedSender, *, kept: bool) -> Iterator[SenderLine]:
    known = KINDS[typed.kind.value]
    for name in sorted(known.needed | known.optional):
        yield SenderLine(name, _(SECRETS[name]), "", "secret", required=name in known.needed and not kept)


def _input(info: FieldInfo) -> tuple[Literal["text", "number", "choice", "check", "long"], list[str]]:
    kind = info.annotation
    if get_origin(kind) is Literal:
        return "choice", [str(option) for option in get_args(kind)]
    if kind is bool:
        return "check", []
    if kind is str:
        return "text", []
    return ("number", []) if kind is int or int in get_args(kind) else ("long", [])


def typed_settings(typed: TypedSender) -> dict[str, Any]:
    """Return the settings as their kind takes them; what is left empty has its default."""
    found: dict[str, Any] = {}
    for name, info in KINDS[typed.kind.value].settings.model_fields.items():
        text = typed.settings.get(name, "")
        kind = _input(info)[0]
        if kind == "check":
            found[name] = bool(text)
        elif text:
            found[name] = _read_json(name, text) if kind == "long" else text
    return found


def typed_secrets(typed: TypedSender) -> dict[str, str]:
    """Return the secrets; a kind whose templates name them has them all in one field, as JSON."""
    if not KINDS[typed.kind.value].free or "named" not in typed.secrets:
        return typed.secrets
    named = _read_json("secrets", typed.secrets["named"])
    if not isinstance(named, dict) or not all(isinstance(value, str) for value in named.values()):
        raise Invalid("Secrets are written as JSON, such as {example}.", example='{"token": "..."}')
    return named


def _read_json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("{field} is not JSON: {text}", field=name, text=text[:60]) from None


def typed_of(sender: Sender, shop: Shop) -> TypedSender:
    return TypedSender(
        kind=sender.kind,
        slug=sender.slug,
        name=sender.name,
        per_second="" if sender.per_second is None else f"{sender.per_second:g}",
        price=_price_text(sender.price, shop),
        settings={name: _written(value) for name, value in sender.settings.items()},
    )


def _written(value: Any) -> str:
    if value is None or value is False:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def typed_number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise Invalid("{text} is not a number.", text=repr(text)) from None


def typed_price(text: str, shop: Shop) -> int:
    """Return a price typed in major units in hundredths of a minor unit: a text message costs less than a cent."""
    return money.minor(str(100 * (typed_number(text) or 0)), shop.currency)


def _price_text(price: int, shop: Shop) -> str:
    return f"{money.major(price, shop.currency) / 100:f}".rstrip("0").rstrip(".") if price else ""
