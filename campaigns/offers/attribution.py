"""Attribution: orders find the coupons they used, and lose them when they are cancelled. Set-wise, as often as wanted.

An order that carries a code has used it, whatever our own clock says: the shop has honoured it. Of several orders with
one code the first counts, also when it comes in last: what is stored follows from the orders, not from when they came.
"""

from datetime import datetime

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col

from campaigns.offers.coupons import LONGEST_HOLD, Coupon, CouponState
from campaigns.offers.credit import REDEEMED_AT, coupons_with_stale_touches, settle_redeemed_touches
from campaigns.offers.freeing import free_coupons, is_undone
from campaigns.offers.offers import Offer
from campaigns.offers.order_codes import carries_its_code, codes_of_orders
from retention.bitmaps import ids_in
from retention.database import reached
from retention.orders import Order
from retention.shops import Shop
from retention.versions import Family, raise_version


def match_orders(session: Session, shop: Shop, *, at: datetime) -> int:
    """Redeem each coupon by the first counted order that carries its code; return how many were new.

    Coupons whose order was cancelled or wholly returned are given back first, so that the next order can have them. A
    coupon our own checkout redeemed under the order's number only learns which order it was. Orders after `at` are left
    for later.
    """
    linked = _link_redeemed(session, shop)
    _give_back(session, shop)
    used = _first_orders(session, shop, at)
    if _move_to_earlier(session, shop, used) or linked:
        raise_version(session, shop.id, Family.TOUCHES)
    new = _redeem(session, shop, used, at=at)
    settle_redeemed_touches(session, shop.id, coupons_with_stale_touches(session, shop.id))
    session.expire_all()
    return len(new)


_NO_SYNC = {"synchronize_session": False}


def _redeem(session: Session, shop: Shop, used: sa.Subquery, *, at: datetime) -> list[int]:
    open_states = (CouponState.ISSUED, CouponState.CLAIMED, CouponState.HELD)
    redeemed = (
        sa.update(Coupon)
        .where(
            col(Coupon.shop_id) == shop.id,
            col(Coupon.state).in_(open_states),
            col(Coupon.code) == used.c.code,
            _held_by_no_other(used, at),
        )
        .values(
            state=CouponState.REDEEMED,
            redeemed_at=used.c.ordered_at,
            claimed_at=sa.func.coalesce(col(Coupon.claimed_at), used.c.ordered_at),
            order_source=used.c.source,
            order_reference=used.c.external_id,
            order_id=used.c.id,
            held_by="",
            hold_expires_at=None,
        )
    )
    ids = list(session.execute(redeemed.returning(col(Coupon.id)), execution_options=_NO_SYNC).scalars())
    if ids:
        _start_clocks(session, shop, ids)
    return ids


def _move_to_earlier(session: Session, shop: Shop, used: sa.Subquery) -> bool:
    """Let a coupon that a later order has taken be used by the first, and follow an order whose time has changed.

    Return whether one moved. What a checkout redeemed stays with the order it named: that one has an amount.
    """
    claimed_by_order = col(Coupon.claimed_at) == Coupon.redeemed_at
    same_order = sa.and_(col(Coupon.order_id) == used.c.id, col(Coupon.redeemed_at) != used.c.ordered_at)
    number, source = col(Coupon.order_reference), col(Coupon.order_source)
    before = sa.or_(used.c.external_id < number, sa.and_(used.c.external_id == number, used.c.source < source))
    same_time = sa.and_(used.c.ordered_at == REDEEMED_AT, before)
    moved = (
        sa.update(Coupon)
        .where(
            col(Coupon.shop_id) == shop.id,
            col(Coupon.state) == CouponState.REDEEMED,
            col(Coupon.order_amount).is_(None),
            col(Coupon.code) == used.c.code,
            sa.or_(same_order, used.c.ordered_at < REDEEMED_AT, same_time),
        )
        .values(
            redeemed_at=used.c.ordered_at,
            claimed_at=sa.case((claimed_by_order, used.c.ordered_at), else_=col(Coupon.claimed_at)),
            order_source=used.c.source,
            order_reference=used.c.external_id,
            order_id=used.c.id,
        )
    )
    return bool(session.execute(moved.returning(col(Coupon.id)), execution_options=_NO_SYNC).all())


