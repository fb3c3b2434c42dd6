"""A delivery whose coupon nobody can use any more: no message and no paper carries it again."""

from datetime import datetime

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import col

from campaigns.campaign.posts import goes_to_groups
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import any_of
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule
from retention.bitmaps import read_bitmap

_USED = col(Coupon.state) == CouponState.REDEEMED


def _drop(funnel: Funnel) -> Dropped:
    """Yield whose coupon of the offer is spent before the first of them is due: nobody gets a second one."""
    campaign = funnel.campaign
    if campaign.offer_id and not goes_to_groups(campaign):
        yield Reason.COUPON_USED, _buyers(funnel, _USED)
        yield Reason.COUPON_OVER, _buyers(funnel, sa.and_(~_USED, _over(funnel.send_times.first)))


def _buyers(funnel: Funnel, spent: sa.ColumnElement[bool]) -> BitMap:
    of_offer = (col(Coupon.shop_id) == funnel.shop.id, col(Coupon.offer_id) == funnel.campaign.offer_id)
    owned = sa.select(col(Coupon.buyer_id)).where(*of_offer, col(Coupon.buyer_id).is_not(None))
    return read_bitmap(funnel.session, owned.where(spent))


def _over(at: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(col(Coupon.state) == CouponState.VOID, col(Coupon.expires_at) <= at)


def _refuse(check: Check, row: PendingDelivery) -> Reason | None:
    return check.once("spent coupons", lambda: _spent(check)).get(row.coupon_id) if row.coupon_id else None


def _spent(check: Check) -> dict[int, Reason]:
    """Return the coupons nobody can use any more, each with why."""
    coupons = {row.coupon_id for row in check.rows.values() if row.coupon_id}
    rows = check.session.execute(
        sa.select(col(Coupon.id), col(Coupon.state)).where(
            any_of(col(Coupon.id), coupons), sa.or_(_USED, _over(check.at))
        )
    )
    used = CouponState.REDEEMED
    return {number: Reason.COUPON_USED if state == used else Reason.COUPON_OVER for number, state in rows}


COUPON = Rule("coupon", drop=_drop, refuse=_refuse)
