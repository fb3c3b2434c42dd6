"""Conditions on orders: a measure per buyer over the orders that a window and a filter leave, from one SELECT."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, col

from retention import money
from retention.bitmaps import read_columns
from retention.errors import Invalid
from retention.orders import Order, OrderLine
from segments.aggregate_conditions import THOUSAND, ask_aggregates, from_aggregates, measure_aggregates
from segments.conditions import Bool, Column, Query, contains_one, in_thousandths, moment_tests, one_of, whole, within
from segments.order_sums import Fold, Ints, add_up, lateness, median_gaps, read_gaps, second_days
from segments.rule_ast import Comparison, Filter, Measure, Orders, Tests
from segments.tallies import Tally
from segments.view import View

BUYER: Column = col(Order.buyer_id)
DAY: Column = col(Order.order_day)
PAID: Column = col(Order.amount) - col(Order.refunded)
PAID_OF_LINE: Column = col(OrderLine.amount) - col(OrderLine.refunded)


def ask_times(session: Session, view: View, condition: Orders) -> Query:
    """Ask for the moment of the first or last order."""
    if from_aggregates(view, condition):
        return ask_aggregates(view, condition)
    moment = (
        sa.func.min(col(Order.ordered_at)) if condition.measure is Measure.FIRST else sa.func.max(col(Order.ordered_at))
    )
    return _orders(session, view, condition).group_by(BUYER).having(moment_tests(view, moment, condition.tests))


def measure_orders(session: Session, view: View, condition: Orders) -> Tally:
    """Measure every buyer of whom it is known. Money is in minor units.

    With a filter on lines, money and items are those of the lines that match.
    """
    if from_aggregates(view, condition):
        return Tally(*read_columns(session, measure_aggregates(view, condition.measure)))
    orders = _orders(session, view, condition)
    match condition.measure:
        case Measure.PRODUCTS:
            named = orders.add_columns(col(OrderLine.sku)).where(col(OrderLine.sku) != "").distinct()
            return Tally(*add_up(session, _buyers(named), Fold.COUNT))
        case Measure.DAYS_TO_SECOND | Measure.MEDIAN_GAP | Measure.LATENESS:
            return Tally(*read_gaps(session, orders.add_columns(DAY), _of_days(condition.measure, view.day)))
        case Measure.DAYS_SINCE_FIRST | Measure.DAYS_SINCE_LAST:
            fold = Fold.LEAST if condition.measure is Measure.DAYS_SINCE_FIRST else Fold.MOST
            ids, day = add_up(session, orders.add_columns(DAY), fold)
            return Tally(ids, view.day - day)
        case Measure.ITEMS:
            ids, items = _add_up(session, orders, condition)
            return Tally(ids, items, np.full_like(items, THOUSAND))
        case _:
            return Tally(*_add_up(session, orders, condition))


def minor_units(tests: Tests, currency: str) -> Tests:
    """Return comparisons of money in minor units; Invalid for an amount the currency has no coin for."""
    return tuple(Comparison(test.operator, _minor(test.value, currency)) for test in tests)


def counted_orders(view: View) -> list[Bool]:
    """Return what an order of the shop must satisfy to count for its buyer."""
    return [col(Order.shop_id) == view.shop.id, BUYER.is_not(None), col(Order.counts)]


def _orders(session: Session, view: View, condition: Orders) -> Query:
    """Return a SELECT of buyer ids, one row per order, or per line when lines have to be looked at."""
    returned = condition.measure is Measure.RETURNS
    kind = col(Order.is_return) if returned else col(Order.counts)
    query = sa.select(BUYER).where(col(Order.shop_id) == view.shop.id, BUYER.is_not(None), kind)
    query = query.where(*within(view, col(Order.ordered_at), condition.window), *_order_filter(session, condition.of))
    if not condition.of.by_line and condition.measure is not Measure.PRODUCTS:
        return query
    lines = sa.and_(col(OrderLine.shop_id) == col(Order.shop_id), col(OrderLine.order_id) == col(Order.id))
    given = sa.and_(col(OrderLine.quantity) > 0, col(OrderLine.amount) >= 0)  # a discount is a line, and no product
    bought = col(OrderLine.quantity) < 0 if returned else given
    return query.join(OrderLine, lines).where(bought, *_line_filter(session, view, condition.of))


def _order_filter(session: Session, of: Filter) -> list[Bool]:
    columns = {"country": Order.country, "region": Order.region, "city": Order.city, "channel": Order.channel}
    found = [one_of(session, col(column), values) for name, column in columns.items() if (values := getattr(of, name))]
    if of.coupon_used is not None:
        found.append(col(Order.coupon_code) != "" if of.coupon_used else col(Order.coupon_code) == "")
    return found


def _line_filter(session: Session, view: View, of: Filter) -> list[Bool]:
    columns = {"sku": OrderLine.sku, "category": OrderLine.category}
    found = [one_of(session, col(column), values) for name, column in columns.items() if (values := getattr(of, name))]
    if of.title_contains:
        found.append(contains_one(session, col(OrderLine.title), of.title_contains))
    if of.price_at_least is not None:
        found.append(col(OrderLine.unit_price) >= whole(_minor(of.price_at_least, view.shop.currency)))
    return found


def _add_up(session: Session, orders: Query, condition: Orders) -> Ints:
    by_line = condition.of.by_line
    match condition.measure:
        case Measure.AVERAGE:
            return add_up(session, _paid(orders, each_order=by_line), Fold.SUM, Fold.COUNT)
        case Measure.LARGEST:
            return add_up(session, _paid(orders, each_order=by_line), Fold.MOST)
        case Measure.SPEND:
            return add_up(session, orders.add_columns(PAID_OF_LINE if by_line else PAID), Fold.SUM)
        case Measure.ITEMS:
            of_lines = in_thousandths(col(OrderLine.quantity), col(OrderLine.quantity_thousandths))
            of_orders = in_thousandths(col(Order.items), col(Order.items_thousandths))
            return add_up(session, orders.add_columns(of_lines if by_line else of_orders), Fold.SUM)
        case _:
            once = _buyers(orders.add_columns(col(Order.id)).distinct()) if by_line else orders
            return add_up(session, once, Fold.COUNT)


def _paid(orders: Query, *, each_order: bool) -> Query:
    """Return a SELECT of buyer and what was paid for an order; of rows of lines, for those lines of an order."""
    if not each_order:
        return orders.add_columns(PAID)
    per_order = orders.add_columns(sa.func.sum(PAID_OF_LINE).label("paid"))
    each = per_order.group_by(BUYER, col(Order.id)).subquery()
    return sa.select(each.c.buyer_id, each.c.paid)


def _buyers(rows: Query) -> Query:
    """Return a SELECT of the buyer of each row."""
    return sa.select(rows.subquery().c.buyer_id)


def _of_days(measure: Measure, today: int) -> Callable[[Ints, Ints], Ints]:
    known: dict[Measure, Callable[[Ints, Ints], Ints]] = {
        Measure.DAYS_TO_SECOND: second_days,
        Measure.MEDIAN_GAP: median_gaps,
        Measure.LATENESS: partial(lateness, today=today),
    }
    return known[measure]


def _minor(amount: object, currency: str) -> int:
    """Return an amount of a rule in minor units; Invalid when the currency has no coin so small."""
    assert isinstance(amount, Decimal)
    units = money.minor(amount, currency)
    if money.major(units, currency) != amount:
        raise Invalid("{amount} has more decimals than {currency} allows.", amount=amount, currency=currency)
    return units
