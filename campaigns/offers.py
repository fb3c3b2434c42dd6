"""Offers: the terms of an incentive. Coupons are the codes under those terms."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from retention import money
from retention.database import ShopRow, choice
from retention.words import gettext as _


class OfferKind(StrEnum):
    """What a buyer gets."""

    AMOUNT = "amount"
    PERCENT = "percent"
    SHIPPING = "shipping"
    GIFT = "gift"
    SAMPLE = "sample"


class Offer(ShopRow, table=True):
    """Terms. Money in minor units; `value` is minor units for an amount, percent for a percentage.

    The window is absolute (`starts_at`, `ends_at`) and, after a claim, `days_from_claim` long. `issued` counts coupons
    against `most_coupons` and is raised by conditional UPDATE, so no race hands out one too many.
    """

    __tablename__ = "offers"
    __table_args__ = (
        UniqueConstraint("shop_id", "slug"),
        CheckConstraint("most_coupons IS NULL OR issued <= most_coupons", name="issued_within_limit"),
    )

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    kind: OfferKind = Field(sa_type=choice(OfferKind))
    value: int = 0
    minimum: int = 0
    gift: str = Field(default="", max_length=200)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    days_from_claim: int | None = None
    most_coupons: int | None = None
    issued: int = 0
    created_at: datetime

    def headline(self, currency: str, locale: str) -> str:
        """Return the one number of the offer as people read it: ¥20, 10 %, free shipping."""
        match self.kind:
            case OfferKind.AMOUNT:
                return money.show(self.value, currency, locale)
            case OfferKind.PERCENT:
                return _("{percent}% off").format(percent=self.value)
            case OfferKind.SHIPPING:
                return _("Free shipping")
            case _:
                return self.gift

    def terms(self, currency: str, locale: str) -> str:
        """Return when the offer can be used, in a few words: from ¥99."""
        return _("from {amount}").format(amount=money.show(self.minimum, currency, locale)) if self.minimum else ""

    def expiry(self, claimed_at: datetime) -> datetime | None:
        """Return when a coupon claimed at a moment ends, or None when it never does."""
        from_claim = claimed_at + timedelta(days=self.days_from_claim) if self.days_from_claim else None
        return min((end for end in (self.ends_at, from_claim) if end), default=None)
