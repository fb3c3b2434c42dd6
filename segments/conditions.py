"""Conditions as SELECTs: each condition of a rule is one query of buyer ids, built from columns and bound values only.

One that a buyer without any row may satisfy ("at most 2 orders") is asked the other way round: `inverted` tells that
everybody but the ids of the query matches.
"""

import json
import operator
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col, select

from retention import clock
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent
from retention.database import is_postgresql
from retention.errors import NotFound
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.suppressions import OptOutSubject, held_buyers
from retention.touches import Touch
from segments.rule_ast import (
    SUMS,
    BuyerField,
    Condition,
    ConsentIs,
    Follows,
    InGroup,
    Moment,
    Orders,
    Tests,
    Touched,
    Window,
)
from segments.view import View

Column = sa.SQLColumnExpression[Any]
Bool = sa.SQLColumnExpression[bool]
Query = sa.Select[*tuple[Any, ...]]
"""A column of buyer ids, followed by what is measured of them, if anything is."""

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "more_than": operator.gt,
    "less_than": operator.lt,
    "is": operator.eq,
}


def inverted(condition: Condition) -> bool:
    """Tell whether the query of a condition asks for those who do not match, because those without any row do."""
    match condition:
        case BuyerField(_, "exists", (exists,)):
            return not exists
        case BuyerField(operator="is_not") | ConsentIs(answer="never"):
            return True
        case Touched(_, tests):
            return zero_passes(tests)
        case Orders(measure, tests):
            return measure in SUMS and zero_passes(tests)
    return False


def zero_passes(tests: Tests) -> bool:
    """Tell whether a buyer for whom nothing is counted passes."""
    return all(COMPARE[test.operator](0, test.value) for test in tests)


def everyone(shop_id: int) -> Query:
    """Return a SELECT of all buyers of a shop."""
    return sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == shop_id)


def ask_buyer(session: Session, view: View, condition: BuyerField) -> Query:
    """Ask for a field of the buyer's row. Fields have no history: they are as they stand now."""
    column = col(getattr(Buyer, condition.field))
    buyers = everyone(view.shop.id)
    match condition.operator:
        case "is":
            return buyers.where(one_of(session, column, condition.values))
        case "is_not":
            return buyers.where(one_of(session, column, condition.values))
        case "contains":
            return buyers.where(contains_one(session, column, condition.values))
        case "month":
            month = view.month if condition.values[0] == "this" else condition.values[0]
            return buyers.where(sa.extract("month", column) == month)
        case "exists":
            filled = column.is_not(None) if condition.field in {"birthday", "created_at"} else column != ""
            return buyers.where(filled)
        case _:
            return buyers.where(_beside(view, column, condition))


def ask_follows(view: View, condition: Follows) -> Query:
    """Ask who follows the shop, begun within the window."""
    holding = _holding(view, col(Follow.followed_at), col(Follow.ended_at), condition.window)
    return sa.select(col(Follow.buyer_id)).where(col(Follow.shop_id) == view.shop.id, *holding)


def ask_group(session: Session, view: View, condition: InGroup) -> Query:
    """Ask who is a member of a group, joined within the window; NotFound for an unknown group."""
    query = sa.select(col(GroupMember.buyer_id)).where(col(GroupMember.shop_id) == view.shop.id)
    query = query.where(*_holding(view, col(GroupMember.joined_at), col(GroupMember.left_at), condition.window))
    if condition.slug is None:
        return query.distinct()
    group = session.exec(select(Group.id).where(Group.shop_id == view.shop.id, Group.slug == condition.slug)).first()
    if group is None:
        raise NotFound("No group is called {slug}.", slug=condition.slug)
    return query.where(col(GroupMember.group_id) == group)


def ask_consent(view: View, condition: ConsentIs) -> Query:
    """Ask for the answers to a channel: the buyer, and a number that is largest for the last, odd where it is as asked.

    Never asked is the absence of any; then every answer is odd.
    """
    entry = sa.and_(
        col(Consent.shop_id) == view.shop.id,
        col(Consent.channel) == condition.channel,
        col(Consent.topic) == "",
        col(Consent.counts),
    )
    if view.as_of is not None:
        entry = sa.and_(entry, col(Consent.at) < view.as_of)
    is_any = condition.answer == "never"
    odd = sa.literal(1) if is_any else sa.case((col(Consent.answer) == Answer(condition.answer), 1), else_=0)
    return sa.select(col(Consent.buyer_id), col(Consent.id) * 2 + odd).where(entry)


