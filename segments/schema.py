"""The rule language as JSON Schema (2020-12), for editors and other systems. `rules.parse` decides what is valid."""

from typing import Any

from retention.consent import Channel
from retention.touches import TouchEvent
from segments import rules
from segments.labels import ANSWERS, GROUPS
from segments.rule_ast import HORIZONS, MONEY, RATIOS, TIMES, Forecast, Measure, Scale
from segments.values import LARGEST_NUMBER, LONGEST_TEXT, MOST_TEXTS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MOST_TEXTS}]}
WHOLE: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
MOMENT: Schema = {"type": "string", "description": "2026-11-11, or a moment such as 2026-11-11T20:00:00+08:00"}
AMOUNT: Schema = {
    "anyOf": [{"type": "string", "pattern": r"^\s*[-+]?\d+(\.\d{1,3}0*)?\s*$"}, {"type": "integer"}],
    "description": "money in major units",
}
_SHARE = r"^\s*(0(\.\d{1,4}0*)?|1(\.0+)?)\s*$"
RATIO: Schema = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*\d+(\.\d{1,4}0*)?\s*$"}]
}

PROBABILITY: Schema = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": _SHARE}],
}


def rule_schema() -> Schema:
    """Return the schema of a rule."""
    node: Schema = {"$ref": "#/$defs/node"}
    nodes = {"type": "array", "items": node}
    kinds: dict[str, Schema] = {
        "all": nodes,
        "any": nodes,
        "not": node,
        "buyer": {"anyOf": _buyer()},
        "orders": {"anyOf": [_orders(measure) for measure in Measure]},
        "follows": _object(window=_WINDOW),
        "group": _object(slug=TEXT, window=_WINDOW),
        "consent": _object(("channel",), channel=_one_of(Channel), **{"is": _one_of(ANSWERS)}),
        "touch": _object(("event",), event=_one_of(TouchEvent), campaign=TEXTS, window=_WINDOW, **_numbers(WHOLE)),
        "rfm": _rfm(),
        "prediction": {"anyOf": [_prediction(forecast) for forecast in Forecast]},
        "segment": TEXT,
        "list": TEXT,
        "bucket": _object(("of", "from", "to"), of=WHOLE, to=WHOLE, seed=TEXT, **{"from": WHOLE}),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Regulars segment rule",
        "$ref": "#/$defs/node",
        "$defs": {"node": {"oneOf": [_object((kind,), **{kind: body}) for kind, body in kinds.items()]}},
    }


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _one_of(values: Any) -> Schema:
    return {"enum": [str(value) for value in values]}


def _numbers(value: Schema) -> dict[str, Schema]:
    single = {name: value for name in rules.NUMBER_OPERATORS if name != "between"}
    return {**single, "between": {"type": "array", "items": value, "minItems": 2, "maxItems": 2}}


def _times() -> dict[str, Schema]:
    single = {name: MOMENT for name in rules.TIME_OPERATORS if name != "between"}
    return {**single, "between": {"type": "array", "items": MOMENT, "minItems": 2, "maxItems": 2}}


def _buyer() -> list[Schema]:
    text, time = _one_of(rules.TEXT_FIELDS), _one_of(rules.TIME_FIELDS)
    found = [_object(("field", how), field=text, **{how: TEXTS}) for how in ("is", "is_not", "contains")]
    found += [_object(("field", how), field=time, **{how: MOMENT}) for how in ("before", "after")]
    found.append(_object(("field", "exists"), field=_one_of((*rules.TEXT_FIELDS, *rules.TIME_FIELDS)), exists=_FLAG))
    month = {"anyOf": [{"const": "this"}, {"type": "integer", "minimum": 1, "maximum": 12}]}
    return [*found, _object(("field", "month"), field={"const": "birthday"}, month=month)]


def _orders(measure: Measure) -> Schema:
    value = AMOUNT if measure in MONEY else RATIO if measure in RATIOS else WHOLE
    tests = _times() if measure in TIMES else _numbers(value)
    body = _object(measure={"const": measure.value}, window=_WINDOW, of=_OF, **tests)
    if measure is Measure.COUNT:
        return body
    return {**body, "required": ["measure"], "anyOf": [{"required": [name]} for name in tests]}


def _rfm() -> Schema:
    score = {**_object(**_numbers(WHOLE)), "minProperties": 1}
    groups = {"anyOf": [_one_of(GROUPS), {"type": "array", "items": _one_of(GROUPS), "minItems": 1}]}
    body = _object(recency=score, frequency=score, monetary=score, group=groups, scale=_one_of(Scale))
    return {**body, "anyOf": [{"required": [name]} for name in ("recency", "frequency", "monetary", "group")]}


def _prediction(forecast: Forecast) -> Schema:
    value = WHOLE if forecast is Forecast.DAYS_TO_NEXT else PROBABILITY if forecast is Forecast.ALIVE else RATIO
    ahead: dict[str, Schema] = {"days": {"enum": list(HORIZONS)}} if forecast is Forecast.ORDERS else {}
    tests = _numbers(value)
    body = _object(("measure",), measure={"const": forecast.value}, **ahead, **tests)
    return {**body, "anyOf": [{"required": [name]} for name in tests]}


_FLAG: Schema = {"type": "boolean"}
_WINDOW: Schema = {
    "anyOf": [
        _object(("last_days",), last_days={"type": "integer", "minimum": 1, "maximum": rules.LONGEST_WINDOW}),
        _object(**{"from": MOMENT, "to": MOMENT}),
    ]
}
_OF: Schema = _object(
    sku=TEXTS,
    category=TEXTS,
    title_contains=TEXTS,
    price_at_least=AMOUNT,
    coupon_used=_FLAG,
    country=TEXTS,
    region=TEXTS,
    city=TEXTS,
    channel=TEXTS,
)
