"""Webhooks: other systems of the shop that are notified of events, and their latest calls; for owners only."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.shell import Here, Notice, go, show
from api.console.shop.failures import failure_lines
from api.console.states import shown
from api.deps import Now, Place, Reading, Writing, require
from campaigns.webhooks.webhooks import (
    WebhookEvent,
    calls_of,
    create_webhook,
    delete_webhook,
    find_webhook,
    resend_call,
    send_test_call,
    turn_on,
    webhooks_of,
)
from retention import clock
from retention.access import Scope
from retention.failures import failures_of
from retention.i18n import gettext as _
from retention.i18n import gettext_noop

router = APIRouter(prefix="/shops/{slug}/hooks", dependencies=[require(Scope.PEOPLE_WRITE)])

EVENTS = {
    WebhookEvent.SENT: gettext_noop("message sent"),
    WebhookEvent.FAILED: gettext_noop("message failed"),
    WebhookEvent.CLICKED: gettext_noop("link clicked"),
    WebhookEvent.SCANNED: gettext_noop("code scanned"),
    WebhookEvent.CLAIMED: gettext_noop("coupon claimed"),
    WebhookEvent.REDEEMED: gettext_noop("coupon redeemed"),
    WebhookEvent.UNSUBSCRIBED: gettext_noop("buyer unsubscribed"),
}
SHOWN_CALLS = 50


@router.get("")
def list_hooks(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show every hook and the form of a new one."""
    return _list(request, session, place)


@router.post("")
def add_hook(
    request: Request,
    session: Writing,
    place: Here,
    now: Now,
    name: Annotated[str, Form(max_length=64)],
    url: Annotated[str, Form(max_length=1000)],
    events: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Add a hook; its signing secret is shown this once."""
    actor = place.member.actor
    hook, secret = create_webhook(
        session, place.shop, name.strip(), url=url.strip(), events=events or [], at=now, actor=actor
    )
    done = Notice("good", _("{name} receives events from now on.").format(name=hook.slug))
    return _list(request, session, place, notice=done, secret=secret)


@router.get("/{hook}")
def show_hook(request: Request, session: Reading, place: Here, hook: str) -> HTMLResponse:
    """Show a hook's latest calls with their answers."""
    return _show(request, session, place, hook)


@router.post("/{hook}/test")
def try_hook(request: Request, session: Reading, place: Here, now: Now, hook: str) -> Response:
    """Make one call that says it is a test."""
    send_test_call(session, find_webhook(session, place.shop.id, hook), at=now, actor=place.member.actor)
    return _show(request, session, place, hook, notice=Notice("good", _("Test accepted.")))


@router.post("/{hook}/calls/{call}/resend")
def resend(session: Writing, place: Here, now: Now, hook: str, call: int) -> Response:
    """Make a call once more."""
    resend_call(session, find_webhook(session, place.shop.id, hook), call, at=now, actor=place.member.actor)
    return go(f"{_address(place)}/{hook}", done="resent")


@router.post("/{hook}/on")
def turn_hook_on(session: Writing, place: Here, now: Now, hook: str) -> Response:
    """Call it again after it was turned off."""
    turn_on(session, find_webhook(session, place.shop.id, hook), at=now, actor=place.member.actor)
    return go(f"{_address(place)}/{hook}", done="resumed")


@router.post("/{hook}/delete")
def remove_hook(session: Writing, place: Here, now: Now, hook: str) -> Response:
    """Remove a hook with its calls."""
    delete_webhook(session, find_webhook(session, place.shop.id, hook), at=now, actor=place.member.actor)
    return go(_address(place), done="removed")


def _list(
    request: Request,
    session: Session,
    place: Place,
    *,
    notice: Notice | None = None,
    secret: str = "",
) -> HTMLResponse:
    return show(
        request,
        session,
        "shop/hooks.html",
        notice=notice,
        hooks=webhooks_of(session, place.shop.id),
        events=_events(),
        secret=secret,
    )


def _show(request: Request, session: Session, place: Place, slug: str, *, notice: Notice | None = None) -> HTMLResponse:
    hook = find_webhook(session, place.shop.id, slug)
    calls = calls_of(session, hook, limit=SHOWN_CALLS)
    failing = failures_of(session, place.shop.id, kind="hook", thing_id=hook.id)
    return show(
        request,
        session,
        "shop/hook.html",
        notice=notice,
        hook=hook,
        failing=failure_lines(failing, place.shop, clock.now()),
        calls=calls,
        events=_events(),
        shown=shown,
    )


def _events() -> dict[str, str]:
    return {event.value: _(words) for event, words in EVENTS.items()}


def _address(place: Place) -> str:
    return f"/shops/{place.shop.slug}/hooks"
