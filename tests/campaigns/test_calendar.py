"""The calendar: what is on each day, what a launch may be moved to, and what the coming days would bring."""

from datetime import date, datetime, timedelta

import pytest

from campaigns.campaign.campaigns import CampaignState
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.runs.calendar import EntryKind, days, reschedule
from campaigns.runs.festivals import black_friday, festivals
from campaigns.runs.forecasting import forecast
from campaigns.runs.launch import launch
from campaigns.runs.scheduling import schedule
from retention.errors import Conflict, Invalid
from retention.i18n import speaking
from tests.campaigns.conftest import NOON, Stage, later

FIRST, LAST = date(2026, 3, 9), date(2026, 3, 15)


def _shown(stage: Stage, first: date = FIRST, last: date = LAST) -> dict[str, list[tuple[str, str]]]:
    found = days(stage.session, stage.shop, first=first, last=last, at=NOON)
    return {str(day.day): [(entry.kind.value, entry.slug) for entry in day.entries] for day in found if day.entries}


def test_runs_launches_recurrences_and_arrivals_stand_on_the_shops_days(stage: Stage) -> None:
    stage.buyer("ada")
    launch(stage.session, stage.shop, stage.push("done"), at=NOON, actor="user:1")
    coming = stage.push("coming")
    schedule(stage.session, coming, launch_at=datetime.fromisoformat("2026-03-12T16:30:00Z"), at=NOON, actor="user:1")
    weekly = stage.push("weekly", trigger={"recurring": {"rrule": "FREQ=WEEKLY;BYDAY=WE,SA", "at": "10:00"}})
    schedule(stage.session, weekly, at=NOON, actor="user:1")
    stage.product("TEA-2", arrival_at=datetime.fromisoformat("2026-03-14T03:00:00Z"))

    assert _shown(stage) == {
        "2026-03-10": [("run", "done")],
        "2026-03-11": [("coming", "weekly")],
        "2026-03-13": [("coming", "coming")],  # half past midnight in Shanghai
        "2026-03-14": [("coming", "weekly"), ("arrival", "TEA-2")],
    }


def test_another_shops_campaigns_are_not_there(stage: Stage) -> None:
    schedule(stage.session, stage.push(), launch_at=later(hours=1), at=NOON, actor="user:1")
    other = stage.shop.model_copy(update={"id": stage.shop.id + 1})
    assert all(not day.entries for day in days(stage.session, other, first=FIRST, last=LAST, at=NOON))


def test_calendar_of_more_than_400_days_is_refused(stage: Stage) -> None:
    with pytest.raises(Invalid, match="at most 400 days"):
        days(stage.session, stage.shop, first=FIRST, last=FIRST + timedelta(days=401), at=NOON)
    with pytest.raises(Invalid, match="A calendar period ends after it starts and has at most"):
        days(stage.session, stage.shop, first=LAST, last=FIRST, at=NOON)


def test_scheduled_launch_moves_and_anything_else_stays(stage: Stage) -> None:
    stage.buyer("ada")
    push = stage.push()
    schedule(stage.session, push, launch_at=later(days=1), at=NOON, actor="user:1")
    reschedule(stage.session, stage.shop, push, launch_at=later(days=2), at=NOON, actor="user:1")
    assert (push.scheduled_at, push.state) == (later(days=2), CampaignState.SCHEDULED)

    with pytest.raises(Invalid, match="is in the past"):
        reschedule(stage.session, stage.shop, push, launch_at=later(hours=-1), at=NOON, actor="user:1")
    launch(stage.session, stage.shop, push, at=NOON, actor="user:1")
    with pytest.raises(Conflict, match="is running and cannot be rescheduled"):
        reschedule(stage.session, stage.shop, push, launch_at=later(days=3), at=NOON, actor="user:1")
    weekly = stage.push("weekly", trigger={"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}})
    with pytest.raises(Conflict, match="is scheduled by its trigger"):
        reschedule(stage.session, stage.shop, weekly, launch_at=later(days=3), at=NOON, actor="user:1")


def test_launch_approved_for_its_moment_does_not_move(stage: Stage) -> None:
    push = stage.push()
    schedule(stage.session, push, launch_at=later(days=1), at=NOON, actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"approval_required": True}, at=NOON, actor="user:1")
    with stage.session.begin_nested() as undone:
        with pytest.raises(Conflict):
            reschedule(stage.session, stage.shop, push, launch_at=later(days=2), at=NOON, actor="user:1")
        undone.rollback()
    stage.session.refresh(push)
    assert push.scheduled_at == later(days=1)


def test_forecast_tells_who_is_reached_twice_and_who_is_held_back(stage: Stage) -> None:
    for number in range(10):
        stage.buyer(f"b{number}")
    few = {"any": [{"buyer": {"field": "external_id", "is": [f"b{number}"]}} for number in range(4)]}
    capped = {"caps": [{"messages": 1, "days": 7}]}
    first = stage.push("first", audience=few)
    second = stage.push("second", policy=capped)
    schedule(stage.session, first, launch_at=later(days=1), at=NOON, actor="user:1")
    schedule(stage.session, second, launch_at=later(days=1, hours=2), at=NOON, actor="user:1")

    found = forecast(
        stage.session, stage.shop, days(stage.session, stage.shop, first=FIRST, last=LAST, at=NOON), at=NOON
    )

    assert [(each.slug, each.buyers, each.capped) for each in found.outlooks] == [("first", 4, 0), ("second", 10, 4)]
    assert [(each.first, each.second, each.buyers, each.share) for each in found.overlaps] == [
        ("first", "second", 4, 1.0)
    ]


def test_forecast_counts_what_the_ledger_holds_already(stage: Stage) -> None:
    stage.buyer("ada")
    launch(stage.session, stage.shop, stage.push("sent"), at=NOON, actor="user:1")
    coming = stage.push("coming", policy={"caps": [{"messages": 1, "days": 7}]})
    schedule(stage.session, coming, launch_at=later(days=6), at=NOON, actor="user:1")
    late = stage.push("late", policy={"caps": [{"messages": 1, "days": 2}]})
    schedule(stage.session, late, launch_at=later(days=5), at=NOON, actor="user:1")

    week = days(stage.session, stage.shop, first=FIRST, last=date(2026, 3, 20), at=NOON)
    found = forecast(stage.session, stage.shop, week, at=NOON)

    assert {each.slug: each.capped for each in found.outlooks} == {"late": 0, "coming": 1}


@pytest.mark.parametrize(
    ("day", "chinese", "english"),
    [
        (date(2027, 2, 6), "春节", "Chinese New Year (Spring Festival)"),
        (date(2026, 11, 11), "双十一", "Double 11"),
        (date(2026, 6, 18), "618 大促", "6.18 sale"),
    ],
)
def test_festivals_of_china_are_named_in_both_languages(stage: Stage, day: date, chinese: str, english: str) -> None:
    with speaking("zh-CN"):
        assert chinese in festivals(stage.shop, day, day)[day]
    with speaking("en"):
        assert english in festivals(stage.shop, day, day)[day]


def test_black_friday_follows_the_fourth_thursday_of_november() -> None:
    assert [black_friday(year) for year in (2024, 2025, 2026, 2030)] == [
        date(2024, 11, 29),
        date(2025, 11, 28),
        date(2026, 11, 27),
        date(2030, 11, 29),
    ]


def test_drafts_without_a_moment_are_on_no_day(stage: Stage) -> None:
    stage.push()
    found = days(stage.session, stage.shop, first=FIRST, last=LAST, at=NOON)
    assert all(entry.kind is EntryKind.ARRIVAL for day in found for entry in day.entries)
