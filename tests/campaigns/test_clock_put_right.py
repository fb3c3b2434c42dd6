"""A clock that was three days ahead leaves moments behind; once it is put right, nothing waits for them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from campaigns.hooks.calling import hooks_with_news, make_calls
from campaigns.hooks.hooks import HookCall, HookCallState, HookEvent, create_hook
from campaigns.sending import breaker, rates
from campaigns.sending.channels.channel import TryLater
from campaigns.sending.senders import SenderKind, SenderState, create_sender
from campaigns.timing.occurrences import may_have_happened, sweep_events
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.triggering import FOLLOWED, follow, scheduled, served

FAILED = HookEvent.FAILED.value
AHEAD = NOON + timedelta(days=3)


def test_event_campaign_goes_on(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED)
    campaign.looked_until = AHEAD
    assert may_have_happened(stage.session, campaign.id, at=later(minutes=1))
    sweep_events(stage.session, campaign.id, at=later(minutes=1))
    ada = follow(stage, "ada", later(minutes=2))
    sweep_events(stage.session, campaign.id, at=later(minutes=3))
    assert served(stage.session, campaign) == [ada]


def test_senders_go_on(stage: Stage) -> None:
    sender = create_sender(
        stage.session, stage.shop, "own", kind=SenderKind.MEMORY, settings={}, secrets={}, at=NOON, actor="u"
    )
    sender.per_second, sender.next_slot_at = 10, AHEAD
    assert rates.room(sender, now=NOON)
    slots = rates.reserve(stage.session, sender, 1, now=NOON)
    assert slots
    assert slots.start == NOON
    sender.per_second, sender.next_slot_at = None, AHEAD
    assert breaker.allowed(stage.session, sender, now=NOON) is None
    sender.state, sender.broken_until = SenderState.BROKEN, AHEAD
    stage.session.flush()
    assert breaker.allowed(stage.session, sender, now=NOON) == 1


def test_claims_and_calls_go_on(engine: Engine, on_stage: Any, monkeypatch: Any) -> None:
    def set_up(stage: Stage) -> None:
        hook, _ = create_hook(
            stage.session,
            stage.shop,
            "erp",
            url="https://hook.example/",
            events=["message.failed"],
            at=AHEAD,
            actor="u",
        )
        call = {"shop_id": stage.shop.id, "hook_id": hook.id, "event": HookEvent.FAILED, "body": {}, "due_at": AHEAD}
        stage.session.add(HookCall(key="waits", **call))
        claimed = {"state": HookCallState.CLAIMED, "claim_expires_at": AHEAD}
        stage.session.add(HookCall(key="claimed", **call, **claimed))

    on_stage(set_up)
    taken: list[str] = []

    def take(calls: Any, **_: Any) -> list[Any]:
        taken.extend(key for _, key, _ in calls)
        return [TryLater("not now") for _ in calls]

    monkeypatch.setattr("campaigns.hooks.calling.call_all", take)
    assert make_calls(engine, now=NOON) == 2
    assert sorted(taken) == ["claimed", "waits"]
    assert on_stage(lambda stage: [each.slug for each in hooks_with_news(stage.session, now=NOON)]) == ["erp"]
