"""Pages of one-time links: invitation and password reset. Opening changes nothing; submitting the form does."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy import Engine
from sqlmodel import Session

from api import forms
from api.auth import address_of, count_try, let_in, too_often
from api.deps import Now
from api.hashing import hashing, in_thread
from api.pages import page
from retention import invitations, logins, users
from retention.database import reading, transaction
from retention.errors import Error, Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.invitations import LinkPurpose, OneTimeLink
from retention.passwords import hash_password
from retention.shops import get_shop
from retention.users import User

router = APIRouter(include_in_schema=False, dependencies=[Depends(forms.check_token)])


@router.get("/join/{token}")
def show_link(request: Request, token: str, at: Now) -> Response:
    """Show what the link is for, or that it works no longer."""
    return _show(request, token, at)


@router.post("/join/{token}")
async def use_link(
    request: Request,
    token: str,
    at: Now,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Use the link, once, and sign its person in."""
    engine: Engine = request.app.state.engine
    wait = await in_thread(count_try, engine, invitations.limits_of(address_of(request)), at)
    if wait:
        return page(request, "error.html", status=429, title=_("Too many requests"), detail=too_often(wait))
    me = await in_thread(_signed_in, request, at)
    try:
        about = await in_thread(_about, engine, token, me, at)
        kept = "" if about is None else await hashing(request, hash_password, password, about=[*about, name])
        secret, user, to = await in_thread(_use, engine, token, (me, name, kept), at)
    except Error as error:
        return await in_thread(_show, request, token, at, error)
    return let_in(request, secret, user, to=to)


def _about(engine: Engine, token: str, me: User | None, at: datetime) -> list[str] | None:
    """Return what a new password must not be made of; None when the link asks for none."""
    with reading(engine) as session:
        link = invitations.find_link(session, token, at=at)
        shop = get_shop(session, link.shop_id)
        if link.purpose is LinkPurpose.PASSWORD or users.find_user(session, link.email) is None:
            return [link.email, link.name, shop.slug, shop.name]
        if me is None:
            raise Invalid(gettext_noop("Sign in first, then open the link again."))
        return None


def _use(engine: Engine, token: str, given: tuple[User | None, str, str], at: datetime) -> tuple[str, User, str]:
    """Use the link in one transaction; return the secret of a new login, whose it is, and where to go."""
    me, name, kept = given
    with transaction(engine) as session:
        link = invitations.find_link(session, token, at=at)
        if link.purpose is LinkPurpose.PASSWORD:
            user = invitations.choose_password(session, link, password_hash=kept, at=at)
        elif kept:
            user = invitations.accept_new(session, link, name=name, password_hash=kept, at=at)
        else:
            assert me is not None  # asked for in _about
            user = invitations.accept(session, link, me, at=at)
        to = f"/shops/{get_shop(session, link.shop_id).slug}"
        return logins.open_login(session, user, at=at), user, to


def _show(request: Request, token: str, at: datetime, error: Error | None = None) -> Response:
    me = _signed_in(request, at)
    with reading(request.app.state.engine) as session:
        link = invitations.find_link(session, token, at=at)
        context = _context(session, link, me)
    problem = error.say(_) if error else ""
    status = error.status if error else 200
    return page(request, "join.html", status=status, token=token, problem=problem, link=link, **context)


def _context(session: Session, link: OneTimeLink, me: User | None) -> dict[str, Any]:
    is_new = link.purpose is LinkPurpose.INVITATION and users.find_user(session, link.email) is None
    return {
        "inviting": get_shop(session, link.shop_id),
        "is_password": link.purpose is LinkPurpose.PASSWORD,
        "is_new": is_new,
        "is_me": me is not None and me.email == link.email,
        "me": me,
    }


def _signed_in(request: Request, at: datetime) -> User | None:
    secret = request.cookies.get(forms.LOGIN_COOKIE, "")
    if not secret:
        return None
    with reading(request.app.state.engine) as session:
        return logins.user_of_login(session, secret, at=at)
