"""Dependencies of endpoints: a session, the time, the user or key, the shop.

Sessions have `scope="function"`: they are committed before the response leaves. With FastAPI's default a failed commit
would have answered 200 already.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlmodel import Session

from api import forms
from retention import logins, users
from retention.access import Member, Scope
from retention.database import reading, transaction
from retention.errors import NotFound
from retention.files import FileStore
from retention.i18n import gettext_noop
from retention.settings import Settings
from retention.shops import Shop, find_shop
from retention.users import User


class LoginNeeded(Exception):
    """Nobody is signed in; the edge leads to the login page."""


class NotYourShop(NotFound):
    """A shop that is not there or not theirs, perhaps since a moment ago: an open page of it leads to the front."""


def open_writing(request: Request) -> Iterator[Session]:
    """Yield a session in a transaction that is committed when the endpoint has returned."""
    with transaction(request.app.state.engine) as session:
        yield session


def open_reading(request: Request) -> Iterator[Session]:
    """Yield a session that writes nothing and waits for no writer."""
    with reading(request.app.state.engine) as session:
        yield session


def tell_time(request: Request) -> datetime:
    """Return the moment of this request, by the application's clock."""
    now: Callable[[], datetime] = request.app.state.now
    return now()


Writing = Annotated[Session, Depends(open_writing, scope="function")]
Reading = Annotated[Session, Depends(open_reading, scope="function")]
Now = Annotated[datetime, Depends(tell_time)]


def current_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def current_files(request: Request) -> FileStore:
    files: FileStore = request.app.state.files
    return files


CurrentSettings = Annotated[Settings, Depends(current_settings)]
Files = Annotated[FileStore, Depends(current_files)]


def current_user(request: Request, at: Now, _: Annotated[None, Depends(forms.check_token)]) -> User:
    """Return who is signed in; LoginNeeded when nobody is. Forms without this login's token never get here.

    The session closes before the endpoint's own opens, so that no request waits for a second connection while it holds
    a first.
    """
    secret = request.cookies.get(forms.LOGIN_COOKIE, "")
    with reading(request.app.state.engine) as session:
        user = logins.user_of_login(session, secret, at=at) if secret else None
    if user is None:
        raise LoginNeeded
    request.state.user = user
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@dataclass(frozen=True)
class Place:
    """The shop named in the address, and the signed-in person acting in it."""

    shop: Shop
    member: Member


def current_place(request: Request, slug: str, user: CurrentUser) -> Place:
    """Return the shop and membership; one answer for a shop that is not there and one that is not theirs."""
    with reading(request.app.state.engine) as session:
        place = _find_place(session, slug, user)
    request.state.shop, request.state.member = place.shop, place.member
    return place


def _find_place(session: Session, slug: str, user: User) -> Place:
    try:
        shop = find_shop(session, slug)
    except NotFound:
        shop = None
    member = users.member_for(session, user, shop) if shop else None
    if shop is None or member is None:
        raise NotYourShop(gettext_noop("You have no access to a shop with this address."))
    return Place(shop, member)


def current_member(place: Annotated[Place, Depends(current_place)]) -> Member:
    return place.member


CurrentMember = Annotated[Member, Depends(current_member)]


def require(scope: Scope) -> Any:
    """Return a dependency that yields the member, or refuses one without `scope`.

    As a value, ``member: Annotated[Member, require(Scope.BATCHES_READ)]``, or in a route's ``dependencies=[...]``.
    """

    def permitted(member: CurrentMember) -> Member:
        member.require(scope)
        return member

    return Depends(permitted)
