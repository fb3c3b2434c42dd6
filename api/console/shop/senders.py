"""Senders: what the shop sends with, how each fares, and the forms that set one up. Secrets never come out."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.shell import Here, Notice, go, show
from api.console.shop.failures import FailureLine, failure_lines
from api.console.shop.sender_form import (
    TypedSender,
    secret_lines,
    setting_lines,
    typed_number,
    typed_of,
    typed_price,
    typed_secrets,
    typed_sender,
    typed_settings,
)
from api.console.states import medium_name, shown
from api.deps import Now, Place, Reading, Writing, require
from campaigns.channels.kinds import KINDS
from campaigns.channels.outages import translated
from campaigns.channels.senders import (
    Sender,
    SenderKind,
    create_sender,
    edit_sender,
    find_sender,
    send_test_message,
    senders_of,
)
from campaigns.sending.blocked import MAIL
from campaigns.sending.pausing import pause_sender, resume_sender
from retention.access import Scope
from retention.errors import NotFound
from retention.failures import failures_of
from retention.i18n import gettext as _
from retention.i18n import gettext_noop

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

MOVES = {"pause": (pause_sender, "sender-paused"), "resume": (resume_sender, "resumed")}


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
    return _form(request, session, typed_of(row, place.shop), sender=row)


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
        settings=typed_settings(typed),
        secrets=typed_secrets(typed),
        per_second=typed_number(typed.per_second),
        price=typed_price(typed.price, place.shop),
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
        settings=typed_settings(typed),
        secrets=typed_secrets(typed) or None,
        per_second=typed_number(typed.per_second) or 0,
        price=typed_price(typed.price, place.shop),
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
    reference = send_test_message(session, place.shop, row, to=to.strip(), at=now, actor=place.member.actor)
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
        lines=list(setting_lines(typed)),
        secrets=list(secret_lines(typed, kept=sender is not None)),
        free=KINDS[typed.kind.value].free,
    )


def _offered(kind: SenderKind) -> SenderKind:
    if kind not in OFFERED:
        raise NotFound("{kind} is not a kind of sender.", kind=kind.value)
    return kind


def _kind_name(kind: SenderKind) -> str:
    return _(OFFERED[kind][0]) if kind in OFFERED else kind.value


def _address(place: Place) -> str:
    return f"/shops/{place.shop.slug}/senders"
