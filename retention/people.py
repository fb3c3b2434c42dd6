"""People who work with a shop, how they prove who they are, and the API keys of its other systems."""

from datetime import datetime, timedelta
from functools import cache

from pwdlib import PasswordHash
from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from retention import audit, tokens
from retention.access import ROLE_SCOPES, Member, Role, Scope
from retention.database import BigId, Json, ShopRow, choice
from retention.errors import Conflict, Forbidden, Invalid, NotFound
from retention.shops import Shop

SESSION_LENGTH = timedelta(days=14)
TRIES_BEFORE_WAITING = 5
WAIT_AFTER_TRIES = timedelta(minutes=15)
SHORTEST_PASSWORD = 10

_hashes = PasswordHash.recommended()


class User(SQLModel, table=True):
    """A person with a password."""

    __tablename__ = "users"

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    email: str = Field(unique=True, max_length=254)
    name: str = Field(default="", max_length=200)
    password_hash: str = Field(max_length=255, repr=False)
    language: str = Field(default="zh-CN", max_length=8)
    created_at: datetime
    failed_tries: int = 0
    locked_until: datetime | None = None


class Membership(ShopRow, table=True):
    """A person's role in a shop."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("shop_id", "user_id"),)

    user_id: int = Field(foreign_key="users.id", sa_type=BigId, index=True)
    role: Role = Field(sa_type=choice(Role))


class Login(SQLModel, table=True):
    """A signed-in browser. The cookie holds the secret, the row its digest."""

    __tablename__ = "logins"

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    digest: str = Field(unique=True, max_length=64, repr=False)
    user_id: int = Field(foreign_key="users.id", sa_type=BigId, index=True)
    created_at: datetime
    expires_at: datetime


class ApiKey(ShopRow, table=True):
    """A key for one of the shop's other systems. Shown once; the row keeps its digest."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("shop_id", "name"),)

    name: str = Field(max_length=100)
    digest: str = Field(unique=True, max_length=64, repr=False)
    scopes: list[str] = Field(sa_type=Json)
    created_at: datetime
    revoked_at: datetime | None = None


def add_user(
    session: Session,
    email: str,
    *,
    shop: Shop,
    role: Role,
    password: str,
    at: datetime,
    name: str = "",
    actor: str = "system",
) -> User:
    """Give the person with this address a role in `shop`, making the account when there is none.

    An existing account keeps its password. Conflict when the person has a role there already.
    """
    email = email.strip().lower()
    user = session.exec(select(User).where(User.email == email)).first()
    if user is None:
        user = User(
            email=_checked_email(email), name=name, password_hash=_hash(password), language=shop.language, created_at=at
        )
        session.add(user)
        session.flush()
    if _membership(session, shop.id, user.id):
        raise Conflict("{email} is in {shop} already.", email=email, shop=shop.slug)
    session.add(Membership(shop_id=shop.id, user_id=user.id, role=role))
    audit.record(
        session, shop.id, actor, action="people.add", subject=f"user:{user.id}", after={"role": role.value}, at=at
    )
    return user


def has_account(session: Session, email: str) -> bool:
    """Tell whether somebody has an account under this address, in whichever shop."""
    return session.exec(select(User.id).where(User.email == email.strip().lower())).first() is not None


def log_in(session: Session, email: str, password: str, *, at: datetime) -> str | None:
    """Return the secret of a new login, or None when address and password do not fit.

    After five wrong tries the account waits a quarter of an hour (Forbidden). The caller must commit either way: the
    count of wrong tries is part of the answer.
    """
    user = session.exec(select(User).where(User.email == email.strip().lower()).with_for_update()).first()
    if user and user.locked_until and user.locked_until > at:
        raise Forbidden("Too many wrong tries. Wait a quarter of an hour, then try again.")
    fits = _hashes.verify(password, user.password_hash if user else _nobody())
    if user is None:
        return None
    if not fits:
        user.failed_tries += 1
        if user.failed_tries >= TRIES_BEFORE_WAITING:
            user.failed_tries, user.locked_until = 0, at + WAIT_AFTER_TRIES
        return None
    user.failed_tries, user.locked_until = 0, None
    secret = tokens.new_secret()
    session.add(Login(digest=tokens.digest(secret), user_id=user.id, created_at=at, expires_at=at + SESSION_LENGTH))
    return secret


