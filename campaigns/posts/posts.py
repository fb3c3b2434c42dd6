"""Queries about posts: the deliveries of each, and how many a user may still send."""

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.posts import Post, PostState
from retention import audit, clock
from retention.database import ShopRow
from retention.errors import Invalid, NotFound
from retention.shops import Shop


class PostQuota(ShopRow, table=True):
    """How many posts a user may send per day and month of the shop; None is no limit.

    The row with an empty `assignee` applies to all users without their own row. Chat platforms lock the account of a
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


def served_by(post: Post) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that finds a post's deliveries."""
    return (col(Delivery.shop_id) == post.shop_id, col(Delivery.post_id) == post.id)


def planned_ahead(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition on posts that they were to be said at once, by a clock that was ahead."""
    planned = sa.select(sa.literal(1)).where(
        col(Run.id) == Post.run_id, col(Run.planned_at) > at + clock.AHEAD, col(Run.planned_at) >= Post.due_at
    )
    return planned.correlate(Post).exists()


def claimed_within(length: timedelta, at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition on posts that they were taken so lately, and not by a clock that was ahead."""
    return sa.and_(col(Post.taken_at) > at - length, col(Post.taken_at) <= at + clock.AHEAD)


def has_waiting_delivery() -> sa.ColumnElement[bool]:
    """Return the condition on posts that a delivery still waits for them, in a campaign that is running."""
    running = sa.select(col(Campaign.id)).where(
        col(Campaign.id) == Post.campaign_id, col(Campaign.state) == CampaignState.RUNNING
    )
    # Said outright, since the query around it may look at campaigns and deliveries too.
    return sa.and_(running.correlate(Post).exists(), has_delivery_in(DeliveryState.WAITING))


def has_delivery_in(*states: DeliveryState) -> sa.ColumnElement[bool]:
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
