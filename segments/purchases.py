"""Conditions on orders: a measure per buyer over the orders that a window and a filter leave, as one SELECT."""

from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session, col

from retention import money
from retention.errors import Invalid
from retention.orders import Order, OrderLine
from segments.conditions import Bool, Column, Query, contains_one, moment_tests, one_of, whole, within
from segments.facts import ask_facts, from_facts, measure_facts
from segments.nodes import Comparison, Filter, Measure, Orders, Tests
from segments.view import View

BUYER: Column = col(Order.buyer_id)
PAID: Column = col(Order.amount) - col(Order.refunded)


def ask_times(session: Session, view: View, leaf: Orders) -> Query:
    """Ask for the moment of the first or last order."""
    if from_facts(view, leaf):
        return ask_facts(view, leaf)
    moment = sa.func.min(col(Order.ordered_at)) if leaf.measure is Measure.FIRST else sa.func.max(col(Order.ordered_at))
    return _orders(session, view, leaf).group_by(BUYER).having(moment_tests(view, moment, leaf.tests))


def measure_orders(session: Session, view: View, leaf: Orders) -> Query:  # noqa: PLR0911 - one case per measure
    """Return a measure of every buyer it is known for: buyer, a number, and for a quotient what to divide it by.

    Money is in minor units. With a filter on lines, money and items are those of the lines that match.
    """
    if from_facts(view, leaf):
        return measure_facts(view, leaf.measure)
    orders = _orders(session, view, leaf)
    match leaf.measure:
        case Measure.AVERAGE:
            spent = Orders(Measure.SPEND, (), leaf.window, leaf.of)
            return _each(orders, _sum(spent), _count(leaf.of))
        case Measure.LARGEST:
            return _measure_largest(orders, leaf)
        case Measure.DAYS_SINCE_FIRST:
            return _each(orders, whole(view.day) - sa.func.min(col(Order.order_day)))
        case Measure.DAYS_SINCE_LAST:
            return _each(orders, whole(view.day) - sa.func.max(col(Order.order_day)))
        case Measure.DAYS_TO_SECOND:
            return _measure_second(orders)
        case Measure.MEDIAN_GAP | Measure.LATENESS:
            return _measure_gaps(view, orders, leaf.measure)
        case _:
            return _each(orders, _sum(leaf))


def minor_units(tests: Tests, currency: str) -> Tests:
    """Return comparisons of money in minor units; Invalid for an amount the currency has no coin for."""
    return tuple(Comparison(test.operator, _minor(test.value, currency)) for test in tests)


def counted_orders(view: View) -> list[Bool]:
    """Return what an order of the shop must satisfy to count for its buyer."""
    return [col(Order.shop_id) == view.shop.id, BUYER.is_not(None), col(Order.counts)]


def _orders(session: Session, view: View, leaf: Orders) -> Query:
    """Return a SELECT of buyer ids, one row per order, or per line when lines have to be looked at."""
    returned = leaf.measure is Measure.RETURNS
    kind = col(Order.is_return) if returned else col(Order.counts)
    query = sa.select(BUYER).where(col(Order.shop_id) == view.shop.id, BUYER.is_not(None), kind)
    query = query.where(*within(view, col(Order.ordered_at), leaf.window), *_order_filter(session, leaf.of))
    if not leaf.of.by_line and leaf.measure is not Measure.PRODUCTS:
        return query
    lines = sa.and_(col(OrderLine.shop_id) == col(Order.shop_id), col(OrderLine.order_id) == col(Order.id))
    bought = col(OrderLine.quantity) < 0 if returned else col(OrderLine.quantity) > 0
    return query.join(OrderLine, lines).where(bought, *_line_filter(session, view, leaf.of))


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


def _sum(leaf: Orders) -> Column:
    by_line = leaf.of.by_line
    match leaf.measure:
        case Measure.SPEND:
            return sa.func.sum(col(OrderLine.amount) if by_line else PAID)
        case Measure.ITEMS:
            return sa.func.sum(col(OrderLine.quantity) if by_line else col(Order.items))
        case Measure.PRODUCTS:
            return sa.func.count(sa.distinct(sa.func.nullif(col(OrderLine.sku), "")))
        case _:
            return _count(leaf.of)


def _count(of: Filter) -> Column:
    return sa.func.count(sa.distinct(col(Order.id))) if of.by_line else sa.func.count()


def _measure_largest(orders: Query, leaf: Orders) -> Query:
    if not leaf.of.by_line:
        return _each(orders, sa.func.max(PAID))
    per_order = orders.add_columns(sa.func.sum(col(OrderLine.amount)).label("paid"))
    each = per_order.group_by(BUYER, col(Order.id)).subquery()
    return sa.select(each.c.buyer_id, sa.func.max(each.c.paid)).group_by(each.c.buyer_id)


def _measure_second(orders: Query) -> Query:
    """Measure the days between the first and the second day with an order."""
    days = orders.add_columns(col(Order.order_day).label("day")).distinct().subquery()
    place = sa.func.row_number().over(partition_by=days.c.buyer_id, order_by=days.c.day).label("place")
    placed = sa.select(days.c.buyer_id, days.c.day, place).subquery()
    gap = sa.func.max(placed.c.day) - sa.func.min(placed.c.day)
    first_two = sa.select(placed.c.buyer_id, gap).where(placed.c.place <= 2)
    return first_two.group_by(placed.c.buyer_id).having(sa.func.count() == 2)


def _measure_gaps(view: View, orders: Query, measure: Measure) -> Query:
    """Measure the median gap between days with an order, or the days since the last as a multiple of it.

    The median is the mean of the one or two middle gaps: their sum, to be divided by their number.
    """
    days = orders.add_columns(col(Order.order_day).label("day")).distinct().subquery()
    before = sa.func.lag(days.c.day).over(partition_by=days.c.buyer_id, order_by=days.c.day)
    gaps = sa.select(days.c.buyer_id, days.c.day, (days.c.day - before).label("gap")).subquery()
    known = sa.select(
        gaps.c.buyer_id,
        gaps.c.gap,
        sa.func.row_number().over(partition_by=gaps.c.buyer_id, order_by=gaps.c.gap).label("place"),
        sa.func.count().over(partition_by=gaps.c.buyer_id).label("gaps"),
        sa.func.max(gaps.c.day).over(partition_by=gaps.c.buyer_id).label("last"),
    )
    ranked = known.where(gaps.c.gap.is_not(None)).subquery()
    is_middle = sa.and_(ranked.c.place * 2 >= ranked.c.gaps, ranked.c.place * 2 <= ranked.c.gaps + 2)
    total, number = sa.func.sum(ranked.c.gap), sa.func.count()
    since = (whole(view.day) - sa.func.max(ranked.c.last)) * number
    measured = (total, number) if measure is Measure.MEDIAN_GAP else (since, total)
    return sa.select(ranked.c.buyer_id, *measured).where(is_middle).group_by(ranked.c.buyer_id)


def _each(orders: Query, *measured: Column) -> Query:
    return orders.add_columns(*measured).group_by(BUYER)


def _minor(amount: object, currency: str) -> int:
    """Return an amount of a rule in minor units; Invalid when the currency has no coin so small."""
    assert isinstance(amount, Decimal)
    units = money.minor(amount, currency)
    if money.major(units, currency) != amount:
        raise Invalid("{amount} has more decimals than {currency} knows.", amount=amount, currency=currency)
    return units
