"""The first reports against plain Python that adds up the same orders one by one."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from retention.ingest.orders.order_files import OrderInput, put_orders
from retention.metrics import cohort_report, home_figures, median_of_counts, repeat_report
from retention.shops import Shop
from tests.factories import make_shop

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def shop(session: Session) -> Shop:
    return make_shop(session, "tea", at=NOW)


@pytest.fixture
def orders(session: Session, shop: Shop) -> list[OrderInput]:
    """Three hundred orders of forty buyers over two years, some of nobody; all of them count."""
    chance = random.Random(3)
    made = [
        OrderInput(
            f"A{number}",
            buyer_id=f"b{chance.randrange(40)}" if chance.random() < 0.95 else None,
            paid_at=NOW - timedelta(minutes=chance.randrange(730 * 24 * 60)),
            amount=Decimal(chance.randrange(100, 10_000)) / 100,
        )
        for number in range(300)
    ]
    put_orders(session, shop, made, source="api", now=NOW)
    return made


def day(order: OrderInput) -> datetime:
    assert order.paid_at is not None
    return order.paid_at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def month(order: OrderInput) -> int:
    return day(order).year * 12 + day(order).month - 1


def by_buyer(orders: list[OrderInput]) -> dict[str, list[OrderInput]]:
    found = defaultdict(list)
    for order in orders:
        if order.buyer_id:
            found[order.buyer_id].append(order)
    return found


@pytest.mark.parametrize("as_of", [None, NOW - timedelta(days=200), NOW - timedelta(days=800)])
def test_repeat_report_is_what_counting_one_by_one_gives(
    session: Session, shop: Shop, orders: list[OrderInput], as_of: datetime | None
) -> None:
    seen = [order for order in orders if order.paid_at and (as_of is None or order.paid_at < as_of)]
    buyers = by_buyer(seen)
    days = [sorted({day(order) for order in each}) for each in buyers.values()]
    gaps = [(later - earlier).days for each in days for earlier, later in pairwise(each)]
    repeat = sum(len(each) >= 2 for each in buyers.values())
    known, others = ([order for order in seen if bool(order.buyer_id) is with_one] for with_one in (True, False))
    assert repeat_report(session, shop, as_of=as_of).as_json() == {
        "buyers": len(buyers),
        "orders": len(known),
        "revenue": f"{sum(order.amount or 0 for order in known):.2f}",
        "repeat_buyers": repeat,
        "repeat_rate": round(repeat / len(buyers), 5) if buyers else None,
        "median_days_between_order_days": median(gaps) if gaps else None,
        "orders_without_buyer": len(others),
        "revenue_without_buyer": f"{sum(order.amount or 0 for order in others):.2f}",
    }


def test_cohorts_are_what_counting_one_by_one_gives(session: Session, shop: Shop, orders: list[OrderInput]) -> None:
    members = defaultdict(list)
    for each in by_buyer(orders).values():
        members[min(map(month, each))].append({month(order) for order in each})
    last = max(month(order) for order in orders if order.buyer_id)
    expected = [
        (
            f"{first // 12}-{first % 12 + 1:02}",
            tuple(sum(m in each for each in members[first]) for m in range(first, last + 1)),
        )
        for first in sorted(members)
    ]
    cohorts = cohort_report(session, shop).cohorts
    assert [(cohort.month, cohort.active) for cohort in cohorts] == expected
    assert all(cohort.active[0] == cohort.buyers and cohort.shares[0] == 1 for cohort in cohorts)


def test_home_figures_are_what_counting_one_by_one_gives(
    session: Session, shop: Shop, orders: list[OrderInput]
) -> None:
    def between(newest: int, oldest: int) -> list[OrderInput]:
        return [
            o for o in orders if o.paid_at and NOW - timedelta(days=oldest) <= o.paid_at < NOW - timedelta(days=newest)
        ]

    def rate(part: list[OrderInput]) -> float:
        return sum(len(each) >= 2 for each in by_buyer(part).values()) / len(by_buyer(part))

    figures = home_figures(session, shop, now=NOW)
    assert figures.revenue == sum(int((order.amount or 0) * 100) for order in between(0, 30))
    assert figures.revenue_before == sum(int((order.amount or 0) * 100) for order in between(30, 60))
    assert (figures.orders, figures.orders_before) == (len(between(0, 30)), len(between(30, 60)))
    assert figures.repeat_rate == pytest.approx(rate(between(0, 365)))
    assert figures.repeat_rate_change == pytest.approx(rate(between(0, 365)) - rate(between(365, 730)))
    firsts = {buyer: min(map(month, each)) for buyer, each in by_buyer(orders).items()}
    for offset, shown in enumerate(figures.months):
        number = 2025 * 12 + 11 + offset
        active = {order.buyer_id for order in orders if order.buyer_id and month(order) == number}
        new = sum(firsts[buyer] == number for buyer in active if buyer)
        assert (shown.month, shown.new, shown.repeat) == (
            f"{number // 12}-{number % 12 + 1:02}",
            new,
            len(active) - new,
        )


def test_reports_of_a_shop_without_orders_are_empty(session: Session, shop: Shop) -> None:
    assert repeat_report(session, shop).as_json() == {
        "buyers": 0,
        "orders": 0,
        "revenue": "0.00",
        "repeat_buyers": 0,
        "repeat_rate": None,
        "median_days_between_order_days": None,
        "orders_without_buyer": 0,
        "revenue_without_buyer": "0.00",
    }
    assert cohort_report(session, shop).as_json() == {"cohorts": []}
    assert home_figures(session, shop, now=NOW).repeat_rate is None


def test_reports_see_their_own_shop_only(session: Session, shop: Shop, orders: list[OrderInput]) -> None:
    other = make_shop(session, "cup", timezone="Europe/Berlin", currency="EUR", at=NOW)
    assert repeat_report(session, other).orders == 0
    assert cohort_report(session, other).cohorts == ()


@given(st.lists(st.integers(0, 50), max_size=40))
def test_median_of_counts_is_the_median(values: list[int]) -> None:
    counts = [(value, values.count(value)) for value in set(values)]
    assert median_of_counts(counts) == (median(values) if values else None)
