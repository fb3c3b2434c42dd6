"""Eligibility: a rule says of each delivery about to leave what it said of the set the delivery was planned from."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Recipe, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.campaign.shop_policy import shop_policy
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.plans.planning import plan
from campaigns.plans.rules import RULES
from campaigns.plans.rules.rule import Funnel, Rule
from campaigns.plans.send_times import SendTimes
from campaigns.sending.pre_send_check import read_check
from retention.buyers import Buyer
from retention.consent import Channel
from retention.database import transaction
from retention.orders import Order, OrderStatus
from retention.shops import Shop
from retention.suppressions import OptOutSubject, keys_of, suppress
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.random_campaigns import Rules, Somebody, draft, mail_of, phone_of, rules, somebody
from tests.factories import make_shop

IN_TWO_FORMS = [rule for rule in RULES if rule.drop is not Rule("").drop and rule.refuse is not Rule("").refuse]
MEDIA = [Medium.EMAIL, Medium.SMS, Medium.WEBHOOK, Medium.PARCEL]
neighbour = somebody.map(lambda person: replace(person, address=person.address % 4))  # addresses are shared
_shops = itertools.count(1)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(people=st.lists(neighbour, min_size=4, max_size=15), medium=st.sampled_from(MEDIA), limits=rules)
def test_rule_says_of_a_delivery_what_it_says_of_the_set(
    engine: Engine, *, people: list[Somebody], medium: Medium, limits: Rules
) -> None:
    limits = replace(limits, quiet=False, send_at=False)  # hours are no rule: they put off, and leave nobody out
    with transaction(engine) as session:
        shop = make_shop(session, f"rules-{next(_shops)}", name="Tea", at=NOON)
        campaign = draft(Stage(session, shop), people, medium=medium, limits=limits)
        waiting = sa.update(Delivery).where(
            col(Delivery.shop_id) == shop.id, col(Delivery.state) == DeliveryState.WAITING
        )
        session.execute(waiting.values(state=DeliveryState.SENT, sent_at=Delivery.due_at))
        _suppress(session, shop.id, people)
        everybody = BitMap(session.exec(select(Buyer.id).where(Buyer.shop_id == shop.id)))
        of_the_set = [_dropped(rule, session, campaign, everybody) for rule in IN_TWO_FORMS]
        check, _damaged = read_check(session, shop.id, _deliver_to(session, campaign, everybody), at=NOON)
        of_the_rows = [
            {row.buyer_id: said for row in check.rows.values() if (said := rule.refuse(check, row)) is not None}
            for rule in IN_TWO_FORMS
        ]
        assert of_the_rows == of_the_set


def test_rules_have_both_forms_or_say_why_not() -> None:
    assert {rule.name for rule in IN_TWO_FORMS} == {
        *("consent", "topic", "pause", "has_address", "bounced", "capped"),
        *("paid", "coupon", "offer"),
    }
    assert [rule.name for rule in RULES if bool(rule.one_form) == (rule in IN_TWO_FORMS)] == []
    assert len({rule.name for rule in RULES}) == len(RULES)


_SPENT: dict[str, dict[str, Any]] = {
    "issued": {},
    "redeemed": {"state": CouponState.REDEEMED, "expires_at": NOON},
    "void": {"state": CouponState.VOID},
    "expired": {"state": CouponState.CLAIMED, "expires_at": NOON},
    "expires": {"state": CouponState.CLAIMED, "expires_at": later(minutes=1)},
}


@pytest.mark.parametrize(("ends_at", "over"), [(None, False), (NOON, True), (later(minutes=1), False)])
def test_plan_promises_no_offer_or_coupon_that_is_spent(stage: Stage, ends_at: datetime | None, *, over: bool) -> None:
    offer = stage.offer(ends_at=ends_at)
    buyers = {name: stage.buyer(name) for name in ("none", *_SPENT)}
    for name, values in _SPENT.items():
        row = Coupon(shop_id=stage.shop.id, offer_id=offer.id, buyer_id=buyers[name], code=name, issued_at=NOON)
        stage.session.add(row.sqlmodel_update(values))
    campaign = stage.push(offer_id=offer.id)
    dropped = {name: str(said) for name, said in _said_of_both(stage, campaign, buyers).items()}
    spent = {"redeemed": "coupon_used", "void": "coupon_over", "expired": "coupon_over"}
    assert dropped == {name: "offer_over" for name in buyers if over} | spent
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert set(planned.final) == {number for name, number in buyers.items() if name not in dropped}


def test_plan_reminds_nobody_who_has_no_unpaid_order(stage: Stage) -> None:
    buyers = {name: stage.buyer(name) for name in ("none", *OrderStatus, "tomorrow")}
    for name in (*OrderStatus, "tomorrow"):
        values = {"status": OrderStatus.PLACED, "ordered_at": later(days=1)}
        if name in set(OrderStatus):
            values = {"status": OrderStatus(name), "ordered_at": NOON}
        of_shop = {"shop_id": stage.shop.id, "source": "test", "external_id": name, "buyer_id": buyers[name]}
        rest = {"order_day": 0, "amount": 1, "counts": False, "is_return": False}
        stage.session.add(Order(**of_shop, **rest, **values))
    campaign = stage.draft("remind", Recipe.PAYMENT_REMINDER)
    dropped = _said_of_both(stage, campaign, buyers)
    assert dropped == dict.fromkeys(set(buyers) - {"placed"}, Reason.PAID_ALREADY)
    assert set(plan(stage.session, stage.shop, campaign, at=NOON).final) == {buyers["placed"]}


def _said_of_both(stage: Stage, campaign: Campaign, buyers: dict[str, int]) -> dict[str, Reason | datetime]:
    """Return what both forms of the rules say of each buyer, the first in the order of the funnel."""
    everybody = BitMap(buyers.values())
    stage.session.flush()
    ids = _deliver_to(stage.session, campaign, everybody)
    coupon = sa.select(Coupon.id).where(col(Coupon.buyer_id) == Delivery.buyer_id).scalar_subquery()
    stage.session.execute(sa.update(Delivery).where(col(Delivery.id).in_(ids)).values(coupon_id=coupon))
    check, _damaged = read_check(stage.session, stage.shop.id, ids, at=NOON)
    names = {number: name for name, number in buyers.items()}
    found: dict[str, Reason | datetime] = {}
    for rule in (rule for rule in IN_TWO_FORMS if rule.name in {"paid", "coupon", "offer"}):
        of_the_set = _dropped(rule, stage.session, campaign, everybody)
        said = {row.buyer_id: rule.refuse(check, row) for row in check.rows.values()}
        assert of_the_set == {buyer: each for buyer, each in said.items() if each}
        found = {names[buyer]: each for buyer, each in of_the_set.items()} | found
    stage.session.execute(sa.delete(Delivery).where(col(Delivery.id).in_(ids)))
    return found


def _suppress(session: Session, shop_id: int, people: list[Somebody]) -> None:
    """Have the addresses of some say no, by whoever has them."""
    for person in (each for each in people if each.meanwhile == "no"):
        for channel, address in ((Channel.EMAIL, mail_of(person.address)), (Channel.SMS, phone_of(person.address))):
            keys = keys_of(session, shop_id, channel, [address])
            suppress(session, OptOutSubject(shop_id, channel), keys, source="test", at=NOON)


def _dropped(rule: Rule, session: Session, campaign: Campaign, everybody: BitMap) -> dict[int, Reason | datetime]:
    """Return what the set form does with each buyer: the first reason, or the moment it puts them off to."""
    shop = session.get_one(Shop, campaign.shop_id)
    policy, send_times = campaign.policy, SendTimes(NOON)
    funnel = Funnel(session, shop, campaign, policy, shop_policy(session, shop), NOON, everybody.copy(), send_times)
    found: dict[int, Reason | datetime] = {}
    for reason, buyers in rule.drop(funnel):
        found |= dict.fromkeys(buyers & funnel.left, reason)
        funnel.left -= buyers
    delayed_until = zip(funnel.send_times.delayed.tolist(), funnel.send_times.delayed_until.tolist(), strict=True)
    return found | {buyer: datetime.fromtimestamp(until, UTC) for buyer, until in delayed_until if buyer in funnel.left}


def _deliver_to(session: Session, campaign: Campaign, buyers: BitMap) -> list[int]:
    """Have a delivery wait for each of these buyers, whatever the plan would have said; return their numbers."""
    of_shop = {"shop_id": campaign.shop_id, "campaign_id": campaign.id}
    run = Run(
        **of_shop, number=1, planned_at=NOON, fingerprint="", funnel=[], audience=0, audience_ids=b"", read_out_at=NOON
    )
    session.add(run)
    session.flush()
    state = DeliveryState.WAITING
    rows = [Delivery(**of_shop, run_id=run.id, buyer_id=buyer, state=state, due_at=NOON) for buyer in buyers]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]
