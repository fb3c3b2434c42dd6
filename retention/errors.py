"""Errors: the four kinds of exceptions whose messages are shown to users.

    Error
    ├── Invalid     the input is wrong; says which value and what would be right     HTTP 422, exit 2
    ├── NotFound    no such thing here; the same answer for another shop's thing     HTTP 404, exit 1
    ├── Conflict    the thing is in a state that does not allow this                 HTTP 409, exit 1
    └── Forbidden   this person or key may not do this                               HTTP 403, exit 1

A message is a template with named values, so that the edge that shows it can translate it first:
``raise NotFound("No shop is called {slug}.", slug=slug)``. A member of an enumeration is translated too, and a list or
tuple of values is joined the way the language does. A value called `field` is named as its asker knows it: people by
the label on the page, programs by the name they sent; so is the `path` of a value in a rule. Words of our own inside a
sentence are marked as `Words`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from retention.field_names import name_choice, name_field, name_path


class Words(str):
    """A part of a message that is translated like the message itself: ``Words(gettext_noop("see campaigns"))``."""

    __slots__ = ()


@dataclass(frozen=True)
class Choices:
    """Names that a program may send, listed in a message: people read what each is called, from `names` or the page."""

    values: Iterable[str]
    names: Mapping[str, str] = field(default_factory=dict)


class Error(Exception):
    """A refusal with a message template and the values that belong in it."""

    status = 500
    exit_code = 1

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message)
        self.message = message
        self.values = values
        self.type = ""
        self.retry_after = 0

    def typed(self, name: str) -> Self:
        """Return this refusal under a name that programs can tell it by: coupon-used."""
        self.type = name
        return self

    def later(self, seconds: int) -> Self:
        """Return this refusal with how many seconds to wait before the same may well succeed."""
        self.retry_after = seconds
        return self

    def __str__(self) -> str:
        return self.say(lambda text: text)

    def say(self, translate: Callable[[str], str]) -> str:
        """Return the message in the language of `translate` (a gettext function)."""
        values = {name: _shown_value(value, translate) for name, value in self.values.items()}
        if isinstance(name := values.get("field"), str):
            values["field"] = name_field(name)
        if isinstance(path := values.get("path"), str):
            values["path"] = name_path(path)
        return translate(self.message).format(**values)


class Wrong(ValueError):
    """What a validator of a model refuses: a template with values, told as ours by `retention.validation_errors`."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message.format(**{"field": "it", **values}))
        self.message = message
        self.values = values


def _shown_value(value: object, translate: Callable[[str], str]) -> object:
    if isinstance(value, StrEnum):
        return translate(in_words(value))
    if isinstance(value, Words):
        return translate(value)
    if isinstance(value, Choices):
        return ", ".join(dict.fromkeys(name_choice(each, value.names) for each in value.values))
    if isinstance(value, (list, tuple)):
        return translate(", ").join(str(_shown_value(each, translate)) for each in value)
    return value


def in_words(value: StrEnum) -> str:
    """Return a member of an enumeration as an English reader says it: in review."""
    words = value.value.replace("_", " ").replace("-", " ")
    return _FIELD_TERMS.get(words, words)


_FIELD_TERMS = {
    "robot": "group bot",
    "assisted": "manual post",
    "sms": "SMS",
    "too little": "not enough data",
    "unsettled": "no stable result",
    "relations": "followers and groups",
}
"""Terms of the field for stored values that are none. The values are published, so they stay."""


class Invalid(Error):
    """The input is wrong."""

    status = 422
    exit_code = 2


class NotFound(Error):
    """Nothing by that name is visible here."""

    status = 404


class Conflict(Error):
    """The present state does not allow this."""

    status = 409


class Forbidden(Error):
    """This person or key may not do this."""

    status = 403
