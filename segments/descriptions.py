"""Rules in words: one sentence, as a marketer would say it, in the language being spoken."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime

from retention import money
from retention.i18n import current_locale, gettext, gettext_noop, ngettext, ngettext_noop
from segments.labels import ANSWERS, CHANNELS, EVENTS, FIELDS, GROUPS, NEVER
from segments.rule_ast import (
    MONEY,
    ONCE,
    All,
    AnyOf,
    Bucket,
    BuyerField,
    Condition,
    ConsentIs,
    Filter,
    Follows,
    Forecast,
    InGroup,
    InList,
    InSegment,
    Measure,
    Moment,
    Node,
    Not,
    Orders,
    Predicted,
    Rfm,
    Scale,
    Tests,
    Touched,
    Value,
    Window,
)

NAMED = 5
"""So many values of a list are spelled out; the rest is a number."""

Say = Callable[[Value], str]


def describe(node: Node, *, currency: str = "") -> str:
    """Return a rule as a sentence. Money is shown in `currency` when one is given."""
    if node == All(()):
        return gettext("All buyers")
    if node == AnyOf(()):
        return gettext("No buyers")
    return gettext("Buyers who {conditions}").format(conditions=_Speaker(currency).node(node))


class _Speaker:
    """Says nodes; holds the currency so that not every phrase has to pass it on."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def node(self, node: Node, *, inside: bool = False) -> str:
        match node:
            case All(()) | AnyOf(()):
                return gettext("exist") if isinstance(node, All) else gettext("do not exist")
            case All((only,)) | AnyOf((only,)):
                return self.node(only, inside=inside)
            case All(nodes):
                phrases = gettext(" and ").join(self.node(each, inside=True) for each in nodes)
            case AnyOf(nodes):
                phrases = gettext(" or ").join(self.node(each, inside=True) for each in nodes)
            case Not(inner):
                return self.negation(inner)
            case _:
                return self.condition(node)
        return gettext("({conditions})").format(conditions=phrases) if inside else phrases

    def negation(self, node: Node) -> str:
        match node:
            case Orders(Measure.COUNT, tests, window, of) if tests == ONCE:
                return self.detailed(gettext("never ordered"), of, window)
            case Follows(window) if window == Window():
                return gettext("do not follow the shop")
            case InGroup(slug) if node.window == Window():
                known = gettext("are not in the group {group}") if slug else gettext("are in no group")
                return known.format(group=slug)
            case InSegment(slug):
                return gettext("are not in the segment {segment}").format(segment=slug)
            case InList(slug):
                return gettext("are not on the list {list}").format(list=slug)
            case _:
                return gettext("do not match this: {condition}").format(condition=self.node(node, inside=True))

    def condition(self, condition: Condition) -> str:  # noqa: C901, PLR0911 - one case per kind of condition
        match condition:
            case BuyerField():
                return self.buyer(condition)
            case Orders():
                return self.orders(condition)
            case Follows(window):
                return self.since(gettext("follow the shop"), window)
            case InGroup(slug, window):
                known = gettext("are in the group {group}") if slug else gettext("are in a group")
                return self.since(known.format(group=slug), window)
            case ConsentIs(channel, answer):
                return gettext(ANSWERS[answer]).format(channel=gettext(CHANNELS[channel]))
            case Touched():
                return self.touched(condition)
            case Rfm():
                return self.rfm(condition)
            case Predicted(forecast, tests, days):
                return _predicted(forecast, tests, days)
            case InSegment(slug):
                return gettext("are in the segment {segment}").format(segment=slug)
            case InList(slug):
                return gettext("are on the list {list}").format(list=slug)
            case Bucket():
                return self.bucket(condition)

    def buyer(self, condition: BuyerField) -> str:  # noqa: PLR0911 - one case per operator
        field = gettext(FIELDS[condition.field])
        match condition.operator:
            case "is":
                return gettext("have {field} {values}").format(field=field, values=_any_of(condition.values))
            case "is_not":
                return gettext("have {field} other than {values}").format(field=field, values=_any_of(condition.values))
            case "contains":
                return gettext("have {values} in their {field}").format(field=field, values=_any_of(condition.values))
            case "exists":
                known = gettext("have {field}") if condition.values[0] else gettext("have no {field}")
                return known.format(field=field)
            case "month":
                return _month(condition.values[0])
            case "before":
                return gettext("have {field} before {when}").format(field=field, when=_moment(condition.values[0]))
            case _:
                return gettext("have {field} after {when}").format(field=field, when=_moment(condition.values[0]))

    def orders(self, condition: Orders) -> str:
        if condition.measure in {Measure.FIRST, Measure.LAST}:
            action = gettext(_ACTIONS[condition.measure]).format(quantity=_when(condition.tests))
        else:
            quantity = _compared(condition.tests, lambda value: self.amount(condition.measure, value))
            action = gettext(_ACTIONS[condition.measure]).format(quantity=quantity)
        return self.detailed(action, condition.of, condition.window)

    def amount(self, measure: Measure, value: Value) -> str:
        if measure in MONEY:
            return self.money(value)
        if measure is Measure.LATENESS:
            return gettext("{number} times their usual interval").format(number=_number(value))
        return _counted(*_UNITS.get(measure, _DAYS), value)

    def money(self, value: Value | None) -> str:
        assert isinstance(value, Decimal)
        if not self.currency:
            return _number(value)
        return money.show(money.minor(value, self.currency), self.currency, current_locale())

    def detailed(self, action: str, of: Filter, window: Window) -> str:
        details = [*self.filtered(of), *_within(window)]
        if not details:
            return action
        return gettext("{action} {details}").format(action=action, details=gettext(", ").join(details))

    def filtered(self, of: Filter) -> list[str]:
        named = {
            gettext("with product {values}"): of.sku,
            gettext("in category {values}"): of.category,
            gettext("with {values} in the title"): of.title_contains,
            gettext("to {values}"): (*of.country, *of.region, *of.city),
            gettext("through {values}"): of.channel,
        }
        found = [text.format(values=_any_of(values)) for text, values in named.items() if values]
        if of.price_at_least is not None:
            found.append(gettext("priced at {price} or more").format(price=self.money(of.price_at_least)))
        if of.coupon_used is not None:
            found.append(gettext("with a coupon") if of.coupon_used else gettext("without a coupon"))
        return found

    def since(self, state: str, window: Window) -> str:
        when = _within(window)
        return gettext("{state}, started {when}").format(state=state, when=when[0]) if when else state

    def touched(self, condition: Touched) -> str:
        times = _compared(condition.tests, _times)
        never = [(test.operator, test.value) for test in condition.tests] in ([("at_most", 0)], [("is", 0)])
        action = gettext(NEVER[condition.event] if never else EVENTS[condition.event])
        if condition.tests != ONCE and not never:
            action = gettext("{action} {details}").format(action=action, details=times)
        details = _within(condition.window)
        if condition.campaigns:
            details.insert(0, gettext("in the campaign {values}").format(values=_any_of(condition.campaigns)))
        if not details:
            return action
        return gettext("{action} {details}").format(action=action, details=gettext(", ").join(details))

    def rfm(self, condition: Rfm) -> str:
        scores = (
            (gettext("{quantity} of 5 for recency"), condition.recency),
            (gettext("{quantity} of 5 for frequency"), condition.frequency),
            (gettext("{quantity} of 5 for monetary value"), condition.monetary),
        )
        phrases = [text.format(quantity=_compared(tests, _number)) for text, tests in scores if tests]
        parts = [gettext("score {scores}").format(scores=gettext(", ").join(phrases))] if phrases else []
        if condition.groups:
            groups = _any_of([gettext(GROUPS[slug]) for slug in condition.groups])
            parts.insert(0, gettext("are in the RFM group {groups}").format(groups=groups))
        return gettext(" and ").join(parts) + (gettext(" (fixed steps)") if condition.scale is Scale.STEPS else "")

    def bucket(self, condition: Bucket) -> str:
        share = _number(Decimal(100 * (condition.last - condition.first + 1)) / condition.of)
        return gettext("are in a stable random {share} % (buckets {first} to {last} of {of})").format(
            share=share, first=condition.first, last=condition.last, of=condition.of
        )


