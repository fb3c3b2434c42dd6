"""Events: to whom each kind happened, and that it serves them once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from campaigns.campaign.campaigns import Delivery, DeliveryState, Recipe
from campaigns.campaign.triggers import read_trigger, serves_once, trigger_name
from campaigns.channels.memory import MemoryChannel
from campaigns.runs.events import entrants
from campaigns.runs.occurrences import sweep_events
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.buyers import Buyer
from retention.database import transaction
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.i18n import speaking
from retention.orders import OrderStatus
from retention.parcels import Parcel
from retention.versions import Family, raise_version
from segments.rules import parse
from segments.segments import save_segment
from segments.snapshots import refresh_segment
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.triggers import DAILY_AT_TEN, FOLLOWED, follow, order, scheduled, served


def test_follower_who_left_and_came_again_gets_one_gift(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED)
    ada = follow(stage, "ada", later(minutes=1))
    sweep_events(stage.session, campaign.id, at=later(minutes=2))
    row = stage.session.exec(select(Follow).where(Follow.buyer_id == ada)).one()
    row.followed_at = later(days=30)
    stage.session.flush()
    stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
    run = sweep_events(stage.session, campaign.id, at=later(days=30, minutes=1))
    assert run is not None
    assert dict(run.funnel)["served"] == 1
    assert served(stage.session, campaign) == [ada]


@pytest.mark.parametrize("paid", [False, True])
def test_unpaid_order_is_reminded_of_once_at_its_hour_and_never_when_paid(stage: Stage, *, paid: bool) -> None:
    ada = stage.buyer("ada")
    campaign = scheduled(stage, {"event": {"kind": "order_unpaid"}}, recipe=Recipe.PAYMENT_REMINDER)
    placed = order(stage, ada, "1", later(hours=1))  # 13:00: the reminder is at 17:00
    assert sweep_events(stage.session, campaign.id, at=later(hours=4, minutes=59)) is None
    if paid:
        placed.status, placed.counts = OrderStatus.PAID, True
        stage.session.flush()
    for minute in (0, 1, 60, 60 * 24):
        sweep_events(stage.session, campaign.id, at=later(hours=5, minutes=minute))
    assert served(stage.session, campaign) == ([] if paid else [ada])


def test_order_paid_between_plan_and_hand_over_is_not_reminded_of(
    engine: Engine, on_stage: Callable[[Callable[[Stage], Any]], Any]
) -> None:
    def set_up(stage: Stage) -> None:
        trigger = {"event": {"kind": "order_unpaid"}}
        campaign = scheduled(stage, trigger, recipe=Recipe.PAYMENT_REMINDER, policy={"transactional": True})
        paid, unpaid = (order(stage, stage.buyer(name), name, later(hours=1)) for name in ("ada", "bob"))
        sweep_events(stage.session, campaign.id, at=later(hours=5))
        paid.status, paid.counts = OrderStatus.PAID, True
        assert unpaid.status is OrderStatus.PLACED
        stage.session.flush()

    on_stage(set_up)
    channel = MemoryChannel()
    send_waiting(
        engine,
        channel,
        now=later(hours=5, minutes=1),
        identity=SenderIdentity("https://r.example", b"k", "a@b.example"),
    )
    assert [mail.to for mail in channel.taken] == ["bob@example.com"]
    with transaction(engine) as session:
        assert sorted(session.exec(select(Delivery.reason))) == ["", "paid_already"]


def test_second_order_has_a_reminder_of_its_own(stage: Stage) -> None:
    ada = stage.buyer("ada")
    campaign = scheduled(stage, {"event": {"kind": "order_unpaid"}}, recipe=Recipe.PAYMENT_REMINDER)
    order(stage, ada, "1", later(hours=1))
    order(stage, ada, "2", later(hours=2))  # the same reminder serves both
    sweep_events(stage.session, campaign.id, at=later(hours=5))
    stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
    order(stage, ada, "3", later(days=1))
    for hour in (6, 7, 29):
        sweep_events(stage.session, campaign.id, at=later(hours=hour))
    assert served(stage.session, campaign) == [ada, ada]


def test_two_reminders_by_the_same_medium_are_one(stage: Stage) -> None:
    ada = stage.buyer("ada")
    trigger = {"event": {"kind": "order_unpaid"}}
    first, second = (scheduled(stage, trigger, slug, recipe=Recipe.PAYMENT_REMINDER) for slug in ("one", "two"))
    order(stage, ada, "1", later(hours=1))
    for campaign in (first, second):
        sweep_events(stage.session, campaign.id, at=later(hours=5))
    assert (served(stage.session, first), served(stage.session, second)) == ([ada], [])


def test_delivered_parcels_are_asked_about_days_later_at_the_hour(stage: Stage) -> None:
    buyers = [stage.buyer(name, parcel=True) for name in ("ada", "bob")]
    campaign = stage.draft("check", Recipe.CHECK_IN)

    for row, hours in zip(stage.session.exec(select(Parcel).order_by(col(Parcel.id))), (-11, 12), strict=True):
        row.delivered_at = later(hours=hours)  # 1:00 that day, 0:00 of the next
    stage.session.flush()

    def asked(day: int) -> list[int]:
        ten = later(days=day, hours=-2)
        found = entrants(stage.session, stage.shop, campaign, since=ten - timedelta(seconds=1), until=ten)
        return list(found)

    assert [asked(day) for day in (2, 3, 4, 5)] == [[], [buyers[0]], [buyers[1]], []]


def test_segment_is_entered_by_those_who_come_in_not_by_those_found_there(stage: Stage) -> None:
    rule = {"buyer": {"field": "city", "is": ["Suzhou"]}}
    save_segment(stage.session, stage.shop.id, "suzhou", rule=parse(rule), actor="user:1", at=NOON)
    ada, bob = stage.buyer("ada"), stage.buyer("bob")
    stage.session.get_one(Buyer, ada).city = "Suzhou"
    stage.session.flush()
    campaign = scheduled(stage, {"event": {"kind": "segment_entered", "segment": "suzhou", "hours": 2}})
    refresh_segment(stage.session, stage.shop, "suzhou", now=later(minutes=1))
    stage.session.get_one(Buyer, bob).city = "Suzhou"
    stage.session.flush()

    raise_version(stage.session, stage.shop.id, Family.BUYERS)
    refresh_segment(stage.session, stage.shop, "suzhou", now=later(minutes=11))
    assert sweep_events(stage.session, campaign.id, at=later(hours=2)) is None
    sweep_events(stage.session, campaign.id, at=later(hours=2, minutes=11))
    assert served(stage.session, campaign) == [bob]


def test_group_is_joined_by_who_is_still_in_it(stage: Stage) -> None:
    groups = [Group(shop_id=stage.shop.id, slug=slug, name=slug, created_at=NOON) for slug in ("tea", "cups")]
    stage.session.add_all(groups)
    stage.session.flush()
    campaign = scheduled(stage, {"event": {"kind": "group_joined", "group": "tea"}})
    ada, bob, cyd = (stage.buyer(name) for name in ("ada", "bob", "cyd"))
    for buyer_id, group, left in ((ada, groups[0], None), (bob, groups[0], later(minutes=2)), (cyd, groups[1], None)):
        joined = {"joined_at": later(minutes=1), "left_at": left}
        stage.session.add(GroupMember(shop_id=stage.shop.id, group_id=group.id, buyer_id=buyer_id, **joined))
    stage.session.flush()
    sweep_events(stage.session, campaign.id, at=later(minutes=3))
    assert served(stage.session, campaign) == [ada]


@pytest.mark.parametrize(
    ("birthday", "days", "day"),
    [
        (date(1990, 3, 20), 3, date(2026, 3, 17)),
        (date(1990, 1, 1), 3, date(2026, 12, 29)),
        (date(1992, 2, 29), 0, date(2027, 2, 28)),  # kept on the 28th in a common year
        (date(1992, 2, 29), 0, date(2028, 2, 29)),
        (date(1991, 2, 28), 0, date(2028, 2, 28)),
        (date(1990, 3, 1), 1, date(2027, 2, 28)),
    ],
)
def test_birthday_is_near_on_one_day_of_the_year_at_the_hour(
    stage: Stage, birthday: date, days: int, day: date
) -> None:
    ada, bob = stage.buyer("ada"), stage.buyer("bob")
    stage.session.get_one(Buyer, ada).birthday = birthday
    stage.session.flush()
    campaign = stage.push(trigger={"event": {"kind": "birthday", "days": days, "at": "10:00"}})

    def near(on: date) -> list[int]:
        ten = datetime(on.year, on.month, on.day, 2, tzinfo=UTC)
        return list(entrants(stage.session, stage.shop, campaign, since=ten - timedelta(hours=24), until=ten))

    around = [day + timedelta(days=number) for number in (-2, -1, 0, 1, 2)]
    assert [near(each) for each in around] == [[], [], [ada], [], []]
    assert bob not in near(day)


def test_good_wishes_do_not_come_after_the_day_however_long_nobody_looked(stage: Stage) -> None:
    ada = stage.buyer("ada")
    stage.session.get_one(Buyer, ada).birthday = date(1990, 3, 12)
    stage.session.flush()
    campaign = scheduled(stage, {"event": {"kind": "birthday", "days": 1, "at": "10:00"}})
    assert sweep_events(stage.session, campaign.id, at=later(days=30)) is None


def test_arrival_serves_the_audience_once_and_then_it_is_over(stage: Stage) -> None:
    product = stage.product(arrival_at=later(days=2))
    ada = stage.buyer("ada")
    campaign = scheduled(
        stage, {"event": {"kind": "arrival", "hours": 1}}, recipe=Recipe.ARRIVAL_ALERT, product_id=product.id
    )
    assert sweep_events(stage.session, campaign.id, at=later(days=2)) is None
    product.arrival_at = later(days=3)  # put off
    stage.session.flush()
    assert sweep_events(stage.session, campaign.id, at=later(days=2, hours=2)) is None
    assert sweep_events(stage.session, campaign.id, at=later(days=3, hours=1)) is not None
    assert (served(stage.session, campaign), campaign.awaits_more) == ([ada], False)


def test_triggers_say_what_they_are_in_both_languages() -> None:
    trigger = read_trigger(DAILY_AT_TEN)
    with speaking("en"):
        assert trigger_name(trigger) == "Recurring, at 10:00"
        assert trigger_name(read_trigger({})) == "Once"
        assert trigger_name(read_trigger(FOLLOWED)) == "When a buyer follows the shop"
    again = {kind: serves_once(read_trigger({"event": {"kind": kind}})) for kind in ("followed", "birthday")}
    assert again == {"followed": True, "birthday": False}
