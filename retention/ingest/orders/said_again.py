"""An order that one file says in several states: two exports put together and sorted are copies, not more lines.

Rows that differ in columns of state alone (status, time of the change, what was refunded) are states of the order.
Where each state of an order has the same lines, the rows of the latest stand for it. Lines are kept where an order's
total fits all of them together, or where they left in different parcels. Rows of one line side by side may also be two
lines of a sort, one of which went back: they are, unless the file says orders in several states or the rows show it.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from retention.ingest.orders.order_states import PAID, PLACED

_STATE = ("status", "refund_status", "refunded", "total_after_refunds", "updated_at", "cancelled_at")
_PROGRESS = ("paid_at", "shipped_at", "waybill")  # blank at first; what stands there says nothing of the state
_STATE_BY_NAME = re.compile(r"状态|狀態|更新|修改时间|status|updated|modified", re.IGNORECASE)
_PROGRESS_BY_NAME = re.compile(
    r"时间|時間|日期|快递|物流|运单|发货|签收|\btime\b|date|[_ ]at$|tracking|carrier|shipped|deliver", re.IGNORECASE
)
_LATEST = ("updated_at", "state", "refund_state", "refunded", "has_left", "line")


class RowDigests:
    """Digests of the rows of a file: `said` of what they say of the state, `rest` of all that no state changes."""

    def __init__(self, header: Sequence[str], columns: Mapping[str, str]) -> None:
        fields = {column: name for name, column in columns.items()}
        self._state = [each for each in header if _is(each, fields, _STATE, _STATE_BY_NAME)]
        progress = (each for each in header if _is(each, fields, _PROGRESS, _PROGRESS_BY_NAME))
        self._progress = [each for each in progress if each not in self._state]
        self._rest = [each for each in header if each not in self._state and each not in self._progress]
        self._paid = columns.get("paid_at")

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return said, rest and raw (of the whole row)."""
        found = pl.DataFrame({"rest": _digest(frame, self._rest), "state": _digest(frame, self._state)})
        raw = found.with_columns(progress=_digest(frame, self._progress)).hash_rows(seed=11)
        if self._paid:
            found = found.with_columns(paid=frame[self._paid].is_null())
        return pl.DataFrame({"said": found.drop("rest").hash_rows(seed=13), "rest": found["rest"], "raw": raw})


def _is(column: str, fields: Mapping[str, str], known: Sequence[str], named: re.Pattern[str]) -> bool:
    return fields[column] in known if column in fields else bool(named.search(column))


def _digest(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    if columns:
        return frame.select(columns).hash_rows(seed=7)
    return pl.Series([0], dtype=pl.UInt64).new_from_index(0, frame.height)


_NONE = pl.Series("key", [], pl.String)


def latest_states(rows: pl.DataFrame, *, in_states: bool) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows without those that say an order again in an earlier state, and the orders where that is unsure.

    `in_states` says that the file has orders in several states. Of an order where it is unsure all rows are lines.
    """
    states = rows.select("key", "said").unique()
    if states.height == rows["key"].n_unique():
        return rows, _NONE
    several = states.filter(states["key"].is_duplicated()).select("key").unique()
    some = rows.join(several, on="key", how="semi", maintain_order="left")
    again = _said_again(some)
    unsure = _NONE if in_states or not again.height else _unsure(some.join(again, on="key"))
    again = again.filter(~pl.col("key").is_in(unsure.implode())).select("key")
    if not again.height:
        return rows, unsure
    some = some.join(again, on="key", how="semi")
    latest = [name for name in _LATEST if name in some.columns]
    best = (
        some.group_by("key", "said").agg(pl.col(latest).max())
        .sort(latest, descending=True, nulls_last=True)
        .unique("key", keep="first", maintain_order=True)
    )  # fmt: skip
    earlier = some.join(best, on=["key", "said"], how="anti").select("line")
    return rows.join(earlier, on="line", how="anti", maintain_order="left"), unsure


def _said_again(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the orders each state of which has the same lines, and how many states and lines there are."""
    counts = rows.group_by("key", "said", "rest").agg(count=pl.len())
    least = pl.col("count").min()
    times = pl.when((pl.len() > 1) & (pl.col("count") % least == 0).all()).then(least).otherwise(1)
    counts = counts.with_columns(times=times.over("key", "said"))
    line = pl.struct("rest", pl.col("count") // pl.col("times")).hash(seed=17) % 2**40
    same = counts.group_by("key", "said").agg(lines=line.cast(pl.Int64).sum(), size=pl.len())
    orders = same.group_by("key").agg(
        alike=(pl.struct("lines", "size").n_unique() == 1), states=pl.len(), size=pl.col("size").first()
    )
    again = orders.filter("alike").select("key", "states", "size")
    return again.join(_of_more_lines(rows.join(again, on="key")), on="key", how="anti")


def _unsure(rows: pl.DataFrame) -> pl.Series:
    """Return the orders of rows of one line, side by side, that nothing shows to be one line in several states.

    It shows where they changed at different times, where one is paid and another is not, and where the order's total
    is that of one of them.
    """
    unpaid_and_paid = (pl.col("state").min() == PLACED) & (pl.col("state").max() >= PAID)
    changed = pl.col("updated_at").n_unique() > 1 if "updated_at" in rows.columns else pl.lit(value=False)
    stated = pl.col("order_total").is_not_null().any()
    shown = rows.filter(pl.col("size") == 1).group_by("key").agg(
        unsure=(pl.col("stretch").n_unique() == 1) & ~(unpaid_and_paid.fill_null(value=False) | changed | stated)
    )  # fmt: skip
    return shown.filter("unsure")["key"].sort()


def _of_more_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the orders all rows of which are lines: their total says so, or the parcels they are in."""
    worth, total = pl.col("line_amount").sum(), pl.col("order_total").max()
    postage, discount = pl.col("postage").max().fill_null(0), pl.col("order_discount").max().fill_null(0)
    ways = [pl.lit(0), postage, -discount, postage - discount]
    together = pl.any_horizontal(worth + more == total for more in ways)
    single = pl.any_horizontal(
        worth + more * pl.col("states").first() == total * pl.col("states").first() for more in ways
    )
    parcels = pl.col("waybill").drop_nulls().n_unique() > 1 if "waybill" in rows.columns else pl.lit(value=False)
    known = pl.col("line_amount").is_not_null().all()
    found = rows.group_by("key").agg(more=(known & together & ~single).fill_null(value=False) | parcels)
    return found.filter("more").select("key")
