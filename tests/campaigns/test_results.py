"""What a campaign brought: code-matched, last touch, and against the control group."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.deliveries.ledger import count_campaign
from campaigns.deliveries.packing import mark_in_parcel, mark_out_of_parcel
from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link
from campaigns.offers.redeem import claim_coupon, redeem
from campaigns.offers.scans import open_link
from campaigns.results.credited import CreditedOrders
from campaigns.results.results import campaign_results
from campaigns.runs.explaining import explain_outcome
from campaigns.runs.launch import launch
from campaigns.statistics.intervals import Rate, newcombe
from retention.buyers import Buyer
from retention.i18n import speaking
from retention.orders import Order, OrderStatus
from retention.touches import Touch
from tests.campaigns.conftest import NOON, Stage, later

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"


def _order(stage: Stage, number: str, buyer_id: int, *, at: datetime, amount: int = 10_000, code: str = "") -> Order:
    order = Order(
        shop_id=stage.shop.id,
        source="test",
        external_id=number,
        buyer_id=buyer_id,
        status=OrderStatus.PAID,
        paid_at=at,
        ordered_at=at,
        order_day=stage.shop.day(at),
        amount=amount,
        counts=True,
        coupon_code=code,
    )
    stage.session.add(order)
    stage.session.flush()
    return order


def _packed(stage: Stage, size: int = 1, *, control: float = 0.0) -> Campaign:
    """Launch a flyer for so many buyers and put every piece into its parcel."""
    for number in range(size):
        stage.buyer(f"b{number}", answer=None, parcel=True)
    campaign = stage.flyer(control=control)
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    waiting = select(Delivery.id).where(Delivery.state == DeliveryState.WAITING)
    ids: Sequence[int] = stage.session.exec(waiting).all()
    assert mark_in_parcel(stage.session, stage.shop.id, ids, at=later(hours=1)) == len(ids)
    return campaign


def test_order_with_the_code_closes_the_chain(stage: Stage) -> None:
    campaign = _packed(stage)
    link, coupon = stage.session.exec(select(Link)).one(), stage.session.exec(select(Coupon)).one()
    open_link(stage.session, link.token, at=later(days=1), user_agent=PHONE)
    open_link(stage.session, link.token, at=later(days=1, seconds=5), user_agent=PHONE)
    claim_coupon(stage.session, link, at=later(days=1))
    typed = f"{coupon.code[:4].lower()}-{coupon.code[4:].lower()}"
    first = _order(stage, "A1", 1, at=later(days=2), amount=12_000, code=typed)
    _order(stage, "A2", 1, at=later(days=3), amount=5_000, code=coupon.code)
    assert match_orders(stage.session, stage.shop, at=later(days=4)) == 1
    assert match_orders(stage.session, stage.shop, at=later(days=4)) == 0
    assert (coupon.state, coupon.order_id, coupon.redeemed_at) == (CouponState.REDEEMED, first.id, later(days=2))
    found = campaign_results(stage.session, stage.shop, campaign, at=later(days=30))
    assert (found.planned, found.sent, found.scans, found.opened, found.claimed, found.redeemed) == (1, 1, 1, 1, 1, 1)
    assert found.code_matched == CreditedOrders(1, 12_000)
    assert found.last_touch == CreditedOrders(2, 17_000)
    events = [touch.event.value for touch in stage.session.exec(select(Touch).order_by(Touch.id))]
    assert events == ["sent", "scanned", "claimed", "redeemed"]


_UNDONE: dict[str, dict[str, object]] = {
    "cancelled": {"status": OrderStatus.CANCELLED, "counts": False},
    "returned": {"status": OrderStatus.RETURNED, "counts": False},
    "all money went back": {"refunded": 10_000, "counts": False},
    "is a return": {"is_return": True, "counts": False},
}
_STANDS: dict[str, dict[str, object]] = {
    "not paid yet": {"status": OrderStatus.PLACED, "paid_at": None, "counts": False},
    "half returned": {"refunded": 5_000},
    "says no code": {"coupon_code": ""},
}


@pytest.mark.parametrize("change", _UNDONE | _STANDS)
@pytest.mark.parametrize("by_checkout", [True, False])
def test_only_a_cancelled_or_wholly_returned_order_lets_go_of_its_coupon(
    stage: Stage, change: str, *, by_checkout: bool
) -> None:
    """Whether our checkout redeemed it or the order's own code did; the next order has it only then."""
    _packed(stage)
    coupon = stage.session.exec(select(Coupon)).one()
    if by_checkout:
        redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=10_000, at=later(days=1))
    first = _order(stage, "A1", 1, at=later(days=2), code=coupon.code)
    if not by_checkout:
        match_orders(stage.session, stage.shop, at=later(days=9))
    for name, value in (_UNDONE | _STANDS)[change].items():
        setattr(first, name, value)
    second = _order(stage, "A2", 1, at=later(days=3), code=coupon.code)
    freed = change in _UNDONE
    assert match_orders(stage.session, stage.shop, at=later(days=9)) == freed
    assert (coupon.order_id, coupon.order_reference) == ((second.id, "A2") if freed else (first.id, "A1"))


def test_coupon_redeemed_at_our_checkout_learns_its_order(stage: Stage) -> None:
    campaign = _packed(stage)
    coupon = stage.session.exec(select(Coupon)).one()
    redeem(stage.session, stage.shop, coupon.code, order_reference="A1", amount=10_000, at=later(days=1))
    order = _order(stage, "A1", 1, at=later(days=1), code=coupon.code)
    assert match_orders(stage.session, stage.shop, at=later(days=2)) == 0
    assert coupon.order_id == order.id
    assert campaign_results(stage.session, stage.shop, campaign, at=later(days=2)).code_matched == CreditedOrders(
        1, 10_000
    )


