"""Lapsed buyers: how many are past their usual time to return, by the shop's preset."""

from datetime import datetime

from sqlmodel import Session, select

from retention.figures import Figure, define
from retention.shops import Shop
from retention.versions import Family
from segments.matching import open_matcher
from segments.segments import Segment

LAPSING = "about-to-lapse"


def count_late(session: Session, shop: Shop, *, now: datetime) -> int:
    """Return how many buyers are past their usual time; 0 when the shop has dropped the preset."""
    saved = select(Segment.id).where(Segment.shop_id == shop.id, Segment.slug == LAPSING)
    if session.exec(saved).first() is None:
        return 0
    return len(open_matcher(session, shop, now=now).try_segment(LAPSING)[0])


LATE = define(
    Figure(
        "late",
        (Family.ORDERS, Family.BUYERS, Family.SEGMENTS),
        int,
        lambda session, shop, _, now: count_late(session, shop, now=now),
        first=True,
    )
)
