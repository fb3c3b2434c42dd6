"""An offer as the public page shows it: texts and a state, computed from rows and the time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.offers import Offer
from retention.i18n import current_locale, ngettext
from retention.i18n import gettext as _
from retention.moments import show_end
from retention.shops import Shop
from retention.tokens import spaced

State = Literal["open", "claimed", "used", "over", "void", "early"]


@dataclass(frozen=True)
class OfferView:
    """What the landing page says. `code` is empty while nobody has a code yet."""

    state: State
    headline: str
    terms: str
    window: str
    code: str
    ends: str


def view_offer(shop: Shop, offer: Offer, coupon: Coupon | None, *, at: datetime) -> OfferView:
    """Return the view in the language being spoken; days are the shop's."""
    ends_at = coupon.expires_at if coupon and coupon.expires_at else offer.expiry(at, shop.timezone)
    return OfferView(
        state=_state(offer, coupon, at),
        headline=offer.headline(shop.currency, current_locale()),
        terms=offer.terms(shop.currency, current_locale()),
        window=_window(shop, offer, at),
        code=spaced(coupon.code) if coupon else "",
        ends=show_end(ends_at, shop.timezone, at=at) if ends_at else "",
    )


def _state(offer: Offer, coupon: Coupon | None, at: datetime) -> State:
    if coupon and coupon.state is CouponState.VOID:
        return "void"
    if coupon and coupon.state is CouponState.REDEEMED:
        return "used"
    if coupon and coupon.expires_at and coupon.expires_at <= at:
        return "over"
    if offer.ends_at and offer.ends_at <= at:
        return "over"
    if coupon and coupon.claimed_at:
        return "claimed"
    return "early" if offer.starts_at and offer.starts_at > at else "open"


def _window(shop: Shop, offer: Offer, at: datetime) -> str:
    """Return for how long the offer is good: from the claim, and until when at all."""
    days, parts = offer.days_from_claim, []
    if days:
        words = ngettext("Valid for {days} day from claiming", "Valid for {days} days from claiming", days)
        parts.append(words.format(days=days))
    if offer.ends_at:
        parts.append(_("Valid until {day}").format(day=show_end(offer.ends_at, shop.timezone, at=at)))
    return " · ".join(parts)
