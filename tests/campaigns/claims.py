"""What tests of coupons share: a claim of the coupon that a code names, as its own link would make it."""

from datetime import datetime

from sqlmodel import Session

from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.offers.redeem import claim_coupon, find_coupon
from retention.shops import Shop


def claim_by_code(session: Session, shop: Shop, code: str, *, at: datetime) -> Coupon:
    coupon = find_coupon(session, shop, code)
    link = Link(
        shop_id=shop.id,
        host_shop_id=shop.id,
        token=code,
        medium="parcel",
        offer_id=coupon.offer_id,
        coupon_id=coupon.id,
        created_at=at,
    )
    return claim_coupon(session, link, at=at)
