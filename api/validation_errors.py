"""What FastAPI could not read from a form or an address, said in our words: which field, and what would be right."""

from collections.abc import Mapping
from typing import Any

from retention.errors import Invalid
from retention.i18n import gettext_noop

MISSING = gettext_noop("{field} is missing. Fill it in and try again.")
UNKNOWN = gettext_noop("{field} cannot be read as it is. Look at it and try again.")
SENTENCES = {
    "missing": MISSING,
    "string_too_long": gettext_noop("{field} has at most {max_length} characters."),
    "string_too_short": gettext_noop("{field} has at least {min_length} characters."),
    "too_long": gettext_noop("{field} has at most {max_length} entries."),
    "int_parsing": gettext_noop("{field} is a whole number, like 14."),
    "int_from_float": gettext_noop("{field} is a whole number, like 14."),
    "int_parsing_size": gettext_noop("{field} is larger than any number that can be kept."),
    "float_parsing": gettext_noop("{field} is a number, like 14.5."),
    "greater_than_equal": gettext_noop("{field} is at least {ge}."),
    "greater_than": gettext_noop("{field} is more than {gt}."),
    "less_than_equal": gettext_noop("{field} is at most {le}."),
    "less_than": gettext_noop("{field} is less than {lt}."),
    "enum": gettext_noop("{field} is none of the choices on this page."),
    "literal_error": gettext_noop("{field} is none of the choices on this page."),
    "date_parsing": gettext_noop("{field} is a day, like 2026-03-09."),
    "date_from_datetime_parsing": gettext_noop("{field} is a day, like 2026-03-09."),
    "datetime_parsing": gettext_noop("{field} is a moment, like 2026-03-09 14:30."),
    "datetime_from_date_parsing": gettext_noop("{field} is a moment, like 2026-03-09 14:30."),
    "bool_parsing": gettext_noop("{field} is yes or no."),
}
"""By the kind of Pydantic's error; its context holds the bounds."""


def refusal_of(found: Mapping[str, Any]) -> Invalid:
    """Return one of Pydantic's errors as a refusal of ours."""
    sentence = SENTENCES.get(found["type"], UNKNOWN)
    return Invalid(sentence, **{**found.get("ctx", {}), "field": _field(found["loc"])})


def _field(place: tuple[int | str, ...]) -> str:
    """Return the name of the field: ("body", "per_day") and ("body", "scopes", 0) name one each."""
    return next((str(each) for each in reversed(place[1:]) if isinstance(each, str)), "file")
