"""Quiet hours and hours of sending: pure rules over the clock, what a plan makes of them, and the pre-send check."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.campaign.policy import Quiet, SendAt, Whose, read_policy
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries.campaign_moves import pause, resume
from campaigns.plans.hours import next_send, out_of_quiet, quiet_until
from campaigns.plans.planning import plan
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.buyers import Buyer
from retention.errors import Invalid
from tests.campaigns.conftest import NOON, Stage, later

OnStage = Callable[[Callable[[Stage], Any]], Any]
IDENTITY = SenderIdentity("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
NIGHT = {"from": "21:00", "to": "09:00"}


def local(zone: str, text: str) -> datetime:
    """Return the moment clocks in a zone show a text; the first of two."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        ("Asia/Shanghai", "2026-03-10 20:59:59", None),
        ("Asia/Shanghai", "2026-03-10 21:00:00", "2026-03-11 09:00:00"),
        ("Asia/Shanghai", "2026-03-11 00:00:00", "2026-03-11 09:00:00"),
        ("Asia/Shanghai", "2026-03-11 08:59:59", "2026-03-11 09:00:00"),
        ("Asia/Shanghai", "2026-03-11 09:00:00", None),
        ("Europe/Berlin", "2026-03-28 23:00:00", "2026-03-29 09:00:00"),  # the clock goes forward in this night
        ("America/New_York", "2026-11-01 01:30:00", "2026-11-01 09:00:00"),  # and back in this one
        ("Australia/Sydney", "2026-10-04 03:30:00", "2026-10-04 09:00:00"),
        ("America/Santiago", "2026-09-06 01:00:00", "2026-09-06 09:00:00"),  # no midnight on that day
    ],
)
def test_quiet_hours_over_midnight_end_when_the_clock_on_the_wall_says_so(
    zone: str, at: str, until: str | None
) -> None:
    found = quiet_until(Quiet(start="21:00", end="09:00"), local(zone, at), zone)
    assert found == (local(zone, until) if until else None)


def test_quiet_hours_within_a_day_hold_on_that_day_alone() -> None:
    lunch = Quiet(start="12:00", end="14:00")
    assert quiet_until(lunch, NOON, "Asia/Shanghai") == later(hours=2)
    assert quiet_until(lunch, later(hours=2), "Asia/Shanghai") is None
    assert quiet_until(lunch, later(seconds=-1), "Asia/Shanghai") is None


def test_quiet_hours_that_end_in_the_gap_of_a_clock_change_end_at_its_first_moment() -> None:
    found = quiet_until(Quiet(start="22:00", end="02:30"), local("Europe/Berlin", "2026-03-29 01:00"), "Europe/Berlin")
    assert found == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_two_quiet_hours_that_follow_each_other_are_waited_out_together() -> None:
    quiets = [Quiet(start="21:00", end="06:00", zone=Whose.SHOP), Quiet(start="05:00", end="10:00")]
    found = out_of_quiet(
        quiets, local("Asia/Shanghai", "2026-03-10 23:00"), buyer_zone="Asia/Shanghai", shop_zone="Asia/Shanghai"
    )
    assert found == local("Asia/Shanghai", "2026-03-11 10:00")


def test_quiet_hours_of_the_whole_day_hold_nothing_up_for_ever() -> None:
    quiets = [Quiet(start="06:00", end="18:00"), Quiet(start="18:00", end="06:00")]
    zones = {"buyer_zone": "Asia/Shanghai", "shop_zone": "Asia/Shanghai"}
    assert out_of_quiet(quiets, NOON, **zones) == NOON


@pytest.mark.parametrize(
    ("zone", "leaves"),
    [
        ("Asia/Shanghai", "2026-03-11 10:00"),
        ("Asia/Tokyo", "2026-03-11 10:00"),
        ("Europe/Berlin", "2026-03-10 10:00"),
        ("America/New_York", "2026-03-10 10:00"),
        ("Pacific/Auckland", "2026-03-11 10:00"),
    ],
)
def test_message_at_ten_leaves_when_it_next_is_ten_where_the_buyer_is(zone: str, leaves: str) -> None:
    found = next_send(SendAt(time="10:00"), NOON, buyer_zone=zone, shop_zone="Asia/Shanghai")
    assert found == local(zone, leaves)


@pytest.mark.parametrize("wrong", ["24:00", "9:00", "0900", "ab:cd", "09:60"])
def test_time_of_day_that_is_none_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(Invalid, match=r"quiet\.from must be a time of day"):
        read_policy({"quiet": {"from": wrong, "to": "10:00"}})


