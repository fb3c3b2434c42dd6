"""Moments as people read them: an end is the last day on which something works."""

from datetime import UTC, datetime, timedelta

import pytest

from retention.i18n import speaking
from retention.moments import last_day, show_end, show_moment

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"


@pytest.mark.parametrize(
    ("end", "zone", "before", "english", "chinese"),
    [
        ("2026-11-11T16:00", SHANGHAI, {"days": 2}, "November 11, 2026", "2026年11月11日"),  # midnight
        ("2026-11-11T16:00", SHANGHAI, {"hours": 24}, "November 11, 2026, 24:00", "2026年11月11日 24:00"),
        ("2026-11-11T16:00", SHANGHAI, {"hours": -1}, "November 11, 2026, 24:00", "2026年11月11日 24:00"),
        ("2026-11-11T16:00", NEW_YORK, {"days": 2}, "November 11, 2026", "2026年11月11日"),
        ("2026-11-11T16:00", NEW_YORK, {"hours": 3}, "November 11, 2026, 11:00", "2026年11月11日 11:00"),
        ("2026-11-12T05:00", NEW_YORK, {"days": 2}, "November 11, 2026", "2026年11月11日"),
        ("2026-11-12T05:01", NEW_YORK, {"days": 2}, "November 12, 2026", "2026年11月12日"),
        ("2027-01-01T00:00", "UTC", {"days": 9}, "December 31, 2026", "2026年12月31日"),
    ],
)
def test_an_end_is_its_last_day_and_its_hour_when_that_is_near(
    end: str, zone: str, before: dict[str, int], english: str, chinese: str
) -> None:
    over = datetime.fromisoformat(end).replace(tzinfo=UTC)
    said = []
    for language in ("en", "zh-CN"):
        with speaking(language):
            said.append(show_end(over, zone, at=over - timedelta(**before)))
    assert said == [english, chinese]
    assert last_day(over, zone).isoformat() in {"2026-11-11", "2026-11-12", "2026-12-31"}


def test_a_time_is_shown_in_the_shops_time_zone() -> None:
    at = datetime(2026, 11, 11, 23, 5, tzinfo=UTC)
    assert show_moment(at, SHANGHAI) == "November 12, 2026, 07:05"
