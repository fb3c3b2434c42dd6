"""Which orders a coupon's code is found in, however it was typed, and what follows when an order carries another."""

from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign
from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.results.results import campaign_results
from campaigns.runs.launch import launch
from retention.orders import Order
from retention.tokens import read_code
from retention.touches import Touch, TouchEvent
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.random_weeks import paid_order

CODE = "7K0M1PV0"  # not one of ours: signs that people mistake, without a check sign
TYPED = [
    "7K0M1PV0", "7k0m-1pv0", " 7K0M 1PV0 ", "7KOMIPUO", "7koMLpvo", "7K0M–1PV0", "7K0M·1PV0", "７Ｋ０Ｍ－１ＰＶ０",
    "７ｋｏｍ　１ｐｕ０",
    "WELCOME10, 7K0M-1PV0", "7K0M-1PV0;SPRING", "A|7K0M1PV0|B", "春节，7K0M1PV0", 'say "x", 7K0M1PV0', "7K0M1PV0\nA",
]  # fmt: skip
OTHERS = ["7K0M1PV", "7K0M1PV00", "X7K0M1PV0", "7K0M,1PV0", '"7K0M1PV0"', "\\", "%", "[]"]


def order(stage: Stage, number: str, code: str, **values: object) -> Order:
    made = paid_order(stage.shop, number, 1, at=later(days=2), amount=20_000, code=code)
    for name, value in values.items():
        setattr(made, name, value)
    stage.session.add(made)
    stage.session.flush()
    return made


def coupon_of(stage: Stage, code: str = "") -> Coupon:
    stage.buyer("anna")
    launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")
    coupon = stage.session.exec(select(Coupon)).one()
    coupon.code = code or coupon.code
    stage.session.add(coupon)
    stage.session.flush()
    return coupon


def test_order_is_found_by_its_code_as_a_person_types_it_and_by_no_part_of_one(stage: Stage) -> None:
    coupon = coupon_of(stage, CODE)
    orders = {text: order(stage, f"A{number}", text) for number, text in enumerate([*TYPED, *OTHERS])}
    used = set()
    while match_orders(stage.session, stage.shop, at=later(days=3)):
        found = stage.session.get_one(Order, coupon.order_id)
        used.add(found.coupon_code)
        found.counts, found.status = False, "cancelled"
        stage.session.add(found)
        stage.session.flush()
    assert used == set(TYPED), orders.keys() - used


def test_checkout_reads_a_code_as_orders_do(stage: Stage) -> None:
    code = coupon_of(stage).code
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in code)
    for typed in (code.lower(), wide, wide.lower(), f"{code[:4]} – {code[4:]}", f" {code[:4]}\t{code[4:]}\n"):
        assert read_code(typed) == code


@pytest.mark.parametrize("moved", [timedelta(0), timedelta(hours=5)])
def test_order_that_carries_another_code_by_now_lets_go_of_the_first(stage: Stage, moved: timedelta) -> None:
    """Whatever was imported in between, what is stored follows from the orders as they are."""
    coupon = coupon_of(stage)
    corrected = order(stage, "A1", coupon.code)
    assert match_orders(stage.session, stage.shop, at=later(days=3)) == 1
    corrected.coupon_code, corrected.ordered_at = "SUMMER", corrected.ordered_at + moved
    stage.session.add(corrected)
    stage.session.flush()
    assert match_orders(stage.session, stage.shop, at=later(days=3)) == 0
    stage.session.refresh(coupon)
    assert (coupon.state, coupon.order_id) == (CouponState.CLAIMED, None)
    assert stage.session.exec(select(Touch).where(Touch.event == TouchEvent.REDEEMED)).all() == []
    campaign = stage.session.exec(select(Campaign)).one()
    found = campaign_results(stage.session, stage.shop, campaign, at=later(days=3))
    assert (found.redeemed, found.code_matched) == (0, (0, 0))
