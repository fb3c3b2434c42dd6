"""Coupons on their way: claimed, held at a checkout, redeemed by an order, given back.

Every move is one conditional UPDATE and the row it returns is the answer, so any number of people may try at once. An
order reference makes a redemption idempotent. A refusal says why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.offers import refusals
from campaigns.offers.coupons import LONGEST_HOLD, Coupon, CouponState
from campaigns.offers.credit import settle_redeemed_touches, write_claimed_touch
from campaigns.offers.freeing import free_coupons
from campaigns.offers.issuing import issue_anonymous
from campaigns.offers.links import Link
from campaigns.offers.match_marks import ask_to_match
from campaigns.offers.offers import Offer
from campaigns.offers.order_name import OrderName
from retention.database import choice, lock, reached
from retention.errors import NotFound
from retention.shops import Shop
from retention.tokens import read_code, spaced

HOLD = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Redemption:
    """A coupon used by an order. `discount` is in minor units; `again` when this order had used it before."""

    coupon: Coupon
    offer: Offer
    discount: int
    again: bool


def claim_coupon(session: Session, link: Link, *, at: datetime) -> Coupon:
    """Claim the coupon behind a link and start its clock; a second claim changes nothing.

    A link with an offer but no coupon, as on another shop's paper, gets its one coupon now. NotFound when the link
    promises none; Conflict when the offer is over or the coupon cannot be claimed any more.
    """
    if link.offer_id is None:
        raise NotFound("This link has no coupon.")
    coupon = session.get(Coupon, link.coupon_id) if link.coupon_id else _coupon_for(session, link, at=at)
    assert coupon is not None  # a foreign key says so
    return _claim(session, coupon, at=at)


def find_coupon(session: Session, shop: Shop, code: str) -> Coupon:
    """Return the coupon of a typed code; Invalid names a slip, NotFound an unknown code."""
    found = session.exec(select(Coupon).where(Coupon.shop_id == shop.id, Coupon.code == read_code(code))).first()
    if found is None:
        raise NotFound("This shop has no coupon {code}.", code=spaced(read_code(code))).typed("coupon-unknown")
    return found


def hold(
    session: Session,
    shop: Shop,
    code: str,
    *,
    order_reference: str,
    at: datetime,
    source: str = "",
    length: timedelta = HOLD,
) -> Coupon:
    """Keep a coupon for one checkout until `length` is over; the same checkout may hold again, which starts it again.

    It starts no clock: that is for a claim or an order to do.
    """
    order = OrderName(source, order_reference)
    coupon = find_coupon(session, shop, code)
    _check_usable(session, shop, coupon, at=at)
    held = {"state": CouponState.HELD, "held_by": order.reference, "order_source": order.source}
    if not _move(session, coupon, _free(order, at), **held, hold_expires_at=at + length):
        raise refusals.as_it_stands(shop, coupon, at=at)
    return coupon


def redeem(
    session: Session,
    shop: Shop,
    code: str,
    *,
    order_reference: str,
    amount: int,
    at: datetime,
    source: str = "",
    buyer_id: int | None = None,
) -> Redemption:
    """Use a coupon for an order of `amount` minor units, and keep what comes off.

    The same order again gets the same answer. What it held while the offer ran it may use after its end. Conflict says
    why not: expired, used, held, not begun, below the least amount, another amount than the same order had, another
    buyer's (only where `buyer_id` is given); Invalid a typing slip; NotFound an unknown code.
    """
    order = OrderName(source, order_reference)
    coupon = find_coupon(session, shop, code)
    offer = _offer_of(session, coupon)
    if _is_used_by(coupon, order):
        return _again(session, shop, coupon, offer, amount)
    held = coupon.state is CouponState.HELD and order.is_of(coupon.order_source, coupon.held_by)
    _check_usable(session, shop, coupon, at=at, held=held, amount=amount, buyer_id=buyer_id)
    if not _move(
        session, coupon, _free(order, at), **_used(offer, order, amount=amount, at=at, timezone=shop.timezone)
    ):
        if _is_used_by(coupon, order):
            return _again(session, shop, coupon, offer, amount)
        raise refusals.as_it_stands(shop, coupon, at=at)
    settle_redeemed_touches(session, shop.id, BitMap([coupon.id]))
    return Redemption(coupon, offer, coupon.discount or 0, again=False)


def give_back(session: Session, shop: Shop, *, order_reference: str, source: str = "", code: str = "") -> int:
    """Free what an order used, because it was cancelled or wholly returned; return how many. Their clock runs on.

    With `code` only that one of its coupons, and its hold of it ends too; Conflict when another order used it.
    """
    order = OrderName(source, order_reference)
    if not code:
        return len(free_coupons(session, shop.id, col(Coupon.order_reference) == order.reference, order.same_source()))
    coupon = find_coupon(session, shop, code)
    if coupon.order_reference and not order.is_of(coupon.order_source, coupon.order_reference):
        raise refusals.other_order(coupon)
    _let_go(session, coupon, order)
    its = (col(Coupon.id) == coupon.id, col(Coupon.order_reference) == order.reference, order.same_source())
    return len(free_coupons(session, shop.id, *its))


def _let_go(session: Session, coupon: Coupon, order: OrderName) -> None:
    """End the hold of an order that will not come; what was claimed stays claimed."""
    holds = sa.and_(col(Coupon.state) == CouponState.HELD, col(Coupon.held_by) == order.reference, order.same_source())
    before = sa.case(
        (col(Coupon.claimed_at).is_(None), _literal(CouponState.ISSUED)), else_=_literal(CouponState.CLAIMED)
    )
    _move(session, coupon, holds, state=before, held_by="", order_source="", hold_expires_at=None)


def _used(offer: Offer, order: OrderName, *, amount: int, at: datetime, timezone: str) -> dict[str, Any]:
    """Return what a coupon holds that an order has just used. Whoever never claimed it has now: the clock starts."""
    return {
        "state": CouponState.REDEEMED,
        "redeemed_at": at,
        "claimed_at": sa.func.coalesce(col(Coupon.claimed_at), at),
        "expires_at": sa.func.coalesce(col(Coupon.expires_at), offer.expiry(at, timezone)),
        "order_source": order.source,
        "order_reference": order.reference,
        "order_amount": amount,
        "discount": offer.discount(amount),
        "held_by": "",
        "hold_expires_at": None,
    }


def _again(session: Session, shop: Shop, coupon: Coupon, offer: Offer, amount: int) -> Redemption:
    """Answer an order that used the coupon already as the first time; Conflict for another amount.

    Where only the order's own code told us of it, this is the first time anybody says what it came to.
    """
    amounts = {"order_amount": amount, "discount": offer.discount(amount)}
    if coupon.order_amount is None:
        _move(session, coupon, col(Coupon.order_amount).is_(None), **amounts)
    if coupon.order_amount != amount:
        raise refusals.other_amount(shop, coupon, amount)
    return Redemption(coupon, offer, coupon.discount or 0, again=True)


def _claim(session: Session, coupon: Coupon, *, at: datetime) -> Coupon:
    """Start a coupon's clock once, also while a checkout holds it."""
    shop, offer = session.get_one(Shop, coupon.shop_id), _offer_of(session, coupon)
    unclaimed = coupon.claimed_at is None and coupon.state in _CLAIMABLE
    if unclaimed:
        _check_window(shop, offer, at)
    claimed = sa.case((col(Coupon.state) == CouponState.ISSUED, _literal(CouponState.CLAIMED)), else_=col(Coupon.state))
    started = {"state": claimed, "claimed_at": at, "expires_at": offer.expiry(at, shop.timezone)}
    still = sa.and_(col(Coupon.state).in_(_CLAIMABLE), col(Coupon.claimed_at).is_(None))
    if unclaimed and _move(session, coupon, still, **started):
        write_claimed_touch(session, coupon, at=at)
    elif coupon.state is CouponState.VOID:
        raise refusals.as_it_stands(shop, coupon, at=at)
    return coupon


