"""Numbers, money and moments as people of the language being spoken write them; templates use these as filters."""

from datetime import UTC, date, datetime, timedelta

from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal

from retention import clock, money
from retention.i18n import current_language, current_locale
from retention.i18n import gettext as _
from retention.moments import show_end

MINUS, DASH = "\N{MINUS SIGN}", "\N{EM DASH}"


def count(value: int | None) -> str:
    """Return a whole number with its groups: 25,420; a dash for none."""
    return DASH if value is None else format_decimal(value, locale=current_locale()).replace("-", MINUS)


def compact(value: int) -> str:
    """Return a number short enough for the navigation: 25,420 stays, 1,240,000 becomes 1.2M or 124万."""
    if value < 100_000:
        return count(value)
    return format_compact_decimal(value, locale=current_locale(), fraction_digits=1)


def decimal(value: float | None, digits: int = 1) -> str:
    """Return a number with exactly so many digits behind the point."""
    if value is None:
        return DASH
    shape = "#,##0." + "0" * digits if digits else "#,##0"
    return format_decimal(value, shape, locale=current_locale()).replace("-", MINUS)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of one in percent: 0.238 is 23.8 %; a dash for none."""
    if share is None:
        return DASH
    space = "" if current_language().startswith("zh") else "\N{NARROW NO-BREAK SPACE}"
    return f"{decimal(share * 100, digits)}{space}%"


def signed(text: str, value: float) -> str:
    """Put a plus before the text of a positive number."""
    return f"+{text}" if value > 0 else text


def amount(value: int | None, currency: str) -> str:
    """Return minor units as money: ¥19.90."""
    return DASH if value is None else money.show(value, currency, current_locale())


def written_amount(text: str, currency: str) -> str:
    """Return an amount that is written as a number, 16039.00, as money."""
    return amount(money.minor(text, currency), currency)


def day(value: date | datetime | int | None, timezone: str = "UTC") -> str:
    """Return a day in words: 21 Nov 2026. A moment is read in `timezone`, a number counts from 1970-01-01."""
    if value is None:
        return DASH
    return format_date(_date_of(value, timezone), "d MMM y" if _english() else "y年M月d日", locale=current_locale())


def iso_day(text: str) -> str:
    """Return an ISO date in words."""
    return day(date.fromisoformat(text))


def short_day(value: date | datetime | int | None, timezone: str = "UTC") -> str:
    """Return a day of this year in words: 21 Nov, 11月21日."""
    if value is None:
        return DASH
    return format_date(_date_of(value, timezone), "d MMM" if _english() else "M月d日", locale=current_locale())


def weekday(value: int) -> str:
    """Return a day number with its weekday: Saturday, 21 November."""
    pattern = "EEEE, d MMMM" if _english() else "M月d日 EEEE"
    return format_date(clock.day_of(value), pattern, locale=current_locale())


def moment(value: datetime | None, timezone: str) -> str:
    """Return a moment on the shop's clock: 21 Nov 2026, 19:30."""
    if value is None:
        return DASH
    pattern = "d MMM y, HH:mm" if _english() else "y年M月d日 HH:mm"
    return format_datetime(_aware(value), pattern, tzinfo=clock.zone(timezone), locale=current_locale())


def end(value: datetime | None, timezone: str, now: datetime) -> str:
    """Return an end as the last day on which something works, with the hour when that is within a day of `now`."""
    if value is None:
        return DASH
    return show_end(_aware(value), timezone, at=now, form="d MMM y" if _english() else "y年M月d日")


def time_of_day(value: datetime, timezone: str) -> str:
    """Return hours and minutes on the shop's clock."""
    return format_time(_aware(value).astimezone(clock.zone(timezone)), "HH:mm", locale=current_locale())


def ago(value: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, in words."""
    if value is None:
        return DASH
    if abs(_aware(value) - now) < timedelta(seconds=1):
        return _("just now")
    return format_timedelta(_aware(value) - now, add_direction=True, locale=current_locale())


def length(seconds: float) -> str:
    """Return a length of time in words: 9 minutes."""
    return format_timedelta(timedelta(seconds=max(seconds, 1)), locale=current_locale())


def month(value: str | date) -> str:
    """Return a calendar month (2026-11) in words."""
    first = date.fromisoformat(f"{value}-01") if isinstance(value, str) else value
    return format_skeleton("yMMM", first, locale=current_locale())


def file_size(size: int) -> str:
    """Return a size in bytes in words: 1.4 MB."""
    return (
        _("{size} MB").format(size=decimal(size / 1e6, 1))
        if size >= 1e5
        else _("{size} kB").format(size=size // 1000 + 1)
    )


def _date_of(value: date | datetime | int, timezone: str) -> date:
    if isinstance(value, int):
        return clock.day_of(value)
    return _aware(value).astimezone(clock.zone(timezone)).date() if isinstance(value, datetime) else value


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _english() -> bool:
    return current_language() == "en"


FILTERS = {
    "whole": count,
    "compact": compact,
    "decimal": decimal,
    "share": percent,
    "signed": signed,
    "amount": amount,
    "written_amount": written_amount,
    "day": day,
    "iso_day": iso_day,
    "short_day": short_day,
    "weekday": weekday,
    "at": moment,
    "end": end,
    "time_of_day": time_of_day,
    "ago": ago,
    "length_of_time": length,
    "month": month,
    "file_size": file_size,
}
"""By the names templates use; `number`, `money`, `percent` and `moment` are `api.pages`' own."""
