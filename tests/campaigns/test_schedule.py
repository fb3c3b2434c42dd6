"""The clock: gaps, overlaps, missing days, unknown zones; when to remind; which days a recurrence names."""

import time as stopwatch
from datetime import UTC, date, datetime, time
from itertools import islice

import pytest

from campaigns.campaign.local_time import (
    day_exists,
    known_zone,
    local_moment,
    read_recurrence,
    recurring_days,
    reminder_moment,
)
from retention.errors import Invalid


@pytest.mark.parametrize(
    ("zone", "day", "wall", "moment"),
    [
        # Northern summer begins: clocks go from 2 to 3, and 2:30 is never shown.
        ("Europe/Berlin", "2026-03-28", "02:30", "2026-03-28T01:30"),
        ("Europe/Berlin", "2026-03-29", "01:59", "2026-03-29T00:59"),
        ("Europe/Berlin", "2026-03-29", "02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29", "03:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29", "10:00", "2026-03-29T08:00"),
        # It ends: 2:30 is shown twice, the first counts.
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25", "03:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08", "10:00", "2026-03-08T14:00"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01", "02:00", "2026-11-01T07:00"),
        # Southern summer begins in October and ends in April.
        ("Australia/Sydney", "2026-10-04", "02:30", "2026-10-03T16:00"),
        ("Australia/Sydney", "2026-04-05", "02:30", "2026-04-04T15:30"),
        # Half an hour's summer: 2:15 becomes 2:30.
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30"),
        # At midnight: the day begins at 1, or has its last hour twice.
        ("America/Santiago", "2026-09-06", "00:00", "2026-09-06T04:00"),
        ("America/Santiago", "2026-09-06", "00:59", "2026-09-06T04:00"),
        ("America/Santiago", "2026-04-04", "23:30", "2026-04-05T02:30"),
        ("America/Santiago", "2026-04-05", "00:00", "2026-04-05T04:00"),
        # No summer time at all.
        ("Asia/Shanghai", "2026-03-29", "02:30", "2026-03-28T18:30"),
        # Samoa jumped over the date line: 30 December 2011 never was.
        ("Pacific/Apia", "2011-12-29", "10:00", "2011-12-29T20:00"),
        ("Pacific/Apia", "2011-12-30", "10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-31", "10:00", "2011-12-30T20:00"),
    ],
)
def test_wall_clock_becomes_one_moment(zone: str, day: str, wall: str, moment: str) -> None:
    found = local_moment(date.fromisoformat(day), time.fromisoformat(wall), zone)
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "\0"])
def test_unknown_zone_is_taken_to_be_the_shops(zone: str) -> None:
    at_ten = local_moment(date(2026, 3, 29), time(10), zone, otherwise="Asia/Shanghai")
    assert at_ten == datetime(2026, 3, 29, 2, tzinfo=UTC)
    assert known_zone(zone, "Asia/Shanghai") == "Asia/Shanghai"
    with pytest.raises(Invalid, match="is not a time zone"):
        local_moment(date(2026, 3, 29), time(10), zone, otherwise="Mars/Olympus")


def test_a_day_that_was_jumped_over_does_not_exist() -> None:
    days = [date(2011, 12, day) for day in (29, 30, 31)]
    assert [day_exists(day, "Pacific/Apia") for day in days] == [True, False, True]
    assert all(day_exists(day, "America/Santiago") for day in (date(2026, 9, 6), date(2026, 4, 5)))


@pytest.mark.parametrize(
    ("ordered", "reminded"),
    [
        ("2026-03-10T06:00", "2026-03-10T12:00"),  # morning
        ("2026-03-10T09:00", "2026-03-10T12:00"),
        ("2026-03-10T11:45", "2026-03-10T12:00"),
        ("2026-03-10T11:59", "2026-03-10T12:14"),  # may still be paying
        ("2026-03-10T12:00", "2026-03-10T17:00"),  # afternoon
        ("2026-03-10T16:30", "2026-03-10T17:00"),
        ("2026-03-10T17:00", "2026-03-11T10:00"),  # evening
        ("2026-03-10T21:59", "2026-03-11T10:00"),
        ("2026-03-10T22:00", "2026-03-11T10:30"),  # night
        ("2026-03-11T00:00", "2026-03-11T10:30"),
        ("2026-03-11T05:59", "2026-03-11T10:30"),
        ("2026-03-31T23:59", "2026-04-01T10:30"),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Santiago", "Europe/Berlin"])
def test_payment_reminder_follows_the_shops_day(zone: str, ordered: str, reminded: str) -> None:
    def at(text: str) -> datetime:
        shown = datetime.fromisoformat(text)
        return local_moment(shown.date(), shown.time(), zone)

    assert reminder_moment(at(ordered), zone) == at(reminded)


def test_reminder_after_the_clock_change_is_by_the_new_clock() -> None:
    evening_before = datetime(2026, 3, 28, 18, tzinfo=UTC)  # 19:00 in Berlin
    assert reminder_moment(evening_before, "Europe/Berlin") == datetime(2026, 3, 29, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "start", "days"),
    [
        ("FREQ=DAILY", None, ["2026-01-30", "2026-01-31", "2026-02-01"]),
        ("FREQ=DAILY;INTERVAL=10", date(2026, 1, 1), ["2026-01-31", "2026-02-10", "2026-02-20"]),
        ("FREQ=WEEKLY", None, ["2026-02-02", "2026-02-09", "2026-02-16"]),
        ("FREQ=WEEKLY;BYDAY=TU,FR", None, ["2026-01-30", "2026-02-03", "2026-02-06"]),
        ("FREQ=MONTHLY", None, ["2026-02-01", "2026-03-01", "2026-04-01"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", None, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", None, ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("FREQ=MONTHLY;BYDAY=1MO", None, ["2026-02-02", "2026-03-02", "2026-04-06"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", None, ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", None, ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("freq=yearly;bymonth=11;bymonthday=11", None, ["2026-11-11", "2027-11-11", "2028-11-11"]),
        ("FREQ=DAILY;COUNT=2", date(2026, 1, 30), ["2026-01-30", "2026-01-31"]),
        ("FREQ=DAILY;UNTIL=20260130", None, ["2026-01-30"]),
    ],
)
def test_recurrence_names_these_days(rule: str, start: date | None, days: list[str]) -> None:
    found = recurring_days(read_recurrence(rule, start), date(2026, 1, 30), date(2040, 1, 1))
    assert [day.isoformat() for day in islice(found, 3)] == days


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "every Monday",
        "FREQ=SECONDLY",
        "FREQ=HOURLY;INTERVAL=1",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=5",  # five from when?
        "FREQ=DAILY;BYHOUR=10",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYDAY=1FR;BYMONTHDAY=20",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;UNTIL=20261332",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;UNTIL=20261231T000000Z",
        "FREQ=DAILY\nDTSTART:19700101T000000",
        "FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 100),
    ],
)
def test_recurrence_that_cannot_work_is_refused_soon(rule: str) -> None:
    begun = stopwatch.process_time()
    with pytest.raises(Invalid, match="The recurrence"):
        read_recurrence(rule, None)
    assert stopwatch.process_time() - begun < 2


def test_recurrence_begins_when_it_says_and_not_in_antiquity() -> None:
    rule = read_recurrence("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", date(2026, 1, 3))
    assert list(recurring_days(rule, date(2026, 1, 4), date(2026, 2, 1))) == [date(2026, 1, 17), date(2026, 1, 31)]
    with pytest.raises(Invalid, match="too long ago"):
        read_recurrence("FREQ=DAILY", date(1900, 1, 1))