_CLAIMABLE = (CouponState.ISSUED, CouponState.HELD)


def _literal(state: CouponState) -> sa.ColumnElement[CouponState]:
    return sa.literal(state, choice(CouponState))


def _coupon_for(session: Session, link: Link, *, at: datetime) -> Coupon:
    """Make the coupon of a link that has none yet; whoever comes second gets the one of the first."""
    offer = session.get_one(Offer, link.offer_id)
    _check_window(session.get_one(Shop, link.shop_id), offer, at)
    lock(session, link)
    if link.coupon_id is None:
        link.coupon_id = issue_anonymous(session, offer, at=at).id
        session.add(link)
        session.flush()
    return session.get_one(Coupon, link.coupon_id)


def _check_usable(
    session: Session,
    shop: Shop,
    coupon: Coupon,
    *,
    at: datetime,
    held: bool = False,
    amount: int | None = None,
    buyer_id: int | None = None,
) -> None:
    """Refuse what no checkout may have. What this one `held` it had while the offer ran."""
    if coupon.state in {CouponState.REDEEMED, CouponState.VOID}:
        raise refusals.as_it_stands(shop, coupon, at=at)
    offer = _offer_of(session, coupon)
    if not held:
        _check_window(shop, offer, at)
    _check_unlocked(session, offer, coupon)
    if amount is not None and amount < offer.minimum:
        raise refusals.below_minimum(shop, offer, amount)
    if buyer_id is not None and coupon.buyer_id is not None and buyer_id != coupon.buyer_id:
        raise refusals.other_buyer(coupon)