_ACTIONS = {
    Measure.COUNT: gettext_noop("placed {quantity}"),
    Measure.SPEND: gettext_noop("spent {quantity}"),
    Measure.ITEMS: gettext_noop("bought {quantity}"),
    Measure.PRODUCTS: gettext_noop("bought {quantity}"),
    Measure.AVERAGE: gettext_noop("spend {quantity} per order on average"),
    Measure.LARGEST: gettext_noop("placed a largest order of {quantity}"),
    Measure.RETURNS: gettext_noop("returned {quantity}"),
    Measure.FIRST: gettext_noop("placed their first order {quantity}"),
    Measure.LAST: gettext_noop("placed their last order {quantity}"),
    Measure.DAYS_SINCE_FIRST: gettext_noop("placed their first order {quantity} ago"),
    Measure.DAYS_SINCE_LAST: gettext_noop("placed their last order {quantity} ago"),
    Measure.DAYS_TO_SECOND: gettext_noop("ordered on a second day after {quantity}"),
    Measure.MEDIAN_GAP: gettext_noop("have a usual interval of {quantity} between orders"),
    Measure.LATENESS: gettext_noop("had their last order {quantity} ago"),
}

_TIMES = ngettext_noop("{count} time", "{count} times")
_DAYS = ngettext_noop("{count} day", "{count} days")
_UNITS = {
    Measure.COUNT: ngettext_noop("{count} order", "{count} orders"),
    Measure.ITEMS: ngettext_noop("{count} item", "{count} items"),
    Measure.PRODUCTS: ngettext_noop("{count} different product", "{count} different products"),
    Measure.RETURNS: ngettext_noop("{count} order", "{count} orders"),
}

