"""The law of a campaign: what the preview shows is what is made, and what is made is the sum of what became of it."""

import itertools
from collections import Counter
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaigns import Campaign, Delivery, DeliveryState, Recipe, Run, RunSkip
from campaigns.channels.channel import Refused, TryLater, Undecided
from campaigns.channels.memory import MemoryChannel
from campaigns.coupons import Coupon
from campaigns.launch import launch
from campaigns.ledger import count
from campaigns.links import Link
from campaigns.mail import Sender
from campaigns.moving import cancel
from campaigns.planning import Plan, plan
from campaigns.sending import send_waiting
from retention.database import transaction
from retention.shops import Shop, create_shop
from tests.campaigns.conftest import NOON, Stage, later

SENDER = Sender("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
_shops = itertools.count(1)


@dataclass(frozen=True)
class Somebody:
    """A buyer as chance made them, and what happens to their message."""

    answer: str | None
    address: int
    excluded: bool
    written_before: int
    parcel: bool
    fate: str


somebody = st.builds(
    Somebody,
    answer=st.sampled_from(["in", "in", "in", "out", None]),
    address=st.integers(0, 30),  # 0 is none; few others, so that some are shared
    excluded=st.booleans(),
    written_before=st.integers(0, 2),
    parcel=st.booleans(),
    fate=st.sampled_from(["sent", "sent", "refused", "undecided", "later"]),
)
TROUBLES = {"refused": Refused("550 no"), "undecided": Undecided("broken"), "later": TryLater("451 busy")}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(somebody, max_size=25),
    recipe=st.sampled_from([Recipe.COUPON_PUSH, Recipe.PARCEL_FLYER]),
    control=st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    cap=st.sampled_from([None, 0, 1, 2]),
    cancelled=st.booleans(),
)
def test_preview_is_what_is_made_and_the_sum_of_what_became_of_it(
    engine: Engine, *, people: list[Somebody], recipe: Recipe, control: float, cap: int | None, cancelled: bool
) -> None:
    slug = f"shop-{next(_shops)}"
    with transaction(engine) as session:
        shop = create_shop(session, slug, name="Tea", timezone="Asia/Shanghai", currency="CNY", at=NOON)
        campaign = _draft(Stage(session, shop), people, recipe=recipe, control=control, cap=cap)
        planned = plan(session, shop, campaign, at=NOON)
        run = launch(session, shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
        _check_made(session, shop, run, planned)
        shop_id, run_id, campaign_id = shop.id, run.id, campaign.id

    fates = {f"{person.address}@example.com": TROUBLES.get(person.fate) for person in people}
    channel = MemoryChannel(troubles={address: [error] for address, error in fates.items() if error})
    send_waiting(engine, channel, now=later(seconds=1), limit=10_000, sender=SENDER)
    with transaction(engine) as session:
        campaign, run = session.get_one(Campaign, campaign_id), session.get_one(Run, run_id)
        if cancelled:
            cancel(session, campaign, at=later(minutes=1), actor="user:1")
        ledger = count(session, run)
        assert ledger.adds_up
        assert (ledger.audience, ledger.control) == (len(planned.audience), len(planned.control))
        assert not (cancelled and ledger.waiting)
        sent = Delivery.shop_id == shop_id, Delivery.state == DeliveryState.SENT
        addresses = session.exec(select(Delivery.address).where(*sent)).all()
        assert Counter(addresses) == Counter(message.to for message in channel.taken)


def _draft(stage: Stage, people: list[Somebody], *, recipe: Recipe, control: float, cap: int | None) -> Campaign:
    excluded = []
    for number, person in enumerate(people):
        email = f"{person.address}@example.com" if person.address else ""
        stage.buyer(f"b{number}", email=email, answer=person.answer, parcel=person.parcel)
        excluded += [f"b{number}"] if person.excluded and person.written_before == 0 else []
    for turn in (1, 2):
        earlier = [f"b{number}" for number, person in enumerate(people) if person.written_before >= turn]
        if earlier:
            rule = {"buyer": {"field": "external_id", "is": earlier}}
            before = stage.draft(f"before-{turn}", recipe, audience=rule)
            launch(stage.session, stage.shop, before, at=later(days=-1), actor="user:1")
            if turn == 2:
                cancel(stage.session, before, at=later(days=-1), actor="user:1")
    return stage.draft(
        "now",
        recipe,
        control=control,
        excluded={"buyer": {"field": "external_id", "is": excluded}} if excluded else None,
        policy={"caps": [] if cap is None else [{"messages": cap, "days": 7}]},
    )


def _check_made(session: Session, shop: Shop, run: Run, planned: Plan) -> None:
    """The rows are exactly the plan: disjoint sets that together are the audience."""
    rows = session.exec(select(Delivery).where(Delivery.shop_id == shop.id, Delivery.run_id == run.id)).all()
    waiting = [row for row in rows if row.state is DeliveryState.WAITING]
    assert BitMap(row.buyer_id for row in waiting) == planned.final
    assert BitMap(row.buyer_id for row in rows) - planned.final == planned.control
    skips = session.exec(select(RunSkip).where(RunSkip.shop_id == shop.id, RunSkip.run_id == run.id)).all()
    assert {skip.reason: BitMap.deserialize(skip.buyer_ids) for skip in skips} == {
        reason: buyers for reason, buyers in planned.skips.items() if buyers
    }
    parts = [planned.final, planned.control, *planned.skips.values()]
    assert sum(map(len, parts)) == len(planned.audience) == run.audience
    assert BitMap().union(*parts) == planned.audience
    assert dict(run.funnel)["final"] == len(planned.final) == len(waiting)
    links = session.exec(select(Link.delivery_id).where(Link.shop_id == shop.id)).all()
    assert set(links) >= {row.id for row in waiting}
    owners = {coupon.id: coupon.buyer_id for coupon in session.exec(select(Coupon).where(Coupon.shop_id == shop.id))}
    assert all(owners[row.coupon_id] == row.buyer_id for row in waiting)
