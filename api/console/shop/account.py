"""A user's own account: name, language, password and sessions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Engine

from api import forms, pages
from api.auth import count_try, too_often
from api.deps import CurrentUser, Now, Writing
from api.hashing import hashing, in_thread
from retention import invitations, logins, rate_limits, users
from retention.database import transaction
from retention.errors import Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.passwords import fits, hash_password
from retention.rate_limits import Limit
from retention.users import User

router = APIRouter(prefix="/account")

TRIES = 5
DONE = {
    "saved": gettext_noop("Saved."),
    "password": gettext_noop("Password changed. Your other sessions are signed out."),
    "signed-out": gettext_noop("Your other sessions are signed out."),
}


@router.get("")
def show_account(request: Request, user: CurrentUser, done: str = "") -> Response:
    """Show the account of whoever is signed in."""
    return _page(request, user, notice=_(DONE[done]) if done in DONE else "")


@router.post("/profile")
def change_profile(
    session: Writing,
    user: CurrentUser,
    at: Now,
    name: Annotated[str, Form(max_length=200)] = "",
    language: Annotated[str, Form(max_length=8)] = "zh-CN",
) -> Response:
    """Change how the person is called and spoken to."""
    users.change_profile(session, user, name=name, language=language, at=at)
    return RedirectResponse(f"/account?done=saved&lang={language}", 303)


@router.post("/password")
async def change_password(
    request: Request,
    user: CurrentUser,
    at: Now,
    current: Annotated[str, Form(max_length=2000)],
    password: Annotated[str, Form(max_length=2000)],
) -> Response:
    """Change the own password; the present one is asked for, and tries at it are counted before they are made."""
    engine: Engine = request.app.state.engine
    limits = [Limit("own-password", str(user.id), TRIES)]
    wait = await in_thread(count_try, engine, limits, at)
    if wait:
        return _page(request, user, problem=too_often(wait), status=429)
    kept = await hashing(request, _renew, user, current, password)
    secret = request.cookies[forms.LOGIN_COOKIE]
    await in_thread(_keep, engine, user, (kept, secret), limits, at)
    return RedirectResponse("/account?done=password", 303)


@router.post("/sign-out-everywhere")
def sign_out_everywhere(request: Request, session: Writing, user: CurrentUser, at: Now) -> Response:
    """End every login of this person but the one that asks."""
    mine = request.cookies[forms.LOGIN_COOKIE]
    logins.sign_out_everywhere(session, user, at=at, actor=f"user:{user.id}", but=mine)
    return RedirectResponse("/account?done=signed-out", 303)


def _renew(user: User, current: str, password: str) -> str:
    if not fits(current, user.password_hash):
        raise Invalid(gettext_noop("The current password is wrong."), field="current")
    return hash_password(password, about=[user.email, user.name])


def _keep(engine: Engine, user: User, given: tuple[str, str], limits: list[Limit], at: datetime) -> None:
    kept, secret = given
    with transaction(engine) as session:
        invitations.set_password(session, user, password_hash=kept, at=at, but=secret)
        rate_limits.forget(session, limits)


def _page(request: Request, user: User, *, notice: str = "", problem: str = "", status: int = 200) -> Response:
    return pages.page(request, "shop/account.html", status=status, me=user, notice=notice, problem=problem)
