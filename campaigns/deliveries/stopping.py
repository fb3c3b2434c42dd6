"""Stopping: deliveries that wait are withdrawn from the workers, whatever these are doing.

A row that a sender has claimed but not begun to hand over is still ours. The sender begins by a conditional UPDATE of
the same row, so exactly one of the two wins.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import CHANNEL
from campaigns.campaign.posts import Post
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.transitions import Move, move_all
from retention.consent import Channel
from retention.suppressions import buyers_at


def skip_campaign(session: Session, campaign: Campaign) -> int:
    """Skip all that has not left of a cancelled campaign; return how many."""
    return move_all(session, Move.SKIP, *_of(campaign), reason=Reason.CANCELLED)


def skip_sold(session: Session, campaign: Campaign) -> int:
    """Skip all that has not left of an alert whose product sells by itself; return how many."""
    return move_all(session, Move.SKIP, *_of(campaign), reason=Reason.SOLD_ENOUGH)


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
    return move_all(session, Move.SKIP, *about, col(Delivery.buyer_id) == buyer_id, reason=reason)


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
    theirs = col(Delivery.buyer_id).in_(buyers_at(shop_id, channel, keys))
    return move_all(session, Move.SKIP, *about, theirs, reason=reason)


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
    move_all(session, Move.RELEASE, *_of(campaign))


def release_sender(session: Session, shop_id: int, sender_id: int) -> None:
    """Take what is claimed for a paused sender back into waiting, as long as it has not begun to leave."""
    campaigns = sa.select(col(Campaign.id)).where(
        col(Campaign.shop_id) == shop_id, col(Campaign.sender_id) == sender_id
    )
    move_all(session, Move.RELEASE, col(Delivery.shop_id) == shop_id, col(Delivery.campaign_id).in_(campaigns))


def _of(campaign: Campaign) -> tuple[sa.ColumnElement[bool], ...]:
    return (col(Delivery.shop_id) == campaign.shop_id, col(Delivery.campaign_id) == campaign.id)
