"""Matching as a periodic task: shops whose orders or coupons changed, each in transactions of its own.

A matching is said to begin before it reads, so that whatever happens meanwhile asks for another one. One that did not
come to its end, and any that is a day old, is made again: what nobody thought to tell is found then.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, col

from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.match_marks import MatchMark, begin_matching, end_matching
from campaigns.offers.offers import Offer
from retention.database import transaction
from retention.orders import Order
from retention.shops import Shop
from retention.versions import DataVersion, Family, read_versions

BROKEN_OFF = timedelta(minutes=1)
OLDEST = timedelta(days=1)


def shops_to_match(session: Session, *, at: datetime) -> list[int]:
    """Return the shops to look at, those that wait longest first; one SELECT however many there are."""
    mark = MatchMark
    due = sa.or_(
        col(mark.shop_id).is_(None),
        col(mark.seen) != col(DataVersion.version),
        col(mark.again_at) <= at,
        col(mark.begun_at) <= at - BROKEN_OFF,
        col(mark.looked_at) <= at - OLDEST,
        col(mark.looked_at) > at,  # by a clock that was ahead
    )
    found = (
        sa.select(col(DataVersion.shop_id))
        .outerjoin(mark, col(mark.shop_id) == DataVersion.shop_id)
        .where(col(DataVersion.family) == Family.ORDERS, due)
        .order_by(col(mark.looked_at), col(DataVersion.shop_id))
    )
    return list(session.execute(found).scalars())


def match_shop(engine: Engine, shop_id: int, *, at: datetime) -> int:
    """Match one shop's orders with its coupons; return how many were new."""
    with transaction(engine) as session:
        begin_matching(session, shop_id, seen=read_versions(session, shop_id)[Family.ORDERS], at=at)
    with transaction(engine) as session:
        found = match_orders(session, session.get_one(Shop, shop_id), at=at)
        again_at = _next_moment(session, shop_id, at)
    with transaction(engine) as session:
        end_matching(session, shop_id, again_at=again_at)
    return found


def _next_moment(session: Session, shop_id: int, at: datetime) -> datetime | None:
    """Return when the next order that carries a code comes into time, or the next hold lapses."""
    order = sa.select(sa.func.min(col(Order.ordered_at))).where(
        col(Order.shop_id) == shop_id, col(Order.ordered_at) > at, col(Order.coupon_code) != ""
    )
    held = sa.select(sa.func.min(col(Coupon.hold_expires_at))).where(
        col(Coupon.shop_id) == shop_id,
        col(Coupon.offer_id).in_(sa.select(col(Offer.id)).where(col(Offer.shop_id) == shop_id)),  # as the index has it
        col(Coupon.state) == CouponState.HELD,
        col(Coupon.hold_expires_at) > at,
    )
    moments = [moment for each in (order, held) if (moment := session.execute(each).scalar()) is not None]
    return min(moments, default=None)