def log_out(session: Session, secret: str) -> None:
    """Forget a login."""
    login = session.exec(select(Login).where(Login.digest == tokens.digest(secret))).first()
    if login:
        session.delete(login)


def user_of_login(session: Session, secret: str, *, at: datetime) -> User | None:
    """Return who a login secret belongs to, or None when it is unknown or over."""
    found = select(User).join(Login, col(Login.user_id) == User.id)
    return session.exec(found.where(Login.digest == tokens.digest(secret), Login.expires_at > at)).first()


def shops_of_user(session: Session, user: User) -> list[tuple[Shop, Role]]:
    """Return the shops a person works in with their roles, by name."""
    found = select(Shop, Membership.role).join(Membership, col(Membership.shop_id) == Shop.id)
    rows = session.exec(found.where(Membership.user_id == user.id).order_by(Shop.name))
    return [(shop, Role(role)) for shop, role in rows]


def member_for(session: Session, user: User, shop: Shop) -> Member | None:
    """Return `user` acting inside `shop`, or None when they have no role there."""
    membership = _membership(session, shop.id, user.id)
    if membership is None:
        return None
    role = Role(membership.role)
    return Member(shop_id=shop.id, actor=f"user:{user.id}", scopes=ROLE_SCOPES[role], user_id=user.id, role=role)


def create_api_key(
    session: Session, shop: Shop, *, name: str, scopes: frozenset[Scope], at: datetime, actor: str = "system"
) -> str:
    """Make an API key and return its secret, which nobody can read again. Conflict when the name is taken."""
    if session.exec(select(ApiKey).where(ApiKey.shop_id == shop.id, ApiKey.name == name)).first():
        raise Conflict("This shop has a key called {name} already.", name=name)
    secret = f"rk_{tokens.new_secret()}"
    words = sorted(scope.value for scope in scopes)
    session.add(ApiKey(shop_id=shop.id, name=name, digest=tokens.digest(secret), scopes=words, created_at=at))
    audit.record(session, shop.id, actor, action="key.create", subject=f"key:{name}", after={"scopes": words}, at=at)
    return secret


def member_of_key(session: Session, secret: str) -> Member | None:
    """Return the member an API key acts as, or None when it is unknown or revoked."""
    key = session.exec(
        select(ApiKey).where(ApiKey.digest == tokens.digest(secret), col(ApiKey.revoked_at).is_(None))
    ).first()
    if key is None:
        return None
    return Member(shop_id=key.shop_id, actor=f"key:{key.id}", scopes=frozenset(Scope(word) for word in key.scopes))


def people_of(session: Session, shop: Shop) -> list[tuple[User, Role]]:
    """Return the people of a shop with their roles, by mail address."""
    found = select(User, Membership.role).join(Membership, col(Membership.user_id) == User.id)
    return [
        (user, Role(role))
        for user, role in session.exec(found.where(Membership.shop_id == shop.id).order_by(User.email))
    ]


def keys_of(session: Session, shop: Shop) -> list[ApiKey]:
    """Return the API keys of a shop, the newest first; revoked ones stay to be seen."""
    return list(session.exec(select(ApiKey).where(ApiKey.shop_id == shop.id).order_by(col(ApiKey.id).desc())))


def revoke_api_key(session: Session, shop: Shop, key_id: int, *, at: datetime, actor: str) -> None:
    """End a key for good; NotFound for one that is not this shop's. Twice is once."""
    key = session.get(ApiKey, key_id)
    if key is None or key.shop_id != shop.id:
        raise NotFound("No key has the number {number}.", number=key_id)
    if key.revoked_at is None:
        key.revoked_at = at
        audit.record(session, shop.id, actor, action="key.revoke", subject=f"key:{key.name}", at=at)


@cache
def _nobody() -> str:
    """Return what is checked when nobody has the address, so that it takes as long as a wrong password."""
    return _hashes.hash(tokens.new_secret())


def _membership(session: Session, shop_id: int, user_id: int) -> Membership | None:
    return session.exec(select(Membership).where(Membership.shop_id == shop_id, Membership.user_id == user_id)).first()


def _checked_email(email: str) -> str:
    local, at_sign, domain = email.partition("@")
    if not (local and at_sign and domain) or any(letter.isspace() for letter in email):
        raise Invalid("{email} is not a mail address. Write it like name@shop.example.", email=repr(email))
    return email


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid("A password needs at least {length} characters.", length=SHORTEST_PASSWORD)
    return _hashes.hash(password)
