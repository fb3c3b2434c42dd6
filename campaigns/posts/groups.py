"""Chat groups and their owners: posts to a group come first in its owner's task list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from retention import audit
from retention.access import ROLE_SCOPES, Scope
from retention.errors import Invalid, NotFound
from retention.followers_and_groups import Group
from retention.paging import Page, Wanted, page_of, where_equal, where_named
from retention.shops import Shop
from retention.users import User, people_of


def page_of_groups(
    session: Session, shop: Shop, wanted: Wanted, *, owner: str = "", text: str = ""
) -> Page[tuple[Group, User | None]]:
    """Return a page of a shop's chat groups by slug, each with who looks after it; `text` is in their slug or name."""
    found: Any = sa.select(Group, User).outerjoin(User, col(User.id) == Group.owner_id)
    found = found.where(col(Group.shop_id) == shop.id)
    found = where_equal(found, {col(User.email): owner.strip().lower()})
    return page_of(session, where_named(found, text, col(Group.slug), col(Group.name)), wanted, col(Group.slug))


def groups_of(session: Session, shop: Shop) -> list[tuple[Group, User | None]]:
    """Return a shop's chat groups by name, each with who looks after it."""
    rows = select(Group, User).outerjoin(User, col(User.id) == Group.owner_id).where(Group.shop_id == shop.id)
    return [(group, owner) for group, owner in session.exec(rows.order_by(Group.name, col(Group.id)))]


def find_group(session: Session, shop_id: int, slug: str) -> Group:
    """Return a shop's chat group; NotFound otherwise."""
    group = session.exec(select(Group).where(Group.shop_id == shop_id, Group.slug == slug)).first()
    if group is None:
        raise NotFound("No group is called {slug}.", slug=slug)
    return group


def set_owner(session: Session, shop: Shop, group: Group, *, email: str, at: datetime, actor: str) -> User | None:
    """Say who looks after a group, by mail address; empty for nobody. Return the person.

    The posts that are made from now on are preset for them. NotFound for somebody who is not of the shop, Invalid for
    one whose role may not post.
    """
    owner = _poster(session, shop, email) if email.strip() else None
    before = group.owner_id
    group.owner_id = owner.id if owner else None
    session.add(group)
    session.flush()
    audit.record(
        session,
        shop.id,
        actor,
        action="group.owner",
        subject=f"group:{group.slug}",
        before={"owner": before},
        after={"owner": group.owner_id},
        at=at,
    )
    return owner


def assignees(session: Session, shop: Shop) -> Mapping[int, str]:
    """Return by group for whom its posts are preset; an owner who may post no longer is left out."""
    posting = {user.id for user, role in people_of(session, shop) if Scope.POSTS_WRITE in ROLE_SCOPES[role]}
    rows = select(Group.id, Group.owner_id).where(Group.shop_id == shop.id, col(Group.owner_id).in_(posting))
    return {group_id: f"user:{owner_id}" for group_id, owner_id in session.exec(rows)}


def _poster(session: Session, shop: Shop, email: str) -> User:
    address = email.strip().lower()
    found = next(((user, role) for user, role in people_of(session, shop) if user.email == address), None)
    if found is None:
        raise NotFound("No user of this shop has the address {email}.", email=email)
    if Scope.POSTS_WRITE not in ROLE_SCOPES[found[1]]:
        raise Invalid("{email} may not send posts. Assign the group to an owner or a marketer.", email=address)
    return found[0]
