"""Posts: one thing said once that serves one buyer, or everybody of a run in one chat group.

By a group's robot, or by a person of the shop for whom the post is a task: text and picture ready to copy, and `sent`
with proof when it is done. The deliveries it serves point at it, and they alone say who got it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Medium
from campaigns.plans.policy import PostsTo, read_policy
from retention import audit, clock
from retention.database import BigId, ShopRow, choice
from retention.errors import Invalid, NotFound
from retention.privacy.personal import personal
from retention.privacy.times import Kind, forgets
from retention.shops import Shop

LIFE = timedelta(days=3)
"""How long a person has for a post whose campaign does not say after how many hours it is too late."""

HOLD = timedelta(hours=2)
"""How long a post stays in the hands of whoever opened it; after that anybody may take it over."""

ROBOT = "robot"
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
        return taken and self.taken_at is not None and self.taken_at > at - HOLD


class PostQuota(ShopRow, table=True):
    """How many posts one person may send in a day and in a month of the shop; None is no limit.

    The row with an empty `assignee` holds for everybody without one of their own. Chat platforms lock the account of a
    person who sends more than they think right.
    """

    __tablename__ = "post_quotas"
    __table_args__ = (UniqueConstraint("shop_id", "assignee"),)

    assignee: str = Field(default="", max_length=64)
    per_day: int | None = None
    per_month: int | None = None


class Used(NamedTuple):
    """How many posts a person has sent or has in hand, today and this month."""

    today: int
    this_month: int


def goes_to_groups(campaign: Campaign) -> bool:
    """Tell whether a campaign speaks to chat groups, where one post serves many and nobody has a code of their own."""
    if campaign.medium is Medium.ASSISTED:
        return read_policy(campaign.policy).posts_to is PostsTo.GROUPS
    return campaign.medium is Medium.ROBOT


def is_posted(campaign: Campaign) -> bool:
    """Tell whether a campaign leaves as posts at all."""
    return campaign.medium in {Medium.ROBOT, Medium.ASSISTED}


def served_by(post: Post) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that finds a post's deliveries."""
    return (col(Delivery.shop_id) == post.shop_id, col(Delivery.post_id) == post.id)


def somebody_waits() -> sa.ColumnElement[bool]:
    """Return the condition on posts that a delivery still waits for them, in a campaign that is running."""
    running = sa.select(col(Campaign.id)).where(
        col(Campaign.id) == Post.campaign_id, col(Campaign.state) == CampaignState.RUNNING
    )
    # Said outright, since the query around it may look at campaigns and deliveries too.
    return sa.and_(running.correlate(Post).exists(), somebody_in(DeliveryState.WAITING))


def somebody_in(*states: DeliveryState) -> sa.ColumnElement[bool]:
    """Return the condition on posts that one of their deliveries is in one of these states."""
    found = sa.select(col(Delivery.id)).where(
        col(Delivery.shop_id) == Post.shop_id, col(Delivery.post_id) == Post.id, col(Delivery.state).in_(states)
    )
    return found.correlate(Post).exists()


def find_post(session: Session, shop_id: int, number: int) -> Post:
    """Return a shop's post; NotFound otherwise."""
    post = session.exec(select(Post).where(Post.shop_id == shop_id, Post.id == number)).first()
    if post is None:
        raise NotFound("No post has the number {number}.", number=number)
    return post


def quota_of(session: Session, shop_id: int, assignee: str, *, lock: bool = False) -> PostQuota | None:
    """Return what limits a person: their own row, else the shop's, else None."""
    rows = select(PostQuota).where(PostQuota.shop_id == shop_id, col(PostQuota.assignee).in_(("", assignee)))
    found = session.exec((rows.with_for_update() if lock else rows).order_by(col(PostQuota.assignee).desc()))
    return found.first()


def set_quota(
    session: Session,
    shop: Shop,
    assignee: str,
    *,
    per_day: int | None,
    per_month: int | None,
    at: datetime,
    actor: str,
) -> None:
    """Limit what one person, or with an empty `assignee` everybody else, may send. Invalid for a limit below zero.

    A person without any limit of their own falls back to that of everybody else.
    """
    if any(limit is not None and limit < 0 for limit in (per_day, per_month)):
        raise Invalid("A limit on posts is 0 or more; leave it empty for none.")
    row = session.exec(
        select(PostQuota).where(PostQuota.shop_id == shop.id, PostQuota.assignee == assignee).with_for_update()
    ).first()
    before = row.model_dump(include={"per_day", "per_month"}) if row else None
    row = row or PostQuota(shop_id=shop.id, assignee=assignee)
    row.per_day, row.per_month = per_day, per_month
    after = row.model_dump(include={"per_day", "per_month"})
    if per_day is not None or per_month is not None or not assignee:
        session.add(row)
    elif before:
        session.delete(row)
    session.flush()
    subject = f"assignee:{assignee or 'everybody'}"
    audit.record(session, shop.id, actor, action="posts.quota", subject=subject, before=before, after=after, at=at)


def used_by(session: Session, shop: Shop, assignee: str, *, at: datetime) -> Used:
    """Return how many posts a person has sent or holds since the shop's day, and its month, began."""
    day = shop.day(at)
    date = clock.day_of(day)
    today, month = (clock.start_of_day(number, shop.timezone) for number in (day, day - date.day + 1))
    moment = func.coalesce(Post.sent_at, Post.taken_at)
    mine = sa.or_(
        sa.and_(col(Post.state) == PostState.SENT, col(Post.sent_by) == assignee),
        sa.and_(col(Post.state) == PostState.TAKEN, col(Post.assignee) == assignee),
    )
    counted = select(func.count().filter(moment >= today), func.count()).where(
        Post.shop_id == shop.id, mine, moment >= month
    )
    return Used(*session.exec(counted).one())


personal(Post, blank={"text": "", "note": "", "proof": ""}, files=("proof",))
forgets(Kind.TEXTS, Post, moment="due_at", blank={"text": "", "note": ""})
