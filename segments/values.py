"""The single values of a rule: whole numbers, money, ratios, moments, texts. A refusal names the path of the value."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from retention.errors import Invalid

LARGEST_NUMBER = 1_000_000_000
MOST_TEXTS = 100_000
MOST_CONTAINED = 200
"""Texts one condition looks for inside others: each is looked for in every row."""

LONGEST_TEXT = 500


def read_whole(value: object, path: str) -> int:
    """Return a whole number from 0 to a thousand million."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
        raise Invalid(
            "{path}: give a whole number from 0 to {largest}, not {value}.",
            path=path,
            largest=LARGEST_NUMBER,
            value=shown(value),
        )
    return value


def read_money(value: object, path: str) -> Decimal:
    """Return an amount in major units, given as a text such as "1000.00" or a whole number."""
    amount = _decimal(value if isinstance(value, str) else _whole_or_none(value))
    if amount is None or _places(amount) > 3:
        raise Invalid(
            '{path}: give an amount of money as text, such as "1000.00", not {value}.', path=path, value=shown(value)
        )
    return amount


def read_ratio(value: object, path: str) -> Decimal:
    """Return a number from 0 on with at most four decimals."""
    number = _decimal(value if isinstance(value, str) else None if isinstance(value, bool) else repr(value))
    if number is None or number < 0 or _places(number) > 4:
        raise Invalid(
            "{path}: give a number such as 1.5, with at most four decimals, not {value}.", path=path, value=shown(value)
        )
    return number


def read_probability(value: object, path: str) -> Decimal:
    """Return a number from 0 to 1 with at most four decimals."""
    number = read_ratio(value, path)
    if number > 1:
        raise Invalid(
            "{path}: give a probability from 0 to 1, such as 0.8, not {value}.", path=path, value=shown(value)
        )
    return number


def read_moment(value: object, path: str) -> date | datetime:
    """Return a day ("2026-11-11") or a moment ("2026-11-11T20:00:00+08:00"); one with an offset comes back in UTC."""
    try:
        return _moment(value)
    except (ValueError, TypeError) as error:
        raise Invalid(
            "{path}: give a day such as 2026-11-11 or a moment such as 2026-11-11T20:00:00+08:00, "
            "between the years 1900 and 2200, not {value}.",
            path=path,
            value=shown(value),
        ) from error


def read_text(value: object, path: str) -> str:
    """Return a text of 1 to 500 characters that both databases can hold."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT or not _storable(value):
        raise Invalid(
            "{path}: give a text of 1 to {longest} characters, not {value}.",
            path=path,
            longest=LONGEST_TEXT,
            value=shown(value),
        )
    return value


def read_texts(value: object, path: str, *, most: int = MOST_TEXTS) -> tuple[str, ...]:
    """Return one text or a list of texts as a sorted tuple without repetitions; at least one, at most `most`."""
    if not isinstance(value, list):
        return (read_text(value, path),)
    if not 1 <= len(value) <= most:
        raise Invalid("{path}: give from 1 to {most} texts, not {count}.", path=path, most=most, count=len(value))
    return tuple(sorted({read_text(each, f"{path}[{index}]") for index, each in enumerate(value)}))


def read_flag(value: object, path: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise Invalid("{path}: use true or false, not {value}.", path=path, value=shown(value))
    return value


def shown(value: object) -> str:
    """Return a value as an error quotes it: not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _decimal(text: str | None) -> Decimal | None:
    if text is None or len(text) > 40:
        return None
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= LARGEST_NUMBER else None


def _whole_or_none(value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _moment(value: object) -> date | datetime:
    if not isinstance(value, str):
        raise TypeError
    is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    moment = date.fromisoformat(value) if is_day else datetime.fromisoformat(value)
    if not 1900 <= moment.year <= 2200:
        raise ValueError
    return moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo else moment


def _storable(text: str) -> bool:
    """Tell whether a text has neither a NUL, which PostgreSQL refuses, nor half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
