"""What makes runs: recurrences on the wall clock, events and whom they happened to; what is missed, sweeps that die."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns import tasks
from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Recipe, Run
from campaigns.moving import finish_done, pause, resume, schedule
from campaigns.sending.channels.memory import MemoryChannel
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import Sender
from campaigns.timing.events import entrants
from campaigns.timing.occurrences import campaigns_by_events, campaigns_by_the_clock, launch_occurrence, sweep_events
from campaigns.timing.triggers import next_moment, read_trigger, serves_once, trigger_name
from retention import clock
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.database import transaction
from retention.orders import Order, OrderStatus
from retention.parcels import Parcel
from retention.relations import Follow, Group, GroupMember
from retention.versions import Family, raise_version
from retention.words import speaking
from segments.segments import save_segment
from segments.snapshots import refresh_segment
from tests.campaigns.conftest import NOON, Stage, later

DAILY_AT_TEN = {"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}}
FOLLOWED = {"event": {"kind": "followed"}}


def scheduled(stage: Stage, trigger: dict[str, Any], slug: str = "spring", **values: Any) -> Campaign:
    recipe = values.pop("recipe", Recipe.COUPON_PUSH)
    campaign = stage.draft(slug, recipe, trigger=trigger, **values)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    return campaign


def follow(stage: Stage, name: str, at: datetime) -> int:
    buyer_id = stage.buyer(name)
    stage.session.add(Follow(shop_id=stage.shop.id, buyer_id=buyer_id, followed_at=at))
    stage.session.flush()
    return buyer_id


def order(stage: Stage, buyer_id: int, number: str, at: datetime, status: OrderStatus = OrderStatus.PLACED) -> Order:
    row = Order(
        shop_id=stage.shop.id,
        source="test",
        external_id=number,
        buyer_id=buyer_id,
        status=status,
        placed_at=at,
        ordered_at=at,
        order_day=stage.shop.day(at),
        amount=9900,
        counts=status is OrderStatus.PAID,
    )
    stage.session.add(row)
    stage.session.flush()
    return row


def served(session: Session, campaign: Campaign) -> list[int]:
    rows = select(Delivery.buyer_id).where(Delivery.campaign_id == campaign.id).order_by(col(Delivery.id))
    return list(session.exec(rows))


def missed(session: Session) -> list[dict[str, Any] | None]:
    return list(session.exec(select(AuditEntry.after).where(AuditEntry.action == "campaign.missed")))


# The calendar


@pytest.mark.parametrize(
    ("zone", "after", "moments"),
    [
        ("Europe/Berlin", "2026-03-28T00:00", ["03-28T09:00", "03-29T08:00", "03-30T08:00"]),
        ("Europe/Berlin", "2026-10-24T00:00", ["10-24T08:00", "10-25T09:00", "10-26T09:00"]),
        ("America/New_York", "2026-03-07T00:00", ["03-07T15:00", "03-08T14:00", "03-09T14:00"]),
        ("America/Santiago", "2026-09-05T00:00", ["09-05T14:00", "09-06T13:00", "09-07T13:00"]),
        ("Australia/Sydney", "2026-10-03T00:00", ["10-03T00:00", "10-03T23:00", "10-04T23:00"]),
        ("Asia/Shanghai", "2026-03-28T12:00", ["03-29T02:00", "03-30T02:00", "03-31T02:00"]),
    ],
)
def test_recurrence_keeps_the_wall_clock_over_a_change(zone: str, after: str, moments: list[str]) -> None:
    trigger = read_trigger(DAILY_AT_TEN)
    at, found = datetime.fromisoformat(after).replace(tzinfo=UTC) - timedelta(seconds=1), []
    for _ in moments:
        moment = next_moment(trigger, after=at, zone=zone)
        assert moment is not None
        found.append(f"{moment:%m-%dT%H:%M}")
        at = moment
    assert found == moments


def test_nothing_recurs_on_a_day_that_never_was() -> None:
    daily = {"recurring": {"rrule": "FREQ=DAILY", "at": "10:00", "start": "2011-12-01"}}
    at, found = datetime(2011, 12, 29, tzinfo=UTC), []
    for _ in range(3):
        moment = next_moment(read_trigger(daily), after=at, zone="Pacific/Apia")
        assert moment is not None
        found.append(f"{moment.astimezone(clock.zone('Pacific/Apia')):%Y-%m-%d %H:%M}")
        at = moment
    assert found == ["2011-12-29 10:00", "2011-12-31 10:00", "2012-01-01 10:00"]


def test_recurring_campaign_runs_each_time_and_waits_in_between(stage: Stage) -> None:
    buyer = stage.buyer("ada")
    campaign = scheduled(stage, DAILY_AT_TEN)
    assert campaign.scheduled_at == later(hours=22)
    assert launch_occurrence(stage.session, campaign.id, at=later(hours=21)) is None
    for day in (1, 2):
        stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
        run = launch_occurrence(stage.session, campaign.id, at=later(hours=-2, days=day))
        assert run is not None
        assert run.number == day
        assert campaign.scheduled_at == later(hours=-2, days=day + 1)
        assert launch_occurrence(stage.session, campaign.id, at=later(hours=-2, days=day)) is None
    assert served(stage.session, campaign) == [buyer, buyer]
    stage.session.execute(Delivery.__table__.update().values(state=DeliveryState.SENT))
    assert finish_done(stage.session, at=later(days=2)) == 0
    stage.session.refresh(campaign)
    assert campaign.state is CampaignState.SCHEDULED


def test_of_missed_occurrences_the_latest_runs_and_the_others_are_noted(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = scheduled(stage, DAILY_AT_TEN)
    run = launch_occurrence(stage.session, campaign.id, at=later(days=3))
    assert run is not None
    assert run.number == 1
    assert missed(stage.session) == [{"moments": ["2026-03-11T02:00:00+00:00", "2026-03-12T02:00:00+00:00"]}]
    assert campaign.scheduled_at == later(days=4, hours=-2)


def test_occurrence_later_than_the_policy_allows_does_not_run(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = scheduled(stage, DAILY_AT_TEN, policy={"late_after": 1})
    once = scheduled(stage, {}, "once", scheduled_at=later(hours=22), policy={"late_after": 1})
    for each in (campaign, once):
        assert launch_occurrence(stage.session, each.id, at=later(days=1)) is None
    assert missed(stage.session) == [{"moments": ["2026-03-11T02:00:00+00:00"]}] * 2
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.SCHEDULED, later(days=2, hours=-2))
    assert (once.state, once.scheduled_at) == (CampaignState.DRAFT, None)
    assert stage.session.exec(select(Run)).all() == []


def test_recurrence_that_ends_finishes_its_campaign(stage: Stage) -> None:
    campaign = scheduled(stage, {"recurring": {"rrule": "FREQ=DAILY;UNTIL=20260311", "at": "10:00"}})
    assert launch_occurrence(stage.session, campaign.id, at=later(days=1)) is not None
    assert not campaign.awaits_more
    assert finish_done(stage.session, at=later(days=1)) == 1


@pytest.mark.parametrize(
    ("zone", "next_at"),
    [
        ("Europe/Berlin", "2026-03-12T09:00"),  # 9:00 UTC on the 11th was too soon after the one in Shanghai
        ("Pacific/Auckland", "2026-03-11T21:00"),
        ("America/New_York", "2026-03-12T14:00"),
    ],
)
def test_shop_that_moves_to_another_zone_keeps_its_wall_clock_and_repeats_nothing(
    stage: Stage, zone: str, next_at: str
) -> None:
    campaign = scheduled(stage, DAILY_AT_TEN)
    launch_occurrence(stage.session, campaign.id, at=later(hours=22))
    stage.shop.timezone = zone
    stage.session.flush()
    assert campaign.id in campaigns_by_the_clock(stage.session, at=later(hours=23))
    assert launch_occurrence(stage.session, campaign.id, at=later(hours=23)) is None
    assert campaign.scheduled_at == datetime.fromisoformat(next_at).replace(tzinfo=UTC)


def test_paused_recurrence_does_not_run(stage: Stage) -> None:
    campaign = scheduled(stage, DAILY_AT_TEN)
    pause(stage.session, campaign, at=NOON, actor="user:1")
    assert campaign.id not in campaigns_by_the_clock(stage.session, at=later(days=1))
    assert launch_occurrence(stage.session, campaign.id, at=later(days=1)) is None


# Events


def test_event_run_is_made_for_whom_it_happened_to_since_the_last_look(stage: Stage) -> None:
    follow(stage, "early", later(hours=-1))  # before the campaign began: none of its business
    campaign = scheduled(stage, FOLLOWED)
    ada = follow(stage, "ada", later(minutes=1))
    follow(stage, "tomorrow", later(days=1))
    assert campaigns_by_events(stage.session) == [campaign.id]
    run = sweep_events(stage.session, campaign.id, at=later(minutes=2))
    assert run is not None
    assert (served(stage.session, campaign), campaign.looked_until) == ([ada], later(minutes=2))
    assert campaign.state is CampaignState.RUNNING
    for minute in (2, 3, 4):
        assert sweep_events(stage.session, campaign.id, at=later(minutes=minute)) is None
    bob = follow(stage, "bob", later(minutes=5))
    assert sweep_events(stage.session, campaign.id, at=later(minutes=6)) is not None
    assert served(stage.session, campaign) == [ada, bob]


def test_no_run_is_made_for_those_outside_the_audience(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED, audience={"buyer": {"field": "external_id", "is": ["bob"]}})
    follow(stage, "ada", later(minutes=1))
    assert sweep_events(stage.session, campaign.id, at=later(minutes=2)) is None
    assert stage.session.exec(select(Run)).all() == []


def test_event_that_becomes_known_a_day_late_still_counts_and_only_once(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED)
    sweep_events(stage.session, campaign.id, at=later(days=1))
    ada = follow(stage, "ada", later(minutes=1))  # yesterday, by a file that came today
    assert sweep_events(stage.session, campaign.id, at=later(days=1, minutes=1)) is not None
    for day in (2, 3, 4):
        assert sweep_events(stage.session, campaign.id, at=later(days=day)) is None
    assert served(stage.session, campaign) == [ada]


def test_sweep_that_dies_loses_nobody_and_serves_nobody_twice(
    engine: Engine, on_stage: Callable[[Callable[[Stage], Any]], Any]
) -> None:
    campaign_id = on_stage(lambda stage: scheduled(stage, FOLLOWED).id)
    ada = on_stage(lambda stage: follow(stage, "ada", later(minutes=1)))
    with Session(engine) as session:  # dies after the run is made, before it is committed
        assert sweep_events(session, campaign_id, at=later(minutes=2)) is not None
    with transaction(engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        assert (campaign.looked_until, served(session, campaign)) == (NOON, [])
    for _ in range(2):
        with transaction(engine) as session:
            sweep_events(session, campaign_id, at=later(minutes=3))
    with transaction(engine) as session:
        assert served(session, session.get_one(Campaign, campaign_id)) == [ada]


def test_two_workers_that_look_at_once_make_one_run(
    engine: Engine, on_stage: Callable[[Callable[[Stage], Any]], Any]
) -> None:
    def set_up(stage: Stage) -> list[tuple[int, Callable[..., Run | None]]]:
        event = scheduled(stage, FOLLOWED, "event")
        daily = scheduled(stage, DAILY_AT_TEN, "daily")
        follow(stage, "ada", later(minutes=1))
        return [(event.id, sweep_events), (daily.id, launch_occurrence)]

    def look(job: tuple[int, Callable[..., Run | None]]) -> bool:
        with transaction(engine) as session:
            return job[1](session, job[0], at=later(days=1)) is not None

    jobs = on_stage(set_up)
    with ThreadPoolExecutor(6) as workers:
        made = list(workers.map(look, jobs * 3))
    assert made.count(True) == 2
    with transaction(engine) as session:
        assert sorted(session.exec(select(Run.campaign_id))) == sorted(campaign_id for campaign_id, _ in jobs)


def test_events_of_a_pause_are_taken_in_when_it_ends(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED)
    pause(stage.session, campaign, at=NOON, actor="user:1")
    ada = follow(stage, "ada", later(minutes=1))
    assert sweep_events(stage.session, campaign.id, at=later(days=5)) is None
    resume(stage.session, campaign, at=later(days=5), actor="user:1")
    sweep_events(stage.session, campaign.id, at=later(days=5, minutes=1))
    assert served(stage.session, campaign) == [ada]


def test_events_later_than_the_policy_allows_are_noted_and_not_served(stage: Stage) -> None:
    campaign = scheduled(stage, FOLLOWED, policy={"late_after": 24})
    follow(stage, "ada", later(minutes=1))
    bob = follow(stage, "bob", later(days=4))
    sweep_events(stage.session, campaign.id, at=later(days=4, minutes=1))
    assert served(stage.session, campaign) == [bob]
    assert [entry["buyers"] for entry in missed(stage.session) if entry] == [1]


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
        engine, channel, now=later(hours=5, minutes=1), sender=Sender("https://r.example", b"k", "a@b.example")
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
    save_segment(stage.session, stage.shop.id, "suzhou", rule=rule, actor="user:1", at=NOON)
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


def test_tasks_launch_what_is_due_and_one_that_cannot_go_keeps_none_waiting(
    engine: Engine,
    on_stage: Callable[[Callable[[Stage], Any]], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def set_up(stage: Stage) -> tuple[int, int, int]:
        stage.buyer("ada"), stage.buyer("bob")
        scarce = stage.offer("scarce", most_coupons=1)  # two buyers need two
        bad = scheduled(stage, {}, "bad", scheduled_at=later(hours=1), offer_id=scarce.id)
        good = scheduled(stage, {}, "good", scheduled_at=later(hours=2))
        event = scheduled(stage, FOLLOWED, "event")
        follow(stage, "cyd", later(hours=2))
        return bad.id, good.id, event.id

    ids = on_stage(set_up)
    monkeypatch.setattr(clock, "now", lambda: later(hours=3))
    for _ in range(2):
        tasks.launch_due(engine)
        tasks.sweep_all_events(engine)
    with transaction(engine) as session:
        states = [session.get_one(Campaign, campaign_id).state for campaign_id in ids]
        runs = sorted(session.exec(select(Run.campaign_id)))
    assert states == [CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.RUNNING]
    assert runs == sorted(ids[1:])


def test_triggers_say_what_they_are_in_both_languages() -> None:
    trigger = read_trigger(DAILY_AT_TEN)
    with speaking("en"):
        assert trigger_name(trigger) == "Again and again, at 10:00"
        assert trigger_name(read_trigger({})) == "Once"
        assert trigger_name(read_trigger(FOLLOWED)) == "When somebody follows the shop"
    again = {kind: serves_once(read_trigger({"event": {"kind": kind}})) for kind in ("followed", "birthday")}
    assert again == {"followed": True, "birthday": False}
