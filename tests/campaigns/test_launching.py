"""Runs: the rows that are made of a plan, once, and what stops it before anything is written."""

from collections import Counter
from datetime import timedelta

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, event
from sqlmodel import select

from campaigns.campaign.campaigns import CampaignState, Delivery, DeliveryState, Run, RunSkip
from campaigns.campaign.media import Medium
from campaigns.deliveries.ledger import count
from campaigns.offers import issuing
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.plans.planning import plan
from campaigns.runs import launch as launching
from campaigns.runs.launch import launch
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.consent import Pause
from retention.database import as_stored, insert_rows
from retention.errors import Conflict
from tests.campaigns.conftest import NOON, Stage, later


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
    with pytest.raises(Conflict, match=r"No consent: 0 → 1; Will be sent: 2 → 1"):
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
        pytest.raises(Conflict, match="allows 2 coupons and 0 are issued; 3 more would exceed"),
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


def test_launch_names_the_step_that_was_not_there_when_the_plan_was_looked_at(stage: Stage) -> None:
    ada = stage.buyer("ada")
    campaign = stage.push()
    seen = plan(stage.session, stage.shop, campaign, at=NOON)
    stage.session.add(Pause(shop_id=stage.shop.id, buyer_id=ada, until=later(days=1), source="test", at=NOON))
    stage.session.flush()
    with pytest.raises(Conflict, match=r"Paused by the buyer: 0 → 1; Will be sent: 1 → 0"):
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
