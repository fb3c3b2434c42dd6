"""Times as text: in a shop's time zone, never in UTC, and an end as the last day on which something is valid."""

from datetime import date, datetime, timedelta

from babel.dates import format_date

from retention import clock
from retention.i18n import current_locale

_DAY = timedelta(days=1)


def last_day(end: datetime, timezone: str) -> date:
    """Return the last calendar day in `timezone` that lies before an end; the end itself is excluded."""
    return (end - timedelta(microseconds=1)).astimezone(clock.zone(timezone)).date()


def show_end(end: datetime, timezone: str, *, at: datetime, form: str = "long") -> str:
    """Return an end in the language spoken: its last day, with the hour where it is within a day of `at`.

    An end at midnight is 24:00 of the day before: November 11, 2026, 24:00. `form` is Babel's.
    """
    day = last_day(end, timezone)
    if abs(end - at) > _DAY:
        return format_date(day, form, locale=current_locale())
    local = end.astimezone(clock.zone(timezone))
    return _with_time(day, form, f"{local:%H:%M}" if local.date() == day else "24:00")


def show_moment(at: datetime, timezone: str, form: str = "long") -> str:
    """Return a moment in the language spoken, to the minute: November 11, 2026, 10:00."""
    local = at.astimezone(clock.zone(timezone))
    return _with_time(local.date(), form, f"{local:%H:%M}")


def _with_time(day: date, form: str, time: str) -> str:
    locale = current_locale()
    between = " " if locale.startswith("zh") else ", "
    return f"{format_date(day, form, locale=locale)}{between}{time}"
