"""What a checkout may count on: a hold holds, a redemption stays as it was, giving back returns what was there."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import claim_coupon, give_back, hold, redeem
from campaigns.runs.launch import launch
from retention.database import transaction
from retention.errors import Conflict
from retention.orders import Order, OrderStatus
from retention.shops import find_shop
from tests.campaigns.conftest import NOON, Stage, later


def _coupon(stage: Stage, slug: str = "twenty-off", **terms: Any) -> Coupon:
    """Give ada a coupon of a new offer."""
    if not stage.session.exec(select(Link)).first():
        stage.buyer("ada")
    offer = stage.offer(slug, **terms)
    launch(stage.session, stage.shop, stage.push(f"push-{slug}", offer_id=offer.id), at=NOON, actor="user:1")
    return stage.session.exec(select(Coupon).where(Coupon.offer_id == offer.id)).one()


def _link(stage: Stage) -> Link:
    return stage.session.exec(select(Link)).one()


def _pushed(stage: Stage, number: str, code: str, *, at: datetime = NOON, source: str = "api") -> Order:
    """Put a paid order into the shop's books, as an import does."""
    order = Order(
        shop_id=stage.shop.id, source=source, external_id=number, status=OrderStatus.PAID, paid_at=at, ordered_at=at,
        order_day=stage.shop.day(at), amount=10_000, counts=True, coupon_code=code,
    )  # fmt: skip
    stage.session.add(order)
    stage.session.flush()
    return order


def _refused(act: Callable[..., Any], *args: Any, **named: Any) -> str:
    with pytest.raises(Conflict) as caught:
        act(*args, **named)
    return caught.value.type


Step = Callable[[Stage, str], Any]


def _claim(day: int) -> Step:
    return lambda stage, _: claim_coupon(stage.session, _link(stage), at=later(days=day))


def _hold(day: int) -> Step:
    return lambda stage, code: hold(stage.session, stage.shop, code, order_reference="A1", at=later(days=day))


def _redeem(day: int) -> Step:
    return lambda stage, code: redeem(
        stage.session, stage.shop, code, order_reference="A1", amount=10_000, at=later(days=day)
    )


def _back() -> Step:
    return lambda stage, code: give_back(stage.session, stage.shop, order_reference="A1", code=code)


def _import(day: int) -> Step:
    def bring(stage: Stage, code: str) -> None:
        order = _pushed(stage, "A1", code, at=later(days=day))
        match_orders(stage.session, stage.shop, at=later(days=day))
        order.status, order.counts = OrderStatus.CANCELLED, False
        match_orders(stage.session, stage.shop, at=later(days=day))

    return bring


@pytest.mark.parametrize(
    ("steps", "state", "ends"),
    [
        ([_claim(1), _hold(2)], "held", 6),
        ([_claim(1), _hold(2), _back()], "claimed", 6),
        ([_claim(1), _hold(2), _redeem(2), _back()], "claimed", 6),
        ([_claim(1), _import(2)], "claimed", 6),
        ([_hold(1)], "held", None),
        ([_hold(1), _back()], "issued", None),
        ([_hold(1), _claim(2)], "held", 7),
        ([_hold(1), _back(), _claim(2)], "claimed", 7),
        ([_redeem(2), _back()], "claimed", 7),
        ([_redeem(2), _back(), _claim(4)], "claimed", 7),
        ([_import(2)], "claimed", 7),
    ],
)
def test_the_clock_starts_once_and_survives_hold_and_give_back(
    stage: Stage, steps: list[Step], state: str, ends: int | None
) -> None:
    coupon = _coupon(stage, days_from_claim=5)
    for step in steps:
        step(stage, coupon.code)
    stage.session.refresh(coupon)
    assert (coupon.state.value, coupon.expires_at) == (state, later(days=ends, hours=12) if ends else None)


def test_a_redemption_keeps_its_amount_and_its_discount(stage: Stage) -> None:
    coupon = _coupon(stage)
    session, shop, code = stage.session, stage.shop, coupon.code
    redeem(session, shop, code, order_reference="A1", amount=12_000, at=NOON)
    offer = session.get_one(Offer, coupon.offer_id)
    offer.value, offer.minimum = 500, 50_000  # the terms of later coupons are nothing to this order
    session.flush()
    again = redeem(session, shop, code, order_reference="A1", amount=12_000, at=later(days=9))
    assert (again.again, again.discount) == (True, 2000)
    assert _refused(redeem, session, shop, code, order_reference="A1", amount=12_001, at=NOON) == "amount-differs"
    assert (coupon.order_amount, coupon.discount, coupon.redeemed_at) == (12_000, 2000, NOON)


def test_an_amount_that_only_the_order_file_knew_is_kept_when_it_is_first_said(stage: Stage) -> None:
    coupon = _coupon(stage)
    _pushed(stage, "A1", coupon.code)
    match_orders(stage.session, stage.shop, at=NOON)
    said = [
        redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=12_000, at=NOON) for _ in range(2)
    ]
    assert [(each.again, each.discount) for each in said] == [(True, 2000)] * 2
    refused = _refused(redeem, stage.session, stage.shop, coupon.code, order_reference="A1", amount=13_000, at=NOON)
    assert refused == "amount-differs"


