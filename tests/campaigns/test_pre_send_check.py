"""The pre-send check: what has changed between planning and the moment a delivery leaves."""

from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.optouts.bounces import Bounce, BounceKind
from campaigns.runs.launch import launch
from campaigns.sending.pre_send_check import check_before_sending, refused_before_sending
from retention.buyers import Buyer
from retention.consent import Channel, Pause
from retention.parcels import Parcel
from tests.campaigns.conftest import NOON, Stage, later

CHANGES = {
    "nothing": None,
    "no": Reason.NO_CONSENT,
    "no to the topic": Reason.TOPIC_OUT,
    "no to another topic": None,
    "a pause": Reason.PAUSED,
    "a pause that is over": None,
    "no address": Reason.NO_ADDRESS,
    "a hard bounce": Reason.BOUNCED,
    "a soft bounce": None,
    "a bounce of an older address": None,
    "a bounce that was lifted": None,
}


def change(stage: Stage, what: str, buyer_id: int) -> None:
    """Let something happen to a buyer between plan and hand-over."""
    shop_id = stage.shop.id
    report = {"channel": Channel.EMAIL, "report": "0" * 64, "at": NOON}
    match what:
        case "no":
            stage.answer(buyer_id, "out")
        case "no to the topic":
            stage.answer(buyer_id, "out", topic="arrivals")
        case "no to another topic":
            stage.answer(buyer_id, "out", topic="birthdays")
        case "a pause" | "a pause that is over":
            until = NOON if what.endswith("over") else later(seconds=1)
            stage.session.add(Pause(shop_id=shop_id, buyer_id=buyer_id, until=until, source="test", at=NOON))
        case "no address":
            stage.session.get_one(Buyer, buyer_id).email = ""
        case "a hard bounce":
            stage.session.add(Bounce(shop_id=shop_id, kind=BounceKind.HARD, address="ada@example.com", **report))
        case "a soft bounce":
            stage.session.add(Bounce(shop_id=shop_id, kind=BounceKind.SOFT, address="ada@example.com", **report))
        case "a bounce of an older address":
            stage.session.add(Bounce(shop_id=shop_id, kind=BounceKind.HARD, address="old@example.com", **report))
        case "a bounce that was lifted":
            stage.session.add(Bounce(shop_id=shop_id, kind=BounceKind.LIFTED, address="ada@example.com", **report))
    stage.session.flush()


@pytest.mark.parametrize(("what", "reason"), CHANGES.items())
def test_delivery_stays_here_for_what_came_in_since_the_plan(stage: Stage, what: str, reason: Reason | None) -> None:
    ada = stage.buyer("ada", email="Ada@Example.com")
    launch(stage.session, stage.shop, stage.push(topic=stage.topic()), at=NOON, actor="user:1")
    delivery_id = stage.session.exec(select(Delivery.id)).one()
    change(stage, what, ada)
    found = refused_before_sending(stage.session, stage.shop.id, [delivery_id], at=NOON)
    assert found == ({delivery_id: reason} if reason else {})


def test_phone_that_takes_nothing_is_known_however_it_is_written(stage: Stage) -> None:
    ada = stage.buyer("ada")
    stage.session.get_one(Buyer, ada).phone = "+86 138-1234-5678"
    stage.answer(ada, "in", Channel.SMS)
    launch(stage.session, stage.shop, stage.push(medium=Medium.SMS), at=NOON, actor="user:1")
    report = {"channel": Channel.SMS, "kind": BounceKind.HARD, "report": "0" * 64, "at": NOON}
    stage.session.add(Bounce(shop_id=stage.shop.id, address="13812345678", **report))
    stage.session.flush()
    ids = stage.session.exec(select(Delivery.id)).all()
    assert list(refused_before_sending(stage.session, stage.shop.id, ids, at=NOON).values()) == [Reason.BOUNCED]


def test_quiet_hours_of_the_shop_put_off_each_buyer_by_their_own_clock(stage: Stage) -> None:
    for name, zone in (("ada", "Europe/Berlin"), ("bo", ""), ("cy", "Nowhere/Town")):
        stage.session.get_one(Buyer, stage.buyer(name)).timezone = zone
    launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"quiet": {"from": "21:00", "to": "09:00"}}, at=NOON, actor="u")
    ids = list(stage.session.exec(select(Delivery.id).order_by(Delivery.buyer_id)))
    assert check_before_sending(stage.session, stage.shop.id, ids, at=NOON).later == {
        ids[0]: later(hours=4)
    }  # 5:00 in Berlin
    night = later(hours=9)  # 21:00 in Shanghai, 14:00 in Berlin
    assert check_before_sending(stage.session, stage.shop.id, ids, at=night).later == dict.fromkeys(
        ids[1:], later(hours=21)
    )


def test_insert_in_a_parcel_is_not_put_off_by_the_night(stage: Stage) -> None:
    stage.buyer("ada", parcel=True)
    launch(stage.session, stage.shop, stage.flyer(), at=NOON, actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"quiet": {"from": "11:00", "to": "13:00"}}, at=NOON, actor="u")
    ids = stage.session.exec(select(Delivery.id)).all()
    look = check_before_sending(stage.session, stage.shop.id, ids, at=NOON)
    assert (look.skipped, look.later) == ({}, {})
    assert stage.session.exec(select(Parcel.id)).all()


def test_delivery_of_another_shop_is_not_looked_at(stage: Stage) -> None:
    stage.answer(stage.buyer("ada"), "in")
    launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
    ids = stage.session.exec(select(Delivery.id)).all()
    assert refused_before_sending(stage.session, stage.shop.id, [ids[0] + 1000], at=NOON + timedelta(days=1)) == {}
    assert refused_before_sending(stage.session, stage.shop.id, [], at=NOON) == {}
