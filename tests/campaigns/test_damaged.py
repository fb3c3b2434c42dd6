"""What is stored of a campaign may be older than the program, or damaged: then that campaign stops, and no other."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns import tasks
from campaigns.campaign.audiences import campaigns_on
from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries.campaign_moves import cancel, pause
from campaigns.plans.planning import plan
from campaigns.runs.calendar import days
from campaigns.runs.drafting import edit_campaign
from campaigns.runs.forecasting import forecast
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention import clock
from retention.access import ROLE_SCOPES, Member, Role
from retention.database import transaction
from retention.failures import Failure
from segments.rules import parse
from segments.segments import save_segment
from tests.campaigns.conftest import EVERYBODY, NOON, Stage, later
from tests.campaigns.triggers import scheduled

OnStage = Callable[[Callable[[Stage], Any]], Any]
IDENTITY = SenderIdentity("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
YIELDING = {"messages": 100, "days": 7, "over": "all", "when_full": "yield"}

DAMAGE: dict[str, tuple[str, Any]] = {
    "policy-of-a-later-version": ("policy_json", {"fairness": "high"}),
    "policy-as-text": ("policy_json", "none"),
    "policy-as-list": ("policy_json", [1]),
    "policy-with-words": ("policy_json", {"priority": "high", "transactional": "many", "caps": "few"}),
    "policy-with-numbers": ("policy_json", {"priority": 10**12, "transactional": 1.5}),
    "trigger-of-a-later-version": ("trigger_json", {"moon": {}}),
    "trigger-as-number": ("trigger_json", 7),
    "trigger-that-never-comes": ("trigger_json", {"recurring": {"rrule": "NEVER", "at": "10:00"}}),
    "audience-of-a-later-version": ("audience_json", {"moon": {}}),
    "audience-as-text": ("audience_json", "everybody"),
    "excluded-as-list": ("excluded_json", [{"segment": "vip"}]),
    "content-as-list": ("content_json", ["Hello"]),
    "content-as-text": ("content_json", {"en": "Hello"}),
    "content-in-an-unknown-language": ("content_json", {"xx": {"subject": "a", "body": "b"}}),
}


def _damage(session: Session) -> None:
    for slug, (column, value) in DAMAGE.items():
        setattr(_campaign(session, slug), column, value)
    session.flush()


def _campaign(session: Session, slug: str) -> Campaign:
    return session.exec(select(Campaign).where(Campaign.slug == slug)).one()


def _sent(session: Session) -> set[str]:
    found = session.exec(select(Delivery.campaign_id).where(Delivery.state == DeliveryState.SENT))
    return {session.get_one(Campaign, each).slug for each in found}


def test_messages_of_a_campaign_that_cannot_be_read_wait_and_all_others_leave(
    engine: Engine, on_stage: OnStage
) -> None:
    sound: dict[str, dict[str, Any]] = {}

    def prepare(stage: Stage) -> None:
        stage.buyer("ada")
        for slug in (*DAMAGE, "sound"):
            campaign = stage.push(slug, policy={"caps": [YIELDING]})
            launch(stage.session, stage.shop, campaign, at=NOON, actor="u")
            sound[slug] = campaign.model_dump(include={column for column, _value in DAMAGE.values()})
        _damage(stage.session)

    on_stage(prepare)
    channel = MemoryChannel()
    counts = send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    assert dict(+counts) == {"sent": 1, "later": len(DAMAGE)}
    with transaction(engine) as session:
        assert _sent(session) == {"sound"}
        failures = session.exec(select(Failure)).all()
        assert {(each.work, each.kind, each.name) for each in failures} == {
            ("messages", "campaign", slug) for slug in DAMAGE
        }
        assert all(each.why for each in failures)
        for slug, values in sound.items():
            for column, value in values.items():
                setattr(_campaign(session, slug), column, value)
    assert dict(+send_waiting(engine, channel, now=later(minutes=20), identity=IDENTITY)) == {"sent": len(DAMAGE)}


def test_sweeps_pages_and_moves_get_past_a_campaign_that_cannot_be_read(
    engine: Engine, on_stage: OnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(stage: Stage) -> None:
        stage.buyer("ada")
        save_segment(stage.session, stage.shop.id, "vip", rule=parse(EVERYBODY), actor="u", at=NOON)
        tea = stage.product().id
        for slug in (*DAMAGE, "sound"):
            values = {"scheduled_at": later(hours=1), "product_id": tea, "audience": {"segment": "vip"}}
            scheduled(stage, {}, slug, **values)
        _damage(stage.session)

    def look(stage: Stage) -> None:
        session, shop = stage.session, stage.shop
        coming = days(session, shop, first=NOON.date(), last=NOON.date() + timedelta(days=1), at=NOON)
        slugs = {entry.slug for day in coming for entry in day.entries}
        assert slugs == {*DAMAGE, "sound"}
        assert {each.slug for each in forecast(session, shop, coming, at=NOON).outlooks} == {"sound"}
        lost = {"audience-of-a-later-version", "audience-as-text"}  # nothing in them names the segment any more
        assert {each.slug for each in campaigns_on(session, shop.id, "vip")} == {*DAMAGE, "sound"} - lost

    on_stage(prepare)
    on_stage(look)
    monkeypatch.setattr(clock, "now", lambda: later(hours=2))
    for sweep in (tasks.launch_due, tasks.sweep_all_events, tasks.settle_arrivals):
        sweep(engine)
    with transaction(engine) as session:
        assert _campaign(session, "sound").state is CampaignState.RUNNING
        for slug in DAMAGE:
            assert _campaign(session, slug).state is CampaignState.SCHEDULED
            pause(session, _campaign(session, slug), at=NOON, actor="user:1")
            cancel(session, _campaign(session, slug), at=NOON, actor="user:1")
            assert _campaign(session, slug).state is CampaignState.CANCELLED


@pytest.mark.parametrize("slug", DAMAGE)
def test_what_cannot_be_read_is_mended_by_writing_it_again(stage: Stage, slug: str) -> None:
    campaign, (column, value) = stage.push("spring"), DAMAGE[slug]
    whole, name = getattr(campaign, column), column.removesuffix("_json")
    setattr(campaign, column, value)
    marketer = Member(stage.shop.id, "user:1", ROLE_SCOPES[Role.MARKETER])
    stage.session.flush()
    assert campaign.damage is not None
    edit_campaign(stage.session, stage.shop, campaign, changes={name: whole}, at=NOON, actor="user:1", member=marketer)
    assert campaign.damage is None
    assert len(plan(stage.session, stage.shop, campaign, at=NOON).audience) == 0


def test_rows_of_before_are_read_as_they_were_written(stage: Stage) -> None:
    """A policy that names only what differs, a whole number for a share, a trigger left out: all stay as stored."""
    campaign = stage.push("spring")
    campaign.policy_json = {"control_share": 0, "caps": [{"messages": 3, "days": 7}]}
    campaign.trigger_json = {}
    stage.session.flush()
    stage.session.expire(campaign)
    assert campaign.policy.caps[0].over == "medium"
    assert campaign.policy_json == {"control_share": 0, "caps": [{"messages": 3, "days": 7}]}
    assert not campaign.repeats
    assert campaign.policy is campaign.policy
    before = campaign.policy
    campaign.policy_json = campaign.policy_json | {"control_share": 0.5}
    assert (before.control_share, campaign.policy.control_share) == (0, 0.5)
