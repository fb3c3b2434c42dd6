"""A second, plain reading of the rule language: one buyer at a time, over lists in memory, as the definition says it.

It reads rule JSON itself and shares no code with `segments`. Slow, and meant to be.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = date(1970, 1, 1)


@dataclass
class PlainLine:
    sku: str
    title: str
    category: str
    quantity: int
    unit_price: int
    amount: int


@dataclass
class PlainOrder:
    status: str
    at: datetime
    amount: int
    refunded: int = 0
    country: str = ""
    region: str = ""
    city: str = ""
    channel: str = ""
    coupon_code: str = ""
    lines: list[PlainLine] = field(default_factory=list)

    @property
    def is_return(self) -> bool:
        return bool(self.lines) and all(line.quantity < 0 for line in self.lines)

    @property
    def counts(self) -> bool:
        return self.status == "paid" and not self.is_return and not self.refunded >= self.amount > 0

    @property
    def items(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass
class PlainBuyer:
    id: int
    fields: dict[str, Any]
    orders: list[PlainOrder] = field(default_factory=list)
    follow: tuple[datetime, datetime | None] | None = None
    groups: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)
    consents: list[tuple[str, str, datetime]] = field(default_factory=list)
    touches: list[tuple[str, str, datetime]] = field(default_factory=list)
    predicted: dict[str, Any] = field(default_factory=dict)


@dataclass
class PlainShop:
    id: int
    timezone: str
    buyers: list[PlainBuyer]
    segments: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, set[int]] = field(default_factory=dict)


@dataclass
class Reading:
    """One rule is read for one shop, now or as of a moment."""

    shop: PlainShop
    now: datetime
    as_of: datetime | None

    def match(self, rule: dict[str, Any]) -> set[int]:
        return {buyer.id for buyer in self.shop.buyers if self.holds(rule, buyer)}

    def holds(self, rule: dict[str, Any], buyer: PlainBuyer) -> bool:
        ((kind, body),) = rule.items()
        return bool(getattr(self, f"_{kind}")(body, buyer))

    def _all(self, rules, buyer):
        return all(self.holds(rule, buyer) for rule in rules)

    def _any(self, rules, buyer):
        return any(self.holds(rule, buyer) for rule in rules)

    def _not(self, rule, buyer):
        return not self.holds(rule, buyer)

    def _segment(self, slug, buyer):
        return self.holds(self.shop.segments[slug], buyer)

    def _list(self, slug, buyer):
        return buyer.id in self.shop.lists[slug]

    def _buyer(self, body, buyer):  # noqa: PLR0911 - one line per comparator
        value = buyer.fields[body["field"]]
        ((how, wanted),) = ((name, what) for name, what in body.items() if name != "field")
        many = wanted if isinstance(wanted, list) else [wanted]
        if how == "is":
            return value in many
        if how == "is_not":
            return value not in many
        if how == "contains":
            return any(_folded(part) in _folded(value) for part in many)
        if how == "exists":
            return (value not in ("", None)) == wanted
        if how == "month":
            month = self._local(self.as_of or self.now).month if wanted == "this" else wanted
            return value is not None and value.month == month
        if value is None:
            return False
        if body["field"] == "birthday":
            day = date.fromisoformat(wanted)
            return value < day if how == "before" else value > day
        return self._time_passes(value, how, wanted)

    def _orders(self, body, buyer):
        value = self._measured(body, buyer)
        tests = {name: what for name, what in body.items() if name in _PASSES or name in ("between", "before", "after")}
        if body.get("measure") in ("first", "last"):
            return value is not None and all(self._time_passes(value, how, what) for how, what in tests.items())
        return _numbers_pass(value, tests or {"at_least": 1})

    def _measured(self, body, buyer):  # noqa: C901, PLR0911, PLR0912 - one line per measure
        measure = body.get("measure", "count")
        of = body.get("of", {})
        by_line = bool(of.keys() & {"sku", "category", "title_contains", "price_at_least"})
        wanted = [
            order
            for order in buyer.orders
            if (order.is_return if measure == "returns" else order.counts)
            and self._inside(order.at, body)
            and _order_fits(order, of)
        ]
        back = measure == "returns"
        chosen = {
            index: [line for line in order.lines if _line_fits(line, of, back)] for index, order in enumerate(wanted)
        }
        if by_line:
            wanted = [order for index, order in enumerate(wanted) if chosen[index]]
        bought = [line for lines in chosen.values() for line in lines]
        paid = [
            sum(line.amount for line in order.lines if _line_fits(line, of, back))
            if by_line
            else order.amount - order.refunded
            for order in wanted
        ]
        days = sorted({self._day(order.at) for order in wanted})
        gaps = [later - sooner for sooner, later in pairwise(days)]
        today = self._day(self.as_of or self.now)
        match measure:
            case "count" | "returns":
                return len(wanted)
            case "spend":
                return Fraction(sum(paid), 100)
            case "items":
                return sum(line.quantity for line in bought) if by_line else sum(order.items for order in wanted)
            case "products":
                return len({line.sku for line in bought} - {""})
            case "average":
                return Fraction(sum(paid), 100 * len(paid)) if paid else None
            case "largest":
                return Fraction(max(paid), 100) if paid else None
            case "first":
                return min((order.at for order in wanted), default=None)
            case "last":
                return max((order.at for order in wanted), default=None)
            case "days_since_first":
                return today - days[0] if days else None
            case "days_since_last":
                return today - days[-1] if days else None
            case "days_to_second":
                return gaps[0] if gaps else None
            case "median_gap":
                return Fraction(median(map(Fraction, gaps))) if gaps else None
            case "lateness":
                return (today - days[-1]) / Fraction(median(map(Fraction, gaps))) if gaps else None
        raise AssertionError(measure)

    def _follows(self, body, buyer):
        return buyer.follow is not None and self._lasts(buyer.follow, body)

    def _group(self, body, buyer):
        groups = [body["slug"]] if "slug" in body else list(buyer.groups)
        return any(slug in buyer.groups and self._lasts(buyer.groups[slug], body) for slug in groups)

    def _consent(self, body, buyer):
        said = [what for channel, what, at in buyer.consents if channel == body["channel"] and self._known(at)]
        return (said[-1] if said else "never") == body.get("is", "in")

    def _touch(self, body, buyer):
        campaigns = body.get("campaign")
        campaigns = [campaigns] if isinstance(campaigns, str) else campaigns
        count = sum(
            event == body["event"] and (campaigns is None or campaign in campaigns) and self._inside(at, body)
            for event, campaign, at in buyer.touches
        )
        tests = {name: what for name, what in body.items() if name in _PASSES or name == "between"}
        return _numbers_pass(count, tests or {"at_least": 1})

    def _rfm(self, body, buyer):
        facts = {}
        for each in self.shop.buyers:
            orders = [order for order in each.orders if order.counts and self._known(order.at)]
            if orders:
                last = max(self._day(order.at) for order in orders)
                facts[each.id] = (last, len(orders), sum(order.amount - order.refunded for order in orders))
        scored = any(name in body for name in ("recency", "frequency", "monetary"))
        groups = body.get("group")
        groups = [groups] if isinstance(groups, str) else groups
        if buyer.id not in facts:
            return not scored and groups is not None and "prospects" in groups
        scores = []
        for place in range(3):
            worse = sum(other[place] < facts[buyer.id][place] for other in facts.values())
            scores.append(1 + 5 * worse // len(facts))
        if body.get("scale") == "steps":
            orders = facts[buyer.id][1]
            scores[1] = 1 if orders <= 1 else 2 if orders == 2 else 3 if orders <= 4 else 4 if orders <= 9 else 5
        passes = all(
            _numbers_pass(score, body[name])
            for name, score in zip(("recency", "frequency", "monetary"), scores, strict=True)
            if name in body
        )
        return passes and (groups is None or _group_of(scores) in groups)

    def _prediction(self, body, buyer):
        name = f"orders_{body.get('days', 90)}" if body["measure"] == "orders" else body["measure"]
        value = buyer.predicted.get(name)
        if body["measure"] == "days_to_next" and value is not None:
            value = (value - self._local(self.now).date()).days
        tests = {name: what for name, what in body.items() if name in _PASSES or name == "between"}
        return _numbers_pass(value, tests)

    def _bucket(self, body, buyer):
        seed = f"{self.shop.id}:{body.get('seed', '')}"
        bits = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) + buyer.id * 0x9E3779B97F4A7C15
        bits %= 2**64
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
        return body["from"] <= (bits ^ bits >> 31) % body["of"] <= body["to"]

    def _known(self, at: datetime) -> bool:
        return self.as_of is None or at < self.as_of

    def _inside(self, at: datetime, body: dict[str, Any]) -> bool:
        window = body.get("window", {})
        if not self._known(at):
            return False
        if "last_days" in window:
            until = self.as_of or self.now.replace(minute=0, second=0, microsecond=0)
            return at >= until - timedelta(hours=24 * window["last_days"])
        begun = "from" not in window or at >= self._start(window["from"])
        return begun and ("to" not in window or at < self._start(window["to"]))

    def _lasts(self, spell: tuple[datetime, datetime | None], body: dict[str, Any]) -> bool:
        begun, ended = spell
        over = ended is not None and (self.as_of is None or ended < self.as_of)
        return not over and self._inside(begun, body)

    def _time_passes(self, value: datetime, how: str, wanted: Any) -> bool:
        if how == "between":
            low, high = wanted
            return self._time_passes(value, "at_least", low) and self._time_passes(value, "at_most", high)
        if len(wanted) == 10:
            left: Any = self._local(value).date()
            right: Any = date.fromisoformat(wanted)
        else:
            left, right = value, self._start(wanted)
        return {
            "before": left < right,
            "after": left > right,
            "at_least": left >= right,
            "at_most": left <= right,
            "is": left == right,
        }[how]

    def _start(self, text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.shop.timezone)).astimezone(UTC)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.shop.timezone))

    def _day(self, at: datetime) -> int:
        return (self._local(at).date() - EPOCH).days


_PASSES = {
    "at_least": lambda value, bound: value >= bound,
    "at_most": lambda value, bound: value <= bound,
    "more_than": lambda value, bound: value > bound,
    "less_than": lambda value, bound: value < bound,
    "is": lambda value, bound: value == bound,
}


def _numbers_pass(value: Any, tests: dict[str, Any]) -> bool:
    if value is None:
        return False
    for how, bound in tests.items():
        if how == "between":
            low, high = bound
            if not _fraction(low) <= value <= _fraction(high):
                return False
        elif not _PASSES[how](value, _fraction(bound)):
            return False
    return True


def _fraction(bound: Any) -> Fraction:
    return Fraction(Decimal(str(bound)))


def _order_fits(order: PlainOrder, of: dict[str, Any]) -> bool:
    if "coupon_used" in of and of["coupon_used"] != (order.coupon_code != ""):
        return False
    return all(
        getattr(order, name) in _list(of[name]) for name in ("country", "region", "city", "channel") if name in of
    )


def _line_fits(line: PlainLine, of: dict[str, Any], back: bool) -> bool:  # noqa: FBT001
    if line.quantity >= 0 if back else line.quantity <= 0:
        return False
    if any(getattr(line, name) not in _list(of[name]) for name in ("sku", "category") if name in of):
        return False
    parts = _list(of.get("title_contains", [""]))
    if not any(_folded(part) in _folded(line.title) for part in parts):
        return False
    return line.unit_price >= 100 * _fraction(of.get("price_at_least", -(10**6)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _folded(text: str) -> str:
    return text.translate({upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)})


def _group_of(scores: list[int]) -> str:
    recency, both = scores[0], Fraction(scores[1] + scores[2], 2)
    if both >= 4:
        return "champions" if recency == 5 else "loyal" if recency >= 3 else "previously-loyal"
    if both >= Fraction(5, 2):
        return "active" if recency >= 4 else "needs-attention" if recency == 3 else "at-risk"
    return {5: "new", 4: "promising", 3: "almost-lost"}.get(recency, "dormant")
