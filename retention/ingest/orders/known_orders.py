"""An order that comes again: what the file says against what is known, and which of the two is the newer state.

An order goes from placed to paid to cancelled or returned, and what is refunded only grows. So a file that says less is
the older one, unless both say when the order was changed last.
"""

import polars as pl

from retention.ingest.orders.order_states import ORDER, PAID

KEPT_WHEN_EMPTY = (
    "placed_at", "paid_at", "updated_at", "refunded", "postage", "country", "region", "city", "channel", "coupon_code",
    "buyer_id",
)  # fmt: skip
_SETTLED = ("amount", "items", "items_thousandths", "is_return", "currency", "rate")


def against_known(orders: pl.DataFrame, known: pl.DataFrame, *, items: bool = False) -> pl.DataFrame:
    """Return the orders with what the file leaves open filled in, and two columns: `older` and `newer`.

    An order known in a newer state keeps what is known; the file fills only what is blank. A state that is not stated
    stays, unless the order is now paid. A file of `items` may hold some of an order's articles: that these were
    closed or not refunded says nothing of the others.
    """
    joined = orders.join(known, on="key", how="left", maintain_order="left")
    paid = pl.when(pl.col("paid_at").is_not_null()).then(pl.lit(PAID, pl.Int8))
    old_state = pl.col("old_status").replace_strict(ORDER, default=None, return_dtype=pl.Int8)
    if items:
        closed = pl.when(pl.col("state") > PAID).then(old_state).otherwise("state")
        joined = joined.with_columns(state=closed, refunded=pl.max_horizontal("refunded", "old_refunded"))
    joined = joined.with_columns(stated=pl.coalesce("state", paid), old_state=old_state)
    joined = joined.with_columns(
        older=_later(
            time=pl.col("updated_at") < pl.col("old_updated_at"),
            state=pl.col("stated") < pl.col("old_state"),
            back=pl.col("refunded") < pl.col("old_refunded"),
        ),
        newer=_later(
            time=pl.col("updated_at") > pl.col("old_updated_at"),
            state=pl.col("stated") > pl.col("old_state"),
            back=pl.col("refunded") > pl.col("old_refunded"),
        ),
    )
    older = pl.col("older")
    kept = {name: pl.coalesce(_filled(name, joined), f"old_{name}") for name in KEPT_WHEN_EMPTY}
    stays = {name: pl.coalesce(_filled(f"old_{name}", joined), name) for name in KEPT_WHEN_EMPTY}
    values = {name: pl.when(older).then(stays[name]).otherwise(kept[name]) for name in KEPT_WHEN_EMPTY}
    values |= {name: pl.when(older).then(f"old_{name}").otherwise(name) for name in _SETTLED}
    state = pl.when(older).then("old_state").otherwise(pl.coalesce("stated", "old_state"))
    return joined.with_columns(state=state, **values).select(*orders.columns, "older", "newer")


def _filled(name: str, frame: pl.DataFrame) -> pl.Expr:
    """Return a column with blank texts as null."""
    if frame.schema[name] != pl.String:
        return pl.col(name)
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _later(*, time: pl.Expr, state: pl.Expr, back: pl.Expr) -> pl.Expr:
    """Return the answer of the update times where both are known, else of the states; of new orders neither.

    In the same state more refunded is later.
    """
    same = pl.col("stated").is_null() | (pl.col("stated") == pl.col("old_state"))
    by_state = state.fill_null(value=False) | (same & back).fill_null(value=False)
    both = pl.col("updated_at").is_not_null() & pl.col("old_updated_at").is_not_null()
    return pl.col("old_state").is_not_null() & pl.when(both).then(time).otherwise(by_state)
