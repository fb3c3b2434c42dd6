"""One-time links: invitations of new users to a shop, and password resets.

Nobody ever learns another person's password. The link holds the secret, the row its digest; it works once, until it
expires, and a newer one for the same person ends it. Opening it changes nothing: a person sends the form behind it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Index
from sqlmodel import Field, Session, col, delete, select

from retention import audit, clock, keys, logins, tokens, users
from retention.access import ROLE_SCOPES, Member, Role, Scope, runs_the_machine
from retention.database import BigId, ShopRow, changed, choice
from retention.errors import Conflict, NotFound
from retention.queue import task
from retention.rate_limits import Limit, network_of
from retention.shops import Shop
from retention.users import User

TRIES_OF_ADDRESS = 60
"""Links opened or used from one address within a quarter of an hour."""


class LinkPurpose(StrEnum):
    """What a one-time link is for."""

    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - a word, not one


VALID_FOR = {LinkPurpose.INVITATION: timedelta(days=7), LinkPurpose.PASSWORD: timedelta(days=1)}
KEPT_FOR = timedelta(days=30)


class OneTimeLink(ShopRow, table=True):
    """A one-time link. `user_id` is the user who gets a new password; an invitation has an address and a role."""

    __tablename__ = "one_time_links"
    __table_args__ = (Index(None, "shop_id", "email"), Index(None, "expires_at"))

    purpose: LinkPurpose = Field(sa_type=choice(LinkPurpose))
    email: str = Field(max_length=254)
    name: str = Field(default="", max_length=200)
    role: Role | None = Field(default=None, sa_type=choice(Role))
    user_id: int | None = Field(default=None, foreign_key="users.id", sa_type=BigId, index=True)
    digest: str = Field(unique=True, max_length=64, repr=False)
    actor: str = Field(max_length=64)
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    """When it was used, withdrawn or replaced."""


def address_of(public_url: str, secret: str) -> str:
    """Return the link itself."""
    return f"{public_url.rstrip('/')}/join/{secret}"


def invite(
    session: Session, shop: Shop, email: str, *, role: Role, by: Member, at: datetime, name: str = ""
) -> tuple[OneTimeLink, str]:
    """Invite somebody into `shop` and return the link with its secret; an earlier one of theirs ends.

    Whether the address has an account elsewhere is not told. Conflict for somebody who is in the shop already,
    Forbidden for a role that may do more than `by`.
    """
    email = users.check_email(email)
    by.require_all(ROLE_SCOPES[role])
    user = users.find_user(session, email)
    if user and users.member_for(session, user, shop):
        raise Conflict("{email} is already in {shop}.", email=email, shop=shop.slug)
    mine = (col(OneTimeLink.shop_id) == shop.id, col(OneTimeLink.email) == email)
    _end(session, at, *mine, col(OneTimeLink.purpose) == LinkPurpose.INVITATION)
    link = OneTimeLink(
        shop_id=shop.id, purpose=LinkPurpose.INVITATION, email=email, name=name.strip(), role=role, actor=by.actor,
        digest="", created_at=at, expires_at=at,
    )  # fmt: skip
    secret = _issue(session, link)
    after = {"email": email, "role": role.value}
    audit.record(session, shop.id, by.actor, action="people.invite", subject=f"link:{link.id}", after=after, at=at)
    return link, secret


def offer_password(session: Session, shop: Shop, user_id: int, *, by: Member, at: datetime) -> tuple[OneTimeLink, str]:
    """Make the link with which a person of the shop chooses a new password; the old one fits until they did.

    Who works in other shops too gets it from whoever runs the installation: an owner could else enter those shops.
    """
    user, role = users.find_person(session, shop, user_id)
    by.require_all(ROLE_SCOPES[role])
    if not runs_the_machine(by.actor) and len(users.shops_of_user(session, user)) > 1:
        raise Conflict(
            "{email} belongs to other shops too. Ask your administrator to run: regulars user reset-password.",
            email=user.email,
        )
    _end(session, at, col(OneTimeLink.user_id) == user.id)
    link = OneTimeLink(
        shop_id=shop.id, purpose=LinkPurpose.PASSWORD, email=user.email, user_id=user.id, actor=by.actor,
        digest="", created_at=at, expires_at=at,
    )  # fmt: skip
    secret = _issue(session, link)
    audit.record(session, shop.id, by.actor, action="people.reset-password", subject=f"user:{user.id}", at=at)
    return link, secret


def invitations_of(session: Session, shop: Shop, *, at: datetime) -> list[OneTimeLink]:
    """Return the invitations of a shop that can still be used, by address."""
    found = select(OneTimeLink).where(OneTimeLink.shop_id == shop.id, *_usable(at))
    return list(session.exec(found.where(OneTimeLink.purpose == LinkPurpose.INVITATION).order_by(OneTimeLink.email)))


def find_invitation(session: Session, shop: Shop, email: str, *, at: datetime) -> OneTimeLink:
    """Return the open invitation for an address; NotFound otherwise."""
    address = email.strip().lower()
    link = next((each for each in invitations_of(session, shop, at=at) if each.email == address), None)
    if link is None:
        raise NotFound("{email} is not invited.", email=email)
    return link


def invitation_numbered(session: Session, shop: Shop, number: int, *, at: datetime) -> OneTimeLink:
    """Return the open invitation with a number; NotFound for one that is not this shop's or over."""
    this = (col(OneTimeLink.shop_id) == shop.id, col(OneTimeLink.id) == number)
    found = select(OneTimeLink).where(*this, OneTimeLink.purpose == LinkPurpose.INVITATION, *_usable(at))
    link = session.exec(found).first()
    if link is None:
        raise NotFound("No open invitation has the number {number}.", number=number)
    return link


