"""Users and API keys of the shop, for owners only."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Engine
from sqlmodel import Session

from api.console.shell import Here, Notice, go, show
from api.date_input import end_of_day
from api.deps import Now, Place, Reading, Writing, current_settings, require
from api.link_delivery import Handed, hand_over
from retention import invitations, logins, users
from retention.access import SCOPE_WORDS, Role, Scope, read_scopes
from retention.database import reading, transaction
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.invitations import OneTimeLink
from retention.keys import KeyState, create_api_key, keys_of, revoke_api_key

router = APIRouter(prefix="/shops/{slug}/people", dependencies=[require(Scope.PEOPLE_WRITE)])

ROLES = {
    Role.OWNER: gettext_noop("Owner: everything, including users and API keys"),
    Role.MARKETER: gettext_noop("Marketer: everything except users and API keys"),
    Role.WAREHOUSE: gettext_noop("Warehouse: print room and packing, no buyer data"),
    Role.VIEWER: gettext_noop("Viewer: read-only, personal data masked"),
}
KEY_STATES = {
    KeyState.ACTIVE: gettext_noop("active"),
    KeyState.EXPIRED: gettext_noop("expired"),
    KeyState.REVOKED: gettext_noop("revoked"),
}


@router.get("")
def list_people(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show who works here, who is invited, and which keys there are."""
    return _page(request, session, place)


@router.post("/invite")
def invite(
    request: Request,
    place: Here,
    now: Now,
    email: Annotated[str, Form(max_length=254)],
    role: Annotated[Role, Form()],
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Invite somebody by a link that works once, for seven days."""

    def make(session: Session) -> tuple[OneTimeLink, str]:
        return invitations.invite(session, place.shop, email, role=role, name=name, by=place.member, at=now)

    return _hand_over(request, place, make)


@router.post("/{number:int}/reset")
def reset_password(request: Request, place: Here, now: Now, number: int) -> Response:
    """Make the link with which a person chooses a new password."""

    def make(session: Session) -> tuple[OneTimeLink, str]:
        return invitations.offer_password(session, place.shop, number, by=place.member, at=now)

    return _hand_over(request, place, make)


@router.post("/invitations/{number:int}/withdraw")
def withdraw(session: Writing, place: Here, now: Now, number: int) -> Response:
    """End an invitation."""
    invitations.withdraw(session, place.shop, number, by=place.member, at=now)
    return go(f"/shops/{place.shop.slug}/people", done="removed")


@router.post("/{number:int}/role")
def change_role(session: Writing, place: Here, now: Now, number: int, role: Annotated[Role, Form()]) -> Response:
    """Give a person another role."""
    users.change_role(session, place.shop, number, role, by=place.member, at=now)
    return _back(session, place)


@router.post("/{number:int}/remove")
def remove(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Take a person out of the shop."""
    users.remove_person(session, place.shop, number, by=place.member, at=now)
    return go("/") if number == place.member.user_id else go(f"/shops/{place.shop.slug}/people", done="removed")


@router.post("/{number:int}/sign-out")
def sign_out(session: Writing, place: Here, now: Now, number: int) -> Response:
    """End every login of a person."""
    user, _role = users.find_person(session, place.shop, number)
    logins.sign_out_everywhere(session, user, at=now, actor=place.member.actor, shop_id=place.shop.id)
    return go(f"/shops/{place.shop.slug}/people", done="signed-out")


@router.post("/keys")
def make_key(
    request: Request,
    session: Writing,
    place: Here,
    now: Now,
    name: Annotated[str, Form(max_length=100)],
    scopes: Annotated[list[str] | None, Form()] = None,
    last_day: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Make a key; its secret is shown once."""
    secret = create_api_key(
        session,
        place.shop,
        name=name,
        scopes=read_scopes(scopes or []),
        expires_at=end_of_day(last_day, place.shop.timezone) if last_day else None,
        at=now,
        by=place.member,
    )
    return _page(request, session, place, notice=Notice("good", _("API key created.")), secret=secret)


@router.post("/keys/{number:int}/revoke")
def revoke(session: Writing, place: Here, now: Now, number: int) -> Response:
    """End a key; whoever uses it is refused from now on."""
    revoke_api_key(session, place.shop, number, at=now, by=place.member)
    return go(f"/shops/{place.shop.slug}/people", done="removed")


def _hand_over(request: Request, place: Place, make: Callable[[Session], tuple[OneTimeLink, str]]) -> Response:
    """Make a link in a transaction of its own, then mail it or show it: no lock waits for a mail server."""
    engine: Engine = request.app.state.engine
    with transaction(engine) as session:
        link, secret = make(session)
    handed = hand_over(engine, place.shop, link, secret, public_url=current_settings(request).public_url)
    with reading(engine) as session:
        return _page(request, session, place, handed=handed)


def _back(session: Session, place: Place) -> Response:
    """Lead back to the page, or to the front when the person may not see it any more."""
    member = users.member_numbered(session, place.shop, place.member.user_id)
    may = member is not None and member.may(Scope.PEOPLE_WRITE)
    return go(f"/shops/{place.shop.slug}/people" if may else f"/shops/{place.shop.slug}", done="saved")


def _page(
    request: Request,
    session: Session,
    place: Place,
    *,
    notice: Notice | None = None,
    status: int = 200,
    secret: str = "",
    handed: Handed | None = None,
) -> HTMLResponse:
    now = request.app.state.now()
    return show(
        request,
        session,
        "shop/users.html",
        status=status,
        notice=notice,
        people=users.people_of(session, place.shop),
        invited=invitations.invitations_of(session, place.shop, at=now),
        keys=[(key, key.state(now), _(KEY_STATES[key.state(now)])) for key in keys_of(session, place.shop)],
        roles=[(role.value, _(words)) for role, words in ROLES.items()],
        role_names={role: _(words).split(":")[0].split("：")[0] for role, words in ROLES.items()},
        scopes=[(scope.value, _(SCOPE_WORDS[scope])) for scope in Scope],
        scope_words={scope.value: _(words) for scope, words in SCOPE_WORDS.items()},
        secret=secret,
        handed=handed,
    )
