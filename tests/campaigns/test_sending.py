"""Messages on their way, by a channel into memory: who gets one, who does not, and what the rows say."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns import tasks
from campaigns.campaign.campaigns import CampaignState, Delivery, DeliveryState, Recipe, Run
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message, Refused, TryLater, Undecided
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries import claiming
from campaigns.deliveries.campaign_moves import cancel, finish_done, pause, resume
from campaigns.deliveries.ledger import Ledger, count
from campaigns.optouts.unsubscribe_links import read_token, unsubscribe_token
from campaigns.runs.drafting import find_campaign
from campaigns.runs.launch import launch
from campaigns.runs.scheduling import schedule
from campaigns.sending.sending import resend, send_waiting
from campaigns.texts.mail import SenderIdentity
from retention import clock
from retention.buyers import Buyer
from retention.consent import Answer, Channel, last_answer
from retention.database import transaction
from retention.errors import Conflict, NotFound
from retention.orders import Order, OrderLine, OrderStatus
from retention.touches import Touch
from tests.campaigns.conftest import NOON, Stage, later, leave

IDENTITY = SenderIdentity("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
Acting = Callable[[Callable[[Stage], Any]], Any]


def _launched(stage: Stage, *names: str, **values: Any) -> None:
    for name in names:
        stage.buyer(name)
    launch(stage.session, stage.shop, stage.push(**values), at=NOON, actor="user:1")


def _send(engine: Engine, channel: MemoryChannel | None = None, **delta: float) -> dict[str, int]:
    return dict(+send_waiting(engine, channel or MemoryChannel(), now=later(**delta), identity=IDENTITY))


def _rows(stage: Stage) -> list[tuple[str, str]]:
    return [(row.state.value, row.reason) for row in stage.session.exec(select(Delivery).order_by(Delivery.buyer_id))]


def _run(stage: Stage) -> Run:
    return stage.session.exec(select(Run)).one()


def test_each_buyer_gets_one_message_with_their_own_code_and_link(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    channel = MemoryChannel()
    assert _send(engine, channel, minutes=1) == {"sent": 2}
    assert _send(engine, channel, minutes=2) == {}
    assert [message.to for message in channel.taken] == ["ada@example.com", "bo@example.com"]
    first, second = channel.taken
    assert first.subject == "Tea送您¥20"
    assert "Ada，您好！" in first.text
    assert first.language == "zh-CN"
    assert first.sender_name == "Tea"
    assert first.unsubscribe_address.startswith("https://shop.example/u/")
    assert len({first.message_id, second.message_id, first.text, second.text}) == 4
    assert first.text.count("https://shop.example/Q/") == 1

    def look(stage: Stage) -> None:
        rows = stage.session.exec(select(Delivery).order_by(Delivery.id)).all()
        assert {(row.state, row.sent_at, row.claim_token) for row in rows} == {
            (DeliveryState.SENT, later(minutes=1), None)
        }
        assert [row.message_id for row in rows] == [first.message_id, second.message_id]
        assert [(t.event.value, t.campaign) for t in stage.session.exec(select(Touch))] == [("sent", "spring")] * 2

    on_stage(look)


def test_buyer_reads_their_own_language(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> None:
        stage.buyer("ada")
        stage.session.exec(select(Buyer)).one().language = "en"
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")

    on_stage(prepare)
    channel = MemoryChannel()
    _send(engine, channel)
    assert channel.taken[0].subject == "¥20 for you at Tea"
    assert "Unsubscribe: https://shop.example/u/" in channel.taken[0].text


@pytest.mark.parametrize("moment", ["before the claim", "after the claim"])
def test_no_given_after_the_launch_holds(engine: Engine, on_stage: Acting, moment: str) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    token = on_stage(lambda stage: _token(stage, 1))

    def say_no(stage: Stage) -> None:
        leave(stage.session, token, key=IDENTITY.signing_key, at=later(minutes=1))

    class Channel(MemoryChannel):
        def connect(self) -> Any:
            if moment == "after the claim":
                on_stage(say_no)
            return super().connect()

    if moment == "before the claim":
        on_stage(say_no)
    channel = Channel()
    _send(engine, channel, minutes=2)
    assert [message.to for message in channel.taken] == ["bo@example.com"]
    assert on_stage(_rows) == [("skipped", "no_consent"), ("sent", "")]


def _token(stage: Stage, buyer_id: int) -> str:
    return unsubscribe_token(IDENTITY.signing_key, shop_id=stage.shop.id, buyer_id=buyer_id, channel=Channel.EMAIL)


def test_unsubscribing_leaves_evidence_and_a_forged_token_does_nothing(stage: Stage) -> None:
    ada = stage.buyer("ada")
    token = _token(stage, ada)
    assert read_token(IDENTITY.signing_key, token).channel is Channel.EMAIL
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x", "", token.replace(token[3], "-"), "é"):
        with pytest.raises(NotFound):
            leave(stage.session, forged, key=IDENTITY.signing_key, at=later(days=1))
    with pytest.raises(NotFound):
        leave(stage.session, token, key=b"another key", at=later(days=1))
    assert last_answer(stage.session, stage.shop.id, buyer_id=ada, channel=Channel.EMAIL) is Answer.IN
    leave(stage.session, token, key=IDENTITY.signing_key, at=later(days=1), address="192.0.2.7")
    assert last_answer(stage.session, stage.shop.id, buyer_id=ada, channel=Channel.EMAIL) is Answer.OUT
    assert last_answer(stage.session, stage.shop.id, buyer_id=ada, channel=Channel.PARCEL) is Answer.IN


def test_pause_keeps_all_and_resume_goes_on(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    channel = MemoryChannel()
    assert dict(+send_waiting(engine, channel, now=NOON, limit=1, identity=IDENTITY)) == {"sent": 1}
    on_stage(lambda stage: pause(stage.session, find_campaign(stage.session, 1, "spring"), at=NOON, actor="user:1"))
    assert _send(engine, channel, minutes=1) == {}
    on_stage(lambda stage: resume(stage.session, find_campaign(stage.session, 1, "spring"), at=NOON, actor="user:1"))
    assert _send(engine, channel, minutes=2) == {"sent": 1}
    assert len({message.to for message in channel.taken}) == 2


def test_pause_while_a_batch_is_in_hand_stops_before_the_next_message(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo", "cy"))

    class Channel(MemoryChannel):
        def hand_over(self, message: Message) -> None:
            super().hand_over(message)
            on_stage(lambda s: pause(s.session, find_campaign(s.session, 1, "spring"), at=NOON, actor="user:1"))

    assert _send(engine, Channel(), minutes=1) == {"sent": 1}
    assert [state for state, _ in on_stage(_rows)] == ["sent", "waiting", "waiting"]


def test_cancel_skips_the_rest_for_good(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    send_waiting(engine, MemoryChannel(), now=NOON, limit=1, identity=IDENTITY)

    def stop(stage: Stage) -> None:
        campaign = find_campaign(stage.session, 1, "spring")
        assert cancel(stage.session, campaign, at=later(minutes=1), actor="user:1") == 1
        with pytest.raises(Conflict):
            resume(stage.session, campaign, at=later(minutes=2), actor="user:1")
        assert campaign.state is CampaignState.CANCELLED
        assert _run(stage).finished_at == later(minutes=1)

    on_stage(stop)
    assert _send(engine, minutes=3) == {}
    assert on_stage(_rows) == [("sent", ""), ("skipped", "cancelled")]


def test_error_that_may_pass_is_tried_again_later_and_at_last_given_up(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada"))
    channel = MemoryChannel(errors={"ada@example.com": [TryLater("451 busy") for _ in range(99)]})
    moment, waits = NOON, []
    for _ in range(len(claiming.BACK_OFF)):
        assert dict(+send_waiting(engine, channel, now=moment, identity=IDENTITY)) == {"later": 1}
        due = on_stage(lambda stage: stage.session.exec(select(Delivery.due_at)).one())
        waits.append(due - moment)
        assert dict(+send_waiting(engine, channel, now=due - timedelta(seconds=1), identity=IDENTITY)) == {}
        moment = due
    assert tuple(waits) == claiming.BACK_OFF
    send_waiting(engine, channel, now=moment, identity=IDENTITY)
    assert on_stage(_rows) == [("failed", "gave_up")]


def test_refusal_is_final_and_says_what_the_server_said(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    channel = MemoryChannel(errors={"ada@example.com": [Refused("550 no such user")]})
    assert _send(engine, channel) == {"sent": 1, "failed": 1}
    assert on_stage(_rows) == [("failed", "refused"), ("sent", "")]
    assert on_stage(lambda stage: stage.session.get_one(Delivery, 1).detail) == "550 no such user"


def test_unanswered_message_is_unknown_the_rest_waits_and_a_person_may_resend(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    channel = MemoryChannel(errors={"ada@example.com": [Undecided("the line broke")]})
    assert dict(+send_waiting(engine, channel, now=NOON, limit=2, identity=IDENTITY)) == {"unknown": 1}
    assert on_stage(_rows) == [("unknown", "no_record"), ("waiting", "")]
    assert _send(engine, channel, days=1) == {"sent": 1}
    assert on_stage(lambda stage: resend(stage.session, stage.shop, [1, 2], at=later(days=2), actor="user:1")) == 1
    assert _send(engine, channel, days=2) == {"sent": 1}
    assert [message.to for message in channel.taken] == ["bo@example.com", "ada@example.com"]


def test_nobody_answering_costs_one_try_each(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))

    class Away(MemoryChannel):
        def connect(self) -> Any:
            raise TryLater("the mail server cannot be reached")

    assert _send(engine, Away()) == {"later": 2}
    rows = on_stage(lambda stage: stage.session.exec(select(Delivery)).all())
    assert {(row.state, row.attempts, row.due_at) for row in rows} == {(DeliveryState.WAITING, 1, later(minutes=1))}


def test_expired_claim_waits_again_unless_it_had_begun(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo"))
    with transaction(engine) as session:
        held = claiming.claim(session, 1, Medium.EMAIL, now=NOON, limit=9)
        assert claiming.begin(session, held, held.delivery_ids[:1], now=NOON) == {held.delivery_ids[0]}
    assert _send(engine, minutes=9) == {}
    assert _send(engine, minutes=10) == {"sent": 1}
    assert on_stage(_rows) == [("unknown", "no_record"), ("sent", "")]
    with transaction(engine) as session:  # the sender was slow, not dead
        receipt = claiming.Receipt(held.delivery_ids[0], message_id="<1@x>", address="a@x")
        claiming.record_sent(session, held, [receipt], at=later(minutes=11))
    assert on_stage(_rows) == [("sent", ""), ("sent", "")]


def test_two_senders_never_hold_the_same_delivery(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, "ada", "bo", "cy"))
    with transaction(engine) as session:
        first = claiming.claim(session, 1, Medium.EMAIL, now=NOON, limit=2)
    with transaction(engine) as session:
        second = claiming.claim(session, 1, Medium.EMAIL, now=NOON, limit=2)
    assert (first.delivery_ids, second.delivery_ids) == ([1, 2], [3])


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"stock": 0}, "sold_out"), ({"price": 13_800}, "price_changed"), ({"stock": None}, "")],
)
def test_arrival_alert_looks_again_at_stock_and_price(
    engine: Engine, on_stage: Acting, change: dict[str, Any], reason: str
) -> None:
    def prepare(stage: Stage) -> None:
        stage.buyer("ada")
        product = stage.product()
        alert = stage.draft("new-tea", Recipe.ARRIVAL_ALERT, product_id=product.id)
        launch(stage.session, stage.shop, alert, at=NOON, actor="user:1")
        product.sqlmodel_update(change)
        stage.session.add(product)

    on_stage(prepare)
    channel = MemoryChannel()
    _send(engine, channel)
    assert on_stage(_rows) == [("skipped", reason) if reason else ("sent", "")]
    assert [message.subject for message in channel.taken] == ([] if reason else ["Tea上新：Spring tea"])


def test_offer_that_ended_meanwhile_is_not_sent(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> None:
        _launched(stage, "ada", offer_id=stage.offer(ends_at=later(hours=1)).id)

    on_stage(prepare)
    assert _send(engine, hours=1) == {"skipped": 1}
    assert on_stage(_rows) == [("skipped", "offer_over")]


def test_ledger_adds_up_and_the_campaign_finishes_by_itself(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> None:
        stage.buyer("out", answer="out")
        _launched(stage, *(f"b{number}" for number in range(30)), control=0.2)

    on_stage(prepare)
    before: Ledger = on_stage(lambda stage: count(stage.session, _run(stage)))
    assert (before.audience, before.skipped, before.adds_up) == (31, {"no_consent": 1}, True)
    channel = MemoryChannel(errors={f"b{number}@example.com": [Refused("550 no")] for number in range(5)})
    _send(engine, channel)
    after: Ledger = on_stage(lambda stage: count(stage.session, _run(stage)))
    assert after == replace(before, waiting=0, sent=len(channel.taken), failed=before.waiting - len(channel.taken))
    assert after.adds_up
    assert on_stage(lambda stage: finish_done(stage.session, at=later(hours=1))) == 1
    assert on_stage(lambda stage: find_campaign(stage.session, 1, "spring").state) is CampaignState.FINISHED
    assert on_stage(lambda stage: finish_done(stage.session, at=later(hours=2))) == 0


def test_buyer_who_bought_the_new_product_meanwhile_is_not_notified(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> None:
        ada, _ = stage.buyer("ada"), stage.buyer("bo")
        alert = stage.draft("new-tea", Recipe.ARRIVAL_ALERT, product_id=stage.product().id)
        launch(stage.session, stage.shop, alert, at=NOON, actor="user:1")
        order = Order(
            shop_id=stage.shop.id,
            source="test",
            external_id="A1",
            buyer_id=ada,
            status=OrderStatus.PAID,
            ordered_at=NOON,
            order_day=stage.shop.day(NOON),
            amount=12_800,
            counts=True,
        )
        stage.session.add(order)
        stage.session.flush()
        stage.session.add(OrderLine(shop_id=stage.shop.id, order_id=order.id, number=1, sku="TEA-1"))

    on_stage(prepare)
    assert _send(engine, minutes=1) == {"sent": 1, "skipped": 1}
    assert on_stage(_rows) == [("skipped", "bought_already"), ("sent", "")]


def test_text_that_cannot_be_made_fails_alone(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> None:
        text = {"en": {"subject": "{% if buyer.name == 'Ada' %}{% else %}Hello{% endif %}", "body": "b"}}
        stage.buyer("bo")
        campaign = stage.push(content=text | {"en": {"subject": "Hello {{ buyer.name }}", "body": "b"}})
        campaign.content_json = text  # as if the rule for subjects had become stricter since the draft
        stage.buyer("ada")
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")

    on_stage(prepare)
    assert _send(engine) == {"sent": 1, "failed": 1}
    assert on_stage(_rows) == [("sent", ""), ("failed", "text_error")]


def test_four_senders_at_once_give_each_buyer_one(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, *(f"b{number}" for number in range(120))))
    channels = [MemoryChannel() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda channel: _send(engine, channel), channels))
    got = Counter(message.to for channel in channels for message in channel.taken)
    assert got == Counter(f"b{number}@example.com" for number in range(120))


def test_scheduled_campaign_is_launched_when_its_moment_has_come(
    engine: Engine, on_stage: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(stage: Stage) -> None:
        stage.buyer("ada")
        campaign, broken = stage.push(), stage.push("broken", offer_id=stage.offer(most_coupons=1).id)
        stage.buyer("bo")
        for each in (broken, campaign):
            schedule(stage.session, each, launch_at=later(days=1), at=NOON, actor="user:1")

    on_stage(prepare)
    for moment, states in ((later(hours=23), ["scheduled"] * 2), (later(days=1), ["running", "scheduled"])):
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        tasks.launch_due(engine)
        found = on_stage(lambda stage: [find_campaign(stage.session, 1, slug).state for slug in ("spring", "broken")])
        assert [state.value for state in found] == states
