"""Coupons and their terms."""

from datetime import date, datetime

from pydantic import Field

from api.shapes.shape import Shape
from campaigns.offers.coupons import CouponState
from campaigns.offers.offers import OfferKind


class CouponOut(Shape):
    """A coupon and its terms."""

    code: str
    state: CouponState = Field(
        description="`issued`: not yet claimed. `claimed`: claimed by the buyer. `held`: reserved for a checkout. "
        "`redeemed`: used by an order. `void`: withdrawn. A coupon that is past its date keeps its state: see "
        "`expires_at`."
    )
    offer: str
    kind: OfferKind = Field(
        description="What the offer gives: an amount or percentage off, free shipping, a gift or a sample."
    )
    headline: str = Field(description="The offer as people read it, in the language of the request.")
    minimum: str = Field(description="The least order amount.")
    currency: str
    expires_at: datetime | None = Field(description="The moment from which a claimed coupon works no more.")
    last_day: date | None = Field(description="The last day on which it works, in the shop's time zone; for people.")
    hold_expires_at: datetime | None
    order_id: str = Field(description="The order that used it.")
    source: str = Field(description="The system that numbers this order, where it was said.")


class RedeemedOut(Shape):
    """A used coupon. `again` when this order had used it before; nothing changed then."""

    coupon: CouponOut
    discount: str = Field(description="What comes off the order.")
    again: bool
