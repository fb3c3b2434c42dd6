"""A property of every campaign: the preview is what is made, and what is made is the sum of its outcomes."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Refused, TryLater, Undecided
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries.campaign_moves import cancel
from campaigns.deliveries.ledger import count
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.plans.planning import Plan, plan
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.database import transaction
from retention.shops import Shop
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.random_campaigns import (
    Rules,
    Somebody,
    check_ledger,
    check_made,
    draft,
    let_happen,
    mail_of,
    phone_of,
    rules,
    somebody,
)
from tests.factories import make_shop

IDENTITY = SenderIdentity("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
_shops = itertools.count(1)


ERRORS = {"refused": Refused("550 no"), "undecided": Undecided("broken"), "later": TryLater("451 busy")}
MEDIA = [Medium.EMAIL, Medium.SMS, Medium.WEBHOOK, Medium.PARCEL]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(people=st.lists(somebody, max_size=25), medium=st.sampled_from(MEDIA), limits=rules, cancelled=st.booleans())
def test_preview_is_what_is_made_and_the_sum_of_what_became_of_it(
    engine: Engine, *, people: list[Somebody], medium: Medium, limits: Rules, cancelled: bool
) -> None:
    slug = f"shop-{next(_shops)}"
    with transaction(engine) as session:
        shop = make_shop(session, slug, name="Tea", at=NOON)
        campaign = draft(Stage(session, shop), people, medium=medium, limits=limits)
        planned = plan(session, shop, campaign, at=NOON)
        run = launch(session, shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
        _check_made(session, shop, run, planned)
        let_happen(Stage(session, shop), people)
        run_id, campaign_id = run.id, campaign.id

    fates = {person.address: ERRORS[person.fate] for person in people if person.fate in ERRORS}
    errors = {to: [error] for address, error in fates.items() for to in (mail_of(address), phone_of(address))}
    channel = MemoryChannel(medium=medium, errors=errors)
    for moment in (later(seconds=1), later(hours=30)):  # over the night, with its quiet hours
        if medium is not Medium.PARCEL:
            send_waiting(engine, channel, now=moment, limit=10_000, identity=IDENTITY)
        check_ledger(engine, run_id, planned)
    with transaction(engine) as session:
        if cancelled:
            cancel(session, session.get_one(Campaign, campaign_id), at=later(days=2), actor="user:1")
        sent = session.exec(select(Delivery).where(Delivery.run_id == run_id, Delivery.state == DeliveryState.SENT))
        assert len(channel.taken) >= len(sent.all())
        assert not (cancelled and count(session, session.get_one(Run, run_id)).waiting)
    check_ledger(engine, run_id, planned)


def _check_made(session: Session, shop: Shop, run: Run, planned: Plan) -> None:
    """The rows are the plan, and each that waits has a link and the coupon of its buyer."""
    waiting = check_made(session, run, planned)
    links = session.exec(select(Link.delivery_id).where(Link.shop_id == shop.id)).all()
    assert set(links) >= {row.id for row in waiting}
    owners = {coupon.id: coupon.buyer_id for coupon in session.exec(select(Coupon).where(Coupon.shop_id == shop.id))}
    assert all(owners[row.coupon_id] == row.buyer_id for row in waiting)
