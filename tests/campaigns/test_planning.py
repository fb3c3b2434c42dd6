"""Plans, and runs made from them."""

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, event
from sqlmodel import select

from campaigns import launch as launching
from campaigns.campaigns import CampaignState, Delivery, DeliveryState, Medium, Run, RunSkip
from campaigns.drafting import edit_campaign
from campaigns.launch import launch
from campaigns.ledger import count
from campaigns.noes.bounces import Bounce, BounceKind
from campaigns.offers import issuing
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.plans.assignment import control_group, siphash
from campaigns.plans.planning import plan, promise
from campaigns.plans.shop_policy import save_shop_policy
from campaigns.sending.senders import Sender, SenderKind
from campaigns.texts.content import show_to
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.consent import Channel, Pause
from retention.database import as_stored, insert_rows
from retention.errors import Conflict
from retention.shops import create_shop
from tests.campaigns.conftest import NOON, Stage, later


def test_hash_gives_the_published_vector() -> None:
    message = np.array([int.from_bytes(bytes(range(8)), "little")], dtype=np.uint64)
    assert siphash(message, bytes(range(16))).tolist() == [0x93F5F5799A932462]


def test_control_group_is_the_same_whoever_else_is_in_the_audience() -> None:
    secret = "00112233445566778899aabbccddeeff"
    everybody = BitMap(range(1, 100_001))
    chosen = control_group(everybody, secret=secret, share=0.2)
    assert control_group(BitMap(range(1, 5001)), secret=secret, share=0.2) == chosen & BitMap(range(5001))
    assert abs(len(chosen) - 20_000) < 4 * 127  # four standard deviations of a share of 0.2 in 100,000
    assert control_group(everybody, secret=secret, share=0) == BitMap()
    assert control_group(everybody, secret="ff" * 16, share=0.2) != chosen


def test_funnel_drops_each_buyer_at_the_first_step_that_applies(stage: Stage) -> None:
    gets, shared = stage.buyer("ada"), stage.buyer("ada2", email="ADA@example.com")
    out, never = stage.buyer("bo", answer="out"), stage.buyer("cy", answer=None)
    nowhere, left_out = stage.buyer("di", email=""), stage.buyer("ed")
    campaign = stage.push(excluded={"buyer": {"field": "external_id", "is": ["ed"]}})
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert planned.funnel == [
        ("segment", 6),
        ("excluded", 1),
        ("served", 0),
        ("no_consent", 2),
        ("no_address", 1),
        ("same_address", 1),
        ("capped", 0),
        ("control", 0),
        ("final", 1),
    ]
    assert planned.skips["excluded"] == BitMap([left_out])
    assert planned.skips["no_consent"] == BitMap([out, never])
    assert planned.skips["no_address"] == BitMap([nowhere])
    assert planned.skips["same_address"] == BitMap([shared])
    assert planned.final == BitMap([gets])
    assert planned.coupons == 1


def test_parcel_needs_no_yes_but_a_parcel_of_today(stage: Stage) -> None:
    asked, never = stage.buyer("ada", parcel=True), stage.buyer("bo", answer=None, email="", parcel=True)
    out, tomorrow = stage.buyer("cy", answer="out", parcel=True), stage.buyer("di")
    stage.parcel(tomorrow, "W-tomorrow", day=1)
    second = stage.parcel(asked, "W-second")
    planned = plan(stage.session, stage.shop, stage.flyer(), at=NOON)
    assert planned.skips["no_consent"] == BitMap([out])
    assert planned.skips["no_parcel"] == BitMap([tomorrow])
    assert planned.final == BitMap([asked, never])
    assert "no_address" not in planned.skips
    assert second > 0


def test_cap_counts_what_was_sent_within_its_days_and_zero_means_none(stage: Stage) -> None:
    ada = stage.buyer("ada")
    launch(stage.session, stage.shop, stage.push("first"), at=NOON, actor="user:1")
    capped = {"caps": [{"messages": 1, "days": 7}]}
    second = stage.push("second", policy=capped)
    assert plan(stage.session, stage.shop, second, at=later(days=7)).skips["capped"] == BitMap([ada])
    assert plan(stage.session, stage.shop, second, at=later(days=7, seconds=1)).final == BitMap([ada])
    never = stage.push("never", policy={"caps": [{"messages": 0, "days": 7}]})
    assert plan(stage.session, stage.shop, never, at=later(days=99)).skips["capped"] == BitMap([ada])
    by_parcel = stage.flyer(policy=capped)
    stage.parcel(ada, "W1")
    assert plan(stage.session, stage.shop, by_parcel, at=NOON).final == BitMap([ada])


