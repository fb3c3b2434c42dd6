"""Coupons on their way: claimed, held at a checkout, redeemed by an order, given back.

Every move is one conditional UPDATE and the row it returns is the answer, so any number of people may try at once. An
order reference makes a redemption idempotent. A refusal says why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.campaigns import Campaign, Delivery
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.freeing import free_coupons
from campaigns.offers.issuing import issue_anonymous
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer
from retention import money
from retention.database import lock
from retention.errors import Conflict, Invalid, NotFound
from retention.shops import Shop
from retention.tokens import read_code, spaced
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version
from retention.words import current_locale

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
        raise NotFound("Behind this address is no coupon.")
    coupon = session.get(Coupon, link.coupon_id) if link.coupon_id else _coupon_for(session, link, at=at)
    assert coupon is not None  # a foreign key says so
    return _claim(session, coupon, at=at)


def claim_code(session: Session, shop: Shop, code: str, *, at: datetime) -> Coupon:
    """Claim by the code somebody typed from paper; Invalid names a slip, NotFound an unknown code."""
    return _claim(session, find_coupon(session, shop, code), at=at)


def find_coupon(session: Session, shop: Shop, code: str) -> Coupon:
    """Return the coupon of a typed code; Invalid names a slip, NotFound an unknown code."""
    found = session.exec(select(Coupon).where(Coupon.shop_id == shop.id, Coupon.code == read_code(code))).first()
    if found is None:
        raise NotFound("This shop has no coupon {code}.", code=spaced(read_code(code)))
    return found


def hold(
    session: Session, shop: Shop, code: str, *, order_reference: str, at: datetime, length: timedelta = HOLD
) -> Coupon:
    """Keep a coupon for one checkout until `length` is over; the same checkout may hold again, which starts anew."""
    coupon = find_coupon(session, shop, code)
    _check_usable(session, shop, coupon, at=at)
    held = {"state": CouponState.HELD, "held_by": _checked(order_reference), "hold_expires_at": at + length}
    if not _move(session, coupon, _free(order_reference, at), **held):
        raise _refusal(coupon, at=at)
    return coupon


def redeem(
    session: Session,
    shop: Shop,
    code: str,
    *,
    order_reference: str,
    amount: int,
    at: datetime,
    buyer_id: int | None = None,
) -> Redemption:
    """Use a coupon for an order of `amount` minor units.

    The same order again gets the same answer. Conflict says why not: expired, used, held, not begun, below the least
    amount, another buyer's (only where `buyer_id` is given); Invalid a typing slip; NotFound an unknown code.
    """
    coupon = find_coupon(session, shop, code)
    offer = _offer_of(session, coupon)
    if _is_used_by(coupon, _checked(order_reference)):
        return Redemption(coupon, offer, offer.discount(amount), again=True)
    _check_usable(session, shop, coupon, at=at, amount=amount, buyer_id=buyer_id)
    used = {"state": CouponState.REDEEMED, "redeemed_at": at, "order_reference": order_reference}
    claimed = {"claimed_at": sa.func.coalesce(Coupon.claimed_at, at)}
    if not _move(session, coupon, _free(order_reference, at), **used, **claimed, held_by="", hold_expires_at=None):
        if _is_used_by(coupon, order_reference):
            return Redemption(coupon, offer, offer.discount(amount), again=True)
        raise _refusal(coupon, at=at)
    _touch(session, coupon, TouchEvent.REDEEMED, at=at)
    return Redemption(coupon, offer, offer.discount(amount), again=False)


def give_back(session: Session, shop: Shop, *, order_reference: str) -> int:
    """Free the coupons of an order that was cancelled or wholly returned; return how many. Their clock runs on."""
    return len(free_coupons(session, shop.id, col(Coupon.order_reference) == _checked(order_reference)))


def _claim(session: Session, coupon: Coupon, *, at: datetime) -> Coupon:
    offer = _offer_of(session, coupon)
    if coupon.state is CouponState.ISSUED:
        _check_window(offer, at)
    started = {"state": CouponState.CLAIMED, "claimed_at": at, "expires_at": offer.expiry(at)}
    if _move(session, coupon, col(Coupon.state) == CouponState.ISSUED, **started):
        _touch(session, coupon, TouchEvent.CLAIMED, at=at)
    elif coupon.state is CouponState.VOID:
        raise _refusal(coupon, at=at)
    return coupon


def _coupon_for(session: Session, link: Link, *, at: datetime) -> Coupon:
    """Make the coupon of a link that has none yet; whoever comes second gets the one of the first."""
    offer = session.get_one(Offer, link.offer_id)
    _check_window(offer, at)
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
    amount: int | None = None,
    buyer_id: int | None = None,
) -> None:
    offer = _offer_of(session, coupon)
    _check_window(offer, at)
    _check_unlocked(session, offer, coupon)
    if amount is not None and amount < offer.minimum:
        raise Conflict(
            "This coupon is for orders from {minimum}; this one is {amount}.",
            minimum=money.show(offer.minimum, shop.currency, current_locale()),
            amount=money.show(amount, shop.currency, current_locale()),
        )
    if buyer_id is not None and coupon.buyer_id is not None and buyer_id != coupon.buyer_id:
        raise Conflict("The coupon {code} belongs to another buyer.", code=spaced(coupon.code))


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
        raise Conflict(
            "This offer opens when {people} have joined; {missing} are missing.",
            people=offer.unlock_at,
            missing=missing,
        )
    if coupon.claimed_at is None:
        raise Conflict("Join first: claim the coupon {code}, then use it.", code=spaced(coupon.code))


def _check_window(offer: Offer, at: datetime) -> None:
    if offer.starts_at and at < offer.starts_at:
        raise Conflict("The offer begins at {start}.", start=f"{offer.starts_at:%Y-%m-%d %H:%M} UTC")
    if offer.ends_at and at >= offer.ends_at:
        raise Conflict("The offer ended at {end}.", end=f"{offer.ends_at:%Y-%m-%d %H:%M} UTC")


def _free(order_reference: str, at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition under which an order may take a coupon."""
    mine = sa.or_(col(Coupon.held_by) == order_reference, col(Coupon.hold_expires_at) <= at)
    return sa.and_(
        sa.or_(
            col(Coupon.state).in_((CouponState.ISSUED, CouponState.CLAIMED)),
            sa.and_(col(Coupon.state) == CouponState.HELD, mine),
        ),
        sa.or_(col(Coupon.expires_at).is_(None), col(Coupon.expires_at) > at),
    )