def _first_orders(session: Session, shop: Shop, at: datetime) -> sa.Subquery:
    """Return each code with the first counted order that carries it."""
    counted = (col(Order.shop_id) == shop.id, sa.and_(col(Order.counts), col(Order.ordered_at) <= at))
    carried = codes_of_orders(session, *counted).c
    first = (carried.ordered_at, carried.external_id, carried.source)
    turn = sa.func.row_number().over(partition_by=carried.code, order_by=first)
    ranked = sa.select(*carried, turn.label("turn")).subquery()
    return sa.select(ranked).where(ranked.c.turn == 1).subquery()


def _give_back(session: Session, shop: Shop) -> None:
    """Free what an order used that is undone, or that carries another code by now than the one that said it had."""
    told_by_code = sa.and_(
        col(Coupon.order_amount).is_(None),
        # A checkout from before amounts were kept named no source, and had a moment of its own.
        sa.or_(col(Coupon.order_source) != "", col(Coupon.redeemed_at) == Order.ordered_at),
    )
    other_code = sa.and_(told_by_code, col(Order.coupon_code) != "", ~carries_its_code(session))
    lost = sa.select(col(Order.id)).where(col(Order.id) == Coupon.order_id, sa.or_(is_undone(), other_code))
    free_coupons(session, shop.id, col(Coupon.order_id).is_not(None), lost.exists())


def _held_by_no_other(used: sa.Subquery, at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that no other checkout holds a coupon now; what it holds waits until it pays or lets go."""
    own = sa.and_(col(Coupon.held_by) == used.c.external_id, col(Coupon.order_source).in_(("", used.c.source)))
    lapsed = reached(Coupon.hold_expires_at, at, longest=LONGEST_HOLD)
    return sa.or_(col(Coupon.state) != CouponState.HELD, lapsed, own)


def _start_clocks(session: Session, shop: Shop, coupon_ids: list[int]) -> None:
    """Set the end of coupons that were never claimed before an order used them: given back, they end all the same."""
    rows = session.execute(
        sa.select(col(Coupon.id), col(Coupon.claimed_at), Offer)
        .join(Offer, col(Offer.id) == Coupon.offer_id)
        .where(
            col(Coupon.shop_id) == shop.id,
            col(Coupon.id).in_(ids_in(session, BitMap(coupon_ids))),
            col(Coupon.expires_at).is_(None),
            sa.or_(col(Offer.days_from_claim).is_not(None), col(Offer.ends_at).is_not(None)),
        )
    ).all()
    if rows:
        ends = [
            {"id": number, "expires_at": offer.expiry(claimed_at, shop.timezone)} for number, claimed_at, offer in rows
        ]
        session.execute(sa.update(Coupon), ends)


def _link_redeemed(session: Session, shop: Shop) -> bool:
    """Tell coupons our own checkout redeemed which order that was; of several by that number the one with the code."""
    named = sa.or_(col(Coupon.order_source) == "", col(Order.source) == Coupon.order_source)
    same = (
        sa.select(col(Order.id))
        .where(col(Order.shop_id) == shop.id, col(Order.external_id) == Coupon.order_reference, named)
        .order_by(col(Order.ordered_at), col(Order.source))
        .limit(1)
    )
    carrying = same.where(carries_its_code(session))
    first = sa.func.coalesce(carrying.scalar_subquery(), same.scalar_subquery())
    learning = sa.update(Coupon).where(
        col(Coupon.shop_id) == shop.id, col(Coupon.state) == CouponState.REDEEMED, col(Coupon.order_id).is_(None)
    )
    learned = learning.values(order_id=first).returning(col(Coupon.order_id))
    return any(session.execute(learned, execution_options=_NO_SYNC).scalars())
