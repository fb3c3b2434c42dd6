"""A clock that was three days ahead leaves moments behind; once it is put right, nothing waits for them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api.public.limits import MOST, Act, VisitLimits
from campaigns.campaign.campaigns import Delivery, Run
from campaigns.campaign.local_time import SAME_OCCURRENCE
from campaigns.campaign.media import Medium
from campaigns.channels import breaker, rates
from campaigns.channels.channel import TryLater
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.senders import SenderKind, SenderState, create_sender
from campaigns.posts.bots import send_posts
from campaigns.runs.launch import launch
from campaigns.runs.occurrences import campaigns_by_the_clock, launch_occurrence, may_have_happened, sweep_events
from campaigns.sending.sending import send_waiting
from campaigns.webhooks.calling import make_calls, webhooks_with_news
from campaigns.webhooks.webhooks import WebhookCall, WebhookCallState, WebhookEvent, create_webhook
from retention import rate_limits
from retention.failures import Failure, rests
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import SITE, bot, group, launched, posted, posts_of
from tests.campaigns.triggers import DAILY_AT_TEN, FOLLOWED, follow, scheduled, served

FAILED = WebhookEvent.FAILED.value
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
    assert rates.remaining_slots(sender, now=NOON)
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
        hook, _ = create_webhook(
            stage.session,
            stage.shop,
            "erp",
            url="https://hook.example/",
            events=["message.failed"],
            at=AHEAD,
            actor="u",
        )
        call = {"shop_id": stage.shop.id, "hook_id": hook.id, "event": WebhookEvent.FAILED, "body": {}, "due_at": AHEAD}
        stage.session.add(WebhookCall(key="waits", **call))
        claimed = {"state": WebhookCallState.CLAIMED, "claim_expires_at": AHEAD}
        stage.session.add(WebhookCall(key="claimed", **call, **claimed))

    on_stage(set_up)
    taken: list[str] = []

    def take(calls: Any, **_: Any) -> list[Any]:
        taken.extend(key for _, key, _ in calls)
        return [TryLater("outside the allowed time") for _ in calls]

    monkeypatch.setattr("campaigns.webhooks.calling.call_all", take)
    assert make_calls(engine, now=NOON) == 2
    assert sorted(taken) == ["claimed", "waits"]
    assert on_stage(lambda stage: [each.slug for each in webhooks_with_news(stage.session, now=NOON)]) == ["erp"]


TRIED_BY_A_WRONG_CLOCK = [
    ("a mail server that was away", 1, "nobody answers", AHEAD + timedelta(minutes=1)),
    ("the last of its tries", 6, "nobody answers", AHEAD + timedelta(hours=12)),
    ("asked to wait", 0, "429", AHEAD + timedelta(hours=1)),
]


@pytest.mark.parametrize(("attempts", "detail", "due"), [each[1:] for each in TRIED_BY_A_WRONG_CLOCK])
def test_deliveries_put_off_leave_and_those_put_off_rightly_wait(
    engine: Engine, on_stage: Any, attempts: int, detail: str, due: Any
) -> None:
    def set_up(stage: Stage) -> None:
        for name in ("ada", "bob", "cyd"):
            stage.buyer(name)
        launch(stage.session, stage.shop, stage.push("news"), at=NOON, actor="u")
        ada, bob, cyd = stage.session.exec(select(Delivery).order_by(col(Delivery.id)))
        ada.attempts, ada.detail, ada.due_at = attempts, detail, due
        bob.attempts, bob.detail, bob.due_at = 3, "nobody answers", NOON + timedelta(minutes=30)
        cyd.attempts, cyd.due_at = 1, NOON + timedelta(hours=20)  # quiet hours, after a try

    on_stage(set_up)
    channel = MemoryChannel()
    assert +send_waiting(engine, channel, now=NOON) == {"sent": 1}
    assert [each.to.partition("@")[0] for each in channel.taken] == ["ada"]


def test_run_launched_by_a_wrong_clock_leaves(engine: Engine, on_stage: Any) -> None:
    def set_up(stage: Stage) -> None:
        stage.buyer("ada")
        launch(stage.session, stage.shop, stage.push("news"), at=AHEAD, actor="u")

    on_stage(set_up)
    assert +send_waiting(engine, MemoryChannel(), now=NOON) == {"sent": 1}


@pytest.mark.parametrize(("attempts", "at"), [(1, NOON), (0, AHEAD)])
def test_post_of_a_bot_goes_on(engine: Engine, on_stage: Any, attempts: int, at: Any) -> None:
    def set_up(stage: Stage) -> None:
        group(stage, "tea", stage.buyer("ada"))
        bot(stage, "tea")
        launched(stage, posted(stage, Medium.BOT))
        post = posts_of(stage.session)[0]
        post.attempts, post.due_at = attempts, AHEAD
        stage.session.get_one(Run, post.run_id).planned_at = at

    on_stage(set_up)
    said = send_posts(engine, lambda _: MemoryChannel(Medium.BOT), public_url=SITE, now=NOON)
    assert said == {"sent": 1}


def test_recurrence_goes_on(stage: Stage) -> None:
    campaign = scheduled(stage, DAILY_AT_TEN)
    campaign.looked_until = AHEAD + SAME_OCCURRENCE
    campaign.scheduled_at = AHEAD + timedelta(days=1)
    stage.session.flush()
    assert campaigns_by_the_clock(stage.session, at=NOON) == [campaign.id]
    assert launch_occurrence(stage.session, campaign.id, at=NOON) is None
    assert NOON < campaign.scheduled_at <= NOON + timedelta(days=1)


def test_tries_and_failures_and_visits_are_counted_again(session: Session) -> None:
    limit = rate_limits.Limit("login", "may", most=1)
    assert rate_limits.take(session, [limit], at=AHEAD) is None
    assert rate_limits.take(session, [limit], at=AHEAD) is not None
    assert rate_limits.left(session, [limit], at=NOON) is None
    assert rate_limits.take(session, [limit], at=NOON) is None
    failed = Failure(
        shop_id=1, work="hook", kind="hook", thing_id=1, name="", tries=1, why="", since=AHEAD, tried_at=AHEAD
    )
    failed.next_at = NOON + timedelta(hours=20)
    assert not rests(failed, NOON)
    visits = VisitLimits()
    for _ in range(MOST[Act.CLAIM]):
        visits.use(Act.CLAIM, "10.0.0.1", "token", at=AHEAD, is_shared=bool)
    visits.use(Act.CLAIM, "10.0.0.1", "token", at=NOON, is_shared=bool)
