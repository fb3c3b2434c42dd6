"""The extent of an order file: how many buyers its orders name, and the days between which they lie."""

import polars as pl
from pyroaring import BitMap


class OrderExtent:
    """Buyers and days of the orders merged so far."""

    def __init__(self) -> None:
        self._buyers = BitMap()
        self._days: tuple[int, int] | None = None

    def add(self, orders: pl.DataFrame) -> None:
        """Take in orders (columns buyer_id, order_day)."""
        self._buyers.update(orders["buyer_id"].drop_nulls().to_list())
        first, last = orders.select(first=pl.col("order_day").min(), last=pl.col("order_day").max()).row(0)
        if first is not None:
            known = self._days or (first, last)
            self._days = min(first, known[0]), max(last, known[1])

    def totals(self) -> dict[str, int]:
        """Return the figures; days are numbers since 1970, and left out where there is no order."""
        days = dict(zip(("first_day", "last_day"), self._days, strict=True)) if self._days else {}
        return {"buyers": len(self._buyers), **days}
