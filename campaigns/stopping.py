"""Stopping: rows that wait are taken out of the senders' hands, whatever they are doing at this moment.

A row that a sender has claimed but not begun to hand over is still ours. The sender begins by a conditional UPDATE of
the same row, so exactly one of the two wins.
"""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.posts import Post
from campaigns.campaigns import Campaign, Delivery, DeliveryState, Medium
from campaigns.plans.policy import CHANNEL
from campaigns.reasons import Reason
from retention.consent import Channel
from retention.database import choice
from retention.suppressions import buyers_at
from retention.versions import Family, raise_version

NOT_BEGUN = sa.or_(
    col(Delivery.state) == DeliveryState.WAITING,
    sa.and_(col(Delivery.state) == DeliveryState.CLAIMED, col(Delivery.handed_at).is_(None)),
)
"""Deliveries of which nothing has left."""

UNCLAIMED: dict[str, Any] = {"claim_token": None, "claim_expires_at": None}


def ended(state: DeliveryState, reason: Reason) -> dict[str, Any]:
    """Return the values of a delivery that gets nothing more: `unknown` where an earlier try may have arrived."""
    doubted = col(Delivery.reason) == Reason.NO_RECORD.value
    after, why = sa.literal(state, choice(DeliveryState)), sa.literal(reason.value)
    return {
        "state": sa.case((doubted, sa.literal(DeliveryState.UNKNOWN, choice(DeliveryState))), else_=after),
        "reason": sa.case((doubted, sa.literal(Reason.NO_RECORD.value)), else_=why),
    }


def skip_campaign(session: Session, campaign: Campaign) -> int:
    """Skip all that has not left of a cancelled campaign; return how many."""
    return _skip(session, Reason.CANCELLED, *_of(campaign))


def skip_sold(session: Session, campaign: Campaign) -> int:
    """Skip all that has not left of an alert whose product sells by itself; return how many."""
    return _skip(session, Reason.SOLD_ENOUGH, *_of(campaign))


def skip_buyer(
    session: Session,
    shop_id: int,
    *,
    buyer_id: int,
    channel: Channel | None = None,
    topic: str = "",
    reason: Reason = Reason.NO_CONSENT,
) -> int:
    """Skip all that has not left for a buyer who no longer wants it; return how many.

    On one channel, or on every one where none is named; of one topic, or of all.
    """
    about = _about(shop_id, channel, topic)
    return _skip(session, reason, *about, col(Delivery.buyer_id) == buyer_id)


def skip_addresses(
    session: Session,
    shop_id: int,
    *,
    channel: Channel,
    keys: Collection[str],
    topic: str = "",
    reason: Reason = Reason.NO_CONSENT,
) -> int:
    """Skip all that has not left for whoever has one of these addresses, each in its one spelling; return how many."""
    about = _about(shop_id, channel, topic)
    return _skip(session, reason, *about, col(Delivery.buyer_id).in_(buyers_at(shop_id, channel, keys)))


def _about(shop_id: int, channel: Channel | None, topic: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition on deliveries that they go by a channel and are of a topic."""
    campaigns = sa.select(col(Campaign.id)).where(col(Campaign.shop_id) == shop_id)
    if topic:
        campaigns = campaigns.where(col(Campaign.topic) == topic)
    return (
        col(Delivery.shop_id) == shop_id,
        col(Delivery.campaign_id).in_(campaigns),
        sa.true() if channel is None else _on_channel(shop_id, channel),
    )


def _on_channel(shop_id: int, channel: Channel) -> sa.ColumnElement[bool]:
    """Return the condition on deliveries that they go by a channel; what people post goes by that of where they do."""
    media = {each for each in Medium if CHANNEL[each] is channel}
    if channel is Channel.GROUP:
        media.add(Medium.ASSISTED)
    campaigns = sa.select(col(Campaign.id)).where(col(Campaign.shop_id) == shop_id, col(Campaign.medium).in_(media))
    reached = col(Delivery.campaign_id).in_(campaigns)
    to_groups = sa.select(col(Post.id)).where(col(Post.shop_id) == shop_id, col(Post.group_id).is_not(None))
    in_group = sa.and_(col(Delivery.post_id).is_not(None), col(Delivery.post_id).in_(to_groups))
    if channel is Channel.GROUP:
        return sa.and_(reached, in_group)
    return sa.and_(reached, ~in_group) if channel is Channel.PERSONAL else reached


def release_campaign(session: Session, campaign: Campaign) -> None:
    """Take what senders have claimed of a paused campaign back into waiting, as long as it has not begun to leave."""
    _release(session, *_of(campaign))


def release_sender(session: Session, shop_id: int, sender_id: int) -> None:
    """Take what is claimed for a paused sender back into waiting, as long as it has not begun to leave."""
    campaigns = sa.select(col(Campaign.id)).where(
        col(Campaign.shop_id) == shop_id, col(Campaign.sender_id) == sender_id
    )
    _release(session, col(Delivery.shop_id) == shop_id, col(Delivery.campaign_id).in_(campaigns))


def _release(session: Session, *where: sa.ColumnElement[bool]) -> None:
    """Put back what was claimed and has not begun, as if it had not been claimed: that was no try."""
    claimed = (col(Delivery.state) == DeliveryState.CLAIMED, col(Delivery.handed_at).is_(None))
    values = {"state": DeliveryState.WAITING, "attempts": Delivery.attempts - 1, **UNCLAIMED}
    session.execute(sa.update(Delivery).where(*where, *claimed).values(values))


def _of(campaign: Campaign) -> tuple[sa.ColumnElement[bool], ...]:
    return (col(Delivery.shop_id) == campaign.shop_id, col(Delivery.campaign_id) == campaign.id)


def _skip(session: Session, reason: Reason, *where: sa.ColumnElement[bool]) -> int:
    skipped = sa.update(Delivery).where(*where, NOT_BEGUN)
    rows = session.execute(
        skipped.values(**ended(DeliveryState.SKIPPED, reason), **UNCLAIMED).returning(col(Delivery.shop_id))
    )
    return len(moved_of(session, rows.scalars()))


def moved_of(session: Session, shop_ids: Iterable[int]) -> list[int]:
    """Say that deliveries of these shops came to another end, so that kept figures are counted again; return them."""
    shops = list(shop_ids)
    for shop_id in sorted(set(shops)):
        raise_version(session, shop_id, Family.TOUCHES)
    return shops
