"""Recurrences as plain choices: every day, some weekdays, some days of the month, a day of the year; and in words.

A rule that says more than these stays a rule (RFC 5545) and is shown as it is written.
"""

import re
from dataclasses import dataclass, field
from datetime import date

from babel.dates import format_date, get_day_names
from babel.lists import format_list

from retention.errors import Invalid
from retention.i18n import current_locale, gettext_noop
from retention.i18n import gettext as _

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LAST_DAY = "-1"


@dataclass
class Plain:
    """A recurrence as chosen. `every` is day, week, month, year, or own, when `rrule` says what the others cannot."""

    every: str = "week"
    weekdays: list[str] = field(default_factory=lambda: ["MO"])
    month_days: str = "1"
    year_month: str = "1"
    year_day: str = "1"
    rrule: str = ""

    @property
    def as_rrule(self) -> str:
        """The rule; Invalid when the choice names no day."""
        match self.every:
            case "day":
                return "FREQ=DAILY"
            case "week":
                chosen = [day for day in WEEKDAYS if day in self.weekdays]
                if not chosen:
                    raise Invalid(gettext_noop("Choose at least one day of the week."))
                return f"FREQ=WEEKLY;BYDAY={','.join(chosen)}"
            case "month":
                return f"FREQ=MONTHLY;BYMONTHDAY={','.join(_month_days(self.month_days))}"
            case "year":
                return f"FREQ=YEARLY;BYMONTH={self.year_month};BYMONTHDAY={self.year_day}"
            case _:
                return self.rrule.strip().upper()


def plain_of(rrule: str) -> Plain:
    """Return a rule as plain choices, or as its own text when there are none for it."""
    parts = dict(part.partition("=")[::2] for part in rrule.upper().split(";"))
    match parts:
        case {"FREQ": "DAILY", **others} if not others:
            return Plain(every="day", rrule=rrule)
        case {"FREQ": "WEEKLY", "BYDAY": days, **others} if not others and set(days.split(",")) <= set(WEEKDAYS):
            return Plain(every="week", weekdays=days.split(","), rrule=rrule)
        case {"FREQ": "MONTHLY", "BYMONTHDAY": days, **others} if not others:
            return Plain(every="month", month_days=days, rrule=rrule)
        case {"FREQ": "YEARLY", "BYMONTH": month, "BYMONTHDAY": day, **others} if (
            not others and month.isdecimal() and day.isdecimal()
        ):
            return Plain(every="year", year_month=month, year_day=day, rrule=rrule)
        case _:
            return Plain(every="own", rrule=rrule)


def recurrence_words(rrule: str) -> str:
    """Return a rule as people say it: every Monday and Thursday."""
    plain = plain_of(rrule)
    match plain.every:
        case "day":
            return _("every day")
        case "week":
            names = get_day_names("wide", locale=current_locale())
            return _("every {weekdays}").format(
                weekdays=_joined([names[WEEKDAYS.index(day)] for day in plain.weekdays])
            )
        case "month":
            days = [_("the last") if day == LAST_DAY else day for day in plain.month_days.split(",")]
            return _("every month on day {days}").format(days=_joined(days))
        case "year":
            return _("every year on {day}").format(day=_day_of_year(plain))
        case _:
            return plain.rrule


def weekday_choices() -> list[tuple[str, str]]:
    """Return the weekdays with their short names, Monday first."""
    names = get_day_names("abbreviated", locale=current_locale())
    return [(day, names[number]) for number, day in enumerate(WEEKDAYS)]


def month_choices() -> list[tuple[str, str]]:
    """Return the months with their names."""
    return [(str(month), format_date(date(2024, month, 1), "LLLL", locale=current_locale())) for month in range(1, 13)]


def _month_days(text: str) -> list[str]:
    days = re.findall(r"-?\d+", text)
    if not days or not all(1 <= int(day) <= 31 or day == LAST_DAY for day in days):
        raise Invalid(
            gettext_noop("{days} are not days of a month. Write them like 1, 15; -1 is the last."), days=repr(text)
        )
    return days


def _day_of_year(plain: Plain) -> str:
    try:
        day = date(2024, int(plain.year_month), int(plain.year_day))
    except ValueError:
        return f"{plain.year_month}-{plain.year_day}"
    return format_date(day, "d MMMM" if current_locale() == "en" else "M月d日", locale=current_locale())


def _joined(words: list[str]) -> str:
    return format_list(words, locale=current_locale())
