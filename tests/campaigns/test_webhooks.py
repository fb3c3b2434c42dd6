"""Webhooks: what happened becomes one call, signed, made again after an error with the same id, and not for ever."""

import base64
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from standardwebhooks import Webhook as Signer

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Refused
from campaigns.channels.memory import MemoryChannel
from campaigns.offers.links import Link
from campaigns.offers.redeem import claim_coupon, redeem
from campaigns.offers.scans import open_link
from campaigns.posts.bots import send_posts
from campaigns.runs.launch import launch
from campaigns.sending.sending import resend, send_waiting
from campaigns.texts.mail import SenderIdentity
from campaigns.webhooks.calling import OVERLAP, WAITS, collect_calls, make_calls
from campaigns.webhooks.webhooks import (
    Webhook,
    WebhookCall,
    WebhookCallState,
    WebhookEvent,
    calls_of,
    create_webhook,
    delete_webhook,
    find_webhook,
    resend_call,
    send_test_call,
    turn_on,
)
from retention.consent import Channel
from retention.database import open_engine, reading, transaction
from retention.errors import Conflict, Invalid, NotFound
from retention.settings import get_settings
from retention.touches import Touch, TouchEvent
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.gateways import DROP, Gateway, gateway
from tests.campaigns.posts import SITE, bot, group, launched, posted
from tests.factories import make_shop

Acting = Callable[[Callable[[Stage], Any]], Any]
IDENTITY = SenderIdentity("https://shop.example", b"k", "Shop <shop@shop.example>")
ALL = [event.value for event in WebhookEvent]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    get_settings.cache_clear()
    with gateway() as opened:
        yield opened


def _webhook(stage: Stage, there: Gateway, events: list[str] | None = None) -> tuple[int, str]:
    webhook, secret = create_webhook(
        stage.session, stage.shop, "shop-system", url=f"{there.url}/hook", events=events or ALL, at=NOON, actor="user:1"
    )
    return webhook.id, secret


def _sent(buyer_id: int) -> Touch:
    return Touch(shop_id=1, buyer_id=buyer_id, event=TouchEvent.SENT, campaign="spring", at=NOON)


def _tell(engine: Engine, *, at: datetime) -> int:
    with transaction(engine) as session:
        for webhook in session.exec(select(Webhook).where(Webhook.active)).all():
            collect_calls(session, webhook, now=at)
    return make_calls(engine, now=at)


def _told(there: Gateway) -> list[tuple[str, str]]:
    return [(each.json["type"], each.json["data"]["buyer_id"]) for each in there.arrived]


def test_every_event_of_a_message_is_sent_once_and_signed(engine: Engine, on_stage: Acting, there: Gateway) -> None:
    def prepare(stage: Stage) -> str:
        stage.buyer("ada"), stage.buyer("bo")
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
        return _webhook(stage, there)[1]

    secret = on_stage(prepare)
    channel = MemoryChannel(errors={"bo@example.com": [Refused("550 no such user")]})
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)

    def act(stage: Stage) -> None:
        link = stage.session.exec(select(Link).order_by(Link.id)).first()
        assert link is not None
        open_link(stage.session, link.token, at=later(minutes=2), user_agent="Mozilla/5.0", address="192.0.2.7")
        code = claim_coupon(stage.session, link, at=later(minutes=3)).code
        redeem(stage.session, stage.shop, code, order_reference="A1", amount=20_000, at=later(minutes=4))
        stage.answer(2, "out", Channel.EMAIL, at=later(minutes=5))

    on_stage(act)
    assert _tell(engine, at=later(minutes=6)) == 6
    assert sorted(_told(there)) == [
        ("buyer.unsubscribed", "bo"),
        ("coupon.claimed", "ada"),
        ("coupon.redeemed", "ada"),
        ("link.clicked", "ada"),
        ("message.failed", "bo"),
        ("message.sent", "ada"),
    ]
    for minutes in (7, 8, 20, 40):  # nothing is told twice, however the cursor moves
        assert _tell(engine, at=later(minutes=minutes)) == 0
    (failed,) = [each for each in there.arrived if each.json["type"] == "message.failed"]
    assert failed.json["data"] == {
        "shop": "tea",
        "buyer_id": "bo",
        "campaign": "spring",
        "reason": "refused",
        "detail": "550 no such user",
    }
    stamped = {**failed.headers, "webhook-timestamp": failed.headers["webhook-timestamp"]}
    signature = Signer(secret).sign(stamped["webhook-id"], later(minutes=6), failed.body.decode())
    assert stamped["webhook-signature"] == signature