def ask_held(view: View, condition: ConsentIs) -> Query:
    """Ask whose address has said no by the channel: they have, whatever their own row says."""
    return held_buyers(OptOutSubject(view.shop.id, Channel(condition.channel)), as_of=view.as_of)


def measure_touches(session: Session, view: View, condition: Touched) -> Query:
    """Return how often an event happened, of one campaign or of any, per buyer with whom it did."""
    query = sa.select(col(Touch.buyer_id), sa.func.count()).where(
        col(Touch.shop_id) == view.shop.id,
        col(Touch.event) == condition.event,
        *within(view, col(Touch.at), condition.window),
    )
    if condition.campaigns:
        query = query.where(one_of(session, col(Touch.campaign), condition.campaigns))
    return query.group_by(col(Touch.buyer_id))


def whole(value: Any) -> Column:
    """Return a bound integer of 64 bits; the drivers would guess a narrower one."""
    return sa.literal(value, sa.BigInteger)


def in_thousandths(pieces: Column, rest: Column) -> Column:
    """Return a quantity in thousandths, as orders and their lines keep it in two columns."""
    return pieces * whole(1000) + rest


def within(view: View, column: Column, window: Window) -> list[Bool]:
    """Return the bounds a window puts on a column of moments: start included, end excluded."""
    start, end = view.start(window), view.end(window)
    bounds: list[Bool] = []
    if start is not None:
        bounds.append(column >= start)
    if end is not None:
        bounds.append(column < end)
    return bounds


def one_of(session: Session, column: Column, values: Sequence[Any]) -> Bool:
    """Return whether a text column is one of any number of texts, sent as a single bound value."""
    if len(values) == 1:
        return column == sa.literal(values[0], sa.Text)
    if is_postgresql(session):
        return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(sa.Text)))
    each = sa.func.json_each(sa.literal(json.dumps(list(values)), sa.Text)).table_valued("value")
    return column.in_(sa.select(each.c.value))


def contains_one(session: Session, column: Column, parts: Sequence[Any]) -> Bool:
    """Return whether a text column contains one of `parts`; A to Z and a to z are the same letters, on both databases.

    Folding further (É, Я) depends on the server's locale on PostgreSQL and is not built into SQLite.
    """
    if is_postgresql(session):
        text: Column = sa.func.lower(sa.collate(column, "C"))
        return sa.or_(*(sa.func.strpos(text, sa.literal(fold(part), sa.Text)) > 0 for part in parts))
    text = sa.func.lower(column)
    return sa.or_(*(sa.func.instr(text, sa.literal(fold(part), sa.Text)) > 0 for part in parts))


def fold(text: str) -> str:
    """Return a text with A to Z as a to z."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def moment_tests(view: View, column: Column, tests: Tests) -> Bool:
    """Return the comparisons of a column of moments with days and moments of a rule."""
    return sa.and_(*(_moment_test(view, column, test.operator, test.value) for test in tests))


def _moment_test(view: View, column: Column, comparator: str, value: Any) -> Bool:
    moment: Moment = value
    match comparator:
        case "before":
            return column < view.beginning(moment)
        case "at_least":
            return column >= view.beginning(moment)
        case "after":
            return column >= view.after(moment)
        case "at_most":
            return column < view.after(moment)
        case _:
            return sa.and_(column >= view.beginning(moment), column < view.after(moment))


def _beside(view: View, column: Column, condition: BuyerField) -> Bool:
    moment = condition.values[0]
    assert isinstance(moment, date)
    if condition.field != "birthday":
        return _moment_test(view, column, condition.operator, moment)
    day = clock.day_of(view.shop.day(view.beginning(moment)))
    return column < day if condition.operator == "before" else column > day


def _holding(view: View, begun: Column, ended: Column, window: Window) -> list[Bool]:
    """Return what makes a relation hold: begun in the window, and not ended (as of then, not ended yet)."""
    still = ended.is_(None) if view.as_of is None else sa.or_(ended.is_(None), ended >= view.as_of)
    return [still, *within(view, begun, window)]
