"""API keys: how the shop's other systems prove who they are. Shown once; the row keeps a digest of 256 random bits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit, tokens
from retention.access import Member, Scope
from retention.database import Json, ShopRow, write_aside
from retention.errors import Conflict, Invalid, NotFound
from retention.i18n import gettext_noop
from retention.moments import show_end
from retention.paging import Page, Wanted, page_of, where_named
from retention.shops import Shop

NOTED_EVERY = timedelta(minutes=5)
"""How exactly the last use of a key is known: noting each would be a write for every request."""


class ApiKey(ShopRow, table=True):
    """An API key of one of the shop's other systems."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("shop_id", "name"),)

    name: str = Field(max_length=100)
    digest: str = Field(unique=True, max_length=64, repr=False)
    scopes: list[str] = Field(sa_type=Json)
    created_at: datetime
    created_by: str | None = Field(default=None, max_length=64)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def state(self, at: datetime) -> "KeyState":
        """Return whether the key opens anything."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        return KeyState.EXPIRED if self.expires_at and self.expires_at <= at else KeyState.ACTIVE


class KeyState(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class KeyRefusal:
    """Why a key opens nothing, as a sentence for whoever sent it."""

    reason: str


REASONS = {
    KeyState.EXPIRED: gettext_noop("This key has expired. Ask the shop's owner for a new one."),
    KeyState.REVOKED: gettext_noop("This key has been revoked. Ask the shop's owner for a new one."),
}


def create_api_key(
    session: Session,
    shop: Shop,
    *,
    name: str,
    scopes: frozenset[Scope],
    at: datetime,
    by: Member | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make an API key and return its secret, which nobody can read again.

    Forbidden when it may do what its maker may not, Invalid when it would outlive the key that makes it, Conflict when
    the name is taken. Without a maker it is the command line, which may do everything.
    """
    name = name.strip()
    if not name or not scopes:
        raise Invalid("Enter a name and choose permissions for the key.")
    if len(name) > 100:
        raise Invalid("A name has at most {length} characters.", length=100)
    if expires_at is not None and expires_at <= at:
        raise Invalid("The expiry date cannot be in the past: {day}.", day=show_end(expires_at, shop.timezone, at=at))
    if by is not None:
        by.require_all(scopes)
        _check_end(session, by, expires_at, timezone=shop.timezone, at=at)
    actor = by.actor if by else "system"
    if session.exec(select(ApiKey).where(ApiKey.shop_id == shop.id, ApiKey.name == name)).first():
        raise Conflict("This shop already has a key called {name}.", name=name)
    secret = f"rk_{tokens.new_secret()}"
    words = sorted(scope.value for scope in scopes)
    key = ApiKey(
        shop_id=shop.id,
        name=name,
        digest=tokens.digest(secret),
        scopes=words,
        created_at=at,
        created_by=actor,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    after = {"scopes": words, "expires_at": expires_at.isoformat() if expires_at else None}
    audit.record(session, shop.id, actor, action="key.create", subject=f"key:{name}", after=after, at=at)
    return secret


def member_of_key(session: Session, secret: str, *, at: datetime) -> Member | KeyRefusal | None:
    """Return the member an API key acts as, why it opens nothing any more, or None when it is unknown."""
    key = session.exec(select(ApiKey).where(ApiKey.digest == tokens.digest(secret))).first()
    if key is None:
        return None
    state = key.state(at)
    if state is not KeyState.ACTIVE:
        return KeyRefusal(REASONS[state])
    if key.last_used_at is None or key.last_used_at <= at - NOTED_EVERY:
        _note_use(session, key.id, at)
    return _acting(key)


def member_of(session: Session, key_id: int, *, at: datetime) -> Member | None:
    """Return what the key with this number acts as, or None when it opens nothing."""
    key = session.get(ApiKey, key_id)
    return _acting(key) if key and key.state(at) is KeyState.ACTIVE else None


def page_of_keys(
    session: Session, shop: Shop, wanted: Wanted, *, at: datetime, state: KeyState | None = None, text: str = ""
) -> Page[ApiKey]:
    """Return a page of the API keys of a shop, the newest first; `text` is in their name."""
    found = select(ApiKey).where(ApiKey.shop_id == shop.id)
    found = found.where(_in_state(state, at)) if state else found
    return page_of(session, where_named(found, text, col(ApiKey.name)), wanted, col(ApiKey.id), latest_first=True)


def _in_state(state: KeyState, at: datetime) -> sa.ColumnElement[bool]:
    """Return what `ApiKey.state` says, for rows."""
    if state is KeyState.REVOKED:
        return col(ApiKey.revoked_at).is_not(None)
    ends = col(ApiKey.expires_at)
    in_time = ends <= at if state is KeyState.EXPIRED else sa.or_(ends.is_(None), ends > at)
    return sa.and_(col(ApiKey.revoked_at).is_(None), in_time)


def keys_of(session: Session, shop: Shop) -> list[ApiKey]:
    """Return the API keys of a shop, the newest first; revoked ones stay to be seen."""
    return list(session.exec(select(ApiKey).where(ApiKey.shop_id == shop.id).order_by(col(ApiKey.id).desc())))


def find_key(session: Session, shop: Shop, name: str) -> ApiKey:
    """Return a key of the shop by its name; NotFound otherwise."""
    key = session.exec(select(ApiKey).where(ApiKey.shop_id == shop.id, ApiKey.name == name.strip())).first()
    if key is None:
        raise NotFound("No key is called {name}.", name=name)
    return key


def key_numbered(session: Session, shop: Shop, number: int) -> ApiKey:
    """Return a key of the shop by its number; NotFound otherwise."""
    key = session.exec(select(ApiKey).where(ApiKey.id == number, ApiKey.shop_id == shop.id)).first()
    if key is None:
        raise NotFound("No key has the number {number}.", number=number)
    return key


def revoke_api_key(session: Session, shop: Shop, key_id: int, *, at: datetime, by: Member) -> ApiKey:
    """End a key for good; NotFound for one that is not this shop's, Forbidden for one that may more. Twice is once."""
    key = key_numbered(session, shop, key_id)
    by.require_all(_acting(key).scopes)
    if key.revoked_at is None:
        key.revoked_at = at
        session.add(key)
        session.flush()
        audit.record(session, shop.id, by.actor, action="key.revoke", subject=f"key:{key.name}", at=at)
    return key


def _check_end(session: Session, by: Member, expires_at: datetime | None, *, timezone: str, at: datetime) -> None:
    """Raise Invalid when a key that ends would make one that works for longer."""
    kind, _, number = by.actor.partition(":")
    maker = session.get(ApiKey, int(number)) if kind == "key" else None
    if maker and maker.expires_at and (expires_at is None or expires_at > maker.expires_at):
        last = show_end(maker.expires_at, timezone, at=at)
        raise Invalid("A key created by another key expires with it at the latest: {day}.", day=last)


def _acting(key: ApiKey) -> Member:
    return Member(shop_id=key.shop_id, actor=f"key:{key.id}", scopes=frozenset(Scope(word) for word in key.scopes))


def _note_use(session: Session, key_id: int, at: datetime) -> None:
    def note(own: Session) -> None:
        key = own.get(ApiKey, key_id)
        if key:
            key.last_used_at = at

    write_aside(session, note)
