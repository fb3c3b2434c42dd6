"""The first reports of a shop: how many come back, cohorts by month of the first order, the figures of the home page.

All of them look at orders that count: paid, not wholly cancelled or returned, no return itself. Orders without a buyer
add to nothing that is said about buyers: the repeat report tells them apart, the home page counts them in its orders
and revenue. Months and days are those of the shop's zone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col, select

from retention import clock, money
from retention.figures import Figure, define
from retention.orders import Order
from retention.shops import Shop
from retention.versions import Family


@dataclass(frozen=True)
class RepeatReport:
    """Who came back. Buyers are those with an order that counts; `orders` and `revenue` are theirs.

    Revenue is paid minus refunded, in minor units. Orders without a buyer stand beside them.
    """

    buyers: int
    orders: int
    revenue: int
    repeat_buyers: int
    median_days_between_order_days: float | None
    currency: str
    orders_without_buyer: int = 0
    revenue_without_buyer: int = 0

    @property
    def repeat_rate(self) -> float | None:
        """The share of buyers with two or more orders; None without buyers."""
        return self.repeat_buyers / self.buyers if self.buyers else None

    def as_json(self) -> dict[str, Any]:
        """Return the report with the rate to five decimals and revenue in major units as a string."""
        rate = self.repeat_rate
        median = self.median_days_between_order_days
        return {
            "buyers": self.buyers,
            "orders": self.orders,
            "revenue": money.write(self.revenue, self.currency),
            "repeat_buyers": self.repeat_buyers,
            "repeat_rate": None if rate is None else round(rate, 5),
            "median_days_between_order_days": int(median) if median is not None and median == int(median) else median,
            "orders_without_buyer": self.orders_without_buyer,
            "revenue_without_buyer": money.write(self.revenue_without_buyer, self.currency),
        }


@dataclass(frozen=True)
class Cohort:
    """Buyers whose first order fell into one month; `active[k]` of them ordered k months after it."""

    month: str
    buyers: int
    active: tuple[int, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """`active` as shares of the cohort."""
        return tuple(count / self.buyers for count in self.active)


@dataclass(frozen=True)
class CohortReport:
    """Cohorts from the first month to the last, months without new buyers left out."""

    cohorts: tuple[Cohort, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the cohorts with counts, and shares to five decimals."""
        rows = [
            {"month": c.month, "buyers": c.buyers, "active": list(c.active), "shares": [round(s, 5) for s in c.shares]}
            for c in self.cohorts
        ]
        return {"cohorts": rows}


@dataclass(frozen=True)
class MonthOfBuyers:
    """The buyers of one month: those whose first order fell into it, and those who had ordered before it."""

    month: str
    new: int
    repeat: int


@dataclass(frozen=True)
class HomeFigures:
    """What the home page shows. Money in minor units; "before" is the same stretch of time just before.

    `repeat_rate` is the share of the buyers of the last 365 days who have two or more orders in them.
    """

    months: tuple[MonthOfBuyers, ...]
    repeat_rate: float | None
    repeat_rate_before: float | None
    revenue: int
    revenue_before: int
    orders: int
    orders_before: int

    @property
    def repeat_rate_change(self) -> float | None:
        """By how much the repeat rate moved, as a difference of shares."""
        if self.repeat_rate is None or self.repeat_rate_before is None:
            return None
        return self.repeat_rate - self.repeat_rate_before


def repeat_report(session: Session, shop: Shop, *, as_of: datetime | None = None) -> RepeatReport:
    """Return who came back, looking only at orders before `as_of`.

    The median is over all gaps between one buyer's consecutive order days (several orders on one day are one day).
    """
    counted = _counted(shop, before=as_of)
    per_buyer = (
        select(func.count().label("orders")).where(col(Order.buyer_id).is_not(None), *counted).group_by("buyer_id")
    ).subquery()
    buyers, repeat = session.execute(
        sa.select(func.count(), func.count(sa.case((per_buyer.c.orders >= 2, 1)))).select_from(per_buyer)
    ).one()
    known = col(Order.buyer_id).is_not(None)
    orders, revenue = session.execute(_sums((*counted, known))).one()
    others, their_revenue = session.execute(_sums((*counted, ~known))).one()
    return RepeatReport(
        buyers=buyers,
        orders=orders,
        revenue=int(revenue),
        repeat_buyers=repeat,
        median_days_between_order_days=median_of_counts(_gaps(session, counted)),
        currency=shop.currency,
        orders_without_buyer=others,
        revenue_without_buyer=int(their_revenue),
    )


