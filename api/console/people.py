"""People of the shop and the keys of its other systems; only an owner comes here."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.shell import Here, Notice, go, refused, show
from api.deps import Now, Place, Reading, Writing, require
from retention import tokens
from retention.access import Role, Scope, read_scopes
from retention.errors import Error, Invalid
from retention.keys import create_api_key, keys_of, revoke_api_key
from retention.people import add_user, people_of
from retention.words import gettext as _
from retention.words import gettext_noop

router = APIRouter(prefix="/shops/{slug}/people", dependencies=[require(Scope.PEOPLE_WRITE)])

ROLES = {
    Role.OWNER: gettext_noop("Owner: everything, people and keys too"),
    Role.MARKETER: gettext_noop("Marketer: everything but people and keys"),
    Role.WAREHOUSE: gettext_noop("Warehouse: print room and packing, no buyers"),
    Role.VIEWER: gettext_noop("Viewer: reads, with names masked"),
}
KEY_SCOPES = (
    Scope.ORDERS_WRITE,
    Scope.SEGMENTS_READ,
    Scope.CAMPAIGNS_READ,
    Scope.CAMPAIGNS_WRITE,
    Scope.COUPONS_REDEEM,
    Scope.INSERTS_READ,
    Scope.BATCHES_READ,
)


@router.get("")
def list_people(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show who works here and which keys there are."""
    return _page(request, session, place)


@router.post("/add")
def add_person(
    request: Request,
    session: Writing,
    place: Here,
    now: Now,
    email: Annotated[str, Form(max_length=254)],
    role: Annotated[Role, Form()],
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Take a person in. A new account gets a password that is shown once, to be handed over."""
    password = tokens.spaced(tokens.new_codes(1)[0] + tokens.new_codes(1)[0])
    try:
        with session.begin_nested():
            user = add_user(
                session,
                email,
                shop=place.shop,
                role=role,
                password=password,
                name=name,
                at=now,
                actor=place.member.actor,
            )
    except Error as error:
        return _page(request, session, place, notice=refused(error), status=error.status)
    fresh = user.created_at == now
    text = (
        _("{email} may sign in with the password {password} — it is shown this once.").format(
            email=user.email, password=password
        )
        if fresh
        else _("{email} is in, with the password they have.").format(email=user.email)
    )
    return _page(request, session, place, notice=Notice("good", text))


@router.post("/keys")
def make_key(
    request: Request,
    session: Writing,
    place: Here,
    now: Now,
    name: Annotated[str, Form(max_length=100)],
    scopes: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Make a key; its secret is shown once."""
    try:
        if not scopes or not name.strip():
            raise Invalid(gettext_noop("Name the key and choose what it may do."))
        with session.begin_nested():
            chosen = read_scopes(scopes)
            secret = create_api_key(session, place.shop, name=name.strip(), scopes=chosen, at=now, by=place.member)
    except Error as error:
        return _page(request, session, place, notice=refused(error), status=error.status)
    return _page(request, session, place, notice=Notice("good", _("The key, shown this once:")), secret=secret)


@router.post("/keys/{key_id}/revoke")
def revoke(session: Writing, place: Here, now: Now, key_id: int) -> Response:
    """End a key; whoever uses it is refused from now on."""
    revoke_api_key(session, place.shop, key_id, at=now, by=place.member)
    return go(f"/shops/{place.shop.slug}/people", done="removed")


def _page(
    request: Request,
    session: Session,
    place: Place,
    *,
    notice: Notice | None = None,
    status: int = 200,
    secret: str = "",
) -> HTMLResponse:
    return show(
        request,
        session,
        "people.html",
        status=status,
        notice=notice,
        people=people_of(session, place.shop),
        keys=keys_of(session, place.shop),
        roles=[(role.value, _(words)) for role, words in ROLES.items()],
        role_names={role: _(words).split(":")[0].split("：")[0] for role, words in ROLES.items()},
        scopes=[scope.value for scope in KEY_SCOPES],
        secret=secret,
    )
