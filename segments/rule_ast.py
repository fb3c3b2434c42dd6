"""The abstract syntax tree of a rule: what a parsed rule is made of, each part able to say itself as canonical JSON.

Two rules that mean the same in the same words have equal nodes: lists are sorted, defaults are filled in, numbers and
moments have one spelling. The JSON of a condition is therefore also its key in the condition cache.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from retention.consent import Channel
from retention.touches import TouchEvent

Moment = date | datetime
"""A day in the shop's zone, or a moment; a moment without an offset is in the shop's zone too."""

Value = int | Decimal | str | Moment


class Measure(StrEnum):
    """What is measured over a buyer's orders."""

    COUNT = "count"
    SPEND = "spend"
    ITEMS = "items"
    PRODUCTS = "products"
    AVERAGE = "average"
    LARGEST = "largest"
    RETURNS = "returns"
    FIRST = "first"
    LAST = "last"
    DAYS_SINCE_FIRST = "days_since_first"
    DAYS_SINCE_LAST = "days_since_last"
    DAYS_TO_SECOND = "days_to_second"
    MEDIAN_GAP = "median_gap"
    LATENESS = "lateness"  # days since the last order day, as a multiple of the buyer's own median gap


SUMS = {Measure.COUNT, Measure.SPEND, Measure.ITEMS, Measure.PRODUCTS, Measure.RETURNS}
"""Measures that are 0, not unknown, for a buyer without orders."""

MONEY = {Measure.SPEND, Measure.AVERAGE, Measure.LARGEST}
TIMES = {Measure.FIRST, Measure.LAST}
RATIOS = {Measure.MEDIAN_GAP, Measure.LATENESS}
DAYS_TO_NOW = {Measure.DAYS_SINCE_FIRST, Measure.DAYS_SINCE_LAST, Measure.LATENESS}


class Scale(StrEnum):
    """How frequency is scored: by quintiles, or by the fixed steps 1, 2, 3-4, 5-9, 10 and more."""

    QUINTILES = "quintiles"
    STEPS = "steps"


class Forecast(StrEnum):
    """What is predicted of a buyer."""

    ALIVE = "alive"
    ORDERS = "orders"
    DAYS_TO_NEXT = "days_to_next"


HORIZON = 90
HORIZONS = (30, HORIZON, 365)
"""Days ahead for which orders are predicted."""


@dataclass(frozen=True)
class Comparison:
    """One comparator with its value. `between` is read as at_least and at_most."""

    operator: str
    value: Value


Tests = tuple[Comparison, ...]
"""Comparisons that must all hold, sorted by operator."""

ONCE: Tests = (Comparison("at_least", 1),)


