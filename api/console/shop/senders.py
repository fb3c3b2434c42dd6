"""Senders: what the shop sends with, how each fares, and the forms that set one up. Secrets never come out."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_origin

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic.fields import FieldInfo
from sqlmodel import Session

from api.console.shell import Here, Notice, go, show
from api.console.shop.failures import FailureLine, failure_lines
from api.console.states import medium_name, shown
from api.deps import Now, Place, Reading, Writing, require
from api.forms import read_texts
from campaigns.channels.kinds import KINDS
from campaigns.channels.outages import translated
from campaigns.channels.senders import (
    Sender,
    SenderKind,
    create_sender,
    edit_sender,
    find_sender,
    senders_of,
    test_sender,
)
from campaigns.sending.blocked import MAIL
from campaigns.sending.pausing import pause_sender, resume_sender
from retention import money
from retention.access import Scope
from retention.errors import Invalid, NotFound
from retention.failures import failures_of
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop

router = APIRouter(prefix="/shops/{slug}/senders", dependencies=[require(Scope.CAMPAIGNS_READ)])
for_writers = [require(Scope.CAMPAIGNS_WRITE)]
for_owners = [require(Scope.PEOPLE_WRITE)]

OFFERED = {
    SenderKind.SMTP: (gettext_noop("Mail server"), gettext_noop("Any SMTP server."), "mail"),
    SenderKind.SMS_ALIYUN: (
        gettext_noop("Aliyun SMS"),
        gettext_noop("With an approved template."),
        "message",
    ),
    SenderKind.SMS_TWILIO: (
        gettext_noop("Twilio SMS"),
        gettext_noop("With a number or a messaging service."),
        "message",
    ),
    SenderKind.SMS_HTTP: (
        gettext_noop("Other SMS gateway"),
        gettext_noop("Any HTTP gateway: define the request and how to read the response."),
        "message",
    ),
    SenderKind.WEBHOOK: (
        gettext_noop("App messages"),
        gettext_noop("Signed webhook calls to your own system, which contacts the buyer."),
        "webhook",
    ),
    SenderKind.BOT: (
        gettext_noop("Group bot"),
        gettext_noop("WeCom, DingTalk, Feishu, Lark, Telegram or Discord."),
        "robot",
    ),
}
"""The kinds a person can set up, with their name, a sentence and an icon."""

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
MOVES = {"pause": (pause_sender, "sender-paused"), "resume": (resume_sender, "resumed")}


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


@router.get("")
def list_senders(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show every sender with how it fares."""
    failing = [
        *failures_of(session, place.shop.id, kind="sender"),
        *(each for each in failures_of(session, place.shop.id, kind="shop") if each.work in {MAIL, "messages"}),
    ]
    return _list(request, session, place, failing=failure_lines(failing, place.shop, now))


@router.get("/new/{kind}", dependencies=for_owners)
def new_sender(request: Request, session: Reading, kind: SenderKind) -> HTMLResponse:
    """Show the empty form of a kind."""
    return _form(request, session, TypedSender(_offered(kind)))


@router.get("/{sender}", dependencies=for_owners)
def show_sender(request: Request, session: Reading, place: Here, sender: str) -> HTMLResponse:
    """Show the form of a sender; its secrets stay empty, which keeps them."""
    row = find_sender(session, place.shop.id, sender)
    return _form(request, session, _typed_of(row, place.shop), sender=row)


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


@router.post("", dependencies=for_owners)
def add_sender(
    session: Writing, place: Here, now: Now, typed: Annotated[TypedSender, Depends(typed_sender)]
) -> Response:
    """Add a sender."""
    create_sender(
        session,
        place.shop,
        typed.slug,
        kind=_offered(typed.kind),
        name=typed.name,
        settings=_settings(typed),
        secrets=_secrets(typed),
        per_second=_number(typed.per_second),
        price=_price(typed.price, place.shop),
        at=now,
        actor=place.member.actor,
    )
    return go(_address(place), done="saved")


