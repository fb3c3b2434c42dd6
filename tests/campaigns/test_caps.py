"""Frequency caps at their edges: rolling and calendar, by medium and over all, skipping, delaying and yielding."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery, DeliveryState
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Cap, Period, WhenFull, read_policy
from campaigns.campaign.reasons import Reason
from campaigns.campaign.shop_policy import save_shop_policy, shop_policy
from campaigns.channels.memory import MemoryChannel
from campaigns.plans.caps import OtherDelivery, RankedDelivery, check_cap, resets_at, window
from campaigns.plans.planning import plan
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention import audit
from retention.consent import Channel
from retention.errors import Invalid
from retention.parcels import Parcel
from tests.campaigns.conftest import NOON, Stage, later

OnStage = Callable[[Callable[[Stage], Any]], Any]
IDENTITY = SenderIdentity("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
SHANGHAI = "Asia/Shanghai"
MAIL = RankedDelivery(100, Medium.EMAIL, 50)


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("per", "zone", "at", "start", "end"),
    [
        (Period.DAY, SHANGHAI, "2026-03-10 12:00", "2026-03-10", "2026-03-11"),
        (Period.DAY, "Europe/Berlin", "2026-03-29 00:30", "2026-03-29", "2026-03-30"),  # a day of 23 hours
        (Period.DAY, "Europe/Berlin", "2026-10-25 23:59", "2026-10-25", "2026-10-26"),  # a day of 25 hours
        (Period.WEEK, "Europe/Berlin", "2026-03-29 23:59", "2026-03-23", "2026-03-30"),
        (Period.WEEK, "America/New_York", "2026-11-02 00:00", "2026-11-02", "2026-11-09"),
        (Period.WEEK, "Australia/Sydney", "2026-10-04 12:00", "2026-09-28", "2026-10-05"),
        (Period.MONTH, SHANGHAI, "2026-02-28 23:59", "2026-02-01", "2026-03-01"),
        (Period.MONTH, "America/Santiago", "2026-12-31 23:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_calendar_period_begins_and_ends_at_local_midnight(
    per: Period, zone: str, at: str, start: str, end: str
) -> None:
    cap = Cap(messages=1, per=per)
    assert window(cap, local(at, zone), zone) == (local(start, zone), local(end, zone))
    assert resets_at(cap, local(at, zone), zone) == local(end, zone)


@pytest.mark.parametrize(
    ("cap", "before", "says"),
    [
        (Cap(messages=1, days=7), timedelta(days=7), Reason.CAPPED),
        (Cap(messages=1, days=7), timedelta(days=7, microseconds=1), None),
        (Cap(messages=2, days=7), timedelta(days=1), None),
        (Cap(messages=1, per=Period.DAY), timedelta(hours=12), Reason.CAPPED),  # midnight
        (Cap(messages=1, per=Period.DAY), timedelta(hours=12, microseconds=1), None),
        (Cap(messages=0, days=1), timedelta(days=99), Reason.CAPPED),
        (Cap(messages=1, days=7, when_full=WhenFull.DELAY), timedelta(days=6), NOON + timedelta(days=1, seconds=1)),
        (Cap(messages=1, per=Period.DAY, when_full=WhenFull.DELAY), timedelta(0), NOON + timedelta(hours=12)),
        (Cap(messages=0, days=1, when_full=WhenFull.DELAY), timedelta(days=99), Reason.CAPPED),
    ],
)
def test_cap_is_full_up_to_its_very_edge(cap: Cap, before: timedelta, says: object) -> None:
    other = OtherDelivery(1, Medium.EMAIL, 50, begun=True, moment=NOON - before)
    assert check_cap(cap, MAIL, [other], at=NOON, timezone=SHANGHAI) == says


@pytest.mark.parametrize(
    ("over", "other", "says"),
    [
        ("medium", Medium.EMAIL, Reason.CAPPED),
        ("medium", Medium.PARCEL, None),
        ("all", Medium.PARCEL, Reason.CAPPED),
        ("email", Medium.EMAIL, Reason.CAPPED),
        ("email", Medium.SMS, None),
    ],
)
def test_cap_counts_what_it_is_over(over: str, other: Medium, says: Reason | None) -> None:
    cap = Cap(messages=1, days=7, over=over)
    assert (
        check_cap(cap, MAIL, [OtherDelivery(1, other, 50, begun=True, moment=NOON)], at=NOON, timezone=SHANGHAI) is says
    )


@pytest.mark.parametrize(
    ("other", "when_full", "says"),
    [
        (
            OtherDelivery(1, Medium.EMAIL, 50, begun=False, moment=NOON),
            WhenFull.SKIP,
            Reason.CAPPED,
        ),  # the older goes first
        (OtherDelivery(101, Medium.EMAIL, 50, begun=False, moment=NOON), WhenFull.SKIP, None),
        (OtherDelivery(1, Medium.EMAIL, 50, begun=False, moment=later(seconds=1)), WhenFull.SKIP, None),  # not due yet
        (OtherDelivery(1, Medium.EMAIL, 50, begun=False, moment=NOON), WhenFull.DELAY, later(days=1, seconds=1)),
        (OtherDelivery(1, Medium.EMAIL, 49, begun=False, moment=NOON), WhenFull.YIELD, None),
        (OtherDelivery(101, Medium.EMAIL, 51, begun=False, moment=NOON), WhenFull.YIELD, Reason.YIELDED),
        (OtherDelivery(101, Medium.EMAIL, 51, begun=False, moment=later(hours=23)), WhenFull.YIELD, Reason.YIELDED),
        (OtherDelivery(101, Medium.EMAIL, 51, begun=False, moment=later(days=1)), WhenFull.YIELD, None),
        (OtherDelivery(101, Medium.EMAIL, 49, begun=True, moment=NOON), WhenFull.YIELD, Reason.CAPPED),
    ],
)
def test_of_two_that_wait_one_goes_first(other: OtherDelivery, when_full: WhenFull, says: object) -> None:
    cap = Cap(messages=1, days=1, when_full=when_full)
    assert check_cap(cap, MAIL, [other], at=NOON, timezone=SHANGHAI) == says


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"caps": [{"messages": 1}]}, "either a number of days or a calendar period"),
        ({"caps": [{"messages": 1, "days": 7, "per": "day"}]}, "either a number of days or a calendar period"),
        ({"caps": [{"messages": -1, "days": 7}]}, r"caps\.0\.messages must be at least 0"),
        ({"caps": [{"messages": 1, "days": 0}]}, r"caps\.0\.days must be at least 1"),
        ({"caps": [{"messages": 1, "days": 7, "over": "fax"}]}, r"caps\.0\.over is not valid"),
        ({"caps": [{"messages": 1, "per": "year"}]}, r"caps\.0\.per cannot be 'year'"),
        ({"cap": {"messages": 1, "days": 7}}, "cap is not a known setting"),
        ({"priority": 101}, r"priority must be at most 100"),
        ({"cost_ceiling": -1}, r"cost_ceiling must be at least 0"),
        ({"most_inserts": 0}, r"most_inserts must be at least 1"),
    ],
)
def test_policy_names_the_value_that_is_wrong(values: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_policy(values)


def test_plan_of_a_day_in_which_the_clock_changes_counts_that_day_alone(stage: Stage) -> None:
    stage.shop.timezone = "Europe/Berlin"
    ada = stage.buyer("ada")
    once_a_day = {"caps": [{"messages": 1, "per": "day"}]}
    last_minute = local("2026-03-28 23:59", "Europe/Berlin")
    launch(stage.session, stage.shop, stage.push("first"), at=last_minute, actor="user:1")
    second = stage.push("second", policy=once_a_day)
    assert plan(stage.session, stage.shop, second, at=last_minute).skips["capped"] == BitMap([ada])
    midnight = local("2026-03-29 00:00", "Europe/Berlin")
    assert plan(stage.session, stage.shop, second, at=midnight).final == BitMap([ada])
    launch(stage.session, stage.shop, second, at=midnight, actor="user:1")
    third = stage.push("third", policy=once_a_day)
    end_of_day = midnight + timedelta(hours=23)
    assert plan(stage.session, stage.shop, third, at=end_of_day - timedelta(seconds=1)).skips["capped"] == BitMap([ada])
    assert plan(stage.session, stage.shop, third, at=end_of_day).final == BitMap([ada])


def test_several_caps_hold_together_and_the_shops_beside_the_campaigns(stage: Stage) -> None:
    ada, bo = stage.buyer("ada", parcel=True), stage.buyer("bo")
    launch(stage.session, stage.shop, stage.flyer("paper"), at=NOON, actor="user:1")
    caps = [{"messages": 1, "days": 1}, {"messages": 2, "per": "month", "over": "all"}]
    mail = stage.push("mail", policy={"caps": caps})
    assert plan(stage.session, stage.shop, mail, at=NOON).final == BitMap([ada, bo])
    limits = {"caps": [{"messages": 1, "days": 30, "over": "all"}, {"messages": 0, "days": 1, "over": "sms"}]}
    save_shop_policy(stage.session, stage.shop, values=limits, at=NOON, actor="user:1")
    planned = plan(stage.session, stage.shop, mail, at=NOON)
    assert (planned.skips["capped"], planned.final) == (BitMap([ada]), BitMap([bo]))


def test_transactional_message_is_neither_capped_nor_counted_and_has_no_control_group(stage: Stage) -> None:
    ada = stage.buyer("ada")
    never = {"caps": [{"messages": 0, "days": 1}]}
    save_shop_policy(stage.session, stage.shop, values=never, at=NOON, actor="user:1")
    reminder = stage.push("reminder", policy={"transactional": True, **never})
    planned = plan(stage.session, stage.shop, reminder, at=NOON)
    assert (planned.final, planned.as_json(stage.shop.currency)["transactional"]) == (BitMap([ada]), True)
    launch(stage.session, stage.shop, reminder, at=NOON, actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"caps": []}, at=NOON, actor="user:1")
    news = stage.push("news", policy={"caps": [{"messages": 1, "days": 7, "over": "all"}]})
    assert plan(stage.session, stage.shop, news, at=NOON).final == BitMap([ada])
    assert read_policy({"transactional": True}).control_share == 0
    assert read_policy({"transactional": True, "control_share": 0.1}).control_share == 0.1


def test_delay_keeps_the_buyer_and_puts_the_delivery_off_to_when_there_is_room(stage: Stage) -> None:
    ada, bo = stage.buyer("ada"), stage.buyer("bo")
    only_ada = {"buyer": {"field": "external_id", "is": ["ada"]}}
    launch(stage.session, stage.shop, stage.push("first", audience=only_ada), at=later(days=-2), actor="user:1")
    waits = {"caps": [{"messages": 1, "days": 7, "when_full": "delay"}], "late_after": 1}
    second = stage.push("second", policy=waits)
    planned = plan(stage.session, stage.shop, second, at=NOON)
    assert (planned.final, planned.skips["capped"]) == (BitMap([ada, bo]), BitMap())
    assert planned.as_json(stage.shop.currency)["delayed"] == 1
    run = launch(stage.session, stage.shop, second, at=NOON, actor="user:1")
    rows = stage.session.exec(select(Delivery).where(Delivery.run_id == run.id).order_by(Delivery.buyer_id)).all()
    assert [row.due_at for row in rows] == [later(days=5, seconds=1), NOON]
    assert [row.expires_at for row in rows] == [later(days=5, hours=1, seconds=1), later(hours=1)]


def test_delay_under_a_calendar_cap_waits_for_the_period_after_the_last_that_is_full(stage: Stage) -> None:
    stage.buyer("ada")
    once_a_day = {"caps": [{"messages": 1, "per": "day", "when_full": "delay"}]}
    send_times = []
    for slug in ("first", "second", "third"):
        run = launch(stage.session, stage.shop, stage.push(slug, policy=once_a_day), at=NOON, actor="user:1")
        send_times.append(stage.session.exec(select(Delivery.due_at).where(Delivery.run_id == run.id)).one())
    midnight = local("2026-03-11", SHANGHAI)
    assert send_times == [NOON, midnight, midnight + timedelta(days=1)]


def test_campaign_of_lower_priority_makes_way_when_planned_and_when_it_waits(engine: Engine, on_stage: OnStage) -> None:
    gives_way = [{"messages": 1, "days": 7, "when_full": "yield"}]

    def begin(stage: Stage) -> None:
        ada = stage.buyer("ada")
        low = stage.push("low", policy={"caps": gives_way, "priority": 10})
        launch(stage.session, stage.shop, low, at=NOON, actor="user:1")
        high = stage.push("high", policy={"caps": gives_way, "priority": 90})
        assert plan(stage.session, stage.shop, high, at=NOON).final == BitMap([ada])
        launch(stage.session, stage.shop, high, at=NOON, actor="user:1")
        between = stage.push("between", policy={"caps": gives_way, "priority": 50})
        planned = plan(stage.session, stage.shop, between, at=NOON)
        assert (planned.skips["yielded"], planned.skips["capped"]) == (BitMap([ada]), BitMap())
        equal = stage.push("equal", policy={"caps": gives_way, "priority": 90})
        assert plan(stage.session, stage.shop, equal, at=NOON).skips["capped"] == BitMap([ada])

    on_stage(begin)
    counts = send_waiting(engine, MemoryChannel(), now=later(seconds=1), identity=IDENTITY)
    assert (counts["sent"], counts["skipped"]) == (1, 1)
    rows = on_stage(
        lambda stage: stage.session.exec(select(Delivery.state, Delivery.reason).order_by(Delivery.id)).all()
    )
    assert rows == [(DeliveryState.SKIPPED, "yielded"), (DeliveryState.SENT, "")]


def test_cap_that_filled_up_between_plan_and_hand_over_holds(engine: Engine, on_stage: OnStage) -> None:
    capped = {"caps": [{"messages": 1, "per": "day"}], "send_at": {"time": "13:00", "zone": "shop"}}

    def begin(stage: Stage) -> None:
        stage.buyer("ada")
        launch(stage.session, stage.shop, stage.push("planned", policy=capped), at=NOON, actor="user:1")
        launch(stage.session, stage.shop, stage.push("uncapped"), at=NOON, actor="user:1")

    on_stage(begin)
    channel = MemoryChannel()
    assert send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)["sent"] == 1
    assert send_waiting(engine, channel, now=later(hours=1), identity=IDENTITY)["skipped"] == 1
    assert len(channel.taken) == 1
    rows = on_stage(lambda stage: stage.session.exec(select(Delivery.reason).order_by(Delivery.id)).all())
    assert rows == ["capped", ""]


def test_delayed_delivery_is_put_off_again_while_there_is_no_room(engine: Engine, on_stage: OnStage) -> None:
    once_a_day = {"caps": [{"messages": 1, "per": "day", "when_full": "delay"}]}
    midnight = local("2026-03-11", SHANGHAI)

    def begin(stage: Stage) -> None:
        stage.buyer("ada")
        for slug in ("first", "second"):
            launch(stage.session, stage.shop, stage.push(slug, policy=once_a_day), at=NOON, actor="user:1")

    on_stage(begin)
    channel = MemoryChannel()
    sent = [send_waiting(engine, channel, now=NOON, identity=IDENTITY)["sent"]]
    on_stage(lambda stage: launch(stage.session, stage.shop, stage.push("uncapped"), at=midnight, actor="user:1"))
    sent += [
        send_waiting(engine, channel, now=now, identity=IDENTITY)["sent"]
        for now in (midnight, midnight + timedelta(hours=23, minutes=59), midnight + timedelta(days=1))
    ]
    # The uncapped one leaves at midnight too, but the delayed one is older and does not count what waits behind it.
    assert sent == [1, 2, 0, 0]


def test_parcel_carries_no_more_inserts_than_it_may(stage: Stage) -> None:
    ada, bo = stage.buyer("ada", parcel=True), stage.buyer("bo", parcel=True)
    only_ada = {"buyer": {"field": "external_id", "is": ["ada"]}}
    launch(stage.session, stage.shop, stage.flyer("first", audience=only_ada), at=NOON, actor="user:1")
    second = stage.flyer("second", policy={"most_inserts": 1})
    planned = plan(stage.session, stage.shop, second, at=NOON)
    assert (planned.skips["parcel_full"], planned.final) == (BitMap([ada]), BitMap([bo]))
    save_shop_policy(stage.session, stage.shop, values={"most_inserts": 1}, at=NOON, actor="user:1")
    assert plan(stage.session, stage.shop, stage.flyer("third"), at=NOON).final == BitMap([bo])
    save_shop_policy(stage.session, stage.shop, values={"most_inserts": 2}, at=NOON, actor="user:1")
    assert plan(stage.session, stage.shop, stage.flyer("fourth"), at=NOON).final == BitMap([ada, bo])
    assert stage.session.exec(select(Parcel.id)).all()


def test_shop_policy_changes_by_single_values_and_refuses_wrong_ones_whole(stage: Stage) -> None:
    quiet = {"from": "21:00", "to": "09:00"}
    save_shop_policy(stage.session, stage.shop, values={"quiet": quiet}, at=NOON, actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"approval_required": True}, at=NOON, actor="user:1")
    with pytest.raises(Invalid, match=r"most_inserts must be a whole number"):
        save_shop_policy(stage.session, stage.shop, values={"most_inserts": "many"}, at=NOON, actor="user:1")
    saved = shop_policy(stage.session, stage.shop)
    assert (saved.approval_required, saved.quiet.start if saved.quiet else None) == (True, "21:00")
    actions = stage.session.exec(select(audit.AuditEntry.action)).all()
    assert actions == ["policy.change", "policy.change"]


def test_message_by_another_channel_is_not_counted_by_a_cap_of_the_medium(stage: Stage) -> None:
    ada = stage.buyer("ada", parcel=True)
    stage.answer(ada, "in", Channel.SMS)
    launch(stage.session, stage.shop, stage.flyer("paper"), at=NOON, actor="user:1")
    capped = stage.push("mail", policy={"caps": [{"messages": 1, "days": 7}]})
    assert plan(stage.session, stage.shop, capped, at=NOON).final == BitMap([ada])
