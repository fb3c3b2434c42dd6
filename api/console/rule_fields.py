"""Conditions as fields: each kind of condition as the phrase a person fills in, and what was filled in as JSON again.

A phrase is a sentence with gaps ("{measure} {operator} {value} {window}"); each language puts them in its order.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retention.words import gettext as _
from retention.words import gettext_noop
from segments import rules
from segments.labels import CHANNELS, EVENTS, FIELDS, GROUPS
from segments.nodes import MONEY, RATIOS, TIMES

Body = dict[str, Any]
Values = Mapping[str, Sequence[str]]
"""What was filled in, by the name of the field."""
Options = Sequence[tuple[str, str]]

AS_LINES = 12
"""From more values on, a list is one text of lines instead of one field a value."""


@dataclass(frozen=True)
class Known:
    """What the shop has to choose from, as pairs of slug and name, and what money and today are there."""

    segments: Options
    lists: Options
    groups: Options
    campaigns: Options
    currency: str
    today: str


@dataclass(frozen=True)
class Field:
    """One field of a condition.

    `kind` is choice, choices, checks, whole, decimal, day, text, texts, lines or hidden. A field that `redraws` changes
    which other fields there are. `suggest` names a list of suggestions on the page; a field with `leaves` can go.
    """

    name: str
    kind: str
    label: str
    values: tuple[str, ...] = ("",)
    options: tuple[tuple[str, str], ...] = ()
    redraws: bool = False
    suggest: str = ""
    before: str = ""
    after: str = ""
    leaves: bool = False


Part = str | Field


@dataclass(frozen=True)
class Kind:
    """A kind of condition: its parts for a body, the body of what was filled in, and what is the first of its body."""

    show: Callable[[Any, Known], list[Part]]
    read: Callable[[Values, Known], Any]
    filters: tuple[str, ...] = ()


MEASURES = {
    "count": gettext_noop("number of orders"),
    "spend": gettext_noop("money spent"),
    "items": gettext_noop("pieces bought"),
    "products": gettext_noop("different products bought"),
    "average": gettext_noop("average order"),
    "largest": gettext_noop("largest order"),
    "returns": gettext_noop("number of returns"),
    "first": gettext_noop("first order"),
    "last": gettext_noop("last order"),
    "days_since_first": gettext_noop("days since the first order"),
    "days_since_last": gettext_noop("days since the last order"),
    "days_to_second": gettext_noop("days from first to second order"),
    "median_gap": gettext_noop("usual days between orders"),
    "lateness": gettext_noop("waiting time as a multiple of the usual gap"),
}
NUMBERS = {
    "at_least": gettext_noop("at least"),
    "at_most": gettext_noop("at most"),
    "more_than": gettext_noop("more than"),
    "less_than": gettext_noop("less than"),
    "is": gettext_noop("exactly"),
    "between": gettext_noop("from … to"),
}
MOMENTS = {
    "before": gettext_noop("before the day"),
    "after": gettext_noop("after the day"),
    "at_least": gettext_noop("on the day or later"),
    "at_most": gettext_noop("on the day or earlier"),
    "is": gettext_noop("on the day itself"),
    "between": gettext_noop("from day to day"),
}
TEXTS = {
    "is": gettext_noop("is"),
    "is_not": gettext_noop("is not"),
    "contains": gettext_noop("contains"),
    "exists": gettext_noop("is known"),
    "missing": gettext_noop("is not known"),
}
DATES = {
    "before": gettext_noop("before the day"),
    "after": gettext_noop("after the day"),
    "exists": gettext_noop("is known"),
    "missing": gettext_noop("is not known"),
}
WHEN = {
    "ever": gettext_noop("at any time"),
    "last": gettext_noop("in the last"),
    "dates": gettext_noop("from day to day"),
}
FILTERS = {
    "sku": gettext_noop("product number (SKU)"),
    "category": gettext_noop("category"),
    "title_contains": gettext_noop("title contains"),
    "price_at_least": gettext_noop("price from"),
    "coupon_used": gettext_noop("coupon"),
    "country": gettext_noop("delivered to country"),
    "region": gettext_noop("delivered to region"),
    "city": gettext_noop("delivered to city"),
    "channel": gettext_noop("sales channel"),
}
ANSWERS = {
    "in": gettext_noop("said yes"),
    "out": gettext_noop("said no"),
    "never": gettext_noop("never asked"),
}
SCORES = {
    "recency": gettext_noop("recency"),
    "frequency": gettext_noop("frequency"),
    "monetary": gettext_noop("money"),
}
SCALES = {
    "quintiles": gettext_noop("fifths of the buyers"),
    "steps": gettext_noop("fixed steps: 1, 2, 3, 5, 10 orders"),
}
MONTHS = ("this", *map(str, range(1, 13)))

DEFAULTS: dict[str, tuple[str, str]] = {"money": ("at_least", "100"), "ratio": ("more_than", "1.5")}
"""What a fresh comparison asks, by the unit of what is measured."""


def phrase(sentence: str, **gaps: Iterable[Part]) -> list[Part]:
    """Return a sentence with its gaps filled: words and fields in the order of the language."""
    found: list[Part] = []
    for index, piece in enumerate(re.split(r"\{(\w+)\}", sentence)):
        if index % 2:
            found += gaps[piece]
        elif piece.strip():
            found.append(piece.strip())
    return found


def unit_of(measure: str) -> str:
    """Return what a measure is compared with: whole, money, ratio or time."""
    if measure in MONEY:
        return "money"
    return "ratio" if measure in RATIOS else "time" if measure in TIMES else "whole"


def fresh_filter(name: str) -> Any:
    """Return the filter as it stands before anything is filled in."""
    return True if name == "coupon_used" else "" if name == "price_at_least" else [""]


def whole(text: str) -> int | str:
    """Return a whole number as typed on any keyboard; what is none stays as it is, for the rule language to refuse."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return int(plain) if re.fullmatch(r"[0-9]{1,12}", plain) else plain