def cohort_report(session: Session, shop: Shop, *, as_of: datetime | None = None) -> CohortReport:
    """Return, for each month of first orders, how many of its buyers ordered in it and in each month after it."""
    counted = (*_counted(shop, before=as_of), col(Order.buyer_id).is_not(None))
    days = session.execute(sa.select(func.min(Order.order_day), func.max(Order.order_day)).where(*counted)).one()
    if days[0] is None:
        return CohortReport(())
    month = _month_number(days[0], days[1])
    firsts = sa.select(
        col(Order.buyer_id).label("buyer"), func.min(Order.order_day).label("day")
    ).where(*counted).group_by(col(Order.buyer_id)).subquery()  # fmt: skip
    first_month, order_month = month(firsts.c.day).label("first"), month(col(Order.order_day)).label("month")
    pairs = (
        sa.select(firsts.c.buyer, first_month, order_month)
        .join(firsts, firsts.c.buyer == Order.buyer_id).where(*counted).distinct().subquery()
    )  # fmt: skip
    rows = session.execute(sa.select(pairs.c.first, pairs.c.month, func.count()).group_by(pairs.c.first, pairs.c.month))
    counts = {(first, later): number for first, later, number in rows}
    last = max(later for _, later in counts)
    cohorts = (
        Cohort(
            _month_name(first), counts[first, first], tuple(counts.get((first, m), 0) for m in range(first, last + 1))
        )
        for first in sorted({first for first, _ in counts})
    )
    return CohortReport(tuple(cohorts))


def home_figures(session: Session, shop: Shop, *, now: datetime) -> HomeFigures:
    """Return new and repeat buyers of the last twelve months, the repeat rate of 365 days, revenue of 30 days."""
    revenue, before = (_stretch(session, shop, now, days=30, back=back) for back in (0, 30))
    return HomeFigures(
        months=_months_of_buyers(session, shop, now),
        repeat_rate=_rate(session, shop, now, back=0),
        repeat_rate_before=_rate(session, shop, now, back=365),
        orders=revenue[0],
        revenue=revenue[1],
        orders_before=before[0],
        revenue_before=before[1],
    )


def median_of_counts(counts: Iterable[tuple[int, int]]) -> float | None:
    """Return the median of values given as (value, how often); None of nothing."""
    tally = Counter[int]()
    for value, often in counts:
        tally[value] += often
    size = tally.total()
    if not size:
        return None
    low = high = None
    passed = 0
    for value in sorted(tally):
        passed += tally[value]
        if low is None and passed * 2 >= size:
            low = value
        if passed * 2 > size:
            high = value
            break
    assert low is not None
    assert high is not None
    return (low + high) / 2


def _counted(
    shop: Shop, *, before: datetime | None = None, since: datetime | None = None
) -> tuple[sa.ColumnElement[bool], ...]:
    conditions = [col(Order.shop_id) == shop.id, col(Order.counts).is_(True)]
    if before is not None:
        conditions.append(col(Order.ordered_at) < before)
    if since is not None:
        conditions.append(col(Order.ordered_at) >= since)
    return tuple(conditions)


def _sums(counted: Sequence[sa.ColumnElement[bool]]) -> sa.Select[int, Any]:
    spend = col(Order.amount) - col(Order.refunded)
    return sa.select(func.count(), func.coalesce(func.sum(spend), 0)).select_from(Order).where(*counted)