def test_events_before_the_webhook_are_not_sent_nor_are_unwanted_events(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    def prepare(stage: Stage) -> None:
        stage.answer(stage.buyer("ada"), "out", Channel.EMAIL)
        _webhook(stage, there, ["buyer.unsubscribed"])
        stage.buyer("bo")
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
        stage.answer(2, "out", Channel.PARCEL, at=later(minutes=1))

    on_stage(prepare)
    send_waiting(engine, MemoryChannel(), now=later(minutes=1), identity=IDENTITY)
    assert _tell(engine, at=later(minutes=2)) == 1
    assert _told(there) == [("buyer.unsubscribed", "bo")]
    assert there.arrived[0].json["data"]["channel"] == "parcel"


def test_row_that_commits_late_behind_the_cursor_is_still_sent(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), _webhook(stage, there)])
    on_stage(lambda stage: stage.answer(1, "out", Channel.EMAIL, at=later(minutes=1)))
    assert _tell(engine, at=later(minutes=2)) == 1
    on_stage(lambda stage: stage.session.exec(select(WebhookCall)).one().sqlmodel_update({"key": "of another row"}))
    assert _tell(engine, at=later(minutes=3)) == 1  # as if it had not been there the first time
    assert _tell(engine, at=later(minutes=4) + 2 * OVERLAP) == 0


@pytest.mark.postgres
def test_row_of_a_transaction_that_stays_open_for_hours_is_sent_when_it_appears(
    postgresql_url: str, there: Gateway
) -> None:
    engine = open_engine(postgresql_url)
    with transaction(engine) as session:
        stage = Stage(session, make_shop(session, "tea", timezone="UTC", at=NOON))
        stage.buyer("slow"), stage.buyer("quick")
        _webhook(stage, there)
    with transaction(engine) as slow:
        slow.add(_sent(1))
        slow.flush()
        with transaction(engine) as session:
            session.add(_sent(2))
        assert _tell(engine, at=later(minutes=1)) == 1
        for hours in (1, 2, 3):
            assert _tell(engine, at=later(hours=hours)) == 0
    assert _tell(engine, at=later(hours=4)) == 1
    assert _told(there) == [("message.sent", "quick"), ("message.sent", "slow")]
    for minutes in (1, 20):  # and what was waited for is let go of
        assert _tell(engine, at=later(hours=5, minutes=minutes)) == 0
    with transaction(engine) as session:
        webhook = find_webhook(session, 1, "shop-system")
        assert len(webhook.read_until["touches"]) == 2
    engine.dispose()


def test_row_after_one_that_was_taken_back_has_a_number_of_its_own(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), _webhook(stage, there)])
    on_stage(lambda stage: stage.session.add(_sent(1)))
    assert _tell(engine, at=later(minutes=1)) == 1
    on_stage(lambda stage: stage.session.delete(stage.session.exec(select(Touch)).one()))
    on_stage(lambda stage: stage.session.add(_sent(1)))
    assert _tell(engine, at=later(minutes=2)) == 1
    assert len({each.headers["webhook-id"] for each in there.arrived}) == 2


def test_failure_is_sent_although_the_send_began_hours_ago_and_again_when_it_fails_again(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    def prepare(stage: Stage) -> None:
        stage.buyer("bo")
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
        _webhook(stage, there, ["message.failed"])

    on_stage(prepare)
    assert _tell(engine, at=later(hours=6)) == 0
    channel = MemoryChannel(errors={"bo@example.com": [Refused("550"), Refused("551")]})
    send_waiting(engine, channel, now=later(hours=1), identity=IDENTITY)
    assert _tell(engine, at=later(hours=6, minutes=1)) == 1
    assert _tell(engine, at=later(hours=6, minutes=2)) == 0
    on_stage(lambda stage: resend(stage.session, stage.shop, [1], at=later(hours=7), actor="user:1"))
    send_waiting(engine, channel, now=later(hours=7), identity=IDENTITY)
    assert _tell(engine, at=later(hours=7)) == 1
    assert [each.json["data"]["detail"] for each in there.arrived] == ["550", "551"]


def test_failure_of_a_bot_is_reported_though_its_post_was_due_days_ago(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    def prepare(stage: Stage) -> None:
        group(stage, "tea", stage.buyer("ada"))
        bot(stage, "tea")
        launched(stage, posted(stage, Medium.BOT))
        _webhook(stage, there, ["message.failed"])

    on_stage(prepare)
    channel = MemoryChannel(Medium.BOT, errors={"tea": [Refused("words that are not allowed")]})
    assert _tell(engine, at=later(days=2)) == 0
    send_posts(engine, lambda _: channel, public_url=SITE, now=later(days=2))
    assert _tell(engine, at=later(days=2)) == 1
    assert there.arrived[0].json["data"]["detail"] == "words that are not allowed"


def test_call_that_is_not_taken_is_made_again_with_the_same_id_and_later_each_time(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), _webhook(stage, there)])
    on_stage(lambda stage: stage.answer(1, "out", Channel.EMAIL, at=NOON))
    there.answers = [(500, ""), DROP]
    moment = later(minutes=1)
    for wait in (*WAITS[:2], None):
        assert _tell(engine, at=moment) == 1
        moment += wait or timedelta(0)
        assert wait is None or make_calls(engine, now=moment - timedelta(seconds=1)) == 0
    assert len({each.headers["webhook-id"] for each in there.arrived}) == 1
    (call,) = on_stage(lambda stage: calls_of(stage.session, find_webhook(stage.session, 1, "shop-system")))
    assert (call.state, call.attempts, call.answer) == (WebhookCallState.SENT, 3, "")


