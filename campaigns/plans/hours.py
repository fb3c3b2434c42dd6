"""Sending hours: quiet hours and a time of sending, in the time zone of the buyer or the shop."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from campaigns.campaign.local_time import local_moment
from campaigns.campaign.policy import Quiet, SendAt, Whose, read_time
from retention import clock

_DAY = timedelta(days=1)


def quiet_until(quiet: Quiet, at: datetime, timezone: str) -> datetime | None:
    """Return when the quiet hours that `at` lies in end in `timezone`; None when it lies in none.

    Both ends are moments, so that hours over a change of the clock are as long as the clock on the wall makes them.
    """
    start, end = read_time(quiet.start), read_time(quiet.end)
    today = at.astimezone(clock.zone(timezone)).date()
    for first in (today - _DAY, today):
        over = local_moment(first + _DAY if end < start else first, end, timezone)
        if local_moment(first, start, timezone) <= at < over:
            return over
    return None


def out_of_quiet(quiets: Iterable[Quiet], at: datetime, *, buyer_zone: str, shop_zone: str) -> datetime:
    """Return the first moment from `at` on in which none of `quiets` holds; `at` itself when they leave no hour."""
    quiets = list(quiets)
    moment = at
    for _ in range(2 * len(quiets) + 1):  # each end may lie in the other's hours, at most once a day
        ends = [quiet_until(each, moment, _zone_of(each.zone, buyer_zone, shop_zone)) for each in quiets]
        known = [end for end in ends if end]
        if not known:
            return moment
        moment = max(known)
    return at


def next_send(send_at: SendAt, at: datetime, *, buyer_zone: str, shop_zone: str, day: date | None = None) -> datetime:
    """Return the first moment from `at` on at which the clock shows the time of sending; with `day`, that day's."""
    timezone = _zone_of(send_at.zone, buyer_zone, shop_zone)
    wall = read_time(send_at.time)
    if day:
        return max(at, local_moment(day, wall, timezone))
    today = at.astimezone(clock.zone(timezone)).date()
    return next(moment for n in range(3) if (moment := local_moment(today + n * _DAY, wall, timezone)) >= at)


def _zone_of(whose: Whose, buyer_zone: str, shop_zone: str) -> str:
    return buyer_zone if whose is Whose.BUYER else shop_zone
