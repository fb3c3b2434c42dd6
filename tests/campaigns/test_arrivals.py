"""Arrivals: alerts in waves, several in one mail, stopping by themselves, and the board."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Recipe, Run
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries.campaign_moves import cancel, finish_done
from campaigns.deliveries.ledger import count_campaign
from campaigns.runs.arrivals import Sales, board, sales_since_arrival, stop_if_sold
from campaigns.runs.launch import launch
from campaigns.runs.occurrences import launch_occurrence
from campaigns.runs.scheduling import schedule
from campaigns.sending.digests import settle_digests
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.audit import AuditEntry
from retention.database import transaction
from retention.followers_and_groups import Follow
from retention.orders import Order, OrderLine, OrderStatus
from retention.products import Product
from retention.touches import Touch
from tests.campaigns.conftest import NOON, Stage, later

IDENTITY = SenderIdentity("https://r.example", b"k" * 32, "shop@tea.example")
OnStage = Callable[[Callable[[Stage], Any]], Any]


def named(*names: str) -> dict[str, Any]:
    return {"buyer": {"field": "external_id", "is": list(names)}}


def alert(stage: Stage, product: Product, slug: str = "alert", **values: Any) -> Campaign:
    return stage.draft(slug, Recipe.ARRIVAL_ALERT, product_id=product.id, **values)


def sell(stage: Stage, sku: str, number: str, at: datetime, **values: Any) -> None:
    terms = {"status": OrderStatus.PAID, "counts": True, "quantity": 1, "buyer_id": None} | values
    quantity = terms.pop("quantity")
    row = Order(
        shop_id=stage.shop.id,
        source="test",
        external_id=number,
        ordered_at=at,
        order_day=stage.shop.day(at),
        amount=12800,
        **terms,
    )
    stage.session.add(row)
    stage.session.flush()
    stage.session.add(OrderLine(shop_id=stage.shop.id, order_id=row.id, number=1, sku=sku, quantity=quantity))
    stage.session.flush()


def reached(session: Session, campaign: Campaign) -> list[tuple[int, list[int]]]:
    runs = session.exec(select(Run).where(Run.campaign_id == campaign.id).order_by(col(Run.number)))
    of_run = select(Delivery.buyer_id).where(
        Delivery.campaign_id == campaign.id, Delivery.state != DeliveryState.CONTROL
    )
    return [(run.wave, sorted(session.exec(of_run.where(Delivery.run_id == run.id)))) for run in runs]


def test_alert_goes_in_waves_and_nobody_gets_two(stage: Stage) -> None:
    ada, bob, cyd = (stage.buyer(name) for name in ("ada", "bob", "cyd"))
    product = stage.product(arrival_at=later(days=1))
    waves = [
        {"rule": named("ada"), "after": 0},
        {"rule": named("ada", "bob"), "after": 24},
        {"rule": named("bob", "cyd"), "after": 48},
    ]
    campaign = alert(stage, product, trigger={"waves": waves})
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    assert campaign.scheduled_at == later(days=1)
    product.arrival_at = later(days=2)  # put off before the first wave
    stage.session.flush()
    assert launch_occurrence(stage.session, campaign.id, at=later(days=1)) is None
    assert campaign.scheduled_at == later(days=2)
    for day, next_at in ((2, later(days=3)), (3, later(days=4, hours=5)), (4, None)):
        at = later(
            days=day, hours=5 if day == 3 else 0
        )  # the second is five hours late, and the third keeps its distance
        launch_occurrence(stage.session, campaign.id, at=at)
        if day == 4:
            launch_occurrence(stage.session, campaign.id, at=later(days=4, hours=5))
        assert campaign.scheduled_at == next_at
    assert reached(stage.session, campaign) == [(1, [ada]), (2, [bob]), (3, [cyd])]
    second = stage.session.exec(select(Run).where(Run.wave == 2)).one()
    assert dict(second.funnel) | {"segment": 2, "served": 1, "final": 1} == dict(second.funnel)
    stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
    assert finish_done(stage.session, at=later(days=5)) == 1


def test_control_group_of_a_wave_is_measured_in_it_and_in_no_other(stage: Stage) -> None:
    for number in range(40):
        stage.buyer(f"b{number}")
    everybody = {"all": []}
    waves = [{"rule": everybody, "after": 0}, {"rule": everybody, "after": 1}]
    campaign = alert(stage, stage.product(), trigger={"waves": waves}, control=0.5)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    for hour in (0, 1):
        launch_occurrence(stage.session, campaign.id, at=later(hours=hour))
    first, second = stage.session.exec(select(Run).order_by(col(Run.number)))
    held_back = dict(first.funnel)["control"]
    assert held_back > 0
    assert (first.audience, second.audience) == (40, 40 - held_back)
    assert dict(second.funnel)["control"] == 0


@pytest.mark.parametrize("several", [False, True])
def test_several_arrivals_for_one_buyer_become_one_mail(engine: Engine, on_stage: OnStage, *, several: bool) -> None:
    def set_up(stage: Stage) -> list[int]:
        stage.buyer("ada"), stage.buyer("bob")
        ids = []
        for number, names in enumerate((("ada", "bob"), ("ada",), ("ada",))[: 3 if several else 1], 1):
            product = stage.product(f"TEA-{number}", title=f"Tea {number}")
            campaign = alert(stage, product, f"alert-{number}", audience=named(*names))
            launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
            ids.append(campaign.id)
        return ids

    ids = on_stage(set_up)
    channel = MemoryChannel()
    counts = send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    mails = {mail.to: mail for mail in channel.taken}
    assert (counts["sent"], sorted(mails)) == (2, ["ada@example.com", "bob@example.com"])
    assert mails["bob@example.com"].subject == "Tea上新：Tea 1"
    assert ("Tea 2" in mails["ada@example.com"].text, "Tea 3" in mails["ada@example.com"].text) == (several, several)
    assert mails["ada@example.com"].text.count("https://r.example/Q/") >= (3 if several else 1)
    with transaction(engine) as session:
        states = list(session.exec(select(Delivery.state)))
        assert states == [DeliveryState.SENT] * (4 if several else 2)
        assert len(session.exec(select(Touch)).all()) == len(states)
        for campaign_id in ids:  # the ledger of each still adds up
            ledger = count_campaign(session, session.get_one(Campaign, campaign_id))
            assert ledger.sent == (2 if campaign_id == ids[0] else 1)
        finish_done(session, at=later(minutes=2))
    with transaction(engine) as session:
        assert {session.get_one(Campaign, each).state for each in ids} == {CampaignState.FINISHED}


def test_what_a_mail_carried_goes_by_itself_when_the_mail_does_not(engine: Engine, on_stage: OnStage) -> None:
    def set_up(stage: Stage) -> None:
        stage.buyer("ada")
        first = alert(stage, stage.product("TEA-1", title="Tea 1"), "one")
        launch(stage.session, stage.shop, first, at=NOON, actor="user:1")
        second = alert(stage, stage.product("TEA-2", title="Tea 2"), "two")
        launch(stage.session, stage.shop, second, at=NOON, actor="user:1")
        host, included = stage.session.exec(select(Delivery).order_by(col(Delivery.id)))
        assert (host.digest_id, included.digest_id) == (None, host.id)
        assert settle_digests(stage.session) == 0
        cancel(stage.session, first, at=NOON, actor="user:1")
        assert settle_digests(stage.session) == 1

    on_stage(set_up)
    channel = MemoryChannel()
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    assert [mail.subject for mail in channel.taken] == ["Tea上新：Tea 2"]


def test_mail_does_not_carry_what_sold_out_meanwhile(engine: Engine, on_stage: OnStage) -> None:
    def set_up(stage: Stage) -> None:
        stage.buyer("ada")
        for number in (1, 2):
            product = stage.product(f"TEA-{number}", title=f"Tea {number}")
            launch(stage.session, stage.shop, alert(stage, product, f"a{number}"), at=NOON, actor="user:1")
        product.stock = 0
        stage.session.flush()

    on_stage(set_up)
    channel = MemoryChannel()
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    assert [("Tea 2" in mail.text, mail.subject) for mail in channel.taken] == [(False, "Tea上新：Tea 1")]
    with transaction(engine) as session:
        rows = session.exec(select(Delivery).order_by(col(Delivery.id)))
        assert [(row.state, row.reason) for row in rows] == [
            (DeliveryState.SENT, ""),
            (DeliveryState.SKIPPED, "sold_out"),
        ]


def test_alert_stops_by_itself_when_the_product_has_its_first_sales(stage: Stage) -> None:
    for name in ("ada", "bob"):
        stage.buyer(name)
    product = stage.product(arrival_at=NOON)
    waves = [{"rule": named("ada"), "after": 0}, {"rule": named("bob"), "after": 24}]
    campaign = alert(stage, product, trigger={"waves": waves}, policy={"stop_after_sales": 2})
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    launch_occurrence(stage.session, campaign.id, at=NOON)
    sell(stage, "TEA-1", "before", later(hours=-1))
    sell(stage, "TEA-1", "unpaid", later(hours=1), status=OrderStatus.PLACED, counts=False)
    sell(stage, "TEA-1", "return", later(hours=1), quantity=-1)
    sell(stage, "CUP-1", "other", later(hours=1))
    sell(stage, "TEA-1", "first", later(hours=2))
    assert not stop_if_sold(stage.session, campaign.id, at=later(hours=2))
    sell(stage, "TEA-1", "second", later(hours=3))
    assert stop_if_sold(stage.session, campaign.id, at=later(hours=3))
    assert not stop_if_sold(stage.session, campaign.id, at=later(hours=3))
    finish_done(stage.session, at=later(hours=3))
    stage.session.refresh(campaign)
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.FINISHED, None)
    (row,) = stage.session.exec(select(Delivery))
    assert (row.state, row.reason) == (DeliveryState.SKIPPED, "sold_enough")
    note = stage.session.exec(select(AuditEntry.after).where(AuditEntry.action == "campaign.sold_enough")).one()
    assert note == {"sales": 2, "seconds_to_first_sale": 7200, "skipped": 1}


def test_board_shows_what_comes_what_is_here_and_what_is_gone(stage: Stage) -> None:
    stage.buyer("ada")
    coming = stage.product("C", arrival_at=later(days=3))
    here = stage.product("H", arrival_at=later(days=-2), stock=5)
    gone = stage.product("G", arrival_at=later(days=-3), stock=0)
    stage.product("OLD", arrival_at=later(days=-91))
    stage.product("NEVER")
    sell(stage, "H", "1", later(days=-1))
    sell(stage, "H", "2", later(hours=-1))
    told = alert(stage, here)
    launch(stage.session, stage.shop, told, at=NOON, actor="user:1")
    shown = board(stage.session, stage.shop, at=NOON)
    assert [[each.product.sku for each in shelf] for shelf in (shown.coming, shown.live, shown.sold_out)] == [
        [coming.sku],
        [here.sku],
        [gone.sku],
    ]
    (item,) = shown.live
    assert item.sales == Sales(2, timedelta(days=1))
    assert [(each.campaign.slug, each.progress and each.progress.waiting) for each in item.alerts] == [("alert", 1)]
    assert shown.coming[0].alerts == []
    assert sales_since_arrival(stage.session, stage.shop.id, []) == {}
    assert stage.session.exec(select(Follow)).all() == []
