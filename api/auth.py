"""Signing in and out: the login page and the cookie that holds a login's secret.

Two throttles: wrong tries per account, in rows (`retention.people`), and per address, in memory (`api.throttle`).
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from api import forms
from api.deps import CurrentUser, Now, Writing
from api.guard import LANGUAGE_COOKIE
from api.pages import page
from api.throttle import Throttle
from retention import people
from retention.errors import Forbidden
from retention.words import gettext as _

router = APIRouter(include_in_schema=False)


@router.get("/login")
def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    return page(request, "login.html", next=_inside(next), email="", problem="")


@router.post("/login")
def log_in(
    request: Request,
    session: Writing,
    at: Now,
    email: Annotated[str, Form(max_length=254)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Sign in and go on to `next`; a wrong try is counted and answered with the form again."""
    throttle: Throttle = request.app.state.login_throttle
    address = request.client.host if request.client else ""
    if throttle.is_full(address, at=at):
        problem = _("Too many wrong tries. Wait a quarter of an hour, then try again.")
        return page(request, "login.html", status=429, next=_inside(next), email=email, problem=problem)
    secret, problem = _try(session, email, password, request=request)
    if secret is None:
        throttle.count(address, at=at)
        return page(request, "login.html", status=401, next=_inside(next), email=email, problem=problem)
    response = RedirectResponse(_inside(next), 303)
    _set_cookie(request, response, forms.LOGIN_COOKIE, secret)
    user = people.user_of_login(session, secret, at=at)
    if user and LANGUAGE_COOKIE not in request.cookies:
        _set_cookie(request, response, LANGUAGE_COOKIE, user.language)
    return response


@router.post("/logout")
def log_out(request: Request, _user: CurrentUser, session: Writing) -> Response:
    """Forget this login, here and in the browser."""
    people.log_out(session, request.cookies[forms.LOGIN_COOKIE])
    response = RedirectResponse("/login", 303)
    response.delete_cookie(forms.LOGIN_COOKIE)
    return response


def _try(session: Session, email: str, password: str, *, request: Request) -> tuple[str | None, str]:
    try:
        secret = people.log_in(session, email, password, at=request.app.state.now())
    except Forbidden as error:
        return None, error.say(_)
    return secret, "" if secret else _("Address and password do not fit.")


def _inside(address: str) -> str:
    """Return `address` when it stays on this site, else the front page."""
    stays = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if stays and address.isprintable() else "/"


def _set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(people.SESSION_LENGTH.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.public_url.startswith("https://"),
    )
