"""Conditions on all of a buyer's orders, answered from the buyer's facts instead of adding up the orders again.

Facts know everything recorded so far, so only live conditions without window and filter can be asked of them.
"""

from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import col

from retention.facts import BuyerFacts
from segments.conditions import COMPARE, Bool, Column, Query, moment_tests, whole, zero_passes
from segments.nodes import SUMS, TIMES, Comparison, Filter, Measure, Orders, Tests, Window
from segments.view import View

COLUMNS = {
    Measure.COUNT: BuyerFacts.orders,
    Measure.SPEND: BuyerFacts.spend,
    Measure.ITEMS: BuyerFacts.items,
    Measure.RETURNS: BuyerFacts.returns,
    Measure.AVERAGE: BuyerFacts.spend,
    Measure.FIRST: BuyerFacts.first_at,
    Measure.LAST: BuyerFacts.last_at,
    Measure.DAYS_SINCE_FIRST: BuyerFacts.first_day,
    Measure.DAYS_SINCE_LAST: BuyerFacts.last_day,
}


def from_facts(view: View, leaf: Orders) -> bool:
    """Tell whether the facts hold the answer."""
    return view.as_of is None and leaf.window == Window() and leaf.of == Filter() and leaf.measure in COLUMNS


def ask_facts(view: View, measure: Measure, tests: Tests) -> Query:
    """Ask the facts; money in minor units."""
    column: Column = col(COLUMNS[measure])
    facts = sa.select(col(BuyerFacts.buyer_id)).where(col(BuyerFacts.shop_id) == view.shop.id)
    if measure in SUMS:
        passes = all_pass(column, tests)
        return facts.where(sa.not_(passes) if zero_passes(tests) else passes)
    facts = facts.where(col(BuyerFacts.orders) > 0)
    if measure in TIMES:
        return facts.where(moment_tests(view, column, tests))
    if measure is Measure.AVERAGE:
        return facts.where(all_pass(column, tests, times=col(BuyerFacts.orders)))
    return facts.where(all_pass(whole(view.day) - column, tests))


def all_pass(measured: Column, tests: Tests, *, times: Column | None = None) -> Bool:
    """Return whether `measured` (or `measured / times`) passes all tests, in whole numbers only."""
    return sa.and_(*(_passes(measured, test, times) for test in tests))


def _passes(measured: Column, test: Comparison, times: Column | None) -> Bool:
    number = test.value
    assert isinstance(number, int | Decimal)
    above, below = number.as_integer_ratio()
    right: Column = whole(above) if times is None else whole(above) * times
    found: Bool = COMPARE[test.operator](measured * below if below > 1 else measured, right)
    return found