def _choice(name: str, label: str, options: Options, value: object, *, redraws: bool = False, **more: Any) -> Field:
    """Return a choice; a value that is none of the options (any more) stays one."""
    known = [(key, text) for key, text in options]
    said = str(value)
    if said not in dict(known):
        known.append((said, said))
    return Field(name, "choice", label, (said,), tuple(known), redraws=redraws, **more)


def _named(table: Mapping[Any, str]) -> Options:
    return [(str(key), _(text)) for key, text in table.items()]


def _one(values: Values, name: str, default: str = "") -> str:
    given = values.get(name)
    return given[0].strip() if given else default


def _inside(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _said(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


# Comparisons ----------------------------------------------------------------------------------------------------------


def _comparison(body: Body) -> tuple[str, list[str]]:
    """Return the operator of a body and its values; the canonical at_least with at_most is `between`."""
    given = {name: body[name] for name in (*rules.NUMBER_OPERATORS, "before", "after") if name in body}
    if given.keys() == {"at_least", "at_most"}:
        return "between", [str(given["at_least"]), str(given["at_most"])]
    if not given:
        return "at_least", ["1"]
    name, value = next(iter(given.items()))
    return name, _said(value)


def _compared(body: Body, unit: str, known: Known) -> tuple[Field, list[Part]]:
    operator, values = _comparison(body)
    names = MOMENTS if unit == "time" else NUMBERS
    kind = {"whole": "whole", "time": "day"}.get(unit, "decimal")
    after = known.currency if unit == "money" else ""
    low = Field("value", kind, _("Value"), (values[0],), after=after)
    shown: list[Part] = [low]
    if operator == "between":
        shown += [_("to"), Field("value2", kind, _("Highest value"), (values[-1],), after=after)]
    return _choice("operator", _("Comparison"), _named(names), operator, redraws=True), shown


def _read_comparison(values: Values, unit: str, known: Known) -> Body:
    if _one(values, "unit", unit) != unit:
        default = ("after", known.today) if unit == "time" else DEFAULTS.get(unit, ("at_least", "1"))
        values = {"operator": [default[0]], "value": [default[1]]}
    operator = _one(values, "operator", "at_least")
    low, high = _read_value(_one(values, "value"), unit), _read_value(_one(values, "value2"), unit)
    if operator != "between":
        return {operator: low}
    return {"between": [low, low if high == "" else high]}


def _read_value(text: str, unit: str) -> int | str:
    return whole(text) if unit == "whole" else unicodedata.normalize("NFKC", text).strip()


# Windows --------------------------------------------------------------------------------------------------------------


def _window(body: Body) -> list[Part]:
    window = _inside(body, "window")
    when = "last" if "last_days" in window else "dates" if window else "ever"
    choice = _choice("when", _("When"), _named(WHEN), when, redraws=True)
    if when == "last":
        days = Field("last_days", "whole", _("Days"), (str(window["last_days"]),))
        return phrase(_("{when} {days} days"), when=[choice], days=[days])
    if when == "dates":
        start = Field("from", "day", _("From this day on"), (str(window.get("from", "")),))
        end = Field("to", "day", _("Until before this day"), (str(window.get("to", "")),))
        return phrase(_("{when} {start} until before {end}"), when=[choice], start=[start], end=[end])
    return [choice]


def _read_window(values: Values, known: Known) -> Body:
    when = _one(values, "when", "ever")
    if when == "last":
        return {"window": {"last_days": whole(_one(values, "last_days", "180"))}}
    if when == "dates":
        if "from" not in values:
            return {"window": {"from": f"{known.today[:4]}-01-01"}}
        window = {name: _one(values, name) for name in ("from", "to") if _one(values, name)}
        return {"window": window} if window else {"window": {"from": ""}}
    return {}


# Lists of texts -------------------------------------------------------------------------------------------------------


def _texts(name: str, label: str, value: object, **more: Any) -> Field:
    values = tuple(_said(value))
    if len(values) > AS_LINES or any("\n" in each for each in values):
        return Field(f"{name}.lines", "lines", label, ("\n".join(values),), **more)
    return Field(name, "texts", label, values, **more)


def _read_texts(values: Values, name: str) -> list[str]:
    lines = values.get(f"{name}.lines")
    given = lines[0].splitlines() if lines else values.get(name, [])
    kept = [text for each in given if (text := each.strip())]
    return kept or [""]


# Orders ---------------------------------------------------------------------------------------------------------------


def _show_orders(body: Body, known: Known) -> list[Part]:
    measure = str(body.get("measure", "count"))
    unit = unit_of(measure)
    operator, values = _compared(body, unit, known)
    gaps: dict[str, list[Part]] = {
        "measure": [_choice("measure", _("What is measured"), _named(MEASURES), measure, redraws=True)],
        "operator": [operator],
        "value": values,
        "window": _window(body),
    }
    only = [_filter_field(name, value, known) for name, value in _inside(body, "of").items()]
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
        return _choice(full, label, answers, "yes" if value is True else "no", **more)
    if name == "price_at_least":
        return Field(full, "decimal", label, (str(value),), after=known.currency, **more)
    return _texts(full, label, value, suggest=name if name in {"sku", "category"} else "", **more)


def _read_orders(values: Values, known: Known) -> Body:
    measure = _one(values, "measure", "count")
    body: Body = {"measure": measure, **_read_comparison(values, unit_of(measure), known)}
    only = {name: _read_filter(values, name) for name in FILTERS if _has(values, f"of.{name}")}
    return {**body, **({"of": only} if only else {}), **_read_window(values, known)}


def _has(values: Values, name: str) -> bool:
    return name in values or f"{name}.lines" in values


def _read_filter(values: Values, name: str) -> Any:
    full = f"of.{name}"
    if name == "coupon_used":
        return _one(values, full) == "yes"
    if name == "price_at_least":
        return _read_value(_one(values, full), "money")
    return _read_texts(values, full)


# Buyers ---------------------------------------------------------------------------------------------------------------


def _show_buyer(body: Body, _known: Known) -> list[Part]:
    field = str(body.get("field", "region"))
    operator, value = next(((key, each) for key, each in body.items() if key != "field"), ("is", [""]))
    operator = "missing" if operator == "exists" and value is False else operator
    is_time = field in rules.TIME_FIELDS
    operators = _named(DATES if is_time else TEXTS)
    if field == "birthday":
        operators = [*operators, ("month", _("in the month"))]
    return [
        *phrase(
            _("{field} {operator} {value}"),
            field=[_choice("field", _("Field"), _named(FIELDS), field, redraws=True)],
            operator=[_choice("operator", _("Comparison"), operators, operator, redraws=True)],
            value=_buyer_value(operator, value),
        ),
        Field("unit", "hidden", "", ("time" if is_time else "text",)),
    ]


def _buyer_value(operator: str, value: object) -> list[Part]:
    if operator in {"exists", "missing"}:
        return []
    if operator == "month":
        months = [(each, _("this month") if each == "this" else each) for each in MONTHS]
        return [_choice("month", _("Month"), months, value)]
    if operator in {"before", "after"}:
        return [Field("day", "day", _("Day"), (str(value),))]
    return [_texts("text", _("Value"), value)]


def _read_buyer(values: Values, known: Known) -> Body:
    field = _one(values, "field", "region")
    unit = "time" if field in rules.TIME_FIELDS else "text"
    operator = _one(values, "operator", "is")
    if _one(values, "unit", unit) != unit or (operator == "month" and field != "birthday"):
        operator = "before" if unit == "time" else "is"
    if operator in {"exists", "missing"}:
        return {"field": field, "exists": operator == "exists"}
    if operator == "month":
        return {
            "field": field,
            "month": "this" if _one(values, "month", "this") == "this" else whole(_one(values, "month")),
        }
    if operator in {"before", "after"}:
        return {"field": field, operator: _one(values, "day", known.today)}
    return {"field": field, operator: _read_texts(values, "text")}


# Relations, consents, touches -----------------------------------------------------------------------------------------


def _show_follows(body: Body, _known: Known) -> list[Part]:
    return phrase(_("follow the shop, begun {window}"), window=_window(body))


def _show_group(body: Body, known: Known) -> list[Part]:
    groups = [("", _("any group")), *known.groups]
    choice = _choice("slug", _("Group"), groups, body.get("slug", ""))
    return phrase(_("are in {group}, joined {window}"), group=[choice], window=_window(body))


def _read_group(values: Values, known: Known) -> Body:
    slug = _one(values, "slug")
    return {**({"slug": slug} if slug else {}), **_read_window(values, known)}


def _show_consent(body: Body, _known: Known) -> list[Part]:
    return phrase(
        _("asked about {channel}: {answer}"),
        channel=[_choice("channel", _("Channel"), _named(CHANNELS), body.get("channel", "email"))],
        answer=[_choice("is", _("Answer"), _named(ANSWERS), body.get("is", "in"))],
    )


def _read_consent(values: Values, _known: Known) -> Body:
    return {"channel": _one(values, "channel", "email"), "is": _one(values, "is", "in")}


def _show_touch(body: Body, known: Known) -> list[Part]:
    operator, values = _compared(body, "whole", known)
    campaigns = tuple(_said(body["campaign"])) if body.get("campaign") else ("",)
    known_campaigns = dict(known.campaigns)
    options = [("", _("any campaign")), *known.campaigns]
    options += [(each, each) for each in campaigns if each and each not in known_campaigns]
    return phrase(
        _("{event} {operator} {value} times, {campaign}, {window}"),
        event=[_choice("event", _("What happened"), _named(EVENTS), body.get("event", "scanned"))],
        operator=[operator],
        value=values,
        campaign=[Field("campaign", "choices", _("Campaign"), campaigns, tuple(options))],
        window=_window(body),
    )


def _read_touch(values: Values, known: Known) -> Body:
    campaigns = [each for each in values.get("campaign", []) if each]
    return {
        "event": _one(values, "event", "scanned"),
        **({"campaign": campaigns} if campaigns else {}),
        **_read_comparison(values, "whole", known),
        **_read_window(values, known),
    }


# RFM, segments, lists, shares -----------------------------------------------------------------------------------------


def _show_rfm(body: Body, _known: Known) -> list[Part]:
    chosen = tuple(_said(body["group"])) if body.get("group") else ()
    parts: list[Part] = [Field("group", "checks", _("RFM groups"), chosen, tuple(_named(GROUPS)))]
    for name, label in SCORES.items():
        low, high = _range(_inside(body, name))
        scores = [("", _("any")), *((str(score), str(score)) for score in range(1, 6))]
        start = _choice(f"{name}.low", _("{score} from").format(score=_(label)), scores, low)
        end = _choice(f"{name}.high", _("{score} to").format(score=_(label)), scores, high)
        parts += phrase(_("{score} from {low} to {high}").replace("{score}", _(label)), low=[start], high=[end])
    scale = _choice("scale", _("Frequency counted in"), _named(SCALES), body.get("scale", "quintiles"))
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
        low, high = whole(_one(values, f"{name}.low")), whole(_one(values, f"{name}.high"))
        limits = {operator: value for operator, value in (("at_least", low), ("at_most", high)) if value != ""}
        if limits:
            body[name] = {"is": low} if low == high else limits
    if groups := list(values.get("group", [])):
        body["group"] = groups
    if _one(values, "scale", "quintiles") != "quintiles":
        body["scale"] = _one(values, "scale")
    return body


def _show_segment(body: object, known: Known) -> list[Part]:
    choice = _choice("slug", _("Segment"), known.segments, body)
    return phrase(_("are in the segment {segment} now"), segment=[choice])


def _show_list(body: object, known: Known) -> list[Part]:
    return phrase(_("are on the list {list} now"), list=[_choice("slug", _("List"), known.lists, body)])


def _read_slug(values: Values, _known: Known) -> str:
    return _one(values, "slug")


def _show_bucket(body: Body, _known: Known) -> list[Part]:
    def number(name: str, label: str) -> list[Part]:
        return [Field(name, "whole", label, (str(body.get(name, "")),))]

    return phrase(
        _("a lasting random share: parts {first} to {last} of {of}, dealt as {seed}"),
        first=number("from", _("First part")),
        last=number("to", _("Last part")),
        of=number("of", _("Number of parts")),
        seed=[Field("seed", "text", _("Name of the deal; another name deals anew"), (str(body.get("seed", "")),))],
    )


def _read_bucket(values: Values, _known: Known) -> Body:
    seed = _one(values, "seed")
    numbers = {name: whole(_one(values, name)) for name in ("of", "from", "to")}
    return {**numbers, **({"seed": seed} if seed else {})}


KINDS: dict[str, Kind] = {
    "orders": Kind(_show_orders, _read_orders, tuple(FILTERS)),
    "buyer": Kind(_show_buyer, _read_buyer),
    "follows": Kind(_show_follows, _read_window),
    "group": Kind(_show_group, _read_group),
    "consent": Kind(_show_consent, _read_consent),
    "touch": Kind(_show_touch, _read_touch),
    "rfm": Kind(_show_rfm, _read_rfm),
    "segment": Kind(_show_segment, _read_slug),
    "list": Kind(_show_list, _read_slug),
    "bucket": Kind(_show_bucket, _read_bucket),
}
"""By the name the rule language has for them."""
