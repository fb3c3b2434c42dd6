"""Posts: a message sent once for one buyer, or for all buyers of a run in one chat group.

By a group's bot, or by a person of the shop for whom the post is a task: text and picture ready to copy, and `sent`
with proof when it is done. The deliveries it serves point at it, and they alone say who got it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import PostsTo
from retention import clock
from retention.database import BigId, ShopRow, choice
from retention.privacy.personal import personal
from retention.privacy.retention_periods import KeptKind, forgets

LIFE = timedelta(days=3)
"""How long a person has for a post whose campaign does not say after how many hours it is too late."""

HOLD = timedelta(hours=2)
"""How long a post stays in the hands of whoever opened it; after that anybody may take it over."""

BOT = "robot"
"""Who has taken a post that no person sends."""


class PostState(StrEnum):
    """Where a post stands; `taken` is one in somebody's hands, `skipped` one that nobody is left to hear."""

    WAITING = "waiting"
    TAKEN = "taken"
    SENT = "sent"
    DECLINED = "declined"
    EXPIRED = "expired"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Post(ShopRow, table=True):
    """One post of a run, to a chat group (`group_id`) or to one buyer (`buyer_id`).

    `text` and `picture` are what was shown to whoever took it last; `token` is that of the link everybody in the
    group shares. `assignee` has it in hand, or is who it is preset for as long as it waits: the owner of the group.
    `proof` is the SHA-256 of a stored picture, `note` what the person said. After `expires_at` it is too late.
    """

    __tablename__ = "posts"
    __table_args__ = (
        UniqueConstraint("shop_id", "run_id", "group_id"),
        UniqueConstraint("shop_id", "run_id", "buyer_id"),
        Index(None, "shop_id", "token"),
        Index(None, "shop_id", "state", "due_at"),
    )

    campaign_id: int = Field(foreign_key="campaigns.id", sa_type=BigId)
    run_id: int = Field(foreign_key="runs.id", sa_type=BigId)
    group_id: int | None = Field(default=None, foreign_key="groups.id", sa_type=BigId)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    token: str = Field(default="", max_length=32)
    state: PostState = Field(default=PostState.WAITING, sa_type=choice(PostState))
    text: str = Field(default="", max_length=20_000)
    picture: str = Field(default="", max_length=64)
    due_at: datetime
    expires_at: datetime | None = None
    attempts: int = 0
    assignee: str = Field(default="", max_length=64)
    taken_at: datetime | None = None
    sent_at: datetime | None = None
    sent_by: str = Field(default="", max_length=64)
    proof: str = Field(default="", max_length=64)
    note: str = Field(default="", max_length=500)

    @property
    def too_late_at(self) -> datetime:
        return self.expires_at or self.due_at + LIFE

    def held_by_another(self, actor: str, at: datetime) -> bool:
        """Tell whether somebody else has it in hand."""
        taken = self.state == PostState.TAKEN and self.assignee != actor
        return taken and self.taken_at is not None and at - HOLD < self.taken_at <= at + clock.AHEAD


def goes_to_groups(campaign: Campaign) -> bool:
    """Tell whether a campaign speaks to chat groups, where one post serves many and nobody has a code of their own."""
    if campaign.medium is Medium.ASSISTED:
        return campaign.policy.posts_to is PostsTo.GROUPS
    return campaign.medium is Medium.BOT


def is_posted(campaign: Campaign) -> bool:
    """Tell whether a campaign leaves as posts at all."""
    return campaign.medium in {Medium.BOT, Medium.ASSISTED}


personal(Post, blank={"text": "", "note": "", "proof": ""}, files=("proof",))
forgets(KeptKind.TEXTS, Post, moment="due_at", blank={"text": "", "note": ""})
