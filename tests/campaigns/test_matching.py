"""Orders are matched with coupons only in shops where something moved, and nothing that moves is missed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.match_marks import begin_matching
from campaigns.offers.matching import OLDEST, match_shop, shops_to_match
from campaigns.offers.redeem import hold
from campaigns.runs.launch import launch
from retention.database import reading
from retention.orders import Order
from retention.versions import Family, raise_version
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.triggers import order
from tests.factories import make_shop

OnStage = Callable[[Callable[[Stage], Any]], Any]


def _due(engine: Engine, at: datetime) -> list[int]:
    with reading(engine) as session:
        return shops_to_match(session, at=at)


def _carry(session: Session, number: str, code: str, at: datetime) -> None:
    row = session.exec(select(Order).where(Order.external_id == number)).one()
    row.coupon_code, row.counts, row.ordered_at = code, True, at
    session.add(row)
    session.flush()
    raise_version(session, row.shop_id, Family.ORDERS)


def test_a_shop_is_looked_at_once_for_each_thing_that_moves(engine: Engine, on_stage: OnStage) -> None:
    def set_up(stage: Stage) -> tuple[int, int, str]:
        ada = stage.buyer("ada")
        make_shop(stage.session, "empty", timezone="UTC", at=NOON)
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="u")
        return stage.shop.id, ada, stage.session.exec(select(Coupon.code)).one()

    shop_id, ada, code = on_stage(set_up)
    assert _due(engine, NOON) == []  # a shop without orders costs nothing
    on_stage(lambda stage: order(stage, ada, "A-1", NOON))
    assert _due(engine, NOON) == [shop_id]
    assert match_shop(engine, shop_id, at=NOON) == 0
    assert _due(engine, later(minutes=1)) == []

    on_stage(lambda stage: hold(stage.session, stage.shop, code, order_reference="B-1", at=later(minutes=1)))
    assert _due(engine, later(minutes=1)) == [shop_id]
    on_stage(lambda stage: _carry(stage.session, "A-1", code, later(minutes=2)))
    assert match_shop(engine, shop_id, at=later(minutes=3)) == 0  # another checkout holds it
    assert _due(engine, later(minutes=4)) == []
    assert _due(engine, later(minutes=16)) == [shop_id]  # the hold has lapsed
    assert match_shop(engine, shop_id, at=later(minutes=16)) == 1
    assert _due(engine, later(minutes=17)) == []
    assert on_stage(lambda stage: stage.session.exec(select(Coupon.state)).one()) is CouponState.REDEEMED


def test_a_look_that_was_broken_off_an_old_one_and_one_of_a_wrong_clock_are_made_again(
    engine: Engine, on_stage: OnStage
) -> None:
    def set_up(stage: Stage) -> int:
        raise_version(stage.session, stage.shop.id, Family.ORDERS)
        return stage.shop.id

    shop_id = on_stage(set_up)
    on_stage(lambda stage: begin_matching(stage.session, shop_id, seen=1, at=NOON))
    assert (_due(engine, NOON), _due(engine, later(minutes=1))) == ([], [shop_id])
    match_shop(engine, shop_id, at=NOON)
    assert (_due(engine, later(hours=23)), _due(engine, NOON + OLDEST)) == ([], [shop_id])
    assert _due(engine, later(days=-3)) == [shop_id]  # NOON was three days ahead