def _move(session: Session, coupon: Coupon, condition: sa.ColumnElement[bool], **values: Any) -> bool:
    """Change the coupon if `condition` holds in the database now; either way, return with the row as it stands."""
    moved = sa.update(Coupon).where(col(Coupon.id) == coupon.id, condition).values(**values)
    won = session.execute(moved.returning(col(Coupon.id)), execution_options={"synchronize_session": False}).first()
    session.refresh(coupon)
    return won is not None


def _refusal(coupon: Coupon, *, at: datetime) -> Conflict:
    code = spaced(coupon.code)
    if coupon.state is CouponState.REDEEMED:
        return Conflict("The coupon {code} has been used already.", code=code)
    if coupon.state is CouponState.VOID:
        return Conflict("The coupon {code} is void.", code=code)
    if coupon.expires_at and coupon.expires_at <= at:
        return Conflict("The coupon {code} expired at {end}.", code=code, end=f"{coupon.expires_at:%Y-%m-%d %H:%M} UTC")
    return Conflict("Another checkout holds the coupon {code} for now.", code=code)


def _is_used_by(coupon: Coupon, order_reference: str) -> bool:
    return coupon.state is CouponState.REDEEMED and coupon.order_reference == order_reference


def _checked(order_reference: str) -> str:
    if not 0 < len(order_reference) <= 200:
        raise Invalid("Name the order, in at most 200 letters.")
    return order_reference


def _offer_of(session: Session, coupon: Coupon) -> Offer:
    return session.get_one(Offer, coupon.offer_id)


def _touch(session: Session, coupon: Coupon, event: TouchEvent, *, at: datetime) -> None:
    if coupon.buyer_id is None:
        return
    slug = session.exec(campaign_of_coupon(coupon)).first() or ""
    session.add(Touch(shop_id=coupon.shop_id, buyer_id=coupon.buyer_id, event=event, campaign=slug, at=at))
    raise_version(session, coupon.shop_id, Family.TOUCHES)


def campaign_of_coupon(coupon: Coupon) -> SelectOfScalar[str]:
    """Return a SELECT of the slug of the latest campaign that gave this buyer's coupon out."""
    handed = select(Campaign.slug).join(Delivery, col(Delivery.campaign_id) == Campaign.id)
    of_buyer = (Delivery.shop_id == coupon.shop_id, Delivery.buyer_id == coupon.buyer_id)
    latest = handed.where(*of_buyer, Delivery.coupon_id == coupon.id).order_by(col(Delivery.id).desc())
    return latest.limit(1)
