"""A delivery whose coupon nobody can use any more: no message and no paper carries it again."""

import sqlalchemy as sa
from sqlmodel import col

from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import any_of
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.plans.rules.rule import Check, Leaving, Rule


def _refuse(check: Check, row: Leaving) -> Reason | None:
    return check.once("spent coupons", lambda: _spent(check)).get(row.coupon_id) if row.coupon_id else None


def _spent(check: Check) -> dict[int, Reason]:
    """Return the coupons nobody can use any more, each with why."""
    coupons = {row.coupon_id for row in check.rows.values() if row.coupon_id}
    over = sa.or_(col(Coupon.state) == CouponState.VOID, col(Coupon.expires_at) <= check.at)
    rows = check.session.execute(
        sa.select(col(Coupon.id), col(Coupon.state)).where(
            any_of(col(Coupon.id), coupons), sa.or_(col(Coupon.state) == CouponState.REDEEMED, over)
        )
    )
    used = CouponState.REDEEMED
    return {number: Reason.COUPON_USED if state == used else Reason.COUPON_OVER for number, state in rows}


COUPON = Rule(refuse=_refuse)