def test_giving_back_one_code_leaves_the_others_of_its_order(stage: Stage) -> None:
    first, second = _coupon(stage), _coupon(stage, "gift")
    for coupon in (first, second):
        redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=10_000, at=NOON)
    assert give_back(stage.session, stage.shop, order_reference="A1", code=first.code) == 1
    assert give_back(stage.session, stage.shop, order_reference="A1", code=first.code) == 0
    assert (first.state, second.state) == (CouponState.CLAIMED, CouponState.REDEEMED)
    assert give_back(stage.session, stage.shop, order_reference="A1") == 1
    stage.session.refresh(second)
    assert second.state is CouponState.CLAIMED


def test_the_same_number_from_another_system_is_another_order(stage: Stage) -> None:
    coupon = _coupon(stage)
    session, shop, code = stage.session, stage.shop, coupon.code
    held: dict[str, Any] = {"order_reference": "1001", "at": NOON}
    hold(session, shop, code, source="shopify", **held)
    assert _refused(hold, session, shop, code, source="tmall", **held) == "coupon-held"
    used = held | {"amount": 10_000}
    redeem(session, shop, code, source="shopify", **used)
    assert _refused(redeem, session, shop, code, source="tmall", **used) == "coupon-used"
    assert redeem(session, shop, code, source="shopify", **used).again
    back = {"order_reference": "1001", "source": "tmall"}
    assert _refused(give_back, session, shop, code=code, **back) == "coupon-of-another-order"
    assert give_back(session, shop, **back) == 0
    theirs = _pushed(stage, "1001", "", source="tmall")
    ours = _pushed(stage, "1001", code, source="shopify")
    theirs.status, theirs.counts = OrderStatus.CANCELLED, False
    match_orders(session, shop, at=NOON)
    assert (coupon.state, coupon.order_id) == (CouponState.REDEEMED, ours.id)


@pytest.mark.parametrize("terms", [{"ends_at": later(hours=1)}, {"days_from_claim": 1}])
def test_what_was_held_in_its_window_is_paid_after_it_by_nobody_else(stage: Stage, terms: dict[str, Any]) -> None:
    coupon = _coupon(stage, **terms)
    session, shop, code = stage.session, stage.shop, coupon.code
    claim_coupon(session, _link(stage), at=NOON)
    end = coupon.expires_at
    assert end is not None
    hold(session, shop, code, order_reference="A1", at=end - timedelta(minutes=5))
    late = end + timedelta(minutes=5)
    for refused in (hold, lambda *a, **named: redeem(*a, amount=10_000, **named)):
        kinds = {_refused(refused, session, shop, code, order_reference="A2", at=late + timedelta(minutes=more))
                 for more in (0, 30)}  # fmt: skip
        assert kinds <= {"coupon-held", "coupon-expired", "offer-over"}
    assert not redeem(session, shop, code, order_reference="A1", amount=10_000, at=late).again
    assert coupon.redeemed_at == late


def test_an_order_pushed_with_a_held_code_waits_until_the_hold_is_over(stage: Stage) -> None:
    coupon = _coupon(stage)
    hold(stage.session, stage.shop, coupon.code, order_reference="cart-1", at=NOON)
    _pushed(stage, "A9", coupon.code)
    assert match_orders(stage.session, stage.shop, at=later(minutes=14)) == 0
    assert (coupon.state, coupon.held_by) == (CouponState.HELD, "cart-1")
    assert match_orders(stage.session, stage.shop, at=later(minutes=15)) == 1
    assert coupon.order_reference == "A9"


def test_an_order_pushed_with_the_code_it_holds_has_used_it(stage: Stage) -> None:
    coupon = _coupon(stage)
    hold(stage.session, stage.shop, coupon.code, order_reference="A9", at=NOON)
    _pushed(stage, "A9", coupon.code)
    assert match_orders(stage.session, stage.shop, at=later(minutes=1)) == 1


def _together(act: Callable[[int], str], times: int = 48) -> Counter[str]:
    with ThreadPoolExecutor(16) as threads:
        return Counter(threads.map(act, range(times)))


def test_a_hold_holds_against_everybody_at_once(engine: Engine, on_stage: Callable[..., Any]) -> None:
    """Carts that hold, orders that redeem and orders that were pushed: only who held first ever has it."""

    def ready(stage: Stage) -> str:
        code = _coupon(stage).code
        _pushed(stage, "pushed", code)
        return code

    code = on_stage(ready)

    def attempt(number: int) -> str:
        named: dict[str, Any] = {"order_reference": f"A{number}", "at": NOON}
        try:
            with transaction(engine) as session:
                shop = find_shop(session, "tea")
                if number % 3 == 0:
                    hold(session, shop, code, **named)
                    return f"A{number}"
                if number % 3 == 1 and number > 3:
                    redeem(session, shop, code, amount=10_000, **named)
                elif number > 3:
                    return str(match_orders(session, shop, at=NOON))
        except Conflict as refused:
            return refused.type
        return "nothing"

    on_stage(lambda stage: hold(stage.session, stage.shop, code, order_reference="A0", at=NOON))
    said = _together(attempt)
    assert said["A0"] == 1  # its own hold begins again
    assert set(said) == {"A0", "coupon-held", "0", "nothing"}
    paid = on_stage(
        lambda stage: redeem(stage.session, stage.shop, code, order_reference="A0", amount=10_000, at=later(minutes=5))
    )
    assert not paid.again
