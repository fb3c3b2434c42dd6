"""The moves of a campaign's life: which there are, scheduling, pausing while it waits, finishing what repeats."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.campaign import lifecycle
from campaigns.campaign.campaigns import CampaignState
from campaigns.campaign.lifecycle import CampaignMove
from campaigns.campaign.media import Medium
from campaigns.deliveries.campaign_moves import cancel, finish, finish_done, pause, resume
from campaigns.runs.drafting import edit_campaign
from campaigns.runs.launch import launch
from campaigns.runs.scheduling import schedule
from retention.errors import Conflict, Error, Invalid
from tests.campaigns.conftest import NOON, Stage, later

MONTHLY = {"recurring": {"rrule": "FREQ=MONTHLY;BYMONTHDAY=1", "at": "10:00"}}
FOLLOWED = {"event": {"kind": "followed"}}


def test_every_move_of_every_state_is_listed_once() -> None:
    table = {state: [move.value for move in lifecycle.possible(state, medium=Medium.EMAIL)] for state in CampaignState}
    assert table == {
        CampaignState.DRAFT: ["submit", "schedule", "launch", "cancel"],
        CampaignState.IN_REVIEW: ["approve", "send_back", "cancel"],
        CampaignState.APPROVED: ["send_back", "schedule", "launch", "cancel"],
        CampaignState.SCHEDULED: ["send_back", "schedule", "launch", "pause", "cancel"],
        CampaignState.RUNNING: ["pause", "cancel", "finish"],
        CampaignState.PAUSED: ["resume", "cancel"],
        CampaignState.FINISHED: [],
        CampaignState.CANCELLED: [],
    }
    assert lifecycle.possible(CampaignState.RUNNING, medium=Medium.PARCEL)[0] is CampaignMove.LAUNCH
    assert lifecycle.possible(CampaignState.RUNNING, medium=Medium.EMAIL, repeats=True)[0] is CampaignMove.LAUNCH
    assert CampaignMove.FINISH in lifecycle.possible(CampaignState.SCHEDULED, medium=Medium.EMAIL, repeats=True)
    for state, moves in table.items():
        for move in set(CampaignMove) - {CampaignMove(name) for name in moves} - {CampaignMove.REOPEN}:
            with pytest.raises(Conflict):
                lifecycle.after(move, state, medium=Medium.EMAIL)


@pytest.mark.parametrize("repeats", [False, True])
def test_only_what_was_thought_done_is_reopened_and_no_page_offers_it(*, repeats: bool) -> None:
    done = {CampaignState.FINISHED} | ({CampaignState.SCHEDULED} if repeats else set())
    for state in CampaignState:
        assert CampaignMove.REOPEN not in lifecycle.possible(state, medium=Medium.ASSISTED, repeats=repeats)
        if state in done:
            after = lifecycle.after(CampaignMove.REOPEN, state, medium=Medium.ASSISTED, repeats=repeats)
            assert after is CampaignState.RUNNING
        else:
            with pytest.raises(Conflict, match="not possible while a campaign is"):
                lifecycle.after(CampaignMove.REOPEN, state, medium=Medium.ASSISTED, repeats=repeats)


def test_schedule_needs_a_moment_to_come(stage: Stage) -> None:
    campaign = stage.push()
    for moment, says in ((NOON, "is in the past"), (None, "Enter a launch time")):
        with pytest.raises(Invalid, match=says):
            schedule(stage.session, campaign, launch_at=moment, at=NOON, actor="user:1")
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.DRAFT, None)
    schedule(stage.session, campaign, launch_at=later(days=1), at=NOON, actor="user:1")
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.SCHEDULED, later(days=1))
    schedule(stage.session, campaign, launch_at=later(days=2), at=NOON, actor="user:1")
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.SCHEDULED, later(days=2))


def test_draft_with_a_moment_is_scheduled_for_it(stage: Stage) -> None:
    campaign = stage.push(scheduled_at=later(days=3))
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.SCHEDULED, later(days=3))


def test_recurring_campaign_is_scheduled_for_its_next_occurrence(stage: Stage) -> None:
    campaign = stage.push(trigger=MONTHLY)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.isoformat() == "2026-04-01T02:00:00+00:00"  # 10:00 in Shanghai
    over = stage.push("over", trigger={"recurring": {"rrule": "FREQ=DAILY;UNTIL=20260301", "at": "10:00"}})
    with pytest.raises(Invalid, match="Its trigger has no future occurrence"):
        schedule(stage.session, over, at=NOON, actor="user:1")


def test_launch_settles_the_moment_it_was_scheduled_for(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push(scheduled_at=later(days=3))
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.RUNNING, None)


def test_campaign_for_events_cannot_be_launched_manually_to_all(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push(trigger=FOLLOWED)
    with pytest.raises(Conflict, match="Schedule it to start sending automatically"):
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert campaign.state is CampaignState.DRAFT


def test_pausing_what_waits_and_resuming_it_loses_neither_moment_nor_events(stage: Stage) -> None:
    once, event = stage.push("once", scheduled_at=later(days=1)), stage.push("event", trigger=FOLLOWED)
    for campaign in (once, event):
        schedule(stage.session, campaign, at=NOON, actor="user:1")
        pause(stage.session, campaign, at=later(hours=1), actor="user:1")
        finish_done(stage.session, at=later(hours=1))
        assert campaign.state is CampaignState.PAUSED
        resume(stage.session, campaign, at=later(hours=2), actor="user:1")
        assert campaign.state is CampaignState.SCHEDULED
    assert (once.scheduled_at, event.looked_until) == (later(days=1), NOON)


def test_resuming_what_was_sending_goes_on_sending(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push(trigger=MONTHLY)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    pause(stage.session, campaign, at=NOON, actor="user:1")
    resume(stage.session, campaign, at=NOON, actor="user:1")
    assert campaign.state is CampaignState.RUNNING


def test_campaign_with_a_next_moment_is_scheduled_again_and_one_without_is_finished(stage: Stage) -> None:
    again, once = stage.push("again", trigger=MONTHLY), stage.push("once")
    schedule(stage.session, again, at=NOON, actor="user:1")
    for campaign in (again, once):  # nobody is there to wait for
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert finish_done(stage.session, at=NOON) == 1
    for campaign in (again, once):
        stage.session.refresh(campaign)
    assert (again.state, once.state) == (CampaignState.SCHEDULED, CampaignState.FINISHED)


@pytest.mark.parametrize("end", [cancel, finish])
def test_ended_campaign_waits_for_nothing_more(stage: Stage, end: Callable[..., int]) -> None:
    campaign = stage.push(trigger=FOLLOWED)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    end(stage.session, campaign, at=later(hours=1), actor="user:1")
    assert campaign.state in {CampaignState.CANCELLED, CampaignState.FINISHED}
    assert not campaign.awaits_more


def test_changing_what_is_scheduled_makes_it_a_draft_again(stage: Stage) -> None:
    campaign = stage.push(scheduled_at=later(days=1))
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    edit_campaign(stage.session, stage.shop, campaign, changes={"name": "Autumn"}, at=NOON, actor="user:1")
    assert (campaign.state, campaign.name, campaign.scheduled_at) == (CampaignState.DRAFT, "Autumn", later(days=1))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"trigger": {"sometimes": {}}}, "A trigger is one of"),
        ({"trigger": {"recurring": {"rrule": "FREQ=HOURLY", "at": "10:00"}}}, "FREQ cannot be HOURLY"),
        ({"trigger": {"recurring": {"rrule": "FREQ=DAILY", "at": "25:00"}}}, r"recurring\.at"),
        ({"trigger": {"event": {"kind": "full_moon"}}}, r"event\.kind"),
        ({"trigger": {"event": {"kind": "segment_entered"}}}, "Choose the segment"),
        ({"trigger": {"event": {"kind": "segment_entered", "segment": "nobody"}}}, "No segment is called"),
        ({"trigger": {"event": {"kind": "birthday", "hours": 3}}}, "given in days, not in hours"),
        ({"trigger": {"event": {"kind": "delivered"}}}, "how many days"),
        ({"trigger": {"waves": []}}, "waves has at least 1"),
        ({"trigger": {"waves": [{"rule": {"all": []}, "after": 0}, {"rule": {"all": []}, "after": 0}]}}, "later than"),
        ({"trigger": {"waves": [{"rule": {"nonsense": {}}, "after": 0}]}}, "nonsense"),
        ({"topic": "gossip"}, "No topic is called gossip"),
        ({"sender_id": 99}, "No sender has the number 99"),
    ],
)
def test_draft_with_a_trigger_or_sender_that_cannot_work_is_refused(
    stage: Stage, values: dict[str, Any], says: str
) -> None:
    with pytest.raises(Error, match=says):
        stage.push(**values)
    campaign = stage.push("good", offer_id=stage.offer("other").id)
    before = campaign.model_dump()
    with pytest.raises(Error, match=says):
        edit_campaign(stage.session, stage.shop, campaign, changes=values, at=NOON, actor="user:1")
    assert campaign.model_dump() == before
