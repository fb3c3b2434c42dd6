"""Issuing: codes for buyers under an offer, set-wise, in the transaction that makes the deliveries they belong to."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col, func, select
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.offers import Offer, take_coupons
from retention.bitmaps import parts_of, read_bitmap, rows_of
from retention.database import as_stored, choice, insert_rows, is_postgresql
from retention.errors import Conflict
from retention.tokens import new_codes

_CHUNK = 100_000  # coupons made at a time, so that memory stays flat


def issue_coupons(session: Session, offer: Offer, buyers: BitMap, *, at: datetime) -> int:
    """Give each buyer who has no coupon of this offer a new one; return how many were made.

    Conflict, with nothing written, when the offer's limit does not allow that many.
    """
    _lock(session, offer)
    without = buyers - read_bitmap(session, buyers_with_coupon(offer))
    _take(session, offer, len(without))
    for part in parts_of(without, _CHUNK):
        codes = fresh_codes(session, offer.shop_id, len(part))
        _insert(session, offer, rows_of(session, "drawn", buyer_id=part.to_array(), code=codes), at=at)
    return len(without)


def _insert(session: Session, offer: Offer, drawn: sa.CTE, *, at: datetime) -> None:
    values = {
        "shop_id": sa.literal(offer.shop_id),
        "offer_id": sa.literal(offer.id),
        "buyer_id": drawn.c.buyer_id,
        "code": drawn.c.code,
        "state": sa.literal(CouponState.ISSUED, choice(CouponState)),
        "issued_at": sa.literal(at, UTCDateTime()),
        "held_by": sa.literal(""),
        "order_source": sa.literal(""),
        "order_reference": sa.literal(""),
    }
    source = sa.select(*values.values()).order_by(drawn.c.n)
    session.execute(sa.insert(Coupon).from_select(list(values), source, include_defaults=False))


def issue_anonymous(session: Session, offer: Offer, *, at: datetime) -> Coupon:
    """Make one coupon for somebody unknown, as a claim on another shop's paper needs it; Conflict when none is left."""
    _take(session, offer, 1)
    coupon = Coupon(
        shop_id=offer.shop_id, offer_id=offer.id, code=fresh_codes(session, offer.shop_id, 1)[0], issued_at=at
    )
    session.add(coupon)
    session.flush()
    return coupon


def issue_many_anonymous(session: Session, offer: Offer, count: int, *, at: datetime) -> Sequence[int]:
    """Make `count` coupons for somebody unknown and return their numbers; none where the offer's limit is too low."""
    if not take_coupons(session, offer, count):
        return []
    # Counting them as issued locked the offer: until this transaction ends, every newer coupon of it is ours.
    own = (Coupon.shop_id == offer.shop_id, Coupon.offer_id == offer.id)
    last = session.exec(select(func.coalesce(func.max(Coupon.id), 0)).where(*own)).one()
    issued = as_stored(session, at)
    rows = (
        (offer.shop_id, offer.id, code, CouponState.ISSUED.value, issued, "", "", "")
        for code in fresh_codes(session, offer.shop_id, count)
    )
    columns = ("shop_id", "offer_id", "code", "state", "issued_at", "held_by", "order_source", "order_reference")
    insert_rows(session, Coupon, columns, rows)
    return session.exec(select(Coupon.id).where(*own, Coupon.id > last).order_by(col(Coupon.id))).all()


def buyers_with_coupon(offer: Offer) -> sa.Select[int]:
    """Return a SELECT of the buyers who have a coupon of this offer, in whatever state."""
    owned = sa.select(col(Coupon.buyer_id)).where(
        col(Coupon.shop_id) == offer.shop_id, col(Coupon.offer_id) == offer.id
    )
    return cast("sa.Select[int]", owned.where(col(Coupon.buyer_id).is_not(None)))


def fresh_codes(session: Session, shop_id: int, count: int) -> list[str]:
    """Return `count` different codes the shop has not used; at a million some random ones do coincide."""
    found: set[str] = set()
    while len(found) < count:
        drawn = set(new_codes(count - len(found))) - found
        found |= drawn - _used(session, shop_id, drawn)
    return list(found)


def _used(session: Session, shop_id: int, codes: set[str]) -> set[str]:
    """Return which of `codes` the shop has; they are sent as one bound value."""
    owned = sa.select(col(Coupon.code)).where(col(Coupon.shop_id) == shop_id)
    sent = sorted(codes)
    if is_postgresql(session):
        found = owned.where(col(Coupon.code) == sa.any_(sa.bindparam(None, sent, type_=postgresql.ARRAY(sa.String))))
    else:
        each = sa.func.json_each(json.dumps(sent)).table_valued("value")
        found = owned.where(col(Coupon.code).in_(sa.select(each.c.value)))
    return set(session.execute(found).scalars())


def _lock(session: Session, offer: Offer) -> None:
    # Two runs that share an offer take turns, so that neither gives a buyer a second coupon.
    session.exec(select(Offer.id).where(Offer.id == offer.id).with_for_update()).one()


def _take(session: Session, offer: Offer, count: int) -> None:
    if not take_coupons(session, offer, count):
        session.refresh(offer)
        raise Conflict(
            "The offer {offer} allows {most} coupons and {issued} are issued; {count} more would exceed the limit.",
            offer=offer.slug,
            most=offer.most_coupons,
            issued=offer.issued,
            count=count,
        )
    session.expire(offer, ["issued"])
