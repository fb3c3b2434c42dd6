"""Signing in and out: the login page and the cookie that holds a login's secret.

A try is counted before it is made (`retention.logins`); the password is compared with no transaction open.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Engine
from sqlmodel import Session

from api import forms
from api.deps import CurrentUser, Now, Writing
from api.hashing import hashing, in_thread
from api.middleware import LANGUAGE_COOKIE
from api.pages import page
from retention import logins, rate_limits
from retention.database import reading, transaction
from retention.i18n import gettext as _
from retention.logins import SESSION_LENGTH, Candidate
from retention.passwords import fits
from retention.rate_limits import Limit
from retention.users import User, get_user

router = APIRouter(include_in_schema=False)


@router.get("/login")
def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    return page(request, "login.html", next=_inside(next), email="", problem="")


@router.post("/login")
async def log_in(
    request: Request,
    at: Now,
    email: Annotated[str, Form(max_length=254)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Sign in and go on to `next`; a wrong try is answered with the form again, the same for every address."""
    engine: Engine = request.app.state.engine
    limits = logins.limits_of(email, address_of(request))
    wait, candidate = await in_thread(_begin, engine, limits, email, at)
    if wait:
        return _again(request, 429, email=email, next_address=next, problem=too_often(wait), wait=wait)
    right = await hashing(request, fits, password, candidate.kept)
    signed_in = await in_thread(_finish, engine, candidate, limits, at) if right else None
    if signed_in is None:
        problem = _("Email address or password is wrong.")
        return _again(request, 401, email=email, next_address=next, problem=problem)
    return let_in(request, *signed_in, to=_inside(next))


@router.post("/logout")
def log_out(request: Request, _user: CurrentUser, session: Writing) -> Response:
    """Forget this login, here and in the browser."""
    logins.log_out(session, request.cookies[forms.LOGIN_COOKIE])
    response = RedirectResponse("/login", 303)
    response.delete_cookie(forms.LOGIN_COOKIE)
    return response


def let_in(request: Request, secret: str, user: User, *, to: str) -> Response:
    """Return the answer that gives a browser its login and leads on."""
    response = RedirectResponse(to, 303)
    _set_cookie(request, response, forms.LOGIN_COOKIE, secret)
    if LANGUAGE_COOKIE not in request.cookies:
        _set_cookie(request, response, LANGUAGE_COOKIE, user.language)
    return response


def address_of(request: Request) -> str:
    """Return where a request comes from."""
    return request.client.host if request.client else ""


def too_often(wait: timedelta) -> str:
    """Return what is said to somebody who has to wait."""
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    return _("Too many attempts. Try again in {minutes} min.").format(minutes=minutes)


def count_try(engine: Engine, limits: list[Limit], at: datetime) -> timedelta | None:
    """Count one more try; return how long to wait instead. Who has to wait anyway takes no lock."""
    with reading(engine) as session:
        wait = rate_limits.left(session, limits, at=at)
    if wait:
        return wait
    with transaction(engine) as session:
        return rate_limits.take(session, limits, at=at)


def _begin(engine: Engine, limits: list[Limit], email: str, at: datetime) -> tuple[timedelta | None, Candidate]:
    wait = count_try(engine, limits, at)
    if wait:
        return wait, Candidate(None, "")
    with reading(engine) as session:
        return None, logins.find_candidate(session, email)


def _finish(engine: Engine, candidate: Candidate, limits: list[Limit], at: datetime) -> tuple[str, User] | None:
    with transaction(engine) as session:
        secret = logins.finish(session, candidate, limits=limits, at=at)
        return (secret, _user(session, candidate)) if secret else None


def _user(session: Session, candidate: Candidate) -> User:
    assert candidate.user_id is not None  # a secret is made for a user alone
    return get_user(session, candidate.user_id)


def _again(
    request: Request, status: int, *, email: str, next_address: str, problem: str, wait: timedelta | None = None
) -> Response:
    headers = {"Retry-After": str(int(wait.total_seconds()) + 1)} if wait else None
    shown = _inside(next_address)
    return page(request, "login.html", status=status, headers=headers, next=shown, email=email, problem=problem)


def _inside(address: str) -> str:
    """Return `address` when it stays on this site, else the front page."""
    stays = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if stays and address.isprintable() else "/"


def _set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(SESSION_LENGTH.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.public_url.startswith("https://"),
    )
