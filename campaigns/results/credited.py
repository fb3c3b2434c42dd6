"""Credited orders: by the code an order used, and by the last touch before it. Each order is credited once per view.

Both follow from stored rows alone, whatever the order in which they came in, and neither looks beyond its moment.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, Delivery, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.recipes import MESSAGE_DAYS, PARCEL_DAYS
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.credit import HANDED_AT, last_delivery
from retention.orders import Order
from retention.touches import Touch, TouchEvent

TOUCH_WINDOW = {medium: timedelta(days=PARCEL_DAYS if medium is Medium.PARCEL else MESSAGE_DAYS) for medium in Medium}
"""How long the last touch may claim an order."""


class CreditedOrders(NamedTuple):
    """Counted orders and what they brought: paid minus refunded, in minor units."""

    orders: int
    revenue: int


def coupons_used(session: Session, campaign: Campaign, *, at: datetime) -> tuple[int, int]:
    """Return how many coupons were claimed, or used without that, and how many were used, each under this campaign."""
    coupon = sa.distinct(col(Touch.coupon_id))
    redeemed = sa.case((col(Touch.event) == TouchEvent.REDEEMED, col(Touch.coupon_id)))
    rows = sa.select(sa.func.count(coupon), sa.func.count(sa.distinct(redeemed))).where(
        col(Touch.shop_id) == campaign.shop_id,
        col(Touch.event).in_((TouchEvent.CLAIMED, TouchEvent.REDEEMED)),
        col(Touch.campaign) == campaign.slug,
        col(Touch.at) <= at,
    )
    claimed, used = session.execute(rows).one()
    return int(claimed), int(used)


def code_matched(session: Session, campaign: Campaign, *, at: datetime) -> CreditedOrders:
    """Count the orders that used a coupon this campaign was the last to deliver before them.

    An order that used several coupons belongs to the latest of their deliveries.
    """
    delivered = _deliveries_behind_orders(campaign, at=at).subquery()
    latest = sa.func.row_number().over(
        partition_by=delivered.c.order_id, order_by=(HANDED_AT.desc(), col(Delivery.id).desc(), delivered.c.coupon_id)
    )
    ranked = (
        sa.select(delivered.c.spent, col(Delivery.campaign_id), latest.label("turn"))
        .join_from(delivered, Delivery, col(Delivery.id) == delivered.c.delivery_id)
        .join(Run, col(Run.id) == Delivery.run_id)
        .subquery()
    )
    mine = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(ranked.c.spent), 0)).where(
        ranked.c.turn == 1, ranked.c.campaign_id == campaign.id
    )
    orders, revenue = session.execute(mine).one()
    return CreditedOrders(int(orders), int(revenue))


def _deliveries_behind_orders(campaign: Campaign, *, at: datetime) -> sa.Select[int, int, int, int]:
    """Return (order_id, spent, coupon_id, delivery_id) of each coupon used by an order in question."""
    own = aliased(Coupon)
    in_question = (
        sa.select(col(own.order_id))
        .join(Touch, sa.and_(col(Touch.shop_id) == own.shop_id, col(Touch.coupon_id) == own.id))
        .where(
            col(own.shop_id) == campaign.shop_id,
            col(own.order_id).is_not(None),
            col(Touch.event) == TouchEvent.REDEEMED,
            col(Touch.campaign) == campaign.slug,
        )
    )
    return (
        sa.select(
            col(Order.id).label("order_id"),
            (col(Order.amount) - col(Order.refunded)).label("spent"),
            col(Coupon.id).label("coupon_id"),
            last_delivery(col(Order.ordered_at)).label("delivery_id"),
        )
        .join_from(Coupon, Order, sa.and_(col(Order.id) == Coupon.order_id, col(Order.shop_id) == Coupon.shop_id))
        .where(
            col(Coupon.shop_id) == campaign.shop_id,
            col(Coupon.state) == CouponState.REDEEMED,
            col(Coupon.order_id).in_(in_question),
            col(Order.counts),
            col(Order.ordered_at) <= at,
        )
    )


def last_touch(session: Session, campaign: Campaign, *, at: datetime) -> CreditedOrders:
    """Count the orders before which this campaign was the last touch, if it was recent enough.

    Using its coupon is the latest touch there can be: it comes after whatever else happened at that moment.
    """
    later = aliased(Touch)
    between = sa.select(col(later.id)).where(
        col(later.shop_id) == Touch.shop_id,
        col(later.buyer_id) == Touch.buyer_id,
        col(later.at) <= Order.ordered_at,
        col(later.at) >= Touch.at,
        sa.or_(
            col(later.at) > Touch.at,
            _rank(later) > _rank(Touch),
            sa.and_(_rank(later) == _rank(Touch), _number(later) > _number(Touch)),
        ),
    )
    credited = (
        sa.select(col(Order.ordered_at), col(Touch.at), col(Order.amount) - col(Order.refunded))
        .select_from(Order)
        .join(Touch, sa.and_(col(Touch.shop_id) == Order.shop_id, col(Touch.buyer_id) == Order.buyer_id))
        .where(
            col(Order.shop_id) == campaign.shop_id,
            col(Order.counts),
            col(Order.ordered_at) <= at,
            col(Touch.campaign) == campaign.slug,
            col(Touch.at) <= Order.ordered_at,
            ~between.exists(),
        )
    )
    window = TOUCH_WINDOW[campaign.medium]
    spent = [amount for ordered, touched, amount in session.execute(credited) if ordered - touched <= window]
    return CreditedOrders(len(spent), sum(spent))


def _rank(touch: type[Touch]) -> sa.ColumnElement[int]:
    return sa.case((col(touch.event) == TouchEvent.REDEEMED, 1), else_=0)


def _number(touch: type[Touch]) -> sa.ColumnElement[int]:
    """Return what settles a tie: of two coupons used at once the later made, in whatever order they were found."""
    return sa.case((col(touch.event) == TouchEvent.REDEEMED, col(touch.coupon_id)), else_=col(touch.id))