def _gaps(session: Session, counted: Sequence[sa.ColumnElement[bool]]) -> list[tuple[int, int]]:
    """Return how often each number of days lies between two consecutive order days of one buyer."""
    buyer, day = col(Order.buyer_id), col(Order.order_day)
    days = sa.select(buyer.label("buyer"), day.label("day")).where(buyer.is_not(None), *counted).distinct().subquery()
    earlier = func.lag(days.c.day).over(partition_by=days.c.buyer, order_by=days.c.day)
    gaps = sa.select((days.c.day - earlier).label("gap")).subquery()
    query = sa.select(gaps.c.gap, func.count()).where(gaps.c.gap.is_not(None)).group_by(gaps.c.gap)
    return [(gap, number) for gap, number in session.execute(query)]


def _month_number(first_day: int, last_day: int) -> Any:
    """Return a function from a day-number column to its month, counted from year 0.

    Days are looked up in a short list of the months that occur, because the two databases share no date arithmetic.
    """
    start = clock.day_of(first_day)
    months = range(start.year * 12 + start.month - 1, _month_of(clock.day_of(last_day)) + 1)
    limits = [(_first_day(month + 1), month) for month in months]
    return lambda day: sa.case(*((day < limit, month) for limit, month in limits))


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(month: int) -> int:
    return (date(month // 12, month % 12 + 1, 1) - clock.EPOCH).days


def _month_name(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _stretch(session: Session, shop: Shop, now: datetime, *, days: int, back: int) -> tuple[int, int]:
    end = now - timedelta(days=back)
    orders, revenue = session.execute(_sums(_counted(shop, before=end, since=end - timedelta(days=days)))).one()
    return orders, int(revenue)


def _rate(session: Session, shop: Shop, now: datetime, *, back: int) -> float | None:
    end = now - timedelta(days=back)
    counted = _counted(shop, before=end, since=end - timedelta(days=365))
    per_buyer = (
        sa.select(func.count().label("orders")).select_from(Order)
        .where(col(Order.buyer_id).is_not(None), *counted).group_by(col(Order.buyer_id)).subquery()
    )  # fmt: skip
    buyers, repeat = session.execute(
        sa.select(func.count(), func.count(sa.case((per_buyer.c.orders >= 2, 1)))).select_from(per_buyer)
    ).one()
    return repeat / buyers if buyers else None


def _months_of_buyers(session: Session, shop: Shop, now: datetime) -> tuple[MonthOfBuyers, ...]:
    """Return the last twelve months up to that of `now`, oldest first."""
    counted = (*_counted(shop, before=now), col(Order.buyer_id).is_not(None))
    this_month = _month_of(clock.day_of(shop.day(now)))
    first = _first_day(this_month - 11)
    month = _month_number(first, shop.day(now))
    firsts = (
        sa.select(col(Order.buyer_id).label("buyer"), func.min(Order.order_day).label("day"))
        .where(*counted).group_by(col(Order.buyer_id)).subquery()
    )  # fmt: skip
    begun = sa.case((firsts.c.day >= first, month(firsts.c.day)), else_=-1)
    pairs = (
        sa.select(firsts.c.buyer, begun.label("begun"), month(col(Order.order_day)).label("month"))
        .join(firsts, firsts.c.buyer == Order.buyer_id)
        .where(*counted, col(Order.order_day) >= first).distinct().subquery()
    )  # fmt: skip
    fresh = func.count(sa.case((pairs.c.begun == pairs.c.month, 1)))
    query = sa.select(pairs.c.month, fresh, func.count()).group_by(pairs.c.month)
    found = {month_number: (new, buyers - new) for month_number, new, buyers in session.execute(query)}
    return tuple(MonthOfBuyers(_month_name(m), *found.get(m, (0, 0))) for m in range(this_month - 11, this_month + 1))


_COUNTED = (Family.ORDERS,)
REPEAT = define(
    Figure("repeat", _COUNTED, RepeatReport, lambda own, shop, _, now: repeat_report(own, shop, as_of=now), first=True)
)
COHORTS = define(
    Figure("cohorts", _COUNTED, CohortReport, lambda own, shop, _, now: cohort_report(own, shop, as_of=now), first=True)
)
HOME = define(
    Figure("home", _COUNTED, HomeFigures, lambda own, shop, _, now: home_figures(own, shop, now=now), first=True)
)