def test_launch_makes_what_the_plan_showed(stage: Stage) -> None:
    for number in range(200):
        stage.buyer(f"b{number}", answer="in" if number % 4 else "out")
    campaign = stage.push(control=0.2)
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    run = launch(
        stage.session, stage.shop, campaign, at=later(minutes=5), actor="user:1", fingerprint=planned.fingerprint
    )
    deliveries = stage.session.exec(select(Delivery).where(Delivery.run_id == run.id)).all()
    assert BitMap(d.buyer_id for d in deliveries if d.state is DeliveryState.WAITING) == planned.final
    assert BitMap(d.buyer_id for d in deliveries if d.state is DeliveryState.CONTROL) == planned.control
    skipped = stage.session.exec(select(RunSkip)).all()
    assert [(skip.reason, skip.buyers, BitMap.deserialize(skip.buyer_ids)) for skip in skipped] == [
        ("no_consent", 50, planned.skips["no_consent"])
    ]
    assert run.audience == 200
    assert run.audience == len(deliveries) + 50
    assert campaign.state is CampaignState.RUNNING
    coupons = {coupon.id: coupon for coupon in stage.session.exec(select(Coupon))}
    assert BitMap(coupon.buyer_id for coupon in coupons.values()) == planned.final
    links = {link.delivery_id: link for link in stage.session.exec(select(Link))}
    assert len(links) == len(planned.final)
    for delivery in deliveries:
        if delivery.state is DeliveryState.WAITING:
            assert coupons[delivery.coupon_id].buyer_id == delivery.buyer_id
            assert links[delivery.id].coupon_id == delivery.coupon_id
            assert delivery.address
            assert delivery.due_at == later(minutes=5)
        else:
            assert (delivery.coupon_id, delivery.address, delivery.id in links) == (None, "", False)
    assert len({link.token for link in links.values()}) == len(links)
    actions = [entry.action for entry in stage.session.exec(select(AuditEntry).order_by(AuditEntry.id))]
    assert actions == ["offer.create", "campaign.create", "campaign.launch"]


def test_launch_says_what_changed_since_the_preview_and_writes_nothing(stage: Stage) -> None:
    ada, _ = stage.buyer("ada"), stage.buyer("bo")
    campaign = stage.push()
    seen = plan(stage.session, stage.shop, campaign, at=NOON)
    stage.answer(ada, "out")
    with pytest.raises(Conflict, match=r"No consent: 0 → 1; Will get it: 2 → 1"):
        launch(
            stage.session,
            stage.shop,
            campaign,
            at=NOON,
            actor="user:1",
            fingerprint=seen.fingerprint,
            funnel=seen.funnel,
        )
    assert campaign.state is CampaignState.DRAFT
    for table in (Run, Delivery, Coupon, Link):
        assert stage.session.exec(select(table)).all() == []


