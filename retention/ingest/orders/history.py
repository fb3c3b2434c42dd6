"""Aggregates after an import: new buyers are summed up from the orders at hand, the others from all their orders."""

import polars as pl
from pyroaring import BitMap
from sqlmodel import Session

from retention.aggregates import refresh_aggregates
from retention.staging import stage

_MOST = 1_000_000  # orders remembered; beyond, the database adds up, which is slower and needs no memory


class History:
    """The orders of buyers who were new, as far as aggregates go."""

    def __init__(self, session: Session, shop_id: int) -> None:
        self._session = session
        self._shop_id = shop_id
        self._notes: list[pl.DataFrame] = []
        self._noted = 0

    def note(self, orders: pl.DataFrame, new: BitMap) -> None:
        """Remember the orders of new buyers."""
        orders = orders.filter(pl.col("buyer_id").is_in(new.to_array().tolist()))
        kept = pl.col("amount") - pl.col("refunded")
        self._noted += orders.height
        if self._noted > _MOST:
            self._notes.clear()
            return
        self._notes.append(
            orders.select(
                "buyer_id", "counts", "is_return", "items", "items_thousandths", "ordered_at", "order_day", spend=kept
            )
        )

    def write(self, touched: BitMap, new: BitMap) -> None:
        """Write the aggregates of the buyers whose orders changed; what `aggregates` says in SQL, polars says here."""
        added_up = self._noted <= _MOST
        sums = (
            self._sums() if added_up and self._notes else pl.DataFrame({"buyer_id": []}, schema={"buyer_id": pl.Int64})
        )
        others = (touched | new) - BitMap(sums["buyer_id"].to_list())
        if others:
            refresh_aggregates(self._session, self._shop_id, others)
        if sums.height:
            stage(self._session, "buyer_facts", sums)

    def _sums(self) -> pl.DataFrame:
        counted = pl.col("counts")
        sums = pl.concat(self._notes).group_by("buyer_id").agg(
            orders=counted.sum(),
            order_days=pl.col("order_day").filter(counted).n_unique(),
            spend=pl.col("spend").filter(counted).sum(),
            items=pl.col("items").filter(counted).sum(),
            items_thousandths=pl.col("items_thousandths").filter(counted).sum(),
            returns=pl.col("is_return").sum(),
            first_at=pl.col("ordered_at").filter(counted).min(),
            last_at=pl.col("ordered_at").filter(counted).max(),
            first_day=pl.col("order_day").filter(counted).min(),
            last_day=pl.col("order_day").filter(counted).max(),
        )  # fmt: skip
        return sums.sort("buyer_id").with_columns(shop_id=pl.lit(self._shop_id))
