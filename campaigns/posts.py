"""Posts: one thing said once that serves one buyer, or everybody of a run in one chat group.

By a group's robot, or by a person of the shop for whom the post is a task: text and picture ready to copy, and `sent`
with proof when it is done. The deliveries it serves point at it.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from retention.database import BigId, ShopRow, choice


class PostState(StrEnum):
    """Where a post stands; `taken` is one a person has opened to send."""

    WAITING = "waiting"
    TAKEN = "taken"
    SENT = "sent"
    DECLINED = "declined"
    EXPIRED = "expired"


class Post(ShopRow, table=True):
    """One post of a run, to a chat group (`group_id`) or to one buyer (`buyer_id`).

    `proof` is the SHA-256 of a stored picture, `note` what the person said. After `expires_at` it is too late.
    """

    __tablename__ = "posts"
    __table_args__ = (
        UniqueConstraint("shop_id", "run_id", "group_id", "buyer_id"),
        Index(None, "shop_id", "state", "due_at"),
    )

    run_id: int = Field(foreign_key="runs.id", sa_type=BigId)
    group_id: int | None = Field(default=None, foreign_key="groups.id", sa_type=BigId)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    state: PostState = Field(default=PostState.WAITING, sa_type=choice(PostState))
    text: str = Field(default="", max_length=20_000)
    picture: str = Field(default="", max_length=64)
    due_at: datetime
    expires_at: datetime | None = None
    assignee: str = Field(default="", max_length=64)
    taken_at: datetime | None = None
    sent_at: datetime | None = None
    sent_by: str = Field(default="", max_length=64)
    proof: str = Field(default="", max_length=64)
    note: str = Field(default="", max_length=500)