def test_fingerprint_moves_with_words_terms_and_people_but_not_with_the_clock(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push()
    seen = plan(stage.session, stage.shop, campaign, at=NOON).fingerprint
    assert plan(stage.session, stage.shop, campaign, at=later(days=1)).fingerprint == seen
    text = {"en": {"subject": "Other words", "body": "Hello"}}
    edit_campaign(stage.session, stage.shop, campaign, changes={"content": text}, at=NOON, actor="user:1")
    other = plan(stage.session, stage.shop, campaign, at=NOON).fingerprint
    stage.buyer("bo")
    assert len({seen, other, plan(stage.session, stage.shop, campaign, at=NOON).fingerprint}) == 3


def test_message_campaign_is_launched_once(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push()
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    with pytest.raises(Conflict, match="“launch” is not possible while a campaign is running"):
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert len(stage.session.exec(select(Delivery)).all()) == 1


def test_parcel_campaign_runs_each_day_and_serves_nobody_twice(stage: Stage) -> None:
    ada, bo = stage.buyer("ada", parcel=True), stage.buyer("bo")
    stage.parcel(ada, "W2", day=1)
    stage.parcel(bo, "W3", day=1)
    campaign = stage.flyer()
    first = launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    second = launch(stage.session, stage.shop, campaign, at=NOON + timedelta(days=1), actor="user:1")
    assert (first.number, second.number) == (1, 2)
    rows = stage.session.exec(select(Delivery).order_by(Delivery.id)).all()
    assert [(row.run_id, row.buyer_id) for row in rows] == [(first.id, ada), (second.id, bo)]
    assert [row.parcel_id is not None for row in rows] == [True, True]


def test_buyer_keeps_the_one_coupon_of_an_offer_whatever_the_medium(stage: Stage) -> None:
    ada = stage.buyer("ada", parcel=True)
    offer = stage.offer()
    launch(stage.session, stage.shop, stage.push(offer_id=offer.id), at=NOON, actor="user:1")
    planned = plan(stage.session, stage.shop, flyer := stage.flyer(offer_id=offer.id), at=NOON)
    launch(stage.session, stage.shop, flyer, at=NOON, actor="user:1")
    assert planned.coupons == 0
    [coupon] = stage.session.exec(select(Coupon)).all()
    assert coupon.buyer_id == ada
    assert [row.coupon_id for row in stage.session.exec(select(Delivery))] == [coupon.id, coupon.id]
    stage.session.refresh(offer)
    assert offer.issued == 1


def test_offer_limit_stops_a_launch_before_anything_is_written(stage: Stage) -> None:
    for name in ("ada", "bo", "cy"):
        stage.buyer(name)
    campaign = stage.push(offer_id=stage.offer(most_coupons=2).id)
    assert (plan(stage.session, stage.shop, campaign, at=NOON).coupons_left) == 2
    with (
        pytest.raises(Conflict, match="allows 2 coupons and 0 are out; 3 more do not fit"),
        stage.session.begin_nested(),
    ):
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert stage.session.exec(select(Coupon)).all() == []
    assert stage.session.exec(select(Delivery)).all() == []


@pytest.mark.parametrize("size", [0, 1])
def test_audience_of_nobody_or_of_one_is_a_run_too(stage: Stage, size: int) -> None:
    for number in range(size):
        stage.buyer(f"b{number}")
    run = launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
    assert run.audience == size
    assert len(stage.session.exec(select(Delivery)).all()) == size


def test_buyers_who_want_silence_or_cannot_be_reached_drop_out_each_at_its_step(stage: Stage) -> None:
    ada, bo, cy, di = (stage.buyer(name) for name in ("ada", "bo", "cy", "di"))
    add = stage.session.add
    add(Pause(shop_id=stage.shop.id, buyer_id=ada, until=later(seconds=1), source="test", at=NOON))
    add(Pause(shop_id=stage.shop.id, buyer_id=di, until=NOON, source="test", at=NOON))
    stage.answer(bo, "out", topic="arrivals")
    report = {"channel": Channel.EMAIL, "report": "0" * 64, "at": NOON}
    add(Bounce(shop_id=stage.shop.id, kind=BounceKind.HARD, address="cy@example.com", **report))
    add(Bounce(shop_id=stage.shop.id, kind=BounceKind.SOFT, address="di@example.com", **report))
    stage.session.flush()
    campaign = stage.push(topic=stage.topic())
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert {reason: set(buyers) for reason, buyers in planned.skips.items() if buyers} == {
        "paused": {ada},
        "topic_out": {bo},
        "bounced": {cy},
    }
    assert planned.final == BitMap([di])
    assert plan(stage.session, stage.shop, stage.push("other"), at=NOON).final == BitMap([bo, di])


def test_text_message_goes_once_to_a_phone_however_it_is_written(stage: Stage) -> None:
    phones = {
        "ada": "138-1234 5678",
        "bo": "+86 13812345678",
        "cy": "008613812345678",
        "di": "+4915112345678",
        "ed": "",
    }
    ids = {}
    for name, phone in phones.items():
        ids[name] = stage.buyer(name, email="")
        stage.session.get_one(Buyer, ids[name]).phone = phone
        stage.answer(ids[name], "in", Channel.SMS)
    planned = plan(stage.session, stage.shop, stage.push(medium=Medium.SMS), at=NOON)
    assert planned.skips["same_address"] == BitMap([ids["bo"], ids["cy"]])
    assert planned.skips["no_address"] == BitMap([ids["ed"]])
    assert planned.final == BitMap([ids["ada"], ids["di"]])


def test_plan_over_its_cost_ceiling_is_shown_and_not_launched(stage: Stage) -> None:
    for name in ("ada", "bo", "cy"):
        stage.buyer(name)
    campaign = stage.push(policy={"cost_each": 450, "cost_ceiling": 13})
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert (planned.cost, planned.over_ceiling, len(planned.final)) == (14, True, 3)
    with pytest.raises(Conflict, match=r"would cost ¥0\.14, and the campaign may cost ¥0\.13"):
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert stage.session.exec(select(Delivery)).all() == []
    edit_campaign(
        stage.session, stage.shop, campaign, changes={"policy": {"cost_ceiling": 14}}, at=NOON, actor="user:1"
    )
    assert not plan(stage.session, stage.shop, campaign, at=NOON).over_ceiling


def test_plan_cut_to_its_cost_ceiling_leaves_the_same_buyers_out_each_time_and_keeps_the_shares(stage: Stage) -> None:
    for number in range(400):
        stage.buyer(f"b{number}")
    policy = {"cost_each": 100, "cost_ceiling": 100, "over_ceiling": "cut"}
    campaign = stage.push(control=0.2, policy=policy)
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert (len(planned.final), planned.cost, planned.over_ceiling) == (100, 100, False)
    whole = control_group(planned.audience, secret=campaign.secret, share=0.2)
    assert planned.control == whole - planned.skips["over_budget"]
    assert abs(len(planned.control) - 25) < 4 * 5  # the control group is cut at the same place
    assert len(planned.skips["over_budget"]) == 400 - len(planned.control) - 100
    assert plan(stage.session, stage.shop, campaign, at=NOON).final == planned.final
    run = launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
    assert dict(run.funnel)["over_budget"] == len(planned.skips["over_budget"])


@pytest.mark.parametrize(("ceiling", "final"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3)])
def test_cost_ceiling_pays_for_as_many_as_it_says(stage: Stage, ceiling: int, final: int) -> None:
    for name in ("ada", "bo", "cy"):
        stage.buyer(name)
    campaign = stage.push(policy={"cost_each": 100, "cost_ceiling": ceiling, "over_ceiling": "cut"})
    assert len(plan(stage.session, stage.shop, campaign, at=NOON).final) == final


def test_text_message_costs_the_parts_of_its_longest_case(stage: Stage) -> None:
    for name in ("Bo", "A" * 60):
        stage.answer(stage.buyer(name, email=""), "in", Channel.SMS)
        stage.session.exec(select(Buyer).where(Buyer.external_id == name)).one().phone = f"1380013{len(name):04d}"
    sender = Sender(
        shop_id=stage.shop.id,
        slug="gate",
        name="Gate",
        medium=Medium.SMS,
        kind=SenderKind.SMS_HTTP,
        settings={},
        price=450,
        created_at=NOON,
    )
    stage.session.add(sender)
    stage.session.flush()
    text = {"en": {"subject": "Tea", "body": "Dear {{ buyer.name }}, " + "tea " * 20}}
    campaign = stage.push(medium=Medium.SMS, sender_id=sender.id, content=text)
    costs = [show_to(stage.session, stage.shop, campaign, each).cost for each in stage.session.exec(select(Buyer))]
    assert costs == [450, 900]
    assert plan(stage.session, stage.shop, campaign, at=NOON).cost == 2 * 9


def test_plan_among_those_an_event_happened_to_looks_at_nobody_else(stage: Stage) -> None:
    ada, bo = stage.buyer("ada"), stage.buyer("bo")
    nobody = max(ada, bo) + 1000
    planned = plan(stage.session, stage.shop, stage.push(), at=NOON, among=BitMap([bo, nobody]))
    assert (planned.audience, planned.final) == (BitMap([bo]), BitMap([bo]))


def test_recurring_campaign_serves_again_but_not_while_the_last_one_still_waits(stage: Stage) -> None:
    ada = stage.buyer("ada")
    weekly = stage.push(trigger={"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}})
    launch(stage.session, stage.shop, weekly, at=NOON, actor="user:1")
    assert plan(stage.session, stage.shop, weekly, at=later(days=1)).skips["served"] == BitMap([ada])
    delivery = stage.session.exec(select(Delivery)).one()
    delivery.state, delivery.sent_at = DeliveryState.SENT, NOON
    stage.session.flush()
    assert plan(stage.session, stage.shop, weekly, at=later(days=1)).final == BitMap([ada])


def test_promise_moves_with_what_is_promised_and_not_with_who_gets_it(stage: Stage) -> None:
    stage.buyer("ada")
    stage.topic("arrivals")
    campaign = stage.push()
    seen = [promise(stage.session, campaign)]
    stage.buyer("bo")
    assert promise(stage.session, campaign) == seen[0]
    for changes in ({"topic": "arrivals"}, {"trigger": {"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}}}):
        edit_campaign(stage.session, stage.shop, campaign, changes=changes, at=NOON, actor="user:1")
        seen.append(promise(stage.session, campaign))
    save_shop_policy(stage.session, stage.shop, values={"most_inserts": 3}, at=NOON, actor="user:1")
    seen.append(promise(stage.session, campaign))
    assert len(set(seen)) == 4


def test_launch_names_the_step_that_was_not_there_when_the_plan_was_looked_at(stage: Stage) -> None:
    ada = stage.buyer("ada")
    campaign = stage.push()
    seen = plan(stage.session, stage.shop, campaign, at=NOON)
    stage.session.add(Pause(shop_id=stage.shop.id, buyer_id=ada, until=later(days=1), source="test", at=NOON))
    stage.session.flush()
    with pytest.raises(Conflict, match=r"Asked for a pause: 0 → 1; Will get it: 1 → 0"):
        launch(
            stage.session,
            stage.shop,
            campaign,
            at=NOON,
            actor="user:1",
            fingerprint=seen.fingerprint,
            funnel=seen.funnel,
        )


def test_ten_thousand_get_theirs_in_parts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_CHUNK", 3000)
    monkeypatch.setattr(issuing, "_CHUNK", 3000)
    columns = ("shop_id", "external_id", "name", "email", "phone", "language", "country", "region", "city", "timezone")
    made = as_stored(stage.session, NOON)
    rows = ((stage.shop.id, f"b{n}", "", "", "", "", "", "", "", "", made) for n in range(10_000))
    insert_rows(stage.session, Buyer, (*columns, "created_at"), rows)
    campaign = stage.push(medium=Medium.WEBHOOK, control=0.1)
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    run = launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
    ledger = count(stage.session, run)
    assert (ledger.adds_up, ledger.audience, ledger.waiting) == (True, 10_000, len(planned.final))
    coupons = stage.session.exec(select(Coupon.code, Coupon.buyer_id)).all()
    assert len({code for code, _ in coupons}) == len(planned.final)
    assert BitMap(buyer_id for _, buyer_id in coupons) == planned.final
    assert len(set(stage.session.exec(select(Link.delivery_id)))) == len(planned.final)


def test_launch_takes_as_many_statements_for_three_hundred_buyers_as_for_three(stage: Stage, engine: Engine) -> None:
    def statements(slug: str) -> int:
        seen: Counter[str] = Counter()
        listener = lambda *args: seen.update([str(args[2])[:12]])  # noqa: E731 - removed below by identity
        campaign = stage.push(slug)
        event.listen(engine, "before_cursor_execute", listener)
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
        event.remove(engine, "before_cursor_execute", listener)
        return seen.total()

    for number in range(3):
        stage.buyer(f"b{number}")
    few = statements("few")
    for number in range(300):
        stage.buyer(f"c{number}")
    assert statements("many") == few


def test_another_shops_buyers_are_never_in_the_plan(stage: Stage) -> None:
    stage.buyer("ada")
    other = create_shop(stage.session, "other", name="Other", timezone="Asia/Shanghai", currency="CNY", at=NOON)
    Stage(stage.session, other).buyer("bo")
    assert len(plan(stage.session, stage.shop, stage.push(), at=NOON).audience) == 1


def test_sms_consent_says_nothing_about_mail(stage: Stage) -> None:
    ada = stage.buyer("ada", answer=None)
    stage.answer(ada, "in", Channel.SMS)
    assert plan(stage.session, stage.shop, stage.push(), at=NOON).skips["no_consent"] == BitMap([ada])
