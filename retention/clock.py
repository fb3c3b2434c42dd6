"""The clock: the only module that reads the system time; all other code is given the time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retention.errors import Invalid

EPOCH = date(1970, 1, 1)

AHEAD = timedelta(minutes=5)
"""How far the clocks of two machines may differ. What lies further ahead was set by a clock that was wrong."""


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def zone(name: str) -> ZoneInfo:
    """Return the time zone called `name` (IANA); Invalid when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("{name} is not a time zone. Use an IANA name such as Asia/Shanghai.", name=repr(name)) from error


def local_day(at: datetime, timezone: str) -> int:
    """Return the calendar day of `at` in `timezone` as days since 1970-01-01, the form rows keep."""
    return (at.astimezone(zone(timezone)).date() - EPOCH).days


def day_of(number: int) -> date:
    """Return the date of a day number."""
    return EPOCH + timedelta(days=number)


def start_of_day(number: int, timezone: str) -> datetime:
    """Return the first moment, in UTC, of a day number in `timezone`."""
    local = datetime.combine(day_of(number), datetime.min.time(), tzinfo=zone(timezone))
    return local.astimezone(UTC)
