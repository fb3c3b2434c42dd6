"""Coupons at the checkout: look at one, hold it, redeem it, give it back."""

from typing import Annotated

from fastapi import Path
from pydantic import Field
from sqlmodel import Session

from api.deps import Now, Reading, Writing
from api.shapes.coupons import CouponOut, RedeemedOut
from api.shapes.shape import Input
from api.v1.amounts import Amount, read_amount, write_amount
from api.v1.callers import Caller, caller_with
from api.v1.routing import router_for
from campaigns.offers import redeem
from campaigns.offers.coupons import Coupon
from campaigns.offers.offers import get_offer
from retention.access import Scope
from retention.buyers import buyer_for
from retention.i18n import current_locale
from retention.moments import last_day
from retention.tokens import spaced

router = router_for("coupons")

Cashier = Annotated[Caller, caller_with(Scope.COUPONS_REDEEM)]
Code = Annotated[str, Path(max_length=40, description="As typed: any case, with or without dashes.")]


class OrderRefIn(Input):
    """The order or checkout that asks."""

    order_id: str = Field(
        min_length=1,
        max_length=200,
        description="The order's own id, or that of the cart or checkout while it is held.",
    )
    source: str = Field("", max_length=50, description="Which system numbers these orders, as for /orders.")


class RedeemIn(OrderRefIn):
    """An order that uses a coupon."""

    amount: Amount = Field(description="What the goods cost before the coupon.")
    buyer_id: str = Field("", max_length=200, description="When given, the coupon must be this buyer's or nobody's.")


@router.get("/coupons/{code}")
def show(code: Code, session: Reading, caller: Cashier) -> CouponOut:
    """Show a coupon and its terms. Scope coupons:redeem."""
    return _shown(session, caller, redeem.find_coupon(session, caller.shop, code))


@router.post("/coupons/{code}/hold")
def hold(code: Code, sent: OrderRefIn, session: Writing, at: Now, caller: Cashier) -> CouponOut:
    """Keep a coupon for one checkout for a quarter of an hour. Scope coupons:redeem."""
    held = redeem.hold(session, caller.shop, code, order_reference=sent.order_id, source=sent.source, at=at)
    return _shown(session, caller, held)


@router.post("/coupons/{code}/redeem")
def use(code: Code, sent: RedeemIn, session: Writing, at: Now, caller: Cashier) -> RedeemedOut:
    """Use a coupon for an order; the same order and amount again gets the same answer. Scope coupons:redeem."""
    used = redeem.redeem(
        session,
        caller.shop,
        code,
        order_reference=sent.order_id,
        source=sent.source,
        amount=read_amount(sent.amount, caller.shop),
        buyer_id=buyer_for(session, caller.member, sent.buyer_id).id if sent.buyer_id else None,
        at=at,
    )
    discount = write_amount(used.discount, caller.shop)
    return RedeemedOut(coupon=_shown(session, caller, used.coupon), discount=discount, again=used.again)


@router.post("/coupons/{code}/give-back")
def give_back(code: Code, sent: OrderRefIn, session: Writing, caller: Cashier) -> CouponOut:
    """Free this coupon of an order that was cancelled or wholly returned, or end its hold. Scope coupons:redeem."""
    redeem.give_back(session, caller.shop, order_reference=sent.order_id, source=sent.source, code=code)
    coupon = redeem.find_coupon(session, caller.shop, code)
    return _shown(session, caller, coupon)


def _shown(session: Session, caller: Caller, coupon: Coupon) -> CouponOut:
    offer = get_offer(session, coupon.offer_id)
    ends = coupon.expires_at or offer.ends_at
    return CouponOut(
        code=spaced(coupon.code),
        state=coupon.state,
        offer=offer.slug,
        kind=offer.kind,
        headline=offer.headline(caller.shop.currency, current_locale()),
        minimum=write_amount(offer.minimum, caller.shop),
        currency=caller.shop.currency,
        expires_at=coupon.expires_at,
        last_day=last_day(ends, caller.shop.timezone) if ends else None,
        hold_expires_at=coupon.hold_expires_at,
        order_id=coupon.order_reference,
        source=coupon.order_source,
    )
