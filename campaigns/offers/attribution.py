"""Attribution: orders find the coupons they used, and lose them when they are cancelled. Set-wise, as often as wanted.

An order that carries a code has used it, whatever our own clock says: the shop has honoured it. Of several orders with
one code the first counts.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaigns import Campaign, Delivery
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.freeing import free_coupons, is_undone
from campaigns.offers.offers import Offer
from retention.bitmaps import ids_in
from retention.database import choice
from retention.orders import Order
from retention.shops import Shop
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version


def match_orders(session: Session, shop: Shop, *, at: datetime) -> int:
    """Redeem each coupon by the first counted order that carries its code; return how many were new.

    Coupons whose order was cancelled or wholly returned are given back first, so that the next order can have them. A
    coupon our own checkout redeemed under the order's number only learns which order it was. Orders after `at` are left
    for later.
    """
    _link_redeemed(session, shop)
    _give_back(session, shop)
    used = _first_orders(shop, at)
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
        _write_touches(session, shop, ids)
    session.expire_all()
    return len(ids)


_NO_SYNC = {"synchronize_session": False}


def _first_orders(shop: Shop, at: datetime) -> sa.Subquery:
    """Return each code with the first counted order that carries it, typed in whatever case and spacing."""
    code = _typed_code()
    turn = sa.func.row_number().over(partition_by=code, order_by=(col(Order.ordered_at), col(Order.id)))
    carrying = (
        sa.select(
            col(Order.id),
            col(Order.source),
            col(Order.external_id),
            col(Order.ordered_at),
            code.label("code"),
            turn.label("turn"),
        )
        .where(
            col(Order.shop_id) == shop.id,
            col(Order.coupon_code) != "",
            col(Order.counts),
            col(Order.ordered_at) <= at,
        )
        .subquery()
    )
    return sa.select(carrying).where(carrying.c.turn == 1).subquery()


def _typed_code() -> sa.ColumnElement[str]:
    return sa.func.upper(sa.func.replace(sa.func.replace(col(Order.coupon_code), "-", ""), " ", ""))


def _give_back(session: Session, shop: Shop) -> None:
    undone = sa.select(col(Order.id)).where(col(Order.id) == Coupon.order_id, is_undone())
    free_coupons(session, shop.id, col(Coupon.order_id).is_not(None), undone.exists())


def _held_by_no_other(used: sa.Subquery, at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that no other checkout holds a coupon now; what it holds waits until it pays or lets go."""
    own = sa.and_(col(Coupon.held_by) == used.c.external_id, col(Coupon.order_source).in_(("", used.c.source)))
    return sa.or_(col(Coupon.state) != CouponState.HELD, col(Coupon.hold_expires_at) <= at, own)


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
        ends = [{"id": number, "expires_at": offer.expiry(claimed_at)} for number, claimed_at, offer in rows]
        session.execute(sa.update(Coupon), ends)


def _link_redeemed(session: Session, shop: Shop) -> None:
    """Tell coupons our own checkout redeemed which order that was; of several by that number the one with the code."""
    named = sa.or_(col(Coupon.order_source) == "", col(Order.source) == Coupon.order_source)
    same = sa.select(sa.func.min(Order.id)).where(
        col(Order.shop_id) == shop.id, col(Order.external_id) == Coupon.order_reference, named
    )
    carrying = same.where(_typed_code() == Coupon.code)
    first = sa.func.coalesce(carrying.scalar_subquery(), same.scalar_subquery())
    learning = sa.update(Coupon).where(
        col(Coupon.shop_id) == shop.id, col(Coupon.state) == CouponState.REDEEMED, col(Coupon.order_id).is_(None)
    )
    session.execute(learning.values(order_id=first), execution_options=_NO_SYNC)


def _write_touches(session: Session, shop: Shop, coupon_ids: list[int]) -> None:
    """Add a `redeemed` touch for each coupon that belongs to a buyer, under the last campaign that handed it out."""
    last = sa.select(sa.func.max(Delivery.campaign_id)).where(
        col(Delivery.shop_id) == shop.id,
        col(Delivery.buyer_id) == Coupon.buyer_id,
        col(Delivery.coupon_id) == Coupon.id,
    )
    slug = sa.select(col(Campaign.slug)).where(col(Campaign.id) == last.scalar_subquery()).scalar_subquery()
    values: list[Any] = [
        col(Coupon.shop_id),
        col(Coupon.buyer_id),
        sa.literal(TouchEvent.REDEEMED, choice(TouchEvent)),
        sa.func.coalesce(slug, ""),
        sa.type_coerce(col(Coupon.redeemed_at), UTCDateTime()),
    ]
    of_these = sa.select(*values).where(
        col(Coupon.shop_id) == shop.id,
        col(Coupon.buyer_id).is_not(None),
        col(Coupon.id).in_(ids_in(session, BitMap(coupon_ids))),
    )
    columns = ["shop_id", "buyer_id", "event", "campaign", "at"]
    session.execute(sa.insert(Touch).from_select(columns, of_these, include_defaults=False))
    raise_version(session, shop.id, Family.TOUCHES)
