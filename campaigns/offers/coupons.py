"""Coupons: one code under an offer's terms, and its way from issued to redeemed."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, Session, col, func, select

from retention.built_on import builds_on
from retention.database import BigId, ShopRow, choice
from retention.i18n import gettext_noop
from retention.privacy.personal import personal

LONGEST_HOLD = timedelta(days=1)
"""How long a checkout holds a coupon at most."""


class CouponState(StrEnum):
    """Where a coupon stands. Expiry is a matter of the clock, not a state."""

    ISSUED = "issued"
    CLAIMED = "claimed"
    HELD = "held"  # at a checkout, until hold_expires_at
    REDEEMED = "redeemed"
    VOID = "void"


_USED = text("order_id IS NOT NULL")


class Coupon(ShopRow, table=True):
    """One code. One coupon per buyer per offer, whatever the medium; a coupon on anonymous paper has no buyer.

    An order is known by `order_source`, the system that numbers it ("" where it was not said), and its number, which is
    in `held_by` while a checkout holds the coupon and in `order_reference` once it has used it. `order_amount` and
    `discount` are minor units as answered at the redemption; None where only the order's own code told us of it.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        UniqueConstraint("shop_id", "code"),
        UniqueConstraint("shop_id", "offer_id", "buyer_id"),
        Index(None, "shop_id", "offer_id", "state"),
        Index(None, "shop_id", "order_id", postgresql_where=_USED, sqlite_where=_USED),
    )

    offer_id: int = Field(foreign_key="offers.id", sa_type=BigId)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    code: str = Field(max_length=32)
    state: CouponState = Field(default=CouponState.ISSUED, sa_type=choice(CouponState))
    issued_at: datetime
    claimed_at: datetime | None = None
    expires_at: datetime | None = None
    held_by: str = Field(default="", max_length=200)
    hold_expires_at: datetime | None = None
    redeemed_at: datetime | None = None
    order_source: str = Field(default="", max_length=50, sa_column_kwargs={"server_default": text("''")})
    order_reference: str = Field(default="", max_length=200)
    order_amount: int | None = Field(default=None, sa_type=BigId)
    discount: int | None = Field(default=None, sa_type=BigId)
    order_id: int | None = Field(default=None, foreign_key="orders.id", sa_type=BigId)


def coupon_counts(session: Session, shop_id: int) -> dict[int, dict[CouponState, int]]:
    """Return how many coupons of a shop are in which state, by the offer's row number."""
    states = select(Coupon.offer_id, Coupon.state, func.count()).where(Coupon.shop_id == shop_id)
    counts: dict[int, dict[CouponState, int]] = {}
    for offer_id, state, number in session.exec(states.group_by(col(Coupon.offer_id), col(Coupon.state))):
        counts.setdefault(offer_id, {})[CouponState(state)] = number
    return counts


builds_on(Coupon, gettext_noop("coupons"), moments=("issued_at", "claimed_at", "redeemed_at"))
personal(Coupon)
