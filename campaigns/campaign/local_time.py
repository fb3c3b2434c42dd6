"""Local time: from a day and time in a time zone to a moment, and from a recurrence to its days.

gap            the clock jumps over that time: the first moment after the jump
overlap        the clock shows that time twice: the first of the two
missing day    the whole day is jumped over: nothing recurs on it
unknown zone   the zone that is known stands in, the shop's
changed zone   the wall clock is kept, not the moment; see `SAME_OCCURRENCE`
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from dateutil.rrule import rrule, rrulestr

from retention import clock
from retention.errors import Invalid


def _listed(pattern: str) -> str:
    return f"({pattern})(,({pattern}))*"


SAME_OCCURRENCE = timedelta(hours=18)
"""An occurrence sooner than this after the last is that one again, as after a move of the shop to another zone.

Nothing recurs more than once a day, and no day in any zone is shorter than this.
"""

LONGEST_RULE = 200
FAR = timedelta(days=366 * 8 + 2)
"""How far ahead a next occurrence is looked for: a 29 February can be eight years away."""

_EARLIEST = date(2000, 1, 1)
_MONDAY = date(2024, 1, 1)  # where rules without a first day count from: a Monday, first of month and year

_ALWAYS = {
    "FREQ": "DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": "[1-9][0-9]?",
    "COUNT": "[1-9][0-9]{0,2}",
    "UNTIL": "[0-9]{8}",
}
_WEEKDAY = "(MO|TU|WE|TH|FR|SA|SU)"
_NUMBERED = f"(-?[1-5])?{_WEEKDAY}"
_MONTH_DAY = "-?([1-9]|[12][0-9]|3[01])"

_PARTS: dict[str, dict[str, str]] = {
    "DAILY": _ALWAYS,
    "WEEKLY": _ALWAYS | {"BYDAY": _listed(_WEEKDAY), "WKST": _WEEKDAY},
    "MONTHLY": _ALWAYS | {"BYDAY": _listed(_NUMBERED), "BYMONTHDAY": _listed(_MONTH_DAY), "BYSETPOS": "-?[1-4]"},
    "YEARLY": _ALWAYS
    | {"BYDAY": _listed(_NUMBERED), "BYMONTHDAY": _listed(_MONTH_DAY), "BYMONTH": _listed("[1-9]|1[0-2]")},
}
"""What a recurrence may say, by its frequency.

Narrower than RFC 5545, whose rules can name no day at all and are then searched to the year 9999.
"""


@lru_cache(maxsize=10_000)
def local_moment(day: date, wall: time, zone: str, *, otherwise: str = "UTC") -> datetime:
    """Return the moment, in UTC, at which clocks in `zone` show `wall` on `day`, by the rules above.

    `otherwise` names the zone that stands in for an unknown or empty one; Invalid when that is unknown too.
    """
    there = clock.zone(known_zone(zone, otherwise))
    shown = datetime.combine(day, wall)
    moment = shown.replace(tzinfo=there, fold=0).astimezone(UTC)
    if moment.astimezone(there).replace(tzinfo=None) == shown:
        return moment
    # In a gap: with fold 1 the later offset is taken, which gives a moment before the jump (PEP 495).
    before, after = shown.replace(tzinfo=there, fold=1).astimezone(UTC), moment
    offset = after.astimezone(there).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(there).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def known_zone(zone: str, otherwise: str) -> str:
    """Return `zone` when there is such a time zone, else `otherwise`."""
    if not zone:
        return otherwise
    try:
        clock.zone(zone)
    except Invalid:
        return otherwise
    return zone


def day_exists(day: date, zone: str) -> bool:
    """Tell whether a zone had that calendar day at all: Samoa had no 30 December 2011."""
    noon = local_moment(day, time(12), zone)
    return noon.astimezone(clock.zone(zone)).date() == day


def reminder_moment(placed_at: datetime, zone: str) -> datetime:
    """Return when to remind of an order that is not paid yet, by the shop's day in `zone`.

    Ordered from 6:00 in the morning: 12:00. From 12:00 in the afternoon: 17:00. From 17:00 in the evening: the next day
    10:00. From 22:00 in the night: after that, 10:30 of the morning that follows. In any case a quarter of an hour
    after the order, so that nobody is reminded who is still paying.
    """
    placed = placed_at.astimezone(clock.zone(zone))
    days, wall = next((days, wall) for until, days, wall in _REMINDERS if placed.time() < until)
    moment = local_moment(placed.date() + timedelta(days=days), wall, zone)
    return max(moment, placed_at.astimezone(UTC) + STILL_PAYING)


STILL_PAYING = timedelta(minutes=15)

_REMINDERS = (  # ordered before, days later, time of the reminder
    (time(6), 0, time(10, 30)),
    (time(12), 0, time(12)),
    (time(17), 0, time(17)),
    (time(22), 1, time(10)),
    (time.max, 1, time(10, 30)),
)


def read_recurrence(text: str, start: date | None) -> rrule:
    """Return a recurrence of days (a narrow RRULE of RFC 5545) from `start` on; Invalid says what is wrong with it."""
    parts = _read_parts(text)
    if start is None and ("COUNT" in parts or parts.get("INTERVAL", "1") != "1"):
        raise _wrong(text, "COUNT and INTERVAL need a first day to count from")
    if start is not None and start < _EARLIEST:
        raise _wrong(text, f"it begins in {start.year}, which is too long ago")
    first = start or _MONDAY
    try:
        found = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=_midnight(first))
    except ValueError as error:
        raise _wrong(text, str(error)) from error
    assert isinstance(found, rrule)  # one line of rule gives no set
    if next(recurring_days(found, first, first + FAR), None) is None:
        raise _wrong(text, "it names no day at all")
    return found


def recurring_days(rule: rrule, first: date, last: date) -> Iterator[date]:
    """Yield the days of a recurrence from `first` to `last`, both included."""
    for found in rule:
        if found.date() > last:
            return
        if found.date() >= first:
            yield found.date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)


def _read_parts(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text[:LONGEST_RULE].upper().split(";")]
    parts = {name: value for name, _, value in pairs}
    allowed = _PARTS.get(parts.get("FREQ", ""), {"FREQ": _ALWAYS["FREQ"]})
    for name, _, value in pairs:
        if name not in allowed:
            raise _wrong(text, f"{name or 'nothing'} has no place here; known are {', '.join(sorted(allowed))}")
        if not re.fullmatch(allowed[name], value):
            raise _wrong(text, f"{name} cannot be {value or 'nothing'}")
    if len(parts) < len(pairs) or len(text) > LONGEST_RULE:
        raise _wrong(text, "a part comes twice, or it is too long")
    if "BYDAY" in parts and "BYMONTHDAY" in parts:
        raise _wrong(text, "it names days of the week or of the month, not both")
    if "BYSETPOS" in parts and not re.fullmatch(_listed(_WEEKDAY), parts.get("BYDAY", "")):
        raise _wrong(text, "BYSETPOS chooses among days of the week, so it needs BYDAY without numbers")
    return parts


def _wrong(text: str, problem: str) -> Invalid:
    return Invalid("The recurrence {rule} is wrong: {problem}.", rule=repr(text[:LONGEST_RULE]), problem=problem)
