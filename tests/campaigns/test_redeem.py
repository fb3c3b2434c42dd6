"""Coupons: claimed, held, redeemed, given back; and one hot code that sixty-four checkouts want at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer, OfferKind, take_coupons
from campaigns.offers.redeem import claim_coupon, find_coupon, give_back, hold, redeem
from campaigns.runs.launch import launch
from retention.database import transaction
from retention.errors import Conflict, Invalid, NotFound
from retention.shops import find_shop
from retention.touches import Touch
from tests.campaigns.claims import claim_by_code
from tests.campaigns.conftest import NOON, Stage, later
from tests.factories import make_shop


def _coupon(stage: Stage, **terms: Any) -> tuple[Coupon, Link]:
    stage.buyer("ada")
    campaign = stage.push(offer_id=stage.offer(**terms).id)
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    return stage.session.exec(select(Coupon)).one(), stage.session.exec(select(Link)).one()


def _touches(stage: Stage) -> list[tuple[str, str]]:
    return [(row.event.value, row.campaign) for row in stage.session.exec(select(Touch).order_by(Touch.id))]


def test_claim_starts_the_clock_once(stage: Stage) -> None:
    coupon, link = _coupon(stage, days_from_claim=3)
    end = later(days=4, hours=12)  # the third day after the claim is over in Shanghai
    assert claim_coupon(stage.session, link, at=later(days=1)).expires_at == end
    claim_coupon(stage.session, link, at=later(days=2))
    claim_by_code(stage.session, stage.shop, coupon.code.lower(), at=later(days=2))
    assert (coupon.state, coupon.claimed_at, coupon.expires_at) == (CouponState.CLAIMED, later(days=1), end)
    assert _touches(stage) == [("claimed", "spring")]


@pytest.mark.parametrize("hour", [-12, 0, 11])  # from the first minute of a day in Shanghai to its last hour
def test_coupon_works_until_its_last_day_is_over(stage: Stage, hour: int) -> None:
    coupon, link = _coupon(stage, days_from_claim=2)
    claim_coupon(stage.session, link, at=later(hours=hour))
    last = later(days=2, hours=12) - timedelta(microseconds=1)
    assert redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=12_000, at=last).discount == 2000


def test_claim_after_the_offer_is_refused_and_changes_nothing(stage: Stage) -> None:
    coupon, link = _coupon(stage, ends_at=later(days=1))
    with pytest.raises(Conflict, match=r"its last day was March 11, 2026, 12:00"):
        claim_coupon(stage.session, link, at=later(days=1))
    assert (coupon.state, coupon.claimed_at) == (CouponState.ISSUED, None)
    assert _touches(stage) == []


def test_code_is_read_as_people_type_it(stage: Stage) -> None:
    coupon, _ = _coupon(stage)
    typed = f" {coupon.code[:4].lower()}-{coupon.code[4:].replace('0', 'o').replace('1', 'l')} "
    assert find_coupon(stage.session, stage.shop, typed).id == coupon.id
    slip = coupon.code[:-1] + ("0" if coupon.code[-1] != "0" else "1")
    with pytest.raises(Invalid, match="Compare it with the printed code"):
        find_coupon(stage.session, stage.shop, slip)


def test_order_redeems_and_the_same_order_again_gets_the_same_answer(stage: Stage) -> None:
    coupon, _ = _coupon(stage)
    first = redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=12_000, at=later(hours=1))
    again = redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=12_000, at=later(hours=2))
    assert (first.discount, first.again, again.discount, again.again) == (2000, False, 2000, True)
    assert (coupon.state, coupon.redeemed_at, coupon.order_reference) == (CouponState.REDEEMED, later(hours=1), "A1")
    assert coupon.claimed_at == later(hours=1)
    with pytest.raises(Conflict, match="has already been used"):
        redeem(stage.session, stage.shop, coupon.code, order_reference="A2", amount=12_000, at=later(hours=3))
    assert coupon.order_reference == "A1"
    assert _touches(stage) == [("redeemed", "spring")]


def test_refusals_say_why_and_change_nothing(stage: Stage) -> None:
    coupon, link = _coupon(stage, days_from_claim=2, starts_at=NOON, ends_at=later(days=9))
    bo = stage.buyer("bo")
    session, shop, code = stage.session, stage.shop, coupon.code
    with pytest.raises(Conflict, match=r"for orders from ¥99; this one is ¥98\.99"):
        redeem(session, shop, code, order_reference="A1", amount=9899, at=NOON)
    with pytest.raises(Conflict, match="belongs to another buyer"):
        redeem(session, shop, code, order_reference="A1", amount=9900, at=NOON, buyer_id=bo)
    with pytest.raises(Conflict, match="begins at March 10, 2026, 12:00"):
        redeem(session, shop, code, order_reference="A1", amount=9900, at=later(days=-1))
    with pytest.raises(Conflict, match="The offer has ended: its last day was March 19, 2026, 12:00"):
        redeem(session, shop, code, order_reference="A1", amount=9900, at=later(days=9))
    with pytest.raises(Invalid, match="Give the order number, in at most 200 characters"):
        redeem(session, shop, code, order_reference="", amount=9900, at=NOON)
    with pytest.raises(NotFound, match="no coupon 0000-0000"):
        redeem(session, shop, "00000000", order_reference="A1", amount=9900, at=NOON)
    claim_coupon(session, link, at=NOON)
    with pytest.raises(Conflict, match="has expired: its last day was March 12, 2026, 24:00"):
        redeem(session, shop, code, order_reference="A1", amount=9900, at=later(days=2, hours=12))
    assert (coupon.state, coupon.order_reference, coupon.redeemed_at) == (CouponState.CLAIMED, "", None)


def test_another_shops_code_is_unknown_here(stage: Stage) -> None:
    coupon, _ = _coupon(stage)
    other = make_shop(stage.session, "other", at=NOON)
    with pytest.raises(NotFound):
        redeem(stage.session, other, coupon.code, order_reference="A1", amount=12_000, at=NOON)
    assert coupon.state is CouponState.ISSUED


def test_hold_keeps_others_out_until_it_is_over(stage: Stage) -> None:
    coupon, _ = _coupon(stage)
    hold(stage.session, stage.shop, coupon.code, order_reference="cart-1", at=NOON)
    for refused in (hold, lambda *a, **k: redeem(*a, amount=12_000, **k)):
        with pytest.raises(Conflict, match="is reserved by another checkout"):
            refused(stage.session, stage.shop, coupon.code, order_reference="cart-2", at=later(minutes=14))
    assert coupon.held_by == "cart-1"
    hold(stage.session, stage.shop, coupon.code, order_reference="cart-2", at=later(minutes=15))
    used = redeem(stage.session, stage.shop, coupon.code, order_reference="cart-2", amount=12_000, at=later(minutes=16))
    assert (used.again, coupon.held_by, coupon.hold_expires_at) == (False, "", None)


def test_cancelled_order_gives_its_coupon_back(stage: Stage) -> None:
    coupon, _ = _coupon(stage)
    redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=12_000, at=NOON)
    assert give_back(stage.session, stage.shop, order_reference="A1") == 1
    assert give_back(stage.session, stage.shop, order_reference="A1") == 0
    stage.session.refresh(coupon)
    assert (coupon.state, coupon.redeemed_at, coupon.order_reference) == (CouponState.CLAIMED, None, "")
    assert not redeem(stage.session, stage.shop, coupon.code, order_reference="A2", amount=12_000, at=NOON).again


def test_discounts_are_whole_minor_units() -> None:
    def offer(kind: OfferKind, value: int) -> Offer:
        return Offer(shop_id=1, slug="o", name="O", kind=kind, value=value, created_at=NOON)

    assert offer(OfferKind.AMOUNT, 2000).discount(1500) == 1500
    assert offer(OfferKind.PERCENT, 15).discount(1010) == 152  # 151.5 rounded half up
    assert offer(OfferKind.SHIPPING, 0).discount(1010) == 0


def test_link_of_another_shops_paper_gets_one_coupon(stage: Stage) -> None:
    offer = stage.offer(most_coupons=1)
    shop_id = stage.shop.id
    first, second = (
        Link(shop_id=shop_id, host_shop_id=shop_id, token=t, offer_id=offer.id, medium="parcel", created_at=NOON)
        for t in ("AAAA", "BBBB")
    )
    stage.session.add_all([first, second])
    stage.session.flush()
    coupon = claim_coupon(stage.session, first, at=NOON)
    assert claim_coupon(stage.session, first, at=later(hours=1)).id == coupon.id
    assert (coupon.buyer_id, coupon.state) == (None, CouponState.CLAIMED)
    with pytest.raises(Conflict, match="allows 1 coupons and 1 are issued"):
        claim_coupon(stage.session, second, at=NOON)
    assert second.coupon_id is None


def _together(act: Callable[[int], str], times: int = 64) -> Counter[str]:
    with ThreadPoolExecutor(16) as threads:
        return Counter(threads.map(act, range(times)))


def test_code_redeemed_by_sixty_four_at_once_pays_once(engine: Engine, on_stage: Callable[..., Any]) -> None:
    code = on_stage(lambda stage: _coupon(stage)[0].code)

    def checkout(number: int) -> str:
        try:
            with transaction(engine) as session:
                shop = find_shop(session, "tea")
                redeem(session, shop, code, order_reference=f"A{number}", amount=12_000, at=NOON)
        except Conflict as refused:
            return refused.message
        return "paid"

    assert _together(checkout) == {"paid": 1, "The coupon {code} has already been used.": 63}
    assert on_stage(lambda stage: len(stage.session.exec(select(Touch)).all())) == 1


def test_offer_of_ten_gives_ten_to_sixty_four_at_once(engine: Engine, on_stage: Callable[..., Any]) -> None:
    offer_id = on_stage(lambda stage: stage.offer(most_coupons=10).id)

    def take(_: int) -> str:
        with transaction(engine) as session:
            return str(take_coupons(session, session.get_one(Offer, offer_id), 1))

    assert _together(take) == {"True": 10, "False": 54}
    assert on_stage(lambda stage: stage.session.get_one(Offer, offer_id).issued) == 10


def test_hold_lasts_a_quarter_of_an_hour(stage: Stage) -> None:
    coupon, _ = _coupon(stage)
    held = hold(stage.session, stage.shop, coupon.code, order_reference="cart-1", at=NOON)
    assert held.hold_expires_at == NOON + timedelta(minutes=15)
