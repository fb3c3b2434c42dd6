"""Sharing: each phone that claims from the one link of a group post gets its own link and coupon."""

from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.campaign.posts import Post
from campaigns.offers.linking import copy_link
from campaigns.offers.links import Link


def is_shared(session: Session, link: Link) -> bool:
    """Tell whether a link stands in a post to a group, so that it is nobody's own."""
    if link.delivery_id is not None:
        return False
    return (
        session.exec(select(Post.id).where(Post.shop_id == link.shop_id, Post.token == link.token)).first() is not None
    )


def own_link(session: Session, link: Link, *, had: str, at: datetime) -> Link:
    """Return the link to claim behind: `link` itself, or where a group shares it one for this phone alone.

    `had` is the token this phone got here before, as it remembers it; one that is not from here counts for nothing.
    """
    if not is_shared(session, link):
        return link
    same = (
        Link.shop_id == link.shop_id,
        Link.campaign_id == link.campaign_id,
        Link.offer_id == link.offer_id,
        Link.token == had,
        col(Link.delivery_id).is_(None),
    )
    known = session.exec(select(Link).where(*same)).first() if had and had != link.token else None
    if known:
        return known
    return copy_link(session, link, at=at)
