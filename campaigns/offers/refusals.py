"""Refusals of coupons: a sentence for people and a stable name for programs."""

from datetime import datetime

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.offers import Offer
from retention import money
from retention.errors import Conflict
from retention.i18n import current_locale
from retention.moments import show_end, show_moment
from retention.shops import Shop
from retention.tokens import spaced


def not_begun(shop: Shop, offer: Offer) -> Conflict:
    assert offer.starts_at is not None
    start = show_moment(offer.starts_at, shop.timezone)
    return Conflict("The offer begins at {start}.", start=start).typed("offer-not-begun")


def offer_over(shop: Shop, offer: Offer, *, at: datetime) -> Conflict:
    assert offer.ends_at is not None
    end = show_end(offer.ends_at, shop.timezone, at=at)
    return Conflict("The offer has ended: its last day was {end}.", end=end).typed("offer-over")


def too_few_joined(offer: Offer, missing: int) -> Conflict:
    return Conflict(
        "This offer unlocks when {people} have joined; {missing} more are needed.",
        people=offer.unlock_at,
        missing=missing,
    ).typed("offer-locked")


def not_claimed(coupon: Coupon) -> Conflict:
    conflict = Conflict("Claim the coupon {code} first, then use it.", code=spaced(coupon.code))
    return conflict.typed("coupon-not-claimed")


def below_minimum(shop: Shop, offer: Offer, amount: int) -> Conflict:
    return Conflict(
        "This coupon is for orders from {minimum}; this one is {amount}.",
        minimum=_money(offer.minimum, shop),
        amount=_money(amount, shop),
    ).typed("amount-below-minimum")


def other_buyer(coupon: Coupon) -> Conflict:
    conflict = Conflict("The coupon {code} belongs to another buyer.", code=spaced(coupon.code))
    return conflict.typed("coupon-of-another-buyer")


def other_order(coupon: Coupon) -> Conflict:
    conflict = Conflict("The coupon {code} was used by another order.", code=spaced(coupon.code))
    return conflict.typed("coupon-of-another-order")


def other_amount(shop: Shop, coupon: Coupon, amount: int) -> Conflict:
    return Conflict(
        "This order redeemed the coupon {code} for {stored}; it cannot be redeemed for {amount} now. Cancel that "
        "redemption first.",
        code=spaced(coupon.code),
        stored=_money(coupon.order_amount or 0, shop),
        amount=_money(amount, shop),
    ).typed("amount-differs")


def as_it_stands(shop: Shop, coupon: Coupon, *, at: datetime) -> Conflict:
    """Return why nobody, or nobody else, can have a coupon now."""
    code = spaced(coupon.code)
    if coupon.state is CouponState.REDEEMED:
        return Conflict("The coupon {code} has already been used.", code=code).typed("coupon-used")
    if coupon.state is CouponState.VOID:
        return Conflict("The coupon {code} is void.", code=code).typed("coupon-void")
    if coupon.expires_at and coupon.expires_at <= at:
        end = show_end(coupon.expires_at, shop.timezone, at=at)
        conflict = Conflict("The coupon {code} has expired: its last day was {end}.", code=code, end=end)
        return conflict.typed("coupon-expired")
    return Conflict("The coupon {code} is reserved by another checkout.", code=code).typed("coupon-held")


def _money(amount: int, shop: Shop) -> str:
    return money.show(amount, shop.currency, current_locale())
