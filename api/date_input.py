"""Days and moments as people type them on a form or at the command line, read in one place, on a shop's clock."""

from datetime import UTC, date, datetime, time, timedelta

from campaigns.campaign.local_time import local_moment
from retention.column_limits import check_moment
from retention.errors import Invalid

_A_DAY = len("2026-12-31")


def typed_day(text: str, *, field: str = "last_day") -> date:
    """Return a day; Invalid shows how one is written, or names the form's `field` for one too far away."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise _no_day(text) from error
    check_moment(field, day)
    return day


def typed_moment(text: str, timezone: str, *, through: bool = False, field: str = "at") -> datetime:
    """Return a moment; without an offset it is one of the clocks in `timezone`. Invalid shows how one is written.

    A day alone is its first moment; with `through` it is meant to the end.
    """
    plain = text.strip()
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError as error:
        raise _no_moment(text) from error
    check_moment(field, moment)
    if through and len(plain) == _A_DAY:
        moment += timedelta(days=1)
    return moment.astimezone(UTC) if moment.tzinfo else local_moment(moment.date(), moment.time(), timezone)


def end_of_day(text: str, timezone: str, *, field: str = "last_day") -> datetime:
    """Return the moment at which a day typed is over in `timezone`; Invalid shows how a day is written."""
    return local_moment(typed_day(text, field=field) + timedelta(days=1), time(), timezone)


def _no_day(text: str) -> Invalid:
    return Invalid("{text} is not a day. Write it like 2026-12-31.", text=repr(text[:100]))


def _no_moment(text: str) -> Invalid:
    return Invalid("{text} is not a date and time. Write it like 2026-12-31T19:30.", text=repr(text[:100]))
