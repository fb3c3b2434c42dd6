"""Conditions as fields: each kind of condition as the phrase a person fills in, and what was filled in as JSON again.

A phrase is a sentence with gaps ("{measure} {operator} {value} {window}"); each language puts them in its order.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from segments import rules
from segments.rule_ast import MONEY, RATIOS, TIMES

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
    "is": gettext_noop("on that day"),
    "between": gettext_noop("from day to day"),
}
WHEN = {
    "ever": gettext_noop("at any time"),
    "last": gettext_noop("in the last"),
    "dates": gettext_noop("from day to day"),
}

DEFAULTS: dict[str, tuple[str, str]] = {
    "money": ("at_least", "100"),
    "ratio": ("more_than", "1.5"),
    "probability": ("less_than", "0.5"),
}
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


def whole(text: str) -> int | str:
    """Return a whole number as typed on any keyboard; what is none stays as it is, for the rule language to refuse."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return int(plain) if re.fullmatch(r"[0-9]{1,12}", plain) else plain


def choice_of(name: str, label: str, options: Options, value: object, *, redraws: bool = False, **more: Any) -> Field:
    """Return a choice; a value that is none of the options (any more) stays one."""
    known = [(key, text) for key, text in options]
    written = str(value)
    if written not in dict(known):
        known.append((written, written))
    return Field(name, "choice", label, (written,), tuple(known), redraws=redraws, **more)


def named(table: Mapping[Any, str]) -> Options:
    return [(str(key), _(text)) for key, text in table.items()]


def one_of(values: Values, name: str, default: str = "") -> str:
    given = values.get(name)
    return given[0].strip() if given else default


def inside(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def as_texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _comparison(body: Body) -> tuple[str, list[str]]:
    """Return the operator of a body and its values; the canonical at_least with at_most is `between`."""
    given = {name: body[name] for name in (*rules.NUMBER_OPERATORS, "before", "after") if name in body}
    if given.keys() == {"at_least", "at_most"}:
        return "between", [str(given["at_least"]), str(given["at_most"])]
    if not given:
        return "at_least", ["1"]
    name, value = next(iter(given.items()))
    return name, as_texts(value)


def comparison_fields(body: Body, unit: str, known: Known) -> tuple[Field, list[Part]]:
    operator, values = _comparison(body)
    names = MOMENTS if unit == "time" else NUMBERS
    kind = {"whole": "whole", "time": "day"}.get(unit, "decimal")
    after = known.currency if unit == "money" else ""
    low = Field("value", kind, _("Value"), (values[0],), after=after)
    shown: list[Part] = [low]
    if operator == "between":
        shown += [_("to"), Field("value2", kind, _("Highest value"), (values[-1],), after=after)]
    return choice_of("operator", _("Comparison"), named(names), operator, redraws=True), shown


def read_comparison(values: Values, unit: str, known: Known) -> Body:
    if one_of(values, "unit", unit) != unit:
        default = ("after", known.today) if unit == "time" else DEFAULTS.get(unit, ("at_least", "1"))
        values = {"operator": [default[0]], "value": [default[1]]}
    operator = one_of(values, "operator", "at_least")
    low, high = read_value(one_of(values, "value"), unit), read_value(one_of(values, "value2"), unit)
    if operator != "between":
        return {operator: low}
    return {"between": [low, low if high == "" else high]}


def read_value(text: str, unit: str) -> int | str:
    return whole(text) if unit == "whole" else unicodedata.normalize("NFKC", text).strip()


def window_fields(body: Body) -> list[Part]:
    window = inside(body, "window")
    when = "last" if "last_days" in window else "dates" if window else "ever"
    choice = choice_of("when", _("When"), named(WHEN), when, redraws=True)
    if when == "last":
        days = Field("last_days", "whole", _("Days"), (str(window["last_days"]),))
        return phrase(_("{when} {days} days"), when=[choice], days=[days])
    if when == "dates":
        start = Field("from", "day", _("From this day on"), (str(window.get("from", "")),))
        end = Field("to", "day", _("Before this day"), (str(window.get("to", "")),))
        return phrase(_("{when} from {start} up to but not including {end}"), when=[choice], start=[start], end=[end])
    return [choice]


def read_window(values: Values, known: Known) -> Body:
    when = one_of(values, "when", "ever")
    if when == "last":
        return {"window": {"last_days": whole(one_of(values, "last_days", "180"))}}
    if when == "dates":
        if "from" not in values:
            return {"window": {"from": f"{known.today[:4]}-01-01"}}
        window = {name: one_of(values, name) for name in ("from", "to") if one_of(values, name)}
        return {"window": window} if window else {"window": {"from": ""}}
    return {}


def texts_of(name: str, label: str, value: object, **more: Any) -> Field:
    values = tuple(as_texts(value))
    if len(values) > AS_LINES or any("\n" in each for each in values):
        return Field(f"{name}.lines", "lines", label, ("\n".join(values),), **more)
    return Field(name, "texts", label, values, **more)


def read_texts(values: Values, name: str) -> list[str]:
    lines = values.get(f"{name}.lines")
    given = lines[0].splitlines() if lines else values.get(name, [])
    kept = [text for each in given if (text := each.strip())]
    return kept or [""]
