"""Credit: the campaign to which a coupon's claim or redemption is attributed, and the touches that record it.

It is the campaign of the last delivery of that coupon to its buyer before the moment. What was launched or sent
later brought nothing, so where no delivery came before, no campaign is credited.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.offers.coupons import Coupon, CouponState
from retention.bitmaps import ids_in, read_bitmap
from retention.database import choice
from retention.orders import Order
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version

Moment = sa.SQLColumnExpression[datetime]

HANDED_AT: Moment = sa.func.coalesce(col(Delivery.handed_at), col(Delivery.sent_at), col(Run.planned_at))
"""When a delivery, joined to its run, reached the buyer; of one that is not known to have left, when it was planned.

A message counts from when it began to leave: that it arrived is written down later, and buyers may be quicker.
"""

_REACHED = sa.case((col(Delivery.state).in_((DeliveryState.SENT, DeliveryState.UNKNOWN)), 1), else_=0)
_NO_SYNC = {"synchronize_session": False}


def last_delivery(moment: Moment) -> sa.ScalarSelect[int]:
    """Return the delivery that handed a coupon to its buyer last before `moment`, for a query about coupons.

    One that is known to have left comes before one that is not: paper that still waits has brought nobody anything.
    """
    handed = (
        sa.select(col(Delivery.id))
        .join(Run, col(Run.id) == Delivery.run_id)
        .where(
            col(Delivery.shop_id) == Coupon.shop_id,
            col(Delivery.buyer_id) == Coupon.buyer_id,
            col(Delivery.coupon_id) == Coupon.id,
            col(Run.planned_at) <= moment,
            moment >= HANDED_AT,
        )
        .order_by(_REACHED.desc(), HANDED_AT.desc(), col(Delivery.id).desc())
        .limit(1)
    )
    return handed.correlate(Coupon, Order).scalar_subquery()


def campaign_slug(moment: Moment) -> sa.ColumnElement[str]:
    """Return the slug of the campaign credited at `moment`, "" for none, for a query about coupons."""
    slug = (
        sa.select(col(Campaign.slug))
        .join(Delivery, col(Delivery.campaign_id) == Campaign.id)
        .where(col(Delivery.id) == last_delivery(moment))
    )
    return sa.func.coalesce(slug.correlate(Coupon, Order).scalar_subquery(), "")


REDEEMED_AT: Moment = sa.func.coalesce(
    sa.select(col(Order.ordered_at)).where(col(Order.id) == Coupon.order_id).correlate(Coupon).scalar_subquery(),
    col(Coupon.redeemed_at),
    type_=UTCDateTime(),
)
"""When a coupon was used: the time of its order, or of the checkout as long as the order has not come in."""


def write_claimed_touch(session: Session, coupon: Coupon, *, at: datetime) -> None:
    """Add the touch of a claim; paper that belongs to no buyer leaves none."""
    if coupon.buyer_id is None:
        return
    session.flush()
    _add(session, TouchEvent.CLAIMED, sa.literal(at, UTCDateTime()), col(Coupon.id) == coupon.id)
    raise_version(session, coupon.shop_id, Family.TOUCHES)


def settle_redeemed_touches(session: Session, shop_id: int, coupons: BitMap) -> None:
    """Make the `redeemed` touches of these coupons what their rows say: one for each that is used, none for the others.

    A touch whose redemption moved to another order keeps its number, so that webhooks are not called twice.
    """
    if not coupons:
        return
    session.flush()
    these = ids_in(session, coupons)
    used = (*_used(shop_id), col(Coupon.buyer_id).is_not(None))
    touches = (*_redeemed_touches(shop_id), col(Touch.coupon_id).in_(these))
    mine = (*used, col(Coupon.id) == Touch.coupon_id)
    there = sa.select(sa.literal(1)).where(*mine).correlate(Touch).exists()
    session.execute(sa.delete(Touch).where(*touches, ~there), execution_options=_NO_SYNC)

    def now(column: sa.SQLColumnExpression[Any]) -> sa.ScalarSelect[Any]:
        return sa.select(column).where(*mine).correlate(Touch).scalar_subquery()

    moved = {"campaign": now(campaign_slug(REDEEMED_AT)), "at": now(REDEEMED_AT)}
    session.execute(sa.update(Touch).where(*touches, there).values(**moved), execution_options=_NO_SYNC)
    has = (
        sa.select(sa.literal(1))
        .where(*_redeemed_touches(shop_id), col(Touch.coupon_id) == Coupon.id)
        .correlate(Coupon)
        .exists()
    )
    _add(session, TouchEvent.REDEEMED, REDEEMED_AT, *used, col(Coupon.id).in_(these), ~has)
    raise_version(session, shop_id, Family.TOUCHES)


def coupons_with_stale_touches(session: Session, shop_id: int) -> BitMap:
    """Return the coupons of a shop whose `redeemed` touch is missing, left over, or not at the time of the order."""
    touch = sa.and_(*_redeemed_touches(shop_id), col(Touch.coupon_id) == Coupon.id)
    missing = (
        sa.select(col(Coupon.id))
        .outerjoin(Touch, touch)
        .where(
            *_used(shop_id),
            col(Coupon.buyer_id).is_not(None),
            sa.or_(col(Touch.id).is_(None), col(Touch.at) != REDEEMED_AT),
        )
    )
    left_over = (
        sa.select(col(Coupon.id))
        .join(Touch, touch)
        .where(col(Coupon.shop_id) == shop_id, col(Coupon.state) != CouponState.REDEEMED)
    )
    return read_bitmap(session, missing) | read_bitmap(session, left_over)


def _used(shop_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (col(Coupon.shop_id) == shop_id, col(Coupon.state) == CouponState.REDEEMED)


def _redeemed_touches(shop_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (col(Touch.shop_id) == shop_id, col(Touch.event) == TouchEvent.REDEEMED)


def _add(session: Session, event: TouchEvent, moment: Moment, *which: sa.ColumnElement[bool]) -> None:
    """Add a touch at `moment` for each coupon that meets these conditions."""
    values: dict[str, Any] = {
        "shop_id": col(Coupon.shop_id),
        "buyer_id": col(Coupon.buyer_id),
        "event": sa.literal(event, choice(TouchEvent)),
        "campaign": campaign_slug(moment),
        "at": moment,
        "coupon_id": col(Coupon.id),
    }
    of_coupons = sa.select(*values.values()).where(*which).order_by(col(Coupon.id))
    session.execute(sa.insert(Touch).from_select(list(values), of_coupons, include_defaults=False))