@dataclass(frozen=True)
class Window:
    """When: the last N times 24 hours, or from a moment (included) to a moment (excluded)."""

    last_days: int | None = None
    start: Moment | None = None
    end: Moment | None = None

    def as_json(self) -> dict[str, Any]:
        named = {"last_days": self.last_days, "from": self.start, "to": self.end}
        return {name: _plain(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Filter:
    """Which orders are looked at. The first four look at bought lines, one of which must satisfy all of them."""

    sku: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    title_contains: tuple[str, ...] = ()
    price_at_least: Decimal | None = None
    coupon_used: bool | None = None
    country: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    city: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()

    @property
    def by_line(self) -> bool:
        """Whether order lines have to be looked at."""
        return bool(self.sku or self.category or self.title_contains) or self.price_at_least is not None

    def as_json(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in values.items() if value not in ((), None)}


@dataclass(frozen=True)
class All:
    """Every one of the nodes matches; of none, everybody."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one of the nodes matches; of none, nobody."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    """All buyers of the shop but those that match."""

    node: "Node"


@dataclass(frozen=True)
class BuyerField:
    """A field of the buyer's row. `operator` is one of is, is_not, contains, before, after, exists, month."""

    field: str
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Orders:
    """A measure over the orders that a window and a filter leave."""

    measure: Measure
    tests: Tests
    window: Window = Window()
    of: Filter = Filter()


@dataclass(frozen=True)
class Follows:
    """Follows the shop, begun in the window."""

    window: Window = Window()


@dataclass(frozen=True)
class InGroup:
    """Is a member of the group, or of any when none is named, joined in the window."""

    slug: str | None = None
    window: Window = Window()


@dataclass(frozen=True)
class ConsentIs:
    """The last answer for a channel: in, out, or never asked."""

    channel: Channel
    answer: str


@dataclass(frozen=True)
class Touched:
    """How often an event happened between a campaign (any, when none is named) and the buyer."""

    event: TouchEvent
    tests: Tests
    campaigns: tuple[str, ...] = ()
    window: Window = Window()


@dataclass(frozen=True)
class Rfm:
    """Scores of 1 to 5 for recency, frequency and money, or the named groups made of them."""

    recency: Tests = ()
    frequency: Tests = ()
    monetary: Tests = ()
    groups: tuple[str, ...] = ()
    scale: Scale = Scale.QUINTILES


@dataclass(frozen=True)
class Predicted:
    """What the shop's last forecast says of the buyer; `days` is how far ahead orders are counted."""

    forecast: Forecast
    tests: Tests
    days: int = HORIZON


@dataclass(frozen=True)
class InSegment:
    """Is in another saved segment."""

    slug: str


@dataclass(frozen=True)
class InList:
    """Is on an uploaded list."""

    slug: str


@dataclass(frozen=True)
class Bucket:
    """A stable random share: buyers are dealt into `of` buckets; those numbered `first` to `last` match."""

    of: int
    first: int
    last: int
    seed: str = ""


Condition = (
    BuyerField | Orders | Follows | InGroup | ConsentIs | Touched | Rfm | Predicted | InSegment | InList | Bucket
)
Node = All | AnyOf | Not | Condition


EVERYONE = BuyerField("created_at", "exists", (True,))
"""A condition that every buyer satisfies."""


def conditions_of(node: Node) -> Iterator[Condition]:
    """Yield the conditions of a rule from left to right."""
    match node:
        case All(nodes) | AnyOf(nodes):
            for each in nodes:
                yield from conditions_of(each)
        case Not(inner):
            yield from conditions_of(inner)
        case _:
            yield node


def to_json(node: Node) -> dict[str, Any]:
    """Return the canonical JSON of a rule; `parse` of it gives the same nodes again."""
    match node:
        case All(nodes):
            return {"all": [to_json(each) for each in nodes]}
        case AnyOf(nodes):
            return {"any": [to_json(each) for each in nodes]}
        case Not(inner):
            return {"not": to_json(inner)}
        case _:
            return _condition_json(node)


def key(node: Node) -> str:
    """Return the canonical text of a rule: equal for equal rules."""
    return json.dumps(to_json(node), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _condition_json(condition: Condition) -> dict[str, Any]:  # noqa: C901, PLR0911 - one case per kind of condition
    match condition:
        case BuyerField(field, operator, values):
            single = operator not in {"is", "is_not", "contains"}
            return {"buyer": {"field": field, operator: _plain(values[0] if single else values)}}
        case Orders(measure, tests, window, of):
            return {"orders": {"measure": measure.value, **_tests(tests), **_part("of", of), **_part("window", window)}}
        case Follows(window):
            return {"follows": _part("window", window)}
        case InGroup(slug, window):
            return {"group": {**({"slug": slug} if slug else {}), **_part("window", window)}}
        case ConsentIs(channel, answer):
            return {"consent": {"channel": channel.value, "is": answer}}
        case Touched(event, tests, campaigns, window):
            named = {"campaign": list(campaigns)} if campaigns else {}
            return {"touch": {"event": event.value, **named, **_tests(tests), **_part("window", window)}}
        case Rfm():
            return {"rfm": _rfm_json(condition)}
        case Predicted(forecast, tests, days):
            ahead = {"days": days} if days != HORIZON else {}
            return {"prediction": {"measure": forecast.value, **ahead, **_tests(tests)}}
        case InSegment(slug):
            return {"segment": slug}
        case InList(slug):
            return {"list": slug}
        case Bucket(of, first, last, seed):
            return {"bucket": {"of": of, "from": first, "to": last, **({"seed": seed} if seed else {})}}


def _rfm_json(condition: Rfm) -> dict[str, Any]:
    scores = {name: _tests(getattr(condition, name)) for name in ("recency", "frequency", "monetary")}
    found: dict[str, Any] = {name: tests for name, tests in scores.items() if tests}
    if condition.groups:
        found["group"] = list(condition.groups)
    if condition.scale is not Scale.QUINTILES:
        found["scale"] = condition.scale.value
    return found


def _tests(tests: Tests) -> dict[str, Any]:
    return {test.operator: _plain(test.value) for test in tests}


def _part(name: str, part: Window | Filter) -> dict[str, Any]:
    part_json = part.as_json()
    return {name: part_json} if part_json else {}


def _plain(value: object) -> Any:
    """Return a value as JSON spells it: decimals as text, moments in ISO 8601, those with an offset in UTC."""
    match value:
        case Decimal():
            return format(value.normalize(), "f")
        case datetime():
            return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
        case date():
            return value.isoformat()
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value