@router.post("/{sender}", dependencies=for_owners)
def change_sender(
    session: Writing,
    place: Here,
    now: Now,
    sender: str,
    typed: Annotated[TypedSender, Depends(typed_sender)],
) -> Response:
    """Change a sender; secrets left empty stay."""
    row = find_sender(session, place.shop.id, sender)
    edit_sender(
        session,
        row,
        name=typed.name,
        settings=_settings(typed),
        secrets=_secrets(typed) or None,
        per_second=_number(typed.per_second) or 0,
        price=_price(typed.price, place.shop),
        at=now,
        actor=place.member.actor,
    )
    return go(_address(place), done="saved")


@router.post("/{sender}/moves/{move}", dependencies=for_writers)
def move_sender(session: Writing, place: Here, now: Now, sender: str, move: str) -> Response:
    """Pause a sender at once, or use it again."""
    if move not in MOVES:
        raise NotFound("A sender cannot {move}.", move=move)
    do, done = MOVES[move]
    do(session, find_sender(session, place.shop.id, sender), at=now, actor=place.member.actor)
    return go(_address(place), done=done)


@router.post("/{sender}/test", dependencies=for_writers)
def try_sender(
    request: Request, session: Reading, place: Here, now: Now, sender: str, to: Annotated[str, Form(max_length=254)]
) -> Response:
    """Send one message that says it is a test."""
    row = find_sender(session, place.shop.id, sender)
    reference = test_sender(session, place.shop, row, to=to.strip(), at=now, actor=place.member.actor)
    text = _("{name} accepted the test for {to}.").format(name=row.name, to=to)
    return _list(request, session, place, notice=Notice("good", f"{text} {reference}".strip()))


def _list(
    request: Request,
    session: Session,
    place: Place,
    *,
    notice: Notice | None = None,
    status: int = 200,
    failing: Sequence[FailureLine] = (),
) -> HTMLResponse:
    return show(
        request,
        session,
        "shop/senders.html",
        status=status,
        notice=notice,
        failing=failing,
        senders=senders_of(session, place.shop.id),
        kinds=[(kind.value, _(name), _(about), icon) for kind, (name, about, icon) in OFFERED.items()],
        kind_name=_kind_name,
        medium_name=medium_name,
        in_words=translated,
        shown=shown,
    )


def _form(request: Request, session: Session, typed: TypedSender, *, sender: Sender | None = None) -> HTMLResponse:
    return show(
        request,
        session,
        "shop/sender.html",
        typed=typed,
        sender=sender,
        kind_name=_kind_name(typed.kind),
        lines=list(_lines(typed)),
        secrets=list(_secret_lines(typed, kept=sender is not None)),
        free=KINDS[typed.kind.value].free,
    )


def _lines(typed: TypedSender) -> Iterator[SenderLine]:
    for name, info in KINDS[typed.kind.value].settings.model_fields.items():
        kind, options = _input(info)
        default = "" if info.is_required() or info.default_factory else info.default
        value = typed.settings.get(name, _written(default))
        yield SenderLine(name, _(LABELS[name]), value, kind, options, required=info.is_required())


def _secret_lines(typed: TypedSender, *, kept: bool) -> Iterator[SenderLine]:
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


def _settings(typed: TypedSender) -> dict[str, Any]:
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


def _secrets(typed: TypedSender) -> dict[str, str]:
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
        raise Invalid("{name} is not JSON: {text}", name=name, text=text[:60]) from None


def _typed_of(sender: Sender, shop: Shop) -> TypedSender:
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


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise Invalid("{text} is not a number.", text=repr(text)) from None


def _price(text: str, shop: Shop) -> int:
    """Return a price typed in major units in hundredths of a minor unit: a text message costs less than a cent."""
    return money.minor(str(100 * (_number(text) or 0)), shop.currency)


def _price_text(price: int, shop: Shop) -> str:
    return f"{money.major(price, shop.currency) / 100:f}".rstrip("0").rstrip(".") if price else ""


def _offered(kind: SenderKind) -> SenderKind:
    if kind not in OFFERED:
        raise NotFound("{kind} is not a kind of sender.", kind=kind.value)
    return kind


def _kind_name(kind: SenderKind) -> str:
    return _(OFFERED[kind][0]) if kind in OFFERED else kind.value


def _address(place: Place) -> str:
    return f"/shops/{place.shop.slug}/senders"
