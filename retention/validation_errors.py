"""Validation errors of Pydantic, from forms, addresses and JSON, as translated sentences that name the field."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from retention.errors import Choices, Invalid, Wrong
from retention.i18n import gettext_noop

MOST_QUOTED = 60

MISSING = gettext_noop("{field} is required.")
WEB_ADDRESS = gettext_noop("{field} must be a URL that begins with https:// or http:// and a host.")
UNKNOWN = gettext_noop("{field} is not valid. Check it and try again.")
CHOICE = gettext_noop("{field} cannot be {value}. Choose one of: {known}.")
SENTENCES = {
    "missing": MISSING,
    "string_too_long": gettext_noop("{field} has at most {max_length} characters."),
    "string_too_short": gettext_noop("{field} has at least {min_length} characters."),
    "too_long": gettext_noop("{field} has at most {max_length} entries."),
    "int_parsing": gettext_noop("{field} must be a whole number, like 14."),
    "int_from_float": gettext_noop("{field} must be a whole number, like 14."),
    "int_parsing_size": gettext_noop("{field} is too large to be stored."),
    "float_parsing": gettext_noop("{field} must be a number, like 14.5."),
    "greater_than_equal": gettext_noop("{field} must be at least {ge}."),
    "greater_than": gettext_noop("{field} must be more than {gt}."),
    "less_than_equal": gettext_noop("{field} must be at most {le}."),
    "less_than": gettext_noop("{field} must be less than {lt}."),
    "enum": CHOICE,
    "literal_error": CHOICE,
    "date_parsing": gettext_noop("{field} must be a day, like 2026-03-09."),
    "date_from_datetime_parsing": gettext_noop("{field} must be a day, like 2026-03-09."),
    "datetime_parsing": gettext_noop("{field} must be a date and time, like 2026-03-09 14:30."),
    "datetime_from_date_parsing": gettext_noop("{field} must be a date and time, like 2026-03-09 14:30."),
    "bool_parsing": gettext_noop("{field} must be yes or no."),
    "bool_type": gettext_noop("{field} must be yes or no."),
    "int_type": gettext_noop("{field} must be a whole number, like 14."),
    "float_type": gettext_noop("{field} must be a number, like 14.5."),
    "finite_number": gettext_noop("{field} must be a number, like 14.5."),
    "string_type": gettext_noop("{field} must be a text."),
    "too_short": gettext_noop("{field} has at least {min_length} entries."),
    "extra_forbidden": gettext_noop("{field} is not a known setting here."),
}
"""By the kind of Pydantic's error; its context holds the bounds."""


def refusal_of(found: Mapping[str, Any]) -> Invalid:
    """Return one of Pydantic's errors about a request as a refusal of ours."""
    return _refusal(found, _field(found["loc"]))


def refusal_in(
    error: ValidationError, within: str, sentences: Mapping[str, str] = MappingProxyType({}), *, below: str = ""
) -> Invalid:
    """Return the first thing wrong with a JSON value as a refusal that names its path, `within` where it has none.

    `sentences` hold what a field says itself instead of its bounds, by path; the path begins with `below`.
    """
    found = error.errors()[0]
    field = ".".join(str(part) for part in (below, *found["loc"]) if part != "") or within
    own = sentences.get(field)
    if own and found["type"] != "missing":
        return Invalid(own, field=field)
    return _refusal(found, field)


def _refusal(found: Mapping[str, Any], field: str) -> Invalid:
    context = dict(found.get("ctx", {}))
    if isinstance(wrong := context.get("error"), Wrong):  # raised by a validator of ours
        return Invalid(wrong.message, **{"field": field, **wrong.values})
    sentence = SENTENCES.get(found["type"], UNKNOWN)
    if "://" in context.get("pattern", ""):
        sentence = WEB_ADDRESS
    if sentence is CHOICE:
        value = repr(found["input"])[:MOST_QUOTED]
        return Invalid(sentence, field=field, value=value, known=Choices(re.findall("'([^']*)'", context["expected"])))
    return Invalid(sentence, **{**context, "field": field})


def _field(place: tuple[int | str, ...]) -> str:
    """Return the name of the field: ("body", "per_day") and ("body", "scopes", 0) name one each."""
    return next((str(each) for each in reversed(place[1:]) if isinstance(each, str)), "file")
