"""Reading a rule: JSON in, its syntax tree out.

What is wrong is named by its path in the tree, together with what would be right.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, cast

from retention.consent import Channel
from retention.errors import Choices, Invalid
from retention.touches import TouchEvent
from segments.labels import ANSWERS, CHOICES, GROUPS
from segments.rule_ast import (
    HORIZON,
    HORIZONS,
    MONEY,
    ONCE,
    RATIOS,
    TIMES,
    All,
    AnyOf,
    Bucket,
    BuyerField,
    Comparison,
    Condition,
    ConsentIs,
    Filter,
    Follows,
    Forecast,
    InGroup,
    InList,
    InSegment,
    Measure,
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
    conditions_of,
)
from segments.values import (
    MOST_CONTAINED,
    MOST_TEXTS,
    read_flag,
    read_moment,
    read_money,
    read_probability,
    read_ratio,
    read_text,
    read_texts,
    read_whole,
    shown,
)

DEEPEST = 100
MOST_CONDITIONS = 2_000
LONGEST_WINDOW = 36_600
"""Days; a little over a hundred years."""

TEXT_FIELDS = ("external_id", "name", "email", "phone", "language", "country", "region", "city", "timezone")
TIME_FIELDS = ("birthday", "created_at")
NUMBER_OPERATORS = ("at_least", "at_most", "more_than", "less_than", "is", "between")
TIME_OPERATORS = ("before", "after", "at_least", "at_most", "is", "between")
Body = Mapping[str, Any]
Read = Callable[[object, str], Value]


def parse(rule: object) -> Node:
    """Return a rule as nodes; Invalid names the path of the first thing that is wrong."""
    node = _node(rule, "rule", 1)
    found = list(conditions_of(node))
    count, texts = len(found), sum(map(_texts_in, found))
    if texts > MOST_TEXTS:
        raise Invalid("A rule has at most {most} text values; this one has {count}.", most=MOST_TEXTS, count=texts)
    if count > MOST_CONDITIONS:
        raise Invalid("A rule has at most {most} conditions; this one has {count}.", most=MOST_CONDITIONS, count=count)
    return node


def _node(rule: object, path: str, depth: int) -> Node:
    if depth > DEEPEST:
        raise Invalid("A rule is at most {most} levels deep; this one is deeper.", most=DEEPEST)
    kind, body = _only_entry(rule, path)
    inner = f"{path}.{kind}"
    if kind in {"all", "any"}:
        if not isinstance(body, list):
            raise Invalid("{path}: give a list of conditions, not {value}.", path=inner, value=shown(body))
        nodes = tuple(_node(each, f"{inner}[{index}]", depth + 1) for index, each in enumerate(body))
        return All(nodes) if kind == "all" else AnyOf(nodes)
    if kind == "not":
        return Not(_node(body, inner, depth + 1))
    return _CONDITIONS[kind](body, inner)


def _only_entry(rule: object, path: str) -> tuple[str, object]:
    if not isinstance(rule, dict) or len(rule) != 1:
        raise Invalid(
            '{path}: a condition is an object with one entry, such as {{"orders": {{"at_least": 2}}}}, not {value}.',
            path=path,
            value=shown(rule),
        )
    kind, body = next(iter(rule.items()))
    if kind not in _KINDS:
        raise Invalid(
            "{path}: there is no condition {kind}. There are: {known}.",
            path=path,
            kind=shown(kind),
            known=Choices(_KINDS, CHOICES),
        )
    return kind, body


def _buyer(body: object, path: str) -> Condition:
    options = _options(body, path, ("field", "is", "is_not", "contains", "before", "after", "exists", "month"))
    field = _one_of(options.get("field"), f"{path}.field", (*TEXT_FIELDS, *TIME_FIELDS))
    allowed = ("is", "is_not", "contains", "exists") if field in TEXT_FIELDS else ("before", "after", "exists")
    allowed = (*allowed, "month") if field == "birthday" else allowed
    operators = [name for name in options if name != "field"]
    if len(operators) != 1 or operators[0] not in allowed:
        raise Invalid(
            "{path}: compare {field} with exactly one of {allowed}.",
            path=path,
            field=field,
            allowed=", ".join(allowed),
        )
    operator = operators[0]
    return BuyerField(field, operator, _buyer_values(operator, options[operator], f"{path}.{operator}"))


def _buyer_values(operator: str, value: object, path: str) -> tuple[Value, ...]:
    if operator == "exists":
        return (read_flag(value, path),)
    if operator in {"before", "after"}:
        return (read_moment(value, path),)
    if operator == "month":
        if value != "this" and (isinstance(value, bool) or value not in range(1, 13)):
            raise Invalid('{path}: give a month from 1 to 12, or "this", not {value}.', path=path, value=shown(value))
        return (cast("int | str", value),)
    return read_texts(value, path, most=MOST_CONTAINED if operator == "contains" else MOST_TEXTS)


def _texts_in(condition: Condition) -> int:
    match condition:
        case BuyerField(_, _, values):
            return len(values)
        case Orders(of=of):
            return sum(len(texts) for texts in (of.sku, of.category, of.title_contains, of.country, of.region, of.city))
        case Touched(campaigns=campaigns):
            return len(campaigns)
    return 0


def _orders(body: object, path: str) -> Condition:
    options = _options(body, path, ("measure", "window", "of", *NUMBER_OPERATORS, "before", "after"))
    measure = Measure(_one_of(options.get("measure", "count"), f"{path}.measure", tuple(Measure)))
    if measure in TIMES:
        tests = _tests(options, path, TIME_OPERATORS, read_moment)
    else:
        tests = _tests(options, path, NUMBER_OPERATORS, _reader_for(measure))
    if not tests and measure is Measure.COUNT:
        tests = ONCE
    if not tests:
        known = TIME_OPERATORS if measure in TIMES else NUMBER_OPERATORS
        raise Invalid(
            "{path}: compare {measure} with one of {known}.",
            path=path,
            measure=Choices((measure.value,), CHOICES),
            known=Choices(known, CHOICES),
        )
    return Orders(measure, tests, _window(options, path), _filter(options, path))


def _reader_for(measure: Measure) -> Read:
    if measure in MONEY:
        return read_money
    return read_ratio if measure in RATIOS else read_whole


def _filter(options: Body, path: str) -> Filter:
    if "of" not in options:
        return Filter()
    inner = f"{path}.of"
    lists = ("sku", "category", "title_contains", "country", "region", "city", "channel")
    body = _options(options["of"], inner, (*lists, "price_at_least", "coupon_used"))
    found: dict[str, Any] = {
        name: read_texts(body[name], f"{inner}.{name}", most=MOST_CONTAINED if name == "title_contains" else MOST_TEXTS)
        for name in lists
        if name in body
    }
    if "price_at_least" in body:
        found["price_at_least"] = read_money(body["price_at_least"], f"{inner}.price_at_least")
    if "coupon_used" in body:
        found["coupon_used"] = read_flag(body["coupon_used"], f"{inner}.coupon_used")
    return Filter(**found)


def _follows(body: object, path: str) -> Condition:
    return Follows(_window(_options(body, path, ("window",)), path))


def _group(body: object, path: str) -> Condition:
    options = _options(body, path, ("slug", "window"))
    slug = read_text(options["slug"], f"{path}.slug") if "slug" in options else None
    return InGroup(slug, _window(options, path))


def _consent(body: object, path: str) -> Condition:
    options = _options(body, path, ("channel", "is"))
    channel = _one_of(options.get("channel"), f"{path}.channel", tuple(Channel))
    return ConsentIs(Channel(channel), _one_of(options.get("is", "in"), f"{path}.is", tuple(ANSWERS)))


def _touch(body: object, path: str) -> Condition:
    options = _options(body, path, ("event", "campaign", "window", *NUMBER_OPERATORS))
    event = TouchEvent(_one_of(options.get("event"), f"{path}.event", tuple(TouchEvent)))
    campaigns = read_texts(options["campaign"], f"{path}.campaign") if "campaign" in options else ()
    tests = _tests(options, path, NUMBER_OPERATORS, read_whole) or ONCE
    return Touched(event, tests, campaigns, _window(options, path))


def _rfm(body: object, path: str) -> Condition:
    scores = ("recency", "frequency", "monetary")
    options = _options(body, path, (*scores, "group", "scale"))
    if not any(name in options for name in (*scores, "group")):
        raise Invalid("{path}: name a group, or compare recency, frequency or monetary (1 to 5).", path=path)
    groups = read_texts(options["group"], f"{path}.group") if "group" in options else ()
    for group in groups:
        _one_of(group, f"{path}.group", tuple(GROUPS))
    return Rfm(
        **{name: _score(options[name], f"{path}.{name}") for name in scores if name in options},
        groups=groups,
        scale=Scale(_one_of(options.get("scale", Scale.QUINTILES), f"{path}.scale", tuple(Scale))),
    )


def _score(body: object, path: str) -> Tests:
    tests = _tests(_options(body, path, NUMBER_OPERATORS), path, NUMBER_OPERATORS, read_whole)
    if not tests:
        raise Invalid(
            "{path}: compare {measure} with one of {known}.",
            path=path,
            measure=Choices((path.rsplit(".", 1)[-1],), CHOICES),
            known=Choices(NUMBER_OPERATORS, CHOICES),
        )
    return tests


def _prediction(body: object, path: str) -> Condition:
    options = _options(body, path, ("measure", "days", *NUMBER_OPERATORS))
    forecast = Forecast(_one_of(options.get("measure"), f"{path}.measure", tuple(Forecast)))
    days = options.get("days", HORIZON)
    if isinstance(days, bool) or days not in HORIZONS or ("days" in options and forecast is not Forecast.ORDERS):
        raise Invalid(
            "{path}: days goes with the measure orders and is one of {known}, not {value}.",
            path=path,
            known=", ".join(map(str, HORIZONS)),
            value=shown(days),
        )
    tests = _tests(options, path, NUMBER_OPERATORS, _FORECASTS[forecast])
    if not tests:
        raise Invalid(
            "{path}: compare {measure} with one of {known}.",
            path=path,
            measure=Choices((forecast.value,), CHOICES),
            known=Choices(NUMBER_OPERATORS, CHOICES),
        )
    return Predicted(forecast, tests, days)


def _segment(body: object, path: str) -> Condition:
    return InSegment(read_text(body, path))


def _list(body: object, path: str) -> Condition:
    return InList(read_text(body, path))


def _bucket(body: object, path: str) -> Condition:
    options = _options(body, path, ("of", "from", "to", "seed"))
    of, first, last = (read_whole(options.get(name), f"{path}.{name}") for name in ("of", "from", "to"))
    if not (1 <= of <= 1_000_000 and first <= last < of):
        raise Invalid(
            "{path}: buckets are numbered from 0 to of - 1, and from is not above to; of is at most 1,000,000.",
            path=path,
        )
    return Bucket(of, first, last, read_text(options["seed"], f"{path}.seed") if "seed" in options else "")


def _tests(options: Body, path: str, operators: tuple[str, ...], read: Read) -> Tests:
    """Read the comparators among the options; `between` becomes at_least and at_most."""
    found: dict[str, Value] = {}
    for name in ("at_least", "at_most", "more_than", "less_than", "is", "between", "before", "after"):
        if name not in options:
            continue
        if name not in operators:
            raise Invalid(
                "{path}: {name} does not fit here. Use one of {known}.",
                path=path,
                name=Choices((name,), CHOICES),
                known=Choices(operators, CHOICES),
            )
        if name == "between":
            low, high = _pair(options[name], f"{path}.between", read)
            if {"at_least", "at_most"} & found.keys():
                raise Invalid("{path}: use between alone, without at_least and at_most.", path=path)
            found |= {"at_least": low, "at_most": high}
        else:
            found[name] = read(options[name], f"{path}.{name}")
    return tuple(Comparison(operator, value) for operator, value in sorted(found.items(), key=lambda item: item[0]))


def _pair(body: object, path: str, read: Read) -> tuple[Value, Value]:
    if not isinstance(body, list) or len(body) != 2:
        raise Invalid("{path}: give two values, the lowest and the highest; both are included.", path=path)
    low, high = (read(each, f"{path}[{index}]") for index, each in enumerate(body))
    if type(low) is type(high) and cast("int", low) > cast("int", high):
        raise Invalid("{path}: the first value is above the second.", path=path)
    return low, high


def _window(options: Body, path: str) -> Window:
    if "window" not in options:
        return Window()
    inner = f"{path}.window"
    body = _options(options["window"], inner, ("last_days", "from", "to"))
    if "last_days" in body:
        days = read_whole(body["last_days"], f"{inner}.last_days")
        if len(body) > 1 or not 1 <= days <= LONGEST_WINDOW:
            raise Invalid(
                "{path}: last_days stands alone and is from 1 to {most}, not {value}.",
                path=inner,
                most=LONGEST_WINDOW,
                value=shown(body),
            )
        return Window(last_days=days)
    start, end = (read_moment(body[name], f"{inner}.{name}") if name in body else None for name in ("from", "to"))
    if type(start) is type(end) is date and start >= end:
        raise Invalid("{path}: from must be before to; to itself is not included.", path=inner)
    return Window(start=start, end=end)


def _options(body: object, path: str, known: tuple[str, ...]) -> Body:
    if not isinstance(body, dict):
        raise Invalid(
            "{path}: give an object with {known}, not {value}.",
            path=path,
            known=Choices(known, CHOICES),
            value=shown(body),
        )
    for name in body:
        if name not in known:
            raise Invalid(
                "{path}: there is no option {name}. There are: {known}.",
                path=path,
                name=shown(name),
                known=Choices(known, CHOICES),
            )
    return body


def _one_of(value: object, path: str, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise Invalid(
            "{path}: use one of {known}, not {value}.", path=path, known=Choices(known, CHOICES), value=shown(value)
        )
    return value


_FORECASTS: dict[Forecast, Read] = {
    Forecast.ALIVE: read_probability,
    Forecast.ORDERS: read_ratio,
    Forecast.DAYS_TO_NEXT: read_whole,
}
_CONDITIONS: dict[str, Callable[[object, str], Condition]] = {
    "buyer": _buyer,
    "orders": _orders,
    "follows": _follows,
    "group": _group,
    "consent": _consent,
    "touch": _touch,
    "rfm": _rfm,
    "prediction": _prediction,
    "segment": _segment,
    "list": _list,
    "bucket": _bucket,
}
_KINDS = ("all", "any", "not", *_CONDITIONS)
