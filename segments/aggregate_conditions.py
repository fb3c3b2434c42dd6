"""Conditions on all of a buyer's orders, answered from the buyer's aggregates instead of adding up the orders again.

Facts know everything recorded so far, so only live conditions without window and filter can be asked of them.
"""

import sqlalchemy as sa
from sqlmodel import col

from retention.aggregates import BuyerAggregates
from segments.conditions import Query, in_thousandths, moment_tests, whole
from segments.rule_ast import Filter, Measure, Orders, Window
from segments.view import View

THOUSAND = 1000

COLUMNS = {
    Measure.COUNT: BuyerAggregates.orders,
    Measure.SPEND: BuyerAggregates.spend,
    Measure.ITEMS: BuyerAggregates.items,
    Measure.RETURNS: BuyerAggregates.returns,
    Measure.AVERAGE: BuyerAggregates.spend,
    Measure.FIRST: BuyerAggregates.first_at,
    Measure.LAST: BuyerAggregates.last_at,
    Measure.DAYS_SINCE_FIRST: BuyerAggregates.first_day,
    Measure.DAYS_SINCE_LAST: BuyerAggregates.last_day,
}


def from_aggregates(view: View, condition: Orders) -> bool:
    """Tell whether the aggregates hold the answer."""
    return (
        view.as_of is None
        and condition.window == Window()
        and condition.of == Filter()
        and condition.measure in COLUMNS
    )


def measure_aggregates(view: View, measure: Measure) -> Query:
    """Return a measure of every buyer it is known for: buyer, the number, and of some what to divide it by."""
    buyer, column = col(BuyerAggregates.buyer_id), col(COLUMNS[measure])
    aggregates = (col(BuyerAggregates.shop_id) == view.shop.id, col(BuyerAggregates.orders) > 0)
    match measure:
        case Measure.RETURNS:
            return sa.select(buyer, column).where(aggregates[0], column > 0)
        case Measure.AVERAGE:
            return sa.select(buyer, column, col(BuyerAggregates.orders)).where(*aggregates)
        case Measure.ITEMS:
            items = in_thousandths(column, col(BuyerAggregates.items_thousandths))
            return sa.select(buyer, items, whole(THOUSAND)).where(*aggregates)
        case Measure.DAYS_SINCE_FIRST | Measure.DAYS_SINCE_LAST:
            return sa.select(buyer, whole(view.day) - column).where(*aggregates)
        case _:
            return sa.select(buyer, column).where(*aggregates)


def ask_aggregates(view: View, condition: Orders) -> Query:
    """Ask whose first or last order was when."""
    times = moment_tests(view, col(COLUMNS[condition.measure]), condition.tests)
    return sa.select(col(BuyerAggregates.buyer_id)).where(col(BuyerAggregates.shop_id) == view.shop.id, times)
