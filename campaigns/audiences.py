"""Audiences: which campaigns name a segment, and the removal of a segment that none of them does.

Segments know of no campaign, so whoever removes one asks here, whichever way in they came.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.campaigns import Campaign
from retention.errors import Conflict
from segments.segments import delete_segment, find_segment, names_segment


def campaigns_on(session: Session, shop_id: int, slug: str) -> list[Campaign]:
    """Return the campaigns whose audience or exclusion names a segment, the newest first."""
    found = select(Campaign).where(Campaign.shop_id == shop_id).order_by(col(Campaign.id).desc())
    return [
        each
        for each in session.exec(found)
        if any(rule is not None and names_segment(rule, slug) for rule in (each.audience, each.excluded))
    ]


def remove_segment(session: Session, shop_id: int, slug: str, *, actor: str, at: datetime) -> None:
    """Remove a segment with its history; Conflict while a campaign or another segment is built on it."""
    find_segment(session, shop_id, slug)
    if users := campaigns_on(session, shop_id, slug):
        names = ", ".join(each.name for each in users)
        raise Conflict("Segment {slug} is used by {users}.", slug=slug, users=names)
    delete_segment(session, shop_id, slug, actor=actor, at=at)