def test_plan_has_one_due_moment_for_each_zone_and_launch_writes_it(stage: Stage) -> None:
    zones = {"ada": "Europe/Berlin", "bo": "Asia/Tokyo", "cy": "", "di": "Mars/Olympus"}
    for name, zone in zones.items():
        stage.session.get_one(Buyer, stage.buyer(name)).timezone = zone
    campaign = stage.push(policy={"send_at": {"time": "10:00"}, "late_after": 2})
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    at_ten = {
        "ada": local("Europe/Berlin", "2026-03-10 10:00"),
        "bo": local("Asia/Tokyo", "2026-03-11 10:00"),
        "cy": local("Asia/Shanghai", "2026-03-11 10:00"),
        "di": local("Asia/Shanghai", "2026-03-11 10:00"),
    }
    assert planned.send_times.at == at_ten["cy"]
    assert planned.send_times.last == at_ten["cy"]
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
    made = stage.session.exec(
        select(Buyer.external_id, Delivery.due_at, Delivery.expires_at).join_from(Delivery, Buyer)
    )
    assert {name: (due, expires) for name, due, expires in made} == {
        name: (moment, moment.replace(hour=moment.hour + 2)) for name, moment in at_ten.items()
    }


def test_parcel_knows_no_quiet_hours(stage: Stage) -> None:
    stage.buyer("ada", parcel=True)
    campaign = stage.flyer(policy={"quiet": {"from": "00:00", "to": "23:59"}, "send_at": {"time": "10:00"}})
    assert plan(stage.session, stage.shop, campaign, at=NOON).send_times.last == NOON


def test_transactional_message_keeps_its_own_quiet_hours_and_not_the_shops(stage: Stage) -> None:
    stage.buyer("ada")
    save_shop_policy(stage.session, stage.shop, values={"quiet": {"from": "11:00", "to": "14:00"}}, at=NOON, actor="u")
    assert plan(stage.session, stage.shop, stage.push("news"), at=NOON).send_times.at == later(hours=2)
    about_an_order = stage.push("order", policy={"transactional": True})
    assert plan(stage.session, stage.shop, about_an_order, at=NOON).send_times.at == NOON
    with_its_own = stage.push("own", policy={"transactional": True, "quiet": {"from": "11:00", "to": "13:00"}})
    assert plan(stage.session, stage.shop, with_its_own, at=NOON).send_times.at == later(hours=1)


def test_message_that_would_leave_in_quiet_hours_waits_until_they_end(engine: Engine, on_stage: OnStage) -> None:
    def begin(stage: Stage) -> int:
        stage.session.get_one(Buyer, stage.buyer("ada")).timezone = "Asia/Tokyo"
        stage.buyer("bo")
        campaign = stage.push(policy={"quiet": NIGHT})
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
        pause(stage.session, campaign, at=NOON, actor="user:1")
        resume(stage.session, campaign, at=later(hours=8, minutes=30), actor="user:1")  # 20:30, in Tokyo 21:30
        return campaign.id

    campaign_id = on_stage(begin)
    channel = MemoryChannel()
    counts = send_waiting(engine, channel, now=later(hours=8, minutes=30), identity=IDENTITY)
    assert (counts["sent"], counts["later"]) == (1, 1)
    assert [message.to for message in channel.taken] == ["bo@example.com"]

    def rows(stage: Stage) -> list[tuple[DeliveryState, datetime, int]]:
        assert stage.session.get_one(Campaign, campaign_id)
        waits = stage.session.exec(select(Delivery).where(Delivery.state == DeliveryState.WAITING))
        return [(row.state, row.due_at, row.attempts) for row in waits]

    nine_in_tokyo = local("Asia/Tokyo", "2026-03-11 09:00")
    assert on_stage(rows) == [(DeliveryState.WAITING, nine_in_tokyo, 0)]
    assert send_waiting(engine, channel, now=nine_in_tokyo, identity=IDENTITY)["sent"] == 1


def test_message_that_is_late_is_skipped_with_its_reason(engine: Engine, on_stage: OnStage) -> None:
    def begin(stage: Stage) -> None:
        for name in ("ada", "bo"):
            stage.buyer(name)
        launch(stage.session, stage.shop, stage.push(policy={"late_after": 3}), at=NOON, actor="user:1")

    on_stage(begin)
    channel = MemoryChannel()
    assert send_waiting(engine, channel, now=later(hours=3), limit=1, identity=IDENTITY)["sent"] == 1
    assert send_waiting(engine, channel, now=later(hours=3, seconds=1), identity=IDENTITY)["skipped"] == 1
    reasons = on_stage(lambda stage: stage.session.exec(select(Delivery.state, Delivery.reason)).all())
    assert sorted(reasons) == [("sent", ""), ("skipped", "late")]