@pytest.mark.parametrize(("days", "credited"), [(30, 1), (31, 0)])
def test_last_touch_reaches_thirty_days_for_paper(stage: Stage, days: int, credited: int) -> None:
    campaign = _packed(stage)
    _order(stage, "A0", 1, at=NOON)  # before the parcel was packed
    _order(stage, "A1", 1, at=later(hours=1) + timedelta(days=days))
    found = campaign_results(stage.session, stage.shop, campaign, at=later(days=99))
    assert found.last_touch.orders == credited


def test_later_touch_of_another_campaign_takes_the_credit(stage: Stage) -> None:
    campaign = _packed(stage)
    stage.session.add(Touch(shop_id=stage.shop.id, buyer_id=1, event="sent", campaign="other", at=later(hours=2)))
    _order(stage, "A1", 1, at=later(hours=3))
    assert campaign_results(stage.session, stage.shop, campaign, at=later(days=9)).last_touch == CreditedOrders(0, 0)


def test_lift_counts_everybody_assigned_within_the_window_fixed_in_advance(stage: Stage) -> None:
    campaign = _packed(stage, 400, control=0.2)
    rows = stage.session.exec(select(Delivery).order_by(Delivery.buyer_id)).all()
    treated = [row.buyer_id for row in rows if row.state is not DeliveryState.CONTROL]
    control = [row.buyer_id for row in rows if row.state is DeliveryState.CONTROL]
    for number, buyer_id in enumerate(treated[:90] + control[:10]):
        _order(stage, f"A{number}", buyer_id, at=later(days=3), amount=8000)
        _order(stage, f"B{number}", buyer_id, at=later(days=4), amount=2000)
    _order(stage, "early", treated[100], at=later(hours=-1))
    _order(stage, "late", treated[101], at=later(days=30))
    # A flyer that never reached its parcel is still a treated buyer.
    mark_out_of_parcel(stage.session, stage.shop.id, [rows[0].id])
    found = campaign_results(stage.session, stage.shop, campaign, at=later(days=30))
    lift = found.lift
    assert lift is not None
    assert (lift.treated.rate, lift.control.rate) == (Rate(90, len(treated)), Rate(10, len(control)))
    assert lift.state == "shown"
    assert lift.interval == newcombe(Rate(90, len(treated)), Rate(10, len(control)))
    assert lift.treated.spend is not None
    assert lift.treated.spend.mean == pytest.approx(90 * 10_000 / len(treated))
    assert lift.revenue is not None
    assert (lift.revenue.state, lift.revenue.difference) == ("hidden", None)
    assert (found.read_out_at, found.early) == (later(days=30), False)
    assert campaign_results(stage.session, stage.shop, campaign, at=later(days=29)).early


def test_lost_control_rows_are_a_mismatch_and_show_no_lift(stage: Stage) -> None:
    campaign = _packed(stage, 300, control=0.5)
    for row in stage.session.exec(select(Delivery).where(Delivery.state == DeliveryState.CONTROL)).all()[:100]:
        stage.session.delete(row)
    stage.session.flush()
    found = campaign_results(stage.session, stage.shop, campaign, at=later(days=30)).lift
    assert found is not None
    assert (found.state, found.difference) == ("mismatch", None)


def test_campaign_that_never_ran_has_no_lift(stage: Stage) -> None:
    found = campaign_results(stage.session, stage.shop, stage.flyer(), at=NOON)
    assert (found.planned, found.lift, found.read_out_at, found.early) == (0, None, None, True)


def test_piece_taken_out_again_is_as_if_it_had_not_been_packed(stage: Stage) -> None:
    _packed(stage)
    assert mark_out_of_parcel(stage.session, stage.shop.id, [1]) == 1
    assert mark_out_of_parcel(stage.session, stage.shop.id, [1]) == 0
    assert stage.session.exec(select(Touch)).all() == []
    [row] = stage.session.exec(select(Delivery)).all()
    assert (row.state, row.sent_at) == (DeliveryState.WAITING, None)
    assert mark_in_parcel(stage.session, 999, [1], at=NOON) == 0


def test_ledger_says_why_for_each_buyer_in_both_languages(stage: Stage, engine: Engine) -> None:
    gets = stage.buyer("ada", parcel=True)
    out = stage.buyer("bo", answer="out", parcel=True)
    nothing = stage.buyer("cy")
    campaign = stage.flyer(audience={"buyer": {"field": "external_id", "is": ["ada", "bo", "cy"]}})
    stranger = stage.buyer("di", parcel=True)

    def ask(buyer_id: int) -> tuple[str, str, str]:
        [answer] = explain_outcome(stage.session, stage.shop, campaign, stage.session.get_one(Buyer, buyer_id))
        return answer.outcome, answer.reason, answer.sentence

    assert ask(gets) == ("absent", "", "The campaign has not run yet. They match the audience.")
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert ask(gets) == ("waiting", "", "Waiting to be sent.")
    assert ask(out) == (
        "skipped",
        "no_consent",
        "They have not opted in to this channel, or have opted out.",
    )
    assert ask(nothing) == ("skipped", "no_parcel", "They had no parcel to ship on that day.")
    assert ask(stranger) == ("absent", "", "They did not match the campaign's audience when it was planned.")
    with speaking("zh-CN"):
        assert ask(out)[:2] == ("skipped", "no_consent")
    assert count_campaign(stage.session, campaign).as_json() == {
        "audience": 3,
        "sent": 0,
        "skipped": {"no_consent": 1, "no_parcel": 1},
        "failed": 0,
        "unknown": 0,
        "control": 0,
        "waiting": 1,
    }