_COMPARED = {
    "at_least": gettext_noop("at least {quantity}"),
    "at_most": gettext_noop("at most {quantity}"),
    "more_than": gettext_noop("more than {quantity}"),
    "less_than": gettext_noop("less than {quantity}"),
    "is": gettext_noop("exactly {quantity}"),
}

_WHEN = {
    "before": gettext_noop("before {when}"),
    "after": gettext_noop("after {when}"),
    "at_least": gettext_noop("on {when} or later"),
    "at_most": gettext_noop("on {when} or earlier"),
    "is": gettext_noop("on {when}"),
}


def _compared(tests: Tests, say: Say) -> str:
    if [test.operator for test in tests] == ["at_least", "at_most"]:
        low, high = (test.value for test in tests)
        return gettext("{low} to {high}").format(low=say(low), high=say(high))
    phrases = [gettext(_COMPARED[test.operator]).format(quantity=say(test.value)) for test in tests]
    return gettext(" and ").join(phrases)


def _predicted(forecast: Forecast, tests: Tests, days: int) -> str:
    match forecast:
        case Forecast.ALIVE:
            return gettext("are still active with a probability of {quantity}").format(
                quantity=_compared(tests, _percent)
            )
        case Forecast.ORDERS:
            text = ngettext(
                "are expected to order {quantity} in the next {count} day",
                "are expected to order {quantity} in the next {count} days",
                days,
            )
            return text.format(quantity=_compared(tests, _times), count=days)
        case _:
            return gettext("are expected to order again in {quantity}").format(quantity=_compared(tests, _days))


def _when(tests: Tests) -> str:
    return gettext(" and ").join(gettext(_WHEN[test.operator]).format(when=_moment(test.value)) for test in tests)


def _within(window: Window) -> list[str]:
    if window.last_days is not None:
        text = ngettext("in the last {count} day", "in the last {count} days", window.last_days)
        return [text.format(count=window.last_days)]
    if window.start is not None and window.end is not None:
        text = gettext("from {start} up to but not including {end}")
        return [text.format(start=_moment(window.start), end=_moment(window.end))]
    if window.start is not None:
        return [gettext("since {start}").format(start=_moment(window.start))]
    return [gettext("before {when}").format(when=_moment(window.end))] if window.end is not None else []


def _any_of(values: Sequence[Value]) -> str:
    named = [gettext("“{text}”").format(text=value) for value in values[:NAMED]]
    more = len(values) - NAMED
    if more > 0:
        named.append(ngettext("{count} more", "{count} more", more).format(count=more))
    return gettext(" or ").join(named)


def _moment(value: Value | Moment) -> str:
    if isinstance(value, datetime):
        return format_datetime(value, "medium", locale=current_locale())
    return format_date(value, "medium", locale=current_locale())  # type: ignore[arg-type]


def _month(value: Value) -> str:
    if value == "this":
        return gettext("have their birthday this month")
    name = format_date(datetime(2000, int(str(value)), 1), "LLLL", locale=current_locale())  # noqa: DTZ001 - a name only
    return gettext("have their birthday in {month}").format(month=name)


def _times(value: Value) -> str:
    return _counted(*_TIMES, value)


def _days(value: Value) -> str:
    return _counted(*_DAYS, value)


def _percent(value: Value) -> str:
    return gettext("{share} %").format(share=_number(Decimal(str(value)) * 100))


def _counted(one: str, many: str, value: Value) -> str:
    """Return a number with its unit, in the plural when it is no whole number."""
    count = int(value) if isinstance(value, int | Decimal) else 0
    return ngettext(one, many, count if count == value else 2).format(count=_number(value))


def _number(value: Value) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
