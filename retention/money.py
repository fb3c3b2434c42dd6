"""Money as integer minor units of an ISO currency: reading it, showing it, splitting it to the cent."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache, lru_cache

from babel.core import Locale
from babel.numbers import format_currency, get_currency_precision, is_currency

from retention.errors import Invalid


def check_currency(currency: str) -> str:
    """Return `currency` when it is an ISO 4217 code; Invalid otherwise."""
    if not is_currency(currency):
        raise Invalid("{currency} is not a currency. Use an ISO code such as CNY or EUR.", currency=repr(currency))
    return currency


def minor(text: str | Decimal, currency: str) -> int:
    """Return an amount in major units ("1000.00") as minor units, halves rounded up; Invalid when it is no number."""
    try:
        value = Decimal(text) if isinstance(text, Decimal) else Decimal(text.strip().replace(",", "").lstrip("¥￥$€£"))
        return int(value.scaleb(get_currency_precision(currency)).quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise Invalid("{text} is not an amount of money. Write it like 1234.50.", text=repr(text)) from error


def major(amount: int, currency: str) -> Decimal:
    """Return minor units as an exact number of major units."""
    return Decimal(amount).scaleb(-get_currency_precision(currency))


def write(amount: float, currency: str) -> str:
    """Return minor units as files, commands and the API write them: a string of major units, such as "1000.00".

    An estimate is rounded to whole minor units. Never a number: binary fractions do not hold cents.
    """
    return str(major(round(amount), currency))


def write_price(hundredths: int, currency: str) -> str:
    """Return hundredths of a minor unit, as messages are priced in, as `write` does: "0.0450"."""
    return f"{major(hundredths, currency).scaleb(-2):f}"


def read_price(text: str | Decimal, currency: str) -> int:
    """Return a price in major units as hundredths of a minor unit; Invalid when it is no number or finer than that."""
    minor(text, currency)  # says what is no number
    exact = Decimal(str(text).strip().replace(",", "").lstrip("¥￥$€£"))
    value = int(exact.scaleb(get_currency_precision(currency) + 2))
    if value < 0 or major(value, currency).scaleb(-2) != exact:
        raise Invalid("{text} is not a price in {currency}.", text=repr(str(text)), currency=currency)
    return value


@lru_cache(maxsize=4096)
def show(amount: int, currency: str, locale: str = "en") -> str:
    """Return an amount as people of `locale` (en, zh_CN) write it; whole amounts without decimals: ¥20, ¥19.90."""
    value = major(amount, currency)
    whole = value == value.to_integral_value()
    pattern = "¤#,##0" if whole else None
    # Shops here think in their own currency, so the short sign (¥, not CN¥) in every language.
    spoken = _locale("zh_CN" if currency == "CNY" else locale)
    return format_currency(value, currency, pattern, locale=spoken, currency_digits=not whole)


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)  # a millisecond each time, felt in every message of a campaign


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` by `weights` with the largest remainder, so that the parts sum to it exactly.

    Ties go to the earlier part. A negative total is split as its mirror image. Invalid when no weight is positive.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise Invalid("Weights must not be negative and one must be positive, not {weights}.", weights=list(weights))
    if total < 0:
        return [-part for part in split(-total, weights)]
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda k: (-(total * weights[k] % whole), k))
    for k in order[: total - sum(parts)]:
        parts[k] += 1
    return parts
