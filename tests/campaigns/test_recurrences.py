"""Recurrences: on the wall clock, whatever it does; what is missed is noted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.triggers import next_moment, read_trigger
from campaigns.deliveries.campaign_moves import finish_done, pause
from campaigns.runs.occurrences import campaigns_by_the_clock, launch_occurrence
from retention import clock
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.triggers import DAILY_AT_TEN, missed, scheduled, served


@pytest.mark.parametrize(
    ("zone", "after", "moments"),
    [
        ("Europe/Berlin", "2026-03-28T00:00", ["03-28T09:00", "03-29T08:00", "03-30T08:00"]),
        ("Europe/Berlin", "2026-10-24T00:00", ["10-24T08:00", "10-25T09:00", "10-26T09:00"]),
        ("America/New_York", "2026-03-07T00:00", ["03-07T15:00", "03-08T14:00", "03-09T14:00"]),
        ("America/Santiago", "2026-09-05T00:00", ["09-05T14:00", "09-06T13:00", "09-07T13:00"]),
        ("Australia/Sydney", "2026-10-03T00:00", ["10-03T00:00", "10-03T23:00", "10-04T23:00"]),
        ("Asia/Shanghai", "2026-03-28T12:00", ["03-29T02:00", "03-30T02:00", "03-31T02:00"]),
    ],
)
def test_recurrence_keeps_the_wall_clock_over_a_change(zone: str, after: str, moments: list[str]) -> None:
    trigger = read_trigger(DAILY_AT_TEN)
    at, found = datetime.fromisoformat(after).replace(tzinfo=UTC) - timedelta(seconds=1), []
    for _ in moments:
        moment = next_moment(trigger, after=at, zone=zone)
        assert moment is not None
        found.append(f"{moment:%m-%dT%H:%M}")
        at = moment
    assert found == moments


def test_nothing_recurs_on_a_day_that_never_was() -> None:
    daily = {"recurring": {"rrule": "FREQ=DAILY", "at": "10:00", "start": "2011-12-01"}}
    at, found = datetime(2011, 12, 29, tzinfo=UTC), []
    for _ in range(3):
        moment = next_moment(read_trigger(daily), after=at, zone="Pacific/Apia")
        assert moment is not None
        found.append(f"{moment.astimezone(clock.zone('Pacific/Apia')):%Y-%m-%d %H:%M}")
        at = moment
    assert found == ["2011-12-29 10:00", "2011-12-31 10:00", "2012-01-01 10:00"]


def test_recurring_campaign_runs_each_time_and_waits_in_between(stage: Stage) -> None:
    buyer = stage.buyer("ada")
    campaign = scheduled(stage, DAILY_AT_TEN)
    assert campaign.scheduled_at == later(hours=22)
    assert launch_occurrence(stage.session, campaign.id, at=later(hours=21)) is None
    for day in (1, 2):
        stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
        run = launch_occurrence(stage.session, campaign.id, at=later(hours=-2, days=day))
        assert run is not None
        assert run.number == day
        assert campaign.scheduled_at == later(hours=-2, days=day + 1)
        assert launch_occurrence(stage.session, campaign.id, at=later(hours=-2, days=day)) is None
    assert served(stage.session, campaign) == [buyer, buyer]
    stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
    assert finish_done(stage.session, at=later(days=2)) == 0
    stage.session.refresh(campaign)
    assert campaign.state is CampaignState.SCHEDULED


def test_of_missed_occurrences_the_latest_runs_and_the_others_are_noted(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = scheduled(stage, DAILY_AT_TEN)
    run = launch_occurrence(stage.session, campaign.id, at=later(days=3))
    assert run is not None
    assert run.number == 1
    assert missed(stage.session) == [{"moments": ["2026-03-11T02:00:00+00:00", "2026-03-12T02:00:00+00:00"]}]
    assert campaign.scheduled_at == later(days=4, hours=-2)


def test_occurrence_later_than_the_policy_allows_does_not_run(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = scheduled(stage, DAILY_AT_TEN, policy={"late_after": 1})
    once = scheduled(stage, {}, "once", scheduled_at=later(hours=22), policy={"late_after": 1})
    for each in (campaign, once):
        assert launch_occurrence(stage.session, each.id, at=later(days=1)) is None
    assert missed(stage.session) == [{"moments": ["2026-03-11T02:00:00+00:00"]}] * 2
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.SCHEDULED, later(days=2, hours=-2))
    assert (once.state, once.scheduled_at) == (CampaignState.DRAFT, None)
    assert stage.session.exec(select(Run)).all() == []


def test_recurrence_that_ends_finishes_its_campaign(stage: Stage) -> None:
    campaign = scheduled(stage, {"recurring": {"rrule": "FREQ=DAILY;UNTIL=20260311", "at": "10:00"}})
    assert launch_occurrence(stage.session, campaign.id, at=later(days=1)) is not None
    assert not campaign.awaits_more
    assert finish_done(stage.session, at=later(days=1)) == 1


@pytest.mark.parametrize(
    ("zone", "next_at"),
    [
        ("Europe/Berlin", "2026-03-12T09:00"),  # 9:00 UTC on the 11th was too soon after the one in Shanghai
        ("Pacific/Auckland", "2026-03-11T21:00"),
        ("America/New_York", "2026-03-12T14:00"),
    ],
)
def test_shop_that_moves_to_another_zone_keeps_its_wall_clock_and_repeats_nothing(
    stage: Stage, zone: str, next_at: str
) -> None:
    campaign = scheduled(stage, DAILY_AT_TEN)
    launch_occurrence(stage.session, campaign.id, at=later(hours=22))
    stage.shop.timezone = zone
    stage.session.flush()
    assert campaign.id in campaigns_by_the_clock(stage.session, at=later(hours=23))
    assert launch_occurrence(stage.session, campaign.id, at=later(hours=23)) is None
    assert campaign.scheduled_at == datetime.fromisoformat(next_at).replace(tzinfo=UTC)


def test_paused_recurrence_does_not_run(stage: Stage) -> None:
    campaign = scheduled(stage, DAILY_AT_TEN)
    pause(stage.session, campaign, at=NOON, actor="user:1")
    assert campaign.id not in campaigns_by_the_clock(stage.session, at=later(days=1))
    assert launch_occurrence(stage.session, campaign.id, at=later(days=1)) is None
