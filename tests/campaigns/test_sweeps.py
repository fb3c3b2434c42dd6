"""Looks at what happened: from one to the next, late, twice at once, dying half-way; nobody lost, nobody twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns import tasks
from campaigns.campaign.campaigns import Campaign, CampaignState, Run
from campaigns.deliveries.campaign_moves import pause, resume
from campaigns.runs.occurrences import campaigns_by_events, launch_occurrence, sweep_events
from retention import clock
from retention.database import transaction
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.triggers import DAILY_AT_TEN, FOLLOWED, follow, missed, scheduled, served


def test_event_run_is_made_for_whom_it_happened_to_since_the_last_look(stage: Stage) -> None:
    follow(stage, "early", later(hours=-1))  # before the campaign began: none of its business
    campaign = scheduled(stage, FOLLOWED)
    ada = follow(stage, "ada", later(minutes=1))
    follow(stage, "tomorrow", later(days=1))
    assert campaigns_by_events(stage.session) == [campaign.id]
    run = sweep_events(stage.session, campaign.id, at=later(minutes=2))
    assert run is not None
    assert (served(stage.session, campaign), campaign.looked_until) == ([ada], later(minutes=2))
    assert campaign.state is CampaignState.RUNNING
    for minute in (2, 3, 4):
        assert sweep_events(stage.session, campaign.id, at=later(minutes=minute)) is None
    bob = follow(stage, "bob", later(minutes=5))
    assert sweep_events(stage.session, campaign.id, at=later(minutes=6)) is not None
    assert served(stage.session, campaign) == [ada, bob]


def test_no_run_is_made_for_those_outside_the_audience(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED, audience={"buyer": {"field": "external_id", "is": ["bob"]}})
    follow(stage, "ada", later(minutes=1))
    assert sweep_events(stage.session, campaign.id, at=later(minutes=2)) is None
    assert stage.session.exec(select(Run)).all() == []


def test_event_that_becomes_known_a_day_late_still_counts_and_only_once(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED)
    sweep_events(stage.session, campaign.id, at=later(days=1))
    ada = follow(stage, "ada", later(minutes=1))  # yesterday, by a file that came today
    assert sweep_events(stage.session, campaign.id, at=later(days=1, minutes=1)) is not None
    for day in (2, 3, 4):
        assert sweep_events(stage.session, campaign.id, at=later(days=day)) is None
    assert served(stage.session, campaign) == [ada]


def test_sweep_that_dies_loses_nobody_and_serves_nobody_twice(
    engine: Engine, on_stage: Callable[[Callable[[Stage], Any]], Any]
) -> None:
    campaign_id = on_stage(lambda stage: scheduled(stage, FOLLOWED).id)
    ada = on_stage(lambda stage: follow(stage, "ada", later(minutes=1)))
    with Session(engine) as session:  # dies after the run is made, before it is committed
        assert sweep_events(session, campaign_id, at=later(minutes=2)) is not None
    with transaction(engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        assert (campaign.looked_until, served(session, campaign)) == (NOON, [])
    for _ in range(2):
        with transaction(engine) as session:
            sweep_events(session, campaign_id, at=later(minutes=3))
    with transaction(engine) as session:
        assert served(session, session.get_one(Campaign, campaign_id)) == [ada]


def test_two_workers_that_look_at_once_make_one_run(
    engine: Engine, on_stage: Callable[[Callable[[Stage], Any]], Any]
) -> None:
    def set_up(stage: Stage) -> list[tuple[int, Callable[..., Run | None]]]:
        event = scheduled(stage, FOLLOWED, "event")
        daily = scheduled(stage, DAILY_AT_TEN, "daily")
        follow(stage, "ada", later(minutes=1))
        return [(event.id, sweep_events), (daily.id, launch_occurrence)]

    def look(job: tuple[int, Callable[..., Run | None]]) -> bool:
        with transaction(engine) as session:
            return job[1](session, job[0], at=later(days=1)) is not None

    jobs = on_stage(set_up)
    with ThreadPoolExecutor(6) as workers:
        made = list(workers.map(look, jobs * 3))
    assert made.count(True) == 2
    with transaction(engine) as session:
        assert sorted(session.exec(select(Run.campaign_id))) == sorted(campaign_id for campaign_id, _ in jobs)


def test_events_of_a_pause_are_taken_in_when_it_ends(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED)
    pause(stage.session, campaign, at=NOON, actor="user:1")
    ada = follow(stage, "ada", later(minutes=1))
    assert sweep_events(stage.session, campaign.id, at=later(days=5)) is None
    resume(stage.session, campaign, at=later(days=5), actor="user:1")
    sweep_events(stage.session, campaign.id, at=later(days=5, minutes=1))
    assert served(stage.session, campaign) == [ada]


def test_events_later_than_the_policy_allows_are_noted_and_not_served(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED, policy={"late_after": 24})
    follow(stage, "ada", later(minutes=1))
    bob = follow(stage, "bob", later(days=4))
    sweep_events(stage.session, campaign.id, at=later(days=4, minutes=1))
    assert served(stage.session, campaign) == [bob]
    assert [entry["buyers"] for entry in missed(stage.session) if entry] == [1]


def test_tasks_launch_what_is_due_and_one_that_cannot_go_keeps_none_waiting(
    engine: Engine,
    on_stage: Callable[[Callable[[Stage], Any]], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def set_up(stage: Stage) -> tuple[int, int, int]:
        stage.buyer("ada"), stage.buyer("bob")
        scarce = stage.offer("scarce", most_coupons=1)  # two buyers need two
        bad = scheduled(stage, {}, "bad", scheduled_at=later(hours=1), offer_id=scarce.id)
        good = scheduled(stage, {}, "good", scheduled_at=later(hours=2))
        event = scheduled(stage, FOLLOWED, "event")
        follow(stage, "cyd", later(hours=2))
        return bad.id, good.id, event.id

    ids = on_stage(set_up)
    monkeypatch.setattr(clock, "now", lambda: later(hours=3))
    for _ in range(2):
        tasks.launch_due(engine)
        tasks.sweep_all_events(engine)
    with transaction(engine) as session:
        states = [session.get_one(Campaign, campaign_id).state for campaign_id in ids]
        runs = sorted(session.exec(select(Run.campaign_id)))
    assert states == [CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.RUNNING]
    assert runs == sorted(ids[1:])
