"""The name of an order at a coupon: the system that numbers it and its number there."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import col

from campaigns.offers.coupons import Coupon
from retention.errors import Invalid


@dataclass(frozen=True, slots=True)
class OrderName:
    """An order or cart: the system that numbers it, "" where that is not said, and its number there."""

    source: str
    reference: str

    def __post_init__(self) -> None:
        if not 0 < len(self.reference) <= 200:
            raise Invalid("Give the order number, in at most 200 characters.")
        if len(self.source) > 50:
            raise Invalid("A source has at most 50 characters.")

    def same_source(self) -> sa.ColumnElement[bool]:
        """Return the condition that a coupon's order is of this source; one that is not said may be any."""
        if not self.source:
            return sa.true()
        return col(Coupon.order_source).in_((self.source, ""))

    def is_of(self, source: str, reference: str) -> bool:
        """Tell whether that is the same order."""
        return reference == self.reference and (source == self.source or not source or not self.source)
