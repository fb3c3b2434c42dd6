"""Conditions on all of a buyer's orders, answered from the buyer's facts instead of adding up the orders again.

Facts know everything recorded so far, so only live conditions without window and filter can be asked of them.
"""

import sqlalchemy as sa
from sqlmodel import col

from retention.facts import BuyerFacts
from segments.conditions import Query, moment_tests, whole
from segments.nodes import Filter, Measure, Orders, Window
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


def measure_facts(view: View, measure: Measure) -> Query:
    """Return a measure of every buyer it is known for: buyer, the number, and for an average what to divide it by."""
    buyer, column = col(BuyerFacts.buyer_id), col(COLUMNS[measure])
    facts = (col(BuyerFacts.shop_id) == view.shop.id, col(BuyerFacts.orders) > 0)
    match measure:
        case Measure.RETURNS:
            return sa.select(buyer, column).where(facts[0], column > 0)
        case Measure.AVERAGE:
            return sa.select(buyer, column, col(BuyerFacts.orders)).where(*facts)
        case Measure.DAYS_SINCE_FIRST | Measure.DAYS_SINCE_LAST:
            return sa.select(buyer, whole(view.day) - column).where(*facts)
        case _:
            return sa.select(buyer, column).where(*facts)


def ask_facts(view: View, leaf: Orders) -> Query:
    """Ask whose first or last order was when."""
    times = moment_tests(view, col(COLUMNS[leaf.measure]), leaf.tests)
    return sa.select(col(BuyerFacts.buyer_id)).where(col(BuyerFacts.shop_id) == view.shop.id, times)
