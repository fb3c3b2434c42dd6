"""Freeing: an order gives a redeemed coupon back. One rule and one statement for every caller.

An order that is not paid yet keeps its coupon: only a cancelled or wholly returned one lets go of it. What the buyer
had claimed stays claimed, and its clock runs on; the touch of the redemption goes.
"""

from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.credit import settle_redeemed_touches
from campaigns.offers.match_marks import ask_to_match
from retention.orders import Order, OrderStatus

FREED: dict[str, Any] = {
    "state": CouponState.CLAIMED,
    "redeemed_at": None,
    "order_source": "",
    "order_reference": "",
    "order_amount": None,
    "discount": None,
    "order_id": None,
}
"""What a coupon that was given back looks like."""


def is_undone() -> sa.ColumnElement[bool]:
    """Return the condition that an order was cancelled or wholly returned; one not paid yet does not count either."""
    return sa.and_(~col(Order.counts), col(Order.status) != OrderStatus.PLACED)


def free_coupons(session: Session, shop_id: int, *where: sa.ColumnElement[bool]) -> list[int]:
    """Free the used coupons of a shop for which `where` holds; return their numbers."""
    used = (col(Coupon.shop_id) == shop_id, col(Coupon.state) == CouponState.REDEEMED)
    freed = sa.update(Coupon).where(*used, *where).values(**FREED).returning(col(Coupon.id))
    ids = list(session.execute(freed, execution_options={"synchronize_session": False}).scalars())
    settle_redeemed_touches(session, shop_id, BitMap(ids))
    session.expire_all()
    if ids:
        ask_to_match(session, shop_id)
    return ids
