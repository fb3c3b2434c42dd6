"""Users of a shop and their roles. Signing in is in `retention.logins`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, delete, select

from retention import audit, passwords
from retention.access import ROLE_SCOPES, Member, Role, Scope
from retention.database import BigId, ShopRow, choice
from retention.errors import Conflict, Invalid, NotFound
from retention.followers_and_groups import Group
from retention.i18n import LANGUAGES
from retention.paging import Page, Wanted, page_of, where_equal, where_named
from retention.shops import Shop


class User(SQLModel, table=True):
    """A person with a password. The row stays when the user leaves every shop: it names them on what they created."""

    __tablename__ = "users"

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    email: str = Field(unique=True, max_length=254)
    name: str = Field(default="", max_length=200)
    password_hash: str = Field(max_length=255, repr=False)
    language: str = Field(default="zh-CN", max_length=8)
    created_at: datetime


class Membership(ShopRow, table=True):
    """A user's role in a shop."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("shop_id", "user_id"),)

    user_id: int = Field(foreign_key="users.id", sa_type=BigId, index=True)
    role: Role = Field(sa_type=choice(Role))


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

    An existing account keeps its password. Without a password nobody can sign in before a one-time link was used
    (`retention.invitations`). Conflict when the person has a role there already.
    """
    user = find_user(session, email)
    if user is None:
        kept = passwords.hash_password(password, about=[email, name, shop.slug]) if password else passwords.NONE
        user = make_user(session, email, name=name, password_hash=kept, language=shop.language, at=at)
    join(session, shop, user, role=role, at=at, actor=actor)
    return user


def make_user(session: Session, email: str, *, name: str, password_hash: str, language: str, at: datetime) -> User:
    """Make an account; Invalid for what is no mail address."""
    checked = check_email(email)
    user = User(email=checked, name=name.strip(), password_hash=password_hash, language=language, created_at=at)
    session.add(user)
    session.flush()
    return user


def join(session: Session, shop: Shop, user: User, *, role: Role, at: datetime, actor: str) -> None:
    """Give an account a role in `shop`; Conflict when it has one there."""
    if _membership(session, shop.id, user.id):
        raise Conflict("{email} is already in {shop}.", email=user.email, shop=shop.slug)
    session.add(Membership(shop_id=shop.id, user_id=user.id, role=role))
    session.flush()
    _record(session, shop, user, "people.add", at=at, actor=actor, after={"role": role.value})


def find_user(session: Session, email: str) -> User | None:
    """Return the account under an address, in whichever shop, or None."""
    return session.exec(select(User).where(User.email == email.strip().lower())).first()


def get_user(session: Session, user_id: int) -> User:
    """Return the user with this row number."""
    return session.get_one(User, user_id)


def users_numbered(session: Session, user_ids: Iterable[int]) -> list[User]:
    """Return the users with these row numbers, whatever shop they work in."""
    return list(session.exec(select(User).where(col(User.id).in_(set(user_ids)))))


def find_person(session: Session, shop: Shop, user_id: int) -> tuple[User, Role]:
    """Return a person of `shop` with their role; NotFound for everybody else."""
    found = select(User, Membership.role).join(Membership, col(Membership.user_id) == User.id)
    row = session.exec(found.where(Membership.shop_id == shop.id, User.id == user_id)).first()
    if row is None:
        raise NotFound("This shop has no user with the number {number}.", number=user_id)
    return row[0], Role(row[1])


def find_person_by_email(session: Session, shop: Shop, email: str) -> User:
    """Return the person of `shop` with this address; NotFound for everybody else."""
    user = find_user(session, email)
    if user is None or _membership(session, shop.id, user.id) is None:
        raise NotFound("{email} is not in {shop}.", email=email, shop=shop.slug)
    return user


def page_of_people(
    session: Session, shop: Shop, wanted: Wanted, *, role: Role | None = None, text: str = ""
) -> Page[tuple[User, Role]]:
    """Return a page of the people of a shop with their roles, by mail address; `text` is in it or in their name."""
    found: Any = sa.select(User, col(Membership.role)).join(Membership, col(Membership.user_id) == User.id)
    found = where_equal(found.where(col(Membership.shop_id) == shop.id), {col(Membership.role): role})
    return page_of(session, where_named(found, text, col(User.email), col(User.name)), wanted, col(User.email))


def people_of(session: Session, shop: Shop) -> list[tuple[User, Role]]:
    """Return the people of a shop with their roles, by mail address."""
    found = select(User, Membership.role).join(Membership, col(Membership.user_id) == User.id)
    return [
        (user, Role(role))
        for user, role in session.exec(found.where(Membership.shop_id == shop.id).order_by(User.email))
    ]


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


def member_numbered(session: Session, shop: Shop, user_id: int | None) -> Member | None:
    """Return the user with this row number as a member of the shop; None for somebody who works there no more."""
    user = session.get(User, user_id) if user_id is not None else None
    return member_for(session, user, shop) if user else None


def change_role(session: Session, shop: Shop, user_id: int, role: Role, *, by: Member, at: datetime) -> User:
    """Give a person of the shop another role, from their next request on; Conflict for the last owner."""
    user, before = _hold_person(session, shop, user_id, by=by)
    by.require_all(ROLE_SCOPES[role])
    if role is before:
        return user
    if before is Role.OWNER:
        _keep_an_owner(session, shop, user)
    session.exec(sa.update(Membership).where(*_is(shop, user)).values(role=role))
    if Scope.POSTS_WRITE not in ROLE_SCOPES[role]:
        _hand_back_groups(session, shop, user)
    values = {"before": {"role": before.value}, "after": {"role": role.value}}
    _record(session, shop, user, "people.role", at=at, actor=by.actor, **values)
    return user


def remove_person(session: Session, shop: Shop, user_id: int, *, by: Member, at: datetime) -> User:
    """Take a person out of the shop: their next request finds nothing. Conflict for the last owner.

    What they made stays under their name.
    """
    user, before = _hold_person(session, shop, user_id, by=by)
    if before is Role.OWNER:
        _keep_an_owner(session, shop, user)
    session.exec(delete(Membership).where(*_is(shop, user)))
    _hand_back_groups(session, shop, user)
    _record(session, shop, user, "people.remove", at=at, actor=by.actor, before={"role": before.value})
    return user


def change_profile(session: Session, user: User, *, name: str, language: str, at: datetime) -> None:
    """Change how a person is called and spoken to."""
    if language not in LANGUAGES:
        raise Invalid("{language} is not a supported console language.", language=language)
    before = {"name": user.name, "language": user.language}
    after = {"name": name.strip(), "language": language}
    session.exec(sa.update(User).where(col(User.id) == user.id).values(**after))
    if after != before:
        subject = f"user:{user.id}"
        audit.record(
            session, None, subject, action="people.profile", subject=subject, before=before, after=after, at=at
        )


def check_email(email: str) -> str:
    """Return a mail address as it is kept; Invalid for what is none."""
    email = email.strip().lower()
    local, at_sign, domain = email.partition("@")
    odd = any(letter.isspace() or not letter.isprintable() for letter in email)
    if not (local and at_sign and domain) or odd or len(email) > 254:
        raise Invalid("{email} is not an email address. Write it like name@shop.example.", email=repr(email))
    return email


def hold_people(session: Session, shop: Shop) -> None:
    """Let nobody else change who works in `shop` until this transaction ends."""
    session.exec(select(Shop.id).where(Shop.id == shop.id).with_for_update(key_share=True))


def _hold_person(session: Session, shop: Shop, user_id: int, *, by: Member) -> tuple[User, Role]:
    """Return a person whom `by` may change: nobody changes who may do more than they."""
    hold_people(session, shop)
    user, role = find_person(session, shop, user_id)
    by.require_all(ROLE_SCOPES[role])
    return user, role


def _keep_an_owner(session: Session, shop: Shop, leaving: User) -> None:
    others = select(Membership.id).where(
        Membership.shop_id == shop.id, Membership.role == Role.OWNER, Membership.user_id != leaving.id
    )
    if session.exec(others.limit(1)).first() is None:
        raise Conflict("{email} is the last owner. Make somebody else an owner first.", email=leaving.email)


def _hand_back_groups(session: Session, shop: Shop, user: User) -> None:
    groups = sa.update(Group).where(col(Group.shop_id) == shop.id, col(Group.owner_id) == user.id)
    session.exec(groups.values(owner_id=None))


def _is(shop: Shop, user: User) -> tuple[sa.ColumnElement[bool], ...]:
    return col(Membership.shop_id) == shop.id, col(Membership.user_id) == user.id


def _membership(session: Session, shop_id: int, user_id: int) -> Membership | None:
    return session.exec(select(Membership).where(Membership.shop_id == shop_id, Membership.user_id == user_id)).first()


def _record(session: Session, shop: Shop, user: User, action: str, *, at: datetime, actor: str, **values: Any) -> None:
    audit.record(session, shop.id, actor, action=action, subject=f"user:{user.id}", at=at, **values)
