"""Logins: limits on tries, the check of the password, and the sessions of a user.

    wait = begin(session, email, address=..., at=now)       # counted, in a transaction of its own
    fits(password, find_candidate(session, email).kept)     # outside any transaction, a few at a time
    secret = finish(session, candidate, ...)                # a third

A try counts against the address it comes from and against the pair of address and account. The account itself is never
closed: then anybody could close anybody's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Field, Session, SQLModel, col, delete, select

from retention import audit, clock, rate_limits, tokens
from retention.database import BigId
from retention.queue import task
from retention.rate_limits import Limit, network_of
from retention.users import User, find_user

SESSION_LENGTH = timedelta(days=14)
TRIES_OF_ADDRESS = 20
TRIES_OF_ACCOUNT = 5
"""Within a quarter of an hour: from one address at all accounts, and from one address at one account."""


class Login(SQLModel, table=True):
    """A signed-in browser. The cookie holds the secret, the row its digest."""

    __tablename__ = "logins"

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    digest: str = Field(unique=True, max_length=64, repr=False)
    user_id: int = Field(foreign_key="users.id", sa_type=BigId, index=True)
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Candidate:
    """Who somebody says they are, and the hash their password has to fit; of nobody, no number and no hash."""

    user_id: int | None
    kept: str


def limits_of(email: str, address: str) -> list[Limit]:
    """Return what a try to sign in counts against."""
    network = network_of(address)
    account = f"{network} {email.strip().lower()}"
    return [Limit("login", network, TRIES_OF_ADDRESS), Limit("login-as", account, TRIES_OF_ACCOUNT)]


def find_candidate(session: Session, email: str) -> Candidate:
    """Return who has this address; the same kind of answer when nobody has."""
    user = find_user(session, email)
    return Candidate(user.id, user.password_hash) if user else Candidate(None, "")


def finish(session: Session, candidate: Candidate, *, limits: Sequence[Limit], at: datetime) -> str | None:
    """Sign in somebody whose password fitted and return the login's secret.

    None when the account changed its password while this one was compared.
    """
    user = session.get(User, candidate.user_id) if candidate.user_id else None
    if user is None or user.password_hash != candidate.kept:
        return None
    rate_limits.give_back(session, limits[:1])
    rate_limits.forget(session, limits[1:])
    return open_login(session, user, at=at)


def open_login(session: Session, user: User, *, at: datetime) -> str:
    """Return the secret of a new login of somebody who has proved who they are."""
    secret = tokens.new_secret()
    session.add(Login(digest=tokens.digest(secret), user_id=user.id, created_at=at, expires_at=at + SESSION_LENGTH))
    return secret


def log_out(session: Session, secret: str) -> None:
    """Forget a login."""
    session.exec(delete(Login).where(col(Login.digest) == tokens.digest(secret)))


def sign_out_everywhere(
    session: Session, user: User, *, at: datetime, actor: str, shop_id: int | None = None, but: str = ""
) -> None:
    """End every login of a person, except the one with the secret `but`: their open pages lead to the login page."""
    others = delete(Login).where(col(Login.user_id) == user.id, col(Login.digest) != tokens.digest(but))
    session.exec(others)
    audit.record(session, shop_id, actor, action="people.sign-out", subject=f"user:{user.id}", at=at)


def user_of_login(session: Session, secret: str, *, at: datetime) -> User | None:
    """Return who a login secret belongs to, or None when it is unknown or over."""
    found = select(User).join(Login, col(Login.user_id) == User.id)
    return session.exec(found.where(Login.digest == tokens.digest(secret), Login.expires_at > at)).first()


@task("retention.forget_logins", every=timedelta(hours=1))
def _forget_logins(session: Session) -> None:
    forget_old(session, clock.now())


def forget_old(session: Session, at: datetime) -> None:
    """Remove the logins that are over and the tries whose windows are."""
    session.exec(delete(Login).where(col(Login.expires_at) <= at))
    rate_limits.forget_old(session, at)