def withdraw(session: Session, shop: Shop, link_id: int, *, by: Member, at: datetime) -> None:
    """End an invitation; NotFound for one that is not this shop's or over."""
    this = (col(OneTimeLink.shop_id) == shop.id, col(OneTimeLink.id) == link_id)
    if not _end(session, at, *this, col(OneTimeLink.purpose) == LinkPurpose.INVITATION, *_usable(at)):
        raise NotFound("No open invitation has the number {number}.", number=link_id)
    audit.record(session, shop.id, by.actor, action="people.withdraw", subject=f"link:{link_id}", at=at)


def find_link(session: Session, secret: str, *, at: datetime) -> OneTimeLink:
    """Return the link with this secret; one NotFound for what is unknown, used, replaced or expired."""
    found = select(OneTimeLink).where(OneTimeLink.digest == tokens.digest(secret), *_usable(at))
    link = session.exec(found).first()
    if link is None or not _still_holds(session, link, at=at):
        raise NotFound("This link is no longer valid. Ask the sender for a new one.")
    return link


def accept_new(session: Session, link: OneTimeLink, *, name: str, password_hash: str, at: datetime) -> User:
    """Make the account an invitation is for, with the password its person chose, and let them into the shop."""
    shop = _use(session, link, at=at)
    if users.find_user(session, link.email):
        raise Conflict("{email} has an account. Sign in, then open the link again.", email=link.email)
    made = users.make_user(
        session, link.email, name=name or link.name, password_hash=password_hash, language=shop.language, at=at
    )
    return _join(session, shop, link, made, at=at)


def accept(session: Session, link: OneTimeLink, user: User, *, at: datetime) -> User:
    """Let the signed-in person an invitation is for into the shop; Conflict for anybody else."""
    if user.email != link.email:
        raise Conflict("This invitation is for {email}. Sign in as that person.", email=link.email)
    return _join(session, _use(session, link, at=at), link, user, at=at)


