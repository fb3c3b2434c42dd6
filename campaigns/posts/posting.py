"""Posting: the posts of a run, made at its launch set-wise: one per chat group of its buyers, or one per buyer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import Post, PostState, goes_to_groups, is_posted
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.transitions import Move, move_all
from campaigns.offers.linking import share_links
from campaigns.plans.reachable_groups import reachable_groups
from campaigns.posts.groups import assignees
from retention.bitmaps import rows_of
from retention.database import choice
from retention.errors import Conflict
from retention.followers_and_groups import GroupMember
from retention.products import Product
from retention.queue import send
from retention.shops import Shop
from retention.tokens import new_tokens


def make_posts(session: Session, shop: Shop, campaign: Campaign, run: Run, *, at: datetime) -> int:
    """Make the posts of a run that was just launched and return how many; none for a campaign that is no post.

    The number of statements grows with the groups, never with the buyers. Conflict when no group can be reached.
    """
    if not is_posted(campaign):
        return 0
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    picture = product.picture if product else ""
    send(session, "campaigns.send_posts")
    if goes_to_groups(campaign):
        return _to_groups(session, shop, campaign, run, picture=picture, at=at)
    return _to_buyers(session, run, picture=picture)


def fewest_groups(members: Mapping[int, BitMap]) -> dict[int, BitMap]:
    """Return which group serves whom so that few groups hear it: the largest first, then what is left.

    Greedy set cover. A campaign to one group is thus posted there alone, whatever other groups its members are in.
    """
    left = dict(members)
    chosen: dict[int, BitMap] = {}
    while left:
        group = max(left, key=lambda each: (len(left[each]), -each))
        taken = left.pop(group)
        if not taken:
            break
        chosen[group] = taken
        left = {other: buyers - taken for other, buyers in left.items()}
    return chosen


def _to_groups(session: Session, shop: Shop, campaign: Campaign, run: Run, *, picture: str, at: datetime) -> int:
    groups = {group.id: group for group in reachable_groups(session, campaign)}
    if not groups:
        raise Conflict("No chat group is available. Add a group, and for bot posts the bot in it.")
    chosen = fewest_groups(_members(session, run, groups.keys()))
    preset = assignees(session, shop) if campaign.medium is Medium.ASSISTED else {}
    tokens, posts = new_tokens(len(chosen)), []
    for token, group_id in zip(tokens, sorted(chosen), strict=True):
        post = Post(
            shop_id=run.shop_id, campaign_id=campaign.id, run_id=run.id, group_id=group_id, token=token,
            picture=picture, due_at=at, assignee=preset.get(group_id, ""),
        )  # fmt: skip
        session.add(post)
        posts.append(post)
    share_links(session, campaign, tokens, at=at)
    session.flush()
    _point_at(session, run, {post.id: chosen[post.group_id] for post in posts if post.group_id})
    _skip_unreached(session, run)
    _take_times(session, run)
    return len(chosen)


def _members(session: Session, run: Run, group_ids: Iterable[int]) -> dict[int, BitMap]:
    """Return by group the buyers of the run's waiting deliveries who are in it now."""
    rows = session.execute(
        sa.select(col(GroupMember.group_id), col(GroupMember.buyer_id))
        .join(
            Delivery,
            sa.and_(col(Delivery.shop_id) == GroupMember.shop_id, col(Delivery.buyer_id) == GroupMember.buyer_id),
        )
        .where(
            col(GroupMember.shop_id) == run.shop_id,
            col(GroupMember.group_id).in_(list(group_ids)),
            col(GroupMember.left_at).is_(None),
            *_waiting(run),
        ),
        execution_options={"yield_per": 50_000},
    )
    found: dict[int, BitMap] = defaultdict(BitMap)
    for group_id, buyer_id in rows:
        found[group_id].add(buyer_id)
    return found


def _of_run(run: Run) -> tuple[sa.ColumnElement[bool], ...]:
    return (col(Delivery.shop_id) == run.shop_id, col(Delivery.run_id) == run.id)


def _waiting(run: Run) -> tuple[sa.ColumnElement[bool], ...]:
    return (*_of_run(run), col(Delivery.state) == DeliveryState.WAITING)


def _point_at(session: Session, run: Run, posts: Mapping[int, BitMap]) -> None:
    """Have each waiting delivery point at the post that serves its buyer: one UPDATE for all groups."""
    buyers = [buyer for served in posts.values() for buyer in served]
    numbers = [post_id for post_id, served in posts.items() for _ in served]
    rows = rows_of(session, "served", buyer_id=buyers, post_id=numbers)
    served = (*_of_run(run), col(Delivery.buyer_id) == rows.c.buyer_id)
    move_all(session, Move.ASSIGN_POST, *served, post_id=rows.c.post_id)


def _skip_unreached(session: Session, run: Run) -> None:
    """Skip who left every group between the plan and now; the plan leaves out who was in none."""
    unreached = (*_of_run(run), col(Delivery.post_id).is_(None))
    move_all(session, Move.SKIP_IN_POST, *unreached, reason=Reason.NO_ADDRESS)


def _take_times(session: Session, run: Run) -> None:
    """Give each post the earliest moment of its deliveries, and the latest after which it is too late."""
    times = session.execute(
        sa.select(col(Delivery.post_id), func.min(Delivery.due_at), func.max(Delivery.expires_at))
        .where(*_waiting(run), col(Delivery.post_id).is_not(None))
        .group_by(col(Delivery.post_id))
    )
    rows = [{"id": post_id, "due_at": due, "expires_at": late} for post_id, due, late in times]
    if rows:
        session.execute(sa.update(Post), rows)
    session.expire_all()


def _to_buyers(session: Session, run: Run, *, picture: str) -> int:
    """Make one post for each waiting delivery: one INSERT ... SELECT, one UPDATE."""
    source = sa.select(
        col(Delivery.shop_id),
        col(Delivery.campaign_id),
        col(Delivery.run_id),
        col(Delivery.buyer_id),
        sa.literal(PostState.WAITING, choice(PostState)),
        sa.literal(picture),
        col(Delivery.due_at),
        col(Delivery.expires_at),
        *(sa.literal("") for _ in _EMPTY),
        sa.literal(0),
    ).where(*_waiting(run))
    columns = ["shop_id", "campaign_id", "run_id", "buyer_id", "state", "picture", "due_at", "expires_at"]
    made = sa.insert(Post).from_select([*columns, *_EMPTY, "attempts"], source, include_defaults=False)
    session.execute(made)
    own = (
        sa.select(col(Post.id))
        .where(
            col(Post.shop_id) == Delivery.shop_id,
            col(Post.run_id) == Delivery.run_id,
            col(Post.buyer_id) == Delivery.buyer_id,
        )
        .scalar_subquery()
    )
    move_all(session, Move.ASSIGN_POST, *_of_run(run), post_id=own)
    return session.exec(select(func.count()).where(Post.shop_id == run.shop_id, Post.run_id == run.id)).one()


_EMPTY = ("text", "token", "assignee", "sent_by", "proof", "note")
