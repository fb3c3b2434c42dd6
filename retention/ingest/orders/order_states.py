"""The state of an order: from its rows, from the time it was cancelled, from what a refund column says.

States are numbers in the order in which an order comes by them, so that the later of two states is the larger. Rows of
the last one, `NO_ORDER`, are left out.
"""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from retention.i18n import gettext_noop, ngettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.words import fold
from retention.ingest.orders.refund_words import (
    ALL_BACK,
    NOTHING_BACK,
    names_only_kind,
    speaks_of_refund,
    what_went_back,
)
from retention.ingest.orders.statuses import IGNORED, STATUSES, refuse_unknown
from retention.orders import OrderStatus

PLACED, PAID, CANCELLED, RETURNED, NO_ORDER = 1, 2, 3, 4, 5
ORDER = {
    OrderStatus.PLACED.value: PLACED,
    OrderStatus.PAID.value: PAID,
    OrderStatus.CANCELLED.value: CANCELLED,
    OrderStatus.RETURNED.value: RETURNED,
}
_WORDS = {number: word for word, number in ORDER.items()}

_NOTHING_SAID = pl.Series("refund_state", [None], pl.Int8)
_WENT_BACK = {OrderStatus.PAID.value: NOTHING_BACK, OrderStatus.RETURNED.value: ALL_BACK}
"""What the meaning a person gave a word says of a refund."""

UNKNOWN_REFUND_WORD = ngettext_noop(
    "The state of a refund {word} stands in {count} row and is unknown. Say what it means: --status {plain}=refunded "
    "(all went back) or paid (nothing did).",
    "The state of a refund {word} stands in {count} rows and is unknown. Say what it means: --status {plain}=refunded "
    "(all went back) or paid (nothing did).",
)
_ZERO = r"^[^0-9]*0*[.,]?0+[^0-9]*$"

UNKNOWN_REFUND = gettext_noop(
    "{field} {value} is unknown; say what it means with --status {value}=refunded (all went back) or paid (nothing did)"
)
KIND_OF_REFUND = ngettext_noop(
    "{count} row says {word} of its refund, which is a kind of refund and not whether it was paid. It counts as paid. "
    "If nothing went back: --status {plain}=paid.",
    "{count} rows say {word} of their refunds, which is a kind of refund and not whether it was paid. They count as "
    "paid. If nothing went back: --status {plain}=paid.",
)


def states(status: pl.Series, cancelled_at: pl.Series) -> pl.Series:
    """Return states as numbers; an order that was cancelled at some time is cancelled, unless all of it went back."""
    found = status.replace_strict({**ORDER, IGNORED: NO_ORDER}, default=None, return_dtype=pl.Int8)
    if cancelled_at.null_count() == len(cancelled_at):
        return found
    cancelled = cancelled_at.is_not_null() & (found.fill_null(PAID) < CANCELLED)
    return pl.select(pl.when(cancelled).then(pl.lit(CANCELLED, pl.Int8)).otherwise(found)).to_series()


def status_words(state: pl.Expr) -> pl.Expr:
    """Return the words of states."""
    return state.replace_strict(_WORDS, default=None, return_dtype=pl.String)


def read_refund_states(rows: Rows, own: Mapping[str, str], unknown: Counter[str], kinds: Counter[str]) -> pl.Series:
    """Return what a column such as 售后状态 says went back: nothing, a part, all; an unknown word is refused.

    `own` are the folded words a person gave a meaning, `unknown` counts words nobody knows. A word that only names a
    kind of refund (仅退款) stands for one that was paid, unless the amount in its row is 0; it is counted in `kinds`.
    Where the column says nothing, the order's status may say that none went back: 退款中, 退款关闭.
    """
    cells = rows.cells("refund_status")
    words = cells.drop_nulls().unique().to_list()
    found = cells.replace_strict({word: _meaning(word, own) for word in words}, default=None, return_dtype=pl.Int8)
    odd = [word for word in words if _meaning(word, own) is None and own.get(fold(word)) != IGNORED]
    refuse_unknown(rows, "refund_status", odd, UNKNOWN_REFUND, unknown)
    found = _kinds_settled(found, cells, rows.cells("refunded"), [word for word in words if _is_kind(word, own)], kinds)
    return found.fill_null(_refunds_under_way(rows.cells("status"))).alias("refund_state")


def _meaning(word: str, own: Mapping[str, str]) -> int | None:
    """Return what a word of a refund column says; a person's word counts where ours is none or not sure."""
    found = what_went_back(word)
    if found is not None and not names_only_kind(word):
        return found
    return _WENT_BACK.get(own.get(fold(word), ""), found)


def _is_kind(word: str, own: Mapping[str, str]) -> bool:
    return names_only_kind(word) and own.get(fold(word)) not in _WENT_BACK


def _kinds_settled(
    found: pl.Series, cells: pl.Series, refunded: pl.Series, words: list[str], kinds: Counter[str]
) -> pl.Series:
    """Return what went back, nothing where a row with a mere kind of refund has the amount 0; count the others."""
    if not words:
        return found
    kind = cells.is_in(words).fill_null(value=False)
    none = kind & refunded.str.contains(_ZERO).fill_null(value=False)
    for word, count in cells.filter(kind & refunded.is_null()).value_counts().rows():
        kinds[word] += count
    return pl.select(pl.when(none).then(pl.lit(NOTHING_BACK, pl.Int8)).otherwise(found)).to_series()


def _refunds_under_way(status: pl.Series) -> pl.Series:
    """Return where a status says that a refund was asked for and nothing went back."""
    words = status.unique().drop_nulls().to_list()
    open_ones = [word for word in words if speaks_of_refund(word) and _gave_nothing(word)]
    if not open_ones:
        return _NOTHING_SAID.new_from_index(0, len(status))
    return status.replace_strict(dict.fromkeys(open_ones, NOTHING_BACK), default=None, return_dtype=pl.Int8)


def _gave_nothing(word: str) -> bool:
    return what_went_back(word) == NOTHING_BACK and STATUSES.get(fold(word)) != OrderStatus.RETURNED.value
