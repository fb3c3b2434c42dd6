"""Followers and groups: who follows the shop, which chat groups it has, and who is in them."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, select

from retention.database import BigId, ShopRow
from retention.privacy.personal import personal


class Follow(ShopRow, table=True):
    """A buyer follows the shop since a time; `ended_at` is when it ended."""

    __tablename__ = "follows"
    __table_args__ = (UniqueConstraint("shop_id", "buyer_id"),)

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    followed_at: datetime
    ended_at: datetime | None = None


class Group(ShopRow, table=True):
    """A chat group of the shop. `owner_id` is the user to whose task list its posts go first."""

    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    owner_id: int | None = Field(default=None, foreign_key="users.id", sa_type=BigId)
    created_at: datetime


class GroupMember(ShopRow, table=True):
    """A buyer in a group; `left_at` says when they left."""

    __tablename__ = "group_members"
    __table_args__ = (UniqueConstraint("shop_id", "group_id", "buyer_id"),)

    group_id: int = Field(foreign_key="groups.id", sa_type=BigId)
    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    joined_at: datetime
    left_at: datetime | None = None


def list_groups(session: Session, shop_id: int) -> list[Group]:
    """Return all chat groups of a shop, by name."""
    return list(session.exec(select(Group).where(Group.shop_id == shop_id).order_by(Group.name)))


personal(Follow, delete=True)
personal(GroupMember, delete=True)
