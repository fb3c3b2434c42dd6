"""The kinds of conditions as phrases of fields: how each shows its body, and reads what was filled in as JSON again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.console.segments.rule_fields import (
    Body,
    Field,
    Known,
    Part,
    Values,
    as_texts,
    choice_of,
    comparison_fields,
    inside,
    named,
    one_of,
    phrase,
    read_comparison,
    read_texts,
    read_value,
    read_window,
    texts_of,
    unit_of,
    whole,
    window_fields,
)
from retention.i18n import gettext as _
from segments import rules
from segments.labels import (
    CHANNELS,
    CONSENTS,
    DATE_TESTS,
    EVENTS,
    FIELDS,
    FILTERS,
    GROUPS,
    MEASURES,
    PREDICTIONS,
    SCALES,
    SCORES,
    TEXT_TESTS,
)
from segments.rule_ast import HORIZON, HORIZONS


@dataclass(frozen=True)
class ConditionKind:
    """A kind of condition: its parts for a body, the body of what was filled in, and what may narrow it."""

    show: Callable[[Any, Known], list[Part]]
    read: Callable[[Values, Known], Any]
    filters: tuple[str, ...] = ()


_PREDICTED = {"alive": "probability", "orders": "ratio", "days_to_next": "whole"}
MONTHS = ("this", *map(str, range(1, 13)))


def fresh_filter(name: str) -> Any:
    """Return the filter as it stands before anything is filled in."""
    return True if name == "coupon_used" else "" if name == "price_at_least" else [""]


def _show_orders(body: Body, known: Known) -> list[Part]:
    measure = str(body.get("measure", "count"))
    unit = unit_of(measure)
    operator, values = comparison_fields(body, unit, known)
    gaps: dict[str, list[Part]] = {
        "measure": [choice_of("measure", _("Measure"), named(MEASURES), measure, redraws=True)],
        "operator": [operator],
        "value": values,
        "window": window_fields(body),
    }
    only = [_filter_field(name, value, known) for name, value in inside(body, "of").items()]
    return [
        *phrase(_("{measure} {operator} {value} {window}"), **gaps),
        Field("unit", "hidden", "", (unit,)),
        *only,
    ]


def _filter_field(name: str, value: object, known: Known) -> Field:
    label = _(FILTERS.get(name, name))
    full = f"of.{name}"
    more: dict[str, Any] = {"before": label, "leaves": True}
    if name == "coupon_used":
        answers = [("yes", _("used")), ("no", _("not used"))]
        return choice_of(full, label, answers, "yes" if value is True else "no", **more)
    if name == "price_at_least":
        return Field(full, "decimal", label, (str(value),), after=known.currency, **more)
    return texts_of(full, label, value, suggest=name if name in {"sku", "category"} else "", **more)


def _read_orders(values: Values, known: Known) -> Body:
    measure = one_of(values, "measure", "count")
    body: Body = {"measure": measure, **read_comparison(values, unit_of(measure), known)}
    only = {name: _read_filter(values, name) for name in FILTERS if _has(values, f"of.{name}")}
    return {**body, **({"of": only} if only else {}), **read_window(values, known)}


def _has(values: Values, name: str) -> bool:
    return name in values or f"{name}.lines" in values


def _read_filter(values: Values, name: str) -> Any:
    full = f"of.{name}"
    if name == "coupon_used":
        return one_of(values, full) == "yes"
    if name == "price_at_least":
        return read_value(one_of(values, full), "monetary value")
    return read_texts(values, full)


def _show_buyer(body: Body, _known: Known) -> list[Part]:
    field = str(body.get("field", "region"))
    operator, value = next(((key, each) for key, each in body.items() if key != "field"), ("is", [""]))
    operator = "missing" if operator == "exists" and value is False else operator
    is_time = field in rules.TIME_FIELDS
    operators = named(DATE_TESTS if is_time else TEXT_TESTS)
    if field == "birthday":
        operators = [*operators, ("month", _("in the month"))]
    return [
        *phrase(
            _("{field} {operator} {value}"),
            field=[choice_of("field", _("Field"), named(FIELDS), field, redraws=True)],
            operator=[choice_of("operator", _("Comparison"), operators, operator, redraws=True)],
            value=_buyer_value(operator, value),
        ),
        Field("unit", "hidden", "", ("time" if is_time else "text",)),
    ]


def _buyer_value(operator: str, value: object) -> list[Part]:
    if operator in {"exists", "missing"}:
        return []
    if operator == "month":
        months = [(each, _("this month") if each == "this" else each) for each in MONTHS]
        return [choice_of("month", _("Month"), months, value)]
    if operator in {"before", "after"}:
        return [Field("day", "day", _("Day"), (str(value),))]
    return [texts_of("text", _("Value"), value)]


def _read_buyer(values: Values, known: Known) -> Body:
    field = one_of(values, "field", "region")
    unit = "time" if field in rules.TIME_FIELDS else "text"
    operator = one_of(values, "operator", "is")
    if one_of(values, "unit", unit) != unit or (operator == "month" and field != "birthday"):
        operator = "before" if unit == "time" else "is"
    if operator in {"exists", "missing"}:
        return {"field": field, "exists": operator == "exists"}
    if operator == "month":
        return {
            "field": field,
            "month": "this" if one_of(values, "month", "this") == "this" else whole(one_of(values, "month")),
        }
    if operator in {"before", "after"}:
        return {"field": field, operator: one_of(values, "day", known.today)}
    return {"field": field, operator: read_texts(values, "text")}


def _show_follows(body: Body, _known: Known) -> list[Part]:
    return phrase(_("follow the shop, started {window}"), window=window_fields(body))


def _show_group(body: Body, known: Known) -> list[Part]:
    groups = [("", _("any group")), *known.groups]
    choice = choice_of("slug", _("Group"), groups, body.get("slug", ""))
    return phrase(_("are in {group}, joined {window}"), group=[choice], window=window_fields(body))


def _read_group(values: Values, known: Known) -> Body:
    slug = one_of(values, "slug")
    return {**({"slug": slug} if slug else {}), **read_window(values, known)}


def _show_consent(body: Body, _known: Known) -> list[Part]:
    return phrase(
        _("consent to {channel}: {answer}"),
        channel=[choice_of("channel", _("Channel"), named(CHANNELS), body.get("channel", "email"))],
        answer=[choice_of("is", _("Answer"), named(CONSENTS), body.get("is", "in"))],
    )


def _read_consent(values: Values, _known: Known) -> Body:
    return {"channel": one_of(values, "channel", "email"), "is": one_of(values, "is", "in")}


def _show_touch(body: Body, known: Known) -> list[Part]:
    operator, values = comparison_fields(body, "whole", known)
    campaigns = tuple(as_texts(body["campaign"])) if body.get("campaign") else ("",)
    known_campaigns = dict(known.campaigns)
    options = [("", _("any campaign")), *known.campaigns]
    options += [(each, each) for each in campaigns if each and each not in known_campaigns]
    return phrase(
        _("{event} {operator} {value} times, {campaign}, {window}"),
        event=[choice_of("event", _("Event"), named(EVENTS), body.get("event", "scanned"))],
        operator=[operator],
        value=values,
        campaign=[Field("campaign", "choices", _("Campaign"), campaigns, tuple(options))],
        window=window_fields(body),
    )


def _read_touch(values: Values, known: Known) -> Body:
    campaigns = [each for each in values.get("campaign", []) if each]
    return {
        "event": one_of(values, "event", "scanned"),
        **({"campaign": campaigns} if campaigns else {}),
        **read_comparison(values, "whole", known),
        **read_window(values, known),
    }


def _show_rfm(body: Body, _known: Known) -> list[Part]:
    chosen = tuple(as_texts(body["group"])) if body.get("group") else ()
    parts: list[Part] = [Field("group", "checks", _("RFM groups"), chosen, tuple(named(GROUPS)))]
    for name, label in SCORES.items():
        low, high = _range(inside(body, name))
        scores = [("", _("any")), *((str(score), str(score)) for score in range(1, 6))]
        start = choice_of(f"{name}.low", _("{score} from").format(score=_(label)), scores, low)
        end = choice_of(f"{name}.high", _("{score} to").format(score=_(label)), scores, high)
        parts += phrase(_("{score} from {low} to {high}").replace("{score}", _(label)), low=[start], high=[end])
    scale = choice_of("scale", _("Frequency counted in"), named(SCALES), body.get("scale", "quintiles"))
    return [*parts, *phrase(_("frequency in {scale}"), scale=[scale])]


def _range(score: Body) -> tuple[str, str]:
    if "is" in score:
        return str(score["is"]), str(score["is"])
    if isinstance(score.get("between"), list) and len(score["between"]) == 2:
        return str(score["between"][0]), str(score["between"][1])
    return str(score.get("at_least", "")), str(score.get("at_most", ""))


def _read_rfm(values: Values, _known: Known) -> Body:
    body: Body = {}
    for name in SCORES:
        low, high = whole(one_of(values, f"{name}.low")), whole(one_of(values, f"{name}.high"))
        limits = {operator: value for operator, value in (("at_least", low), ("at_most", high)) if value != ""}
        if limits:
            body[name] = {"is": low} if low == high else limits
    if groups := list(values.get("group", [])):
        body["group"] = groups
    if one_of(values, "scale", "quintiles") != "quintiles":
        body["scale"] = one_of(values, "scale")
    return body


def _show_prediction(body: Body, known: Known) -> list[Part]:
    measure = str(body.get("measure", "alive"))
    unit = _PREDICTED.get(measure, "ratio")
    operator, values = comparison_fields(body, unit, known)
    parts = phrase(
        _("predicted {measure}: {operator} {value}"),
        measure=[choice_of("measure", _("Prediction"), named(PREDICTIONS), measure, redraws=True)],
        operator=[operator],
        value=values,
    )
    if measure == "orders":
        horizons = [(str(days), str(days)) for days in HORIZONS]
        days = choice_of("days", _("Days ahead"), horizons, body.get("days", HORIZON))
        parts += phrase(_("within {days} days"), days=[days])
    return [*parts, Field("unit", "hidden", "", (unit,))]


def _read_prediction(values: Values, known: Known) -> Body:
    measure = one_of(values, "measure", "alive")
    ahead = {"days": whole(one_of(values, "days", str(HORIZON)))} if measure == "orders" else {}
    return {"measure": measure, **ahead, **read_comparison(values, _PREDICTED.get(measure, "ratio"), known)}


def _show_segment(body: object, known: Known) -> list[Part]:
    choice = choice_of("slug", _("Segment"), known.segments, body)
    return phrase(_("are in the segment {segment} now"), segment=[choice])


def _show_list(body: object, known: Known) -> list[Part]:
    return phrase(_("are on the list {list} now"), list=[choice_of("slug", _("List"), known.lists, body)])


def _read_slug(values: Values, _known: Known) -> str:
    return one_of(values, "slug")


def _show_bucket(body: Body, _known: Known) -> list[Part]:
    def number(name: str, label: str) -> list[Part]:
        return [Field(name, "whole", label, (str(body.get(name, "")),))]

    return phrase(
        _("stable random sample: buckets {first} to {last} of {of}, seed {seed}"),
        first=number("from", _("First bucket")),
        last=number("to", _("Last bucket")),
        of=number("of", _("Number of buckets")),
        seed=[
            Field("seed", "text", _("Seed of the split; another seed splits differently"), (str(body.get("seed", "")),))
        ],
    )


def _read_bucket(values: Values, _known: Known) -> Body:
    seed = one_of(values, "seed")
    numbers = {name: whole(one_of(values, name)) for name in ("of", "from", "to")}
    return {**numbers, **({"seed": seed} if seed else {})}


KINDS: dict[str, ConditionKind] = {
    "orders": ConditionKind(_show_orders, _read_orders, tuple(FILTERS)),
    "buyer": ConditionKind(_show_buyer, _read_buyer),
    "follows": ConditionKind(_show_follows, read_window),
    "group": ConditionKind(_show_group, _read_group),
    "consent": ConditionKind(_show_consent, _read_consent),
    "touch": ConditionKind(_show_touch, _read_touch),
    "rfm": ConditionKind(_show_rfm, _read_rfm),
    "prediction": ConditionKind(_show_prediction, _read_prediction),
    "segment": ConditionKind(_show_segment, _read_slug),
    "list": ConditionKind(_show_list, _read_slug),
    "bucket": ConditionKind(_show_bucket, _read_bucket),
}
"""By the name the rule language has for them."""
