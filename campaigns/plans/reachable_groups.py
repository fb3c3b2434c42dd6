"""The chat groups a campaign can post in, and the buyers it reaches there."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.channels.senders import Sender
from retention.followers_and_groups import Group, GroupMember


def bots_of(session: Session, shop_id: int) -> dict[str, Sender]:
    """Return the bots of a shop by the slug of the group each of them is in."""
    rows = session.exec(
        select(Sender).where(Sender.shop_id == shop_id, Sender.medium == Medium.BOT).order_by(col(Sender.id))
    )
    return {str(sender.settings["group"]): sender for sender in rows if sender.settings.get("group")}


def reachable_groups(session: Session, campaign: Campaign) -> list[Group]:
    """Return the groups a campaign can speak in: with a bot where bots speak, every one where people do.

    A campaign with a sender of its own speaks only where that bot is.
    """
    groups = session.exec(select(Group).where(Group.shop_id == campaign.shop_id).order_by(col(Group.id)))
    if campaign.medium is not Medium.BOT:
        return list(groups)
    bots = bots_of(session, campaign.shop_id)
    if campaign.sender_id is not None:
        bots = {slug: sender for slug, sender in bots.items() if sender.id == campaign.sender_id}
    return [group for group in groups if group.slug in bots]


def in_reachable_group(session: Session, campaign: Campaign) -> sa.Select[int]:
    """Return a SELECT of the buyers a campaign to groups can reach: members now of a group it can speak in."""
    ids = [group.id for group in reachable_groups(session, campaign)]
    return sa.select(col(GroupMember.buyer_id)).where(
        col(GroupMember.shop_id) == campaign.shop_id,
        col(GroupMember.group_id).in_(ids),
        col(GroupMember.left_at).is_(None),
    )