def joined(session: Session, offer: Offer) -> int:
    """Return how many have claimed a coupon of an offer, whatever they did with it since."""
    claimed = select(sa.func.count()).where(
        Coupon.shop_id == offer.shop_id, Coupon.offer_id == offer.id, col(Coupon.claimed_at).is_not(None)
    )
    return session.exec(claimed).one()


def still_missing(session: Session, offer: Offer) -> int:
    """Return how many have yet to join before anybody can redeem; 0 for an offer that is open."""
    return max(0, offer.unlock_at - joined(session, offer)) if offer.unlock_at else 0


def _check_unlocked(session: Session, offer: Offer, coupon: Coupon) -> None:
    """Raise Conflict, saying how many are missing, while too few have joined; one's own claim comes before its use."""
    if offer.unlock_at is None:
        return
    if missing := still_missing(session, offer):
        raise refusals.too_few_joined(offer, missing)
    if coupon.claimed_at is None:
        raise refusals.not_claimed(coupon)


def _check_window(shop: Shop, offer: Offer, at: datetime) -> None:
    if offer.starts_at and at < offer.starts_at:
        raise refusals.not_begun(shop, offer)
    if offer.ends_at and at >= offer.ends_at:
        raise refusals.offer_over(shop, offer, at=at)


def _free(order: OrderName, at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition under which an order may take a coupon: nobody has it, or this order holds it.

    Whoever held it first may have it after its end, as long as nobody else took it since.
    """
    mine = sa.and_(col(Coupon.held_by) == order.reference, order.same_source())
    lapsed = sa.and_(col(Coupon.state) == CouponState.HELD, reached(Coupon.hold_expires_at, at, longest=LONGEST_HOLD))
    nobody = sa.or_(col(Coupon.state).in_((CouponState.ISSUED, CouponState.CLAIMED)), lapsed)
    in_time = sa.or_(col(Coupon.expires_at).is_(None), col(Coupon.expires_at) > at)
    return sa.or_(sa.and_(col(Coupon.state) == CouponState.HELD, mine), sa.and_(nobody, in_time))


def _move(session: Session, coupon: Coupon, condition: sa.ColumnElement[bool], **values: Any) -> bool:
    """Change the coupon if `condition` holds in the database now; either way, return with the row as it stands."""
    moved = sa.update(Coupon).where(col(Coupon.id) == coupon.id, condition).values(**values)
    won = session.execute(moved.returning(col(Coupon.id)), execution_options={"synchronize_session": False}).first()
    session.refresh(coupon)
    if won is not None:
        ask_to_match(session, coupon.shop_id)
    return won is not None


def _is_used_by(coupon: Coupon, order: OrderName) -> bool:
    return coupon.state is CouponState.REDEEMED and order.is_of(coupon.order_source, coupon.order_reference)


def _offer_of(session: Session, coupon: Coupon) -> Offer:
    return session.get_one(Offer, coupon.offer_id)