def choose_password(session: Session, link: OneTimeLink, *, password_hash: str, at: datetime) -> User:
    """Give the person of a password link their new password; every browser that was signed in is out."""
    _use(session, link, at=at)
    user = session.get_one(User, link.user_id)
    set_password(session, user, password_hash=password_hash, at=at)
    return user


def set_password(session: Session, user: User, *, password_hash: str, at: datetime, but: str = "") -> None:
    """Change the password of somebody who has proved who they are and end all their logins except `but`."""
    session.exec(sa.update(User).where(col(User.id) == user.id).values(password_hash=password_hash))
    _end(session, at, col(OneTimeLink.user_id) == user.id)
    subject = f"user:{user.id}"
    audit.record(session, None, subject, action="people.password", subject=subject, at=at)
    logins.sign_out_everywhere(session, user, at=at, actor=subject, but=but)


def limits_of(address: str) -> list[Limit]:
    """Return what opening or using a link counts against. The secret itself is 256 bits long."""
    return [Limit("one-time-link", network_of(address), TRIES_OF_ADDRESS)]


def forget_old(session: Session, at: datetime) -> None:
    """Remove links that ended a month ago; the audit log keeps who was invited by whom."""
    session.exec(delete(OneTimeLink).where(col(OneTimeLink.expires_at) <= at - KEPT_FOR))


@task("retention.forget_one_time_links", every=timedelta(days=1))
def _forget_links(session: Session) -> None:
    forget_old(session, clock.now())


def _issue(session: Session, link: OneTimeLink) -> str:
    secret = tokens.new_secret()
    link.digest = tokens.digest(secret)
    link.expires_at = link.created_at + VALID_FOR[link.purpose]
    session.add(link)
    session.flush()
    return secret


def _use(session: Session, link: OneTimeLink, *, at: datetime) -> Shop:
    """Claim the link, once; NotFound when somebody was faster."""
    if not _end(session, at, col(OneTimeLink.id) == link.id, *_usable(at)):
        raise NotFound("This link is no longer valid. Ask the sender for a new one.")
    return session.get_one(Shop, link.shop_id)


def _join(session: Session, shop: Shop, link: OneTimeLink, user: User, *, at: datetime) -> User:
    assert link.role is not None  # every invitation has one
    users.join(session, shop, user, role=link.role, at=at, actor=f"user:{user.id}")
    return user


def _still_holds(session: Session, link: OneTimeLink, *, at: datetime) -> bool:
    """Tell whether whoever made the link could make it now, for whom it is: a removed owner has no guests.

    A person who came into another shop meanwhile, left this one or rose above the maker chooses no password by it.
    """
    if runs_the_machine(link.actor):
        return True
    kind, _, number = link.actor.partition(":")
    shop = session.get_one(Shop, link.shop_id)
    role = _role_of(session, shop, link)
    maker = keys.member_of(session, int(number), at=at) if kind == "key" else _person(session, shop, int(number))
    if role is None or maker is None:
        return False
    return maker.may(Scope.PEOPLE_WRITE) and ROLE_SCOPES[role] <= maker.scopes


def _role_of(session: Session, shop: Shop, link: OneTimeLink) -> Role | None:
    """Return what the link's person is or becomes in its shop; None when it is not this shop's to say."""
    if link.purpose is LinkPurpose.INVITATION:
        return link.role
    user = session.get_one(User, link.user_id)
    works_in = users.shops_of_user(session, user)
    return works_in[0][1] if [each.id for each, _ in works_in] == [shop.id] else None


def _person(session: Session, shop: Shop, user_id: int) -> Member | None:
    user = session.get(User, user_id)
    return users.member_for(session, user, shop) if user else None


def _usable(at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return col(OneTimeLink.ended_at).is_(None), col(OneTimeLink.expires_at) > at


def _end(session: Session, at: datetime, *which: sa.ColumnElement[bool]) -> int:
    open_ones = sa.update(OneTimeLink).where(*which, col(OneTimeLink.ended_at).is_(None))
    return changed(session, open_ones.values(ended_at=at))
