"""Deliveries by row number: the condition every group of messages is found by."""

from typing import Any

import sqlalchemy as sa

from campaigns.campaigns import Delivery

NOTHING: sa.ColumnElement[int] = sa.literal_column("0", sa.Integer)


def by_number(shop: Any, numbers: Any, row: Any = Delivery) -> sa.ColumnElement[bool]:
    """Return the condition for deliveries of a shop with these row numbers; each may be a bound parameter.

    The shop is compared, not searched by (`+ 0`): SQLite without statistics would rather read all of a shop's rows, at
    every group of messages, than look up a few by number.
    """
    return sa.and_(row.shop_id + NOTHING == shop, row.id.in_(numbers))
