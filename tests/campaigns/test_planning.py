"""Who a plan reaches, and who drops out at which step; what moves its fingerprint."""

from typing import Any

import pytest
from pyroaring import BitMap
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery, DeliveryState
from campaigns.campaign.media import Medium
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.optouts.bounces import Bounce, BounceKind
from campaigns.plans.planning import plan, promise
from campaigns.runs.drafting import edit_campaign
from campaigns.runs.launch import launch
from retention.buyers import Buyer
from retention.consent import Channel, Pause
from tests.campaigns.conftest import NOON, Stage, later
from tests.factories import make_shop


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
    assert len(set(seen)) == 3


@pytest.mark.parametrize(
    ("values", "moves"),
    [
        ({"approval_required": True}, set()),
        ({"most_inserts": 3}, {"flyer"}),
        ({"quiet": {"from": "21:00", "to": "09:00"}}, {"mail"}),
        ({"caps": [{"messages": 1, "days": 7, "over": "parcel"}]}, {"flyer"}),
        ({"caps": [{"messages": 1, "days": 7, "over": "all"}]}, {"flyer", "mail"}),
    ],
)
def test_promise_moves_with_what_of_the_shops_policy_holds_the_campaign(
    stage: Stage, values: dict[str, Any], moves: set[str]
) -> None:
    rows = {
        "mail": stage.push("mail"),
        "flyer": stage.flyer(),
        "order": stage.push("order", policy={"transactional": True}),
    }
    before = {name: promise(stage.session, row) for name, row in rows.items()}
    save_shop_policy(stage.session, stage.shop, values=values, at=NOON, actor="user:1")
    assert {name for name, row in rows.items() if promise(stage.session, row) != before[name]} == moves


def test_another_shops_buyers_are_never_in_the_plan(stage: Stage) -> None:
    stage.buyer("ada")
    other = make_shop(stage.session, "other", at=NOON)
    Stage(stage.session, other).buyer("bo")
    assert len(plan(stage.session, stage.shop, stage.push(), at=NOON).audience) == 1


def test_sms_consent_says_nothing_about_mail(stage: Stage) -> None:
    ada = stage.buyer("ada", answer=None)
    stage.answer(ada, "in", Channel.SMS)
    assert plan(stage.session, stage.shop, stage.push(), at=NOON).skips["no_consent"] == BitMap([ada])