def test_hook_nobody_listens_to_is_turned_off_and_a_person_resends(
    engine: Engine, on_stage: Acting, there: Gateway
) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), _webhook(stage, there)])
    on_stage(lambda stage: stage.answer(1, "out", Channel.EMAIL, at=NOON))
    there.usually = (500, "")
    moment = later(minutes=1)
    for wait in (*WAITS, timedelta(0)):
        assert _tell(engine, at=moment) == 1
        moment += wait
    assert _tell(engine, at=moment + timedelta(days=30)) == 0
    assert len(there.arrived) == len(WAITS) + 1

    def mend(stage: Stage) -> None:
        webhook = find_webhook(stage.session, 1, "shop-system")
        assert not webhook.active
        (call,) = calls_of(stage.session, webhook)
        assert (call.state, call.answer) == (WebhookCallState.FAILED, "500")
        turn_on(stage.session, webhook, at=moment, actor="user:1")
        resend_call(stage.session, webhook, call.id, at=moment, actor="user:1")
        with pytest.raises(Conflict):
            resend_call(stage.session, webhook, call.id, at=moment, actor="user:1")
        with pytest.raises(NotFound):
            resend_call(stage.session, webhook, 99, at=moment, actor="user:1")

    on_stage(mend)
    there.usually = (204, "")
    assert make_calls(engine, now=moment) == 1
    assert len({each.headers["webhook-id"] for each in there.arrived}) == 1


def test_hook_that_says_it_is_gone_is_turned_off_at_once(engine: Engine, on_stage: Acting, there: Gateway) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), _webhook(stage, there)])
    on_stage(lambda stage: stage.answer(1, "out", Channel.EMAIL, at=NOON))
    there.answers = [(410, "gone")]
    _tell(engine, at=later(minutes=1))
    assert not on_stage(lambda stage: find_webhook(stage.session, 1, "shop-system").active)


def test_caller_that_died_leaves_a_call_that_is_made_again(engine: Engine, on_stage: Acting, there: Gateway) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), _webhook(stage, there)])
    on_stage(lambda stage: stage.answer(1, "out", Channel.EMAIL, at=NOON))

    def die(stage: Stage) -> None:
        collect_calls(stage.session, find_webhook(stage.session, 1, "shop-system"), now=later(minutes=1))
        call = stage.session.exec(select(WebhookCall)).one()
        call.state, call.claim_expires_at, call.attempts = WebhookCallState.CLAIMED, later(minutes=6), 1

    on_stage(die)
    assert make_calls(engine, now=later(minutes=5)) == 0
    assert make_calls(engine, now=later(minutes=6)) == 1
    assert len(there.arrived) == 1


def test_test_call_says_what_the_other_side_said(engine: Engine, on_stage: Acting, there: Gateway) -> None:
    on_stage(lambda stage: _webhook(stage, there))
    there.answers = [(200, ""), (500, "not today")]
    with reading(engine) as session:
        webhook = find_webhook(session, 1, "shop-system")
        send_test_call(session, webhook, at=NOON, actor="user:1")
        with pytest.raises(Conflict, match="The test was rejected") as refusal:
            send_test_call(session, webhook, at=NOON, actor="user:1")
    assert "500 not today" in str(refusal.value)
    assert [each.json["type"] for each in there.arrived] == ["hook.test"] * 2


def test_hook_is_checked_its_secret_sealed_and_its_calls_go_with_it(stage: Stage, there: Gateway) -> None:
    for url, events in (("ftp://x/", ALL), ("https://x.example/", ["order.paid"]), ("https://x.example/", [])):
        with pytest.raises(Invalid):
            create_webhook(stage.session, stage.shop, "wrong", url=url, events=events, at=NOON, actor="user:1")
    assert stage.session.exec(select(Webhook)).all() == []
    _, secret = _webhook(stage, there)
    webhook = find_webhook(stage.session, 1, "shop-system")
    assert base64.b64decode(secret.removeprefix("whsec_")) not in webhook.encrypted_secret
    assert secret.encode() not in webhook.encrypted_secret
    assert "encrypted_secret" not in repr(webhook)
    with pytest.raises(Conflict):
        _webhook(stage, there)
    delete_webhook(stage.session, webhook, at=NOON, actor="user:1")
    stage.session.flush()
    with pytest.raises(NotFound):
        find_webhook(stage.session, 1, "shop-system")
