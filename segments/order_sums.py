"""Adding up orders per buyer: sums, counts, extremes, and the gaps between the days with an order.

PostgreSQL sends the rows as columns and they are added up here, in a third of the time that its GROUP BY takes over
millions of rows with nearly as many buyers. It sends them in parts, each with all rows of some buyers, so that memory
stays flat. SQLite, whose rows come one by one, adds up itself.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlmodel import Session

from retention.bitmaps import read_columns, read_parts
from retention.database import is_postgresql
from segments.conditions import Query

Ints = npt.NDArray[np.int64]


class Fold(StrEnum):
    """What becomes of a buyer's rows; every fold but COUNT takes a column of its own."""

    COUNT = "count"
    SUM = "sum"
    LEAST = "min"
    MOST = "max"


def add_up(session: Session, rows: Query, *folds: Fold) -> Ints:
    """Return the buyers of `rows` (buyer, then a column for each fold that takes one) and each fold, as columns.

    No value may be NULL. The buyers come in no particular order.
    """
    if not is_postgresql(session):
        each = rows.subquery()
        columns = iter(each.c[1:])
        folded = [sa.func.count() if fold is Fold.COUNT else getattr(sa.func, fold)(next(columns)) for fold in folds]
        return read_columns(session, sa.select(each.c[0], *folded).group_by(each.c[0]))
    parts = [fold_rows(part[0], iter(part[1:]), folds) for part in read_parts(session, rows)]
    return _joined(parts, 1 + len(folds))


def fold_rows(buyers: Ints, columns: Iterator[Ints], folds: tuple[Fold, ...]) -> Ints:
    """Return each buyer once, and what the folds make of the columns."""
    ids, slots = _slots(buyers)
    counts = np.bincount(slots, minlength=len(ids))
    there = counts > 0
    folded = [counts if fold is Fold.COUNT else _folded(fold, next(columns), slots, len(ids)) for fold in folds]
    return np.stack([ids[there], *(each[there] for each in folded)])


def read_gaps(session: Session, rows: Query, measure: Callable[[Ints, Ints], Ints]) -> Ints:
    """Return what `measure` makes of `rows` (buyer, day); it gets them sorted, each day of a buyer once."""
    parts = read_parts(session, rows) if is_postgresql(session) else [read_columns(session, rows)]
    return _joined([measure(*_days(*part)) for part in parts], 3)


def second_days(ids: Ints, days: Ints) -> Ints:
    """Return per buyer the days from the first day with an order to the second, over 1."""
    owners, gaps = _gaps(ids, days)
    firsts = _starts(owners)
    return np.stack([owners[firsts], gaps[firsts], np.ones(len(firsts), dtype=np.int64)])


def median_gaps(ids: Ints, days: Ints) -> Ints:
    """Return per buyer the sum of the one or two middle gaps, and how many these are: the median as a quotient."""
    owners, gaps = _gaps(ids, days)
    order = np.lexsort((gaps, owners))
    owners, gaps = owners[order], gaps[order]
    starts = _starts(owners)
    counts = np.diff(starts, append=len(owners))
    low, high = gaps[starts + (counts - 1) // 2], gaps[starts + counts // 2]
    is_even = counts % 2 == 0
    return np.stack([owners[starts], np.where(is_even, low + high, low), 1 + is_even])


def lateness(ids: Ints, days: Ints, *, today: int) -> Ints:
    """Return per buyer the days since the last order as a multiple of the median gap: a quotient."""
    owners, middle, number = median_gaps(ids, days)
    starts = _starts(ids)
    ends = starts + np.diff(starts, append=len(ids)) - 1
    last = days[ends[np.searchsorted(ids[ends], owners)]]
    return np.stack([owners, (today - last) * number, middle])


def _slots(buyers: Ints) -> tuple[Ints, Ints]:
    """Return ids, sorted, and the place of each row's buyer among them; not every id need have a row."""
    if not len(buyers):
        return buyers, buyers
    low, high = int(buyers.min()), int(buyers.max())
    if high - low <= 8 * len(buyers):
        return np.arange(low, high + 1), buyers - low
    ids, slots = np.unique(buyers, return_inverse=True)
    return ids, slots


def _folded(fold: Fold, values: Ints, slots: Ints, size: int) -> Ints:
    extremes = np.iinfo(np.int64)
    match fold:
        case Fold.LEAST:
            found = np.full(size, extremes.max)
            np.minimum.at(found, slots, values)
        case Fold.MOST:
            found = np.full(size, extremes.min)
            np.maximum.at(found, slots, values)
        case _:
            found = np.zeros(size, dtype=np.int64)
            np.add.at(found, slots, values)
    return found


_DAY_BITS = 21
_EARLIEST = 1 << (_DAY_BITS - 1)
"""Days since 1970 from the year -901 to 4840 fit beside an id of 32 bits."""


def _days(buyers: Ints, days: Ints) -> tuple[Ints, Ints]:
    """Return buyers and days sorted by both, without repeats: as single numbers they sort fastest."""
    both = (buyers << _DAY_BITS) + (days + _EARLIEST)
    both.sort()
    both = both[_starts(both)]
    return both >> _DAY_BITS, (both & ((1 << _DAY_BITS) - 1)) - _EARLIEST


def _gaps(ids: Ints, days: Ints) -> tuple[Ints, Ints]:
    """Return the gaps between a buyer's days one after the other, and whose they are."""
    same = ids[1:] == ids[:-1]
    return ids[1:][same], np.diff(days)[same]


def _starts(ids: Ints) -> Ints:
    """Return where each run of equal ids begins."""
    return np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))


def _joined(parts: list[Ints], height: int) -> Ints:
    return np.concatenate(parts, axis=1) if parts else np.empty((height, 0), dtype=np.int64)
