"""The law of a campaign: what the preview shows is what is made, and what is made is the sum of what became of it."""

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaigns import Campaign, Delivery, DeliveryState, Medium, Recipe, Run, RunSkip
from campaigns.launch import launch
from campaigns.ledger import count
from campaigns.moving import cancel
from campaigns.noes.bounces import Bounce, BounceKind
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.plans.planning import Plan, plan
from campaigns.plans.shop_policy import save_shop_policy
from campaigns.sending.channels.channel import Refused, TryLater, Undecided
from campaigns.sending.channels.memory import MemoryChannel
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import Sender
from retention.buyers import Buyer
from retention.consent import Channel, Pause
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
    paused: bool
    off_topic: bool
    bounced: bool
    zone: str
    fate: str
    meanwhile: str


@dataclass(frozen=True)
class Rules:
    """A campaign's limits, and the shop's, as chance made them."""

    control: float
    caps: list[dict[str, Any]]
    shop_caps: list[dict[str, Any]]
    priority: int
    quiet: bool
    send_at: bool
    late_after: int | None
    ceiling: int | None
    transactional: bool
    most_inserts: int | None


rarely = st.sampled_from([False, False, False, True])
somebody = st.builds(
    Somebody,
    answer=st.sampled_from(["in", "in", "in", "in", "out", None]),
    address=st.integers(0, 30),  # 0 is none; few others, so that some are shared
    excluded=rarely,
    written_before=st.integers(0, 2),
    parcel=st.booleans(),
    paused=rarely,
    off_topic=rarely,
    bounced=rarely,
    zone=st.sampled_from(["", "Europe/Berlin", "America/New_York", "Nowhere/Town"]),
    fate=st.sampled_from(["sent", "sent", "refused", "undecided", "later"]),
    meanwhile=st.sampled_from(["nothing", "nothing", "nothing", "no", "pause"]),
)
caps = st.lists(
    st.builds(
        lambda messages, window, over, full: {"messages": messages, **window, "over": over, "when_full": full},
        st.integers(0, 3),
        st.sampled_from([{"days": 1}, {"days": 7}, {"per": "day"}, {"per": "week"}, {"per": "month"}]),
        st.sampled_from(["medium", "all", "parcel"]),
        st.sampled_from(["skip", "delay", "yield"]),
    ),
    max_size=2,
)
rules = st.builds(
    Rules,
    control=st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    caps=caps,
    shop_caps=caps,
    priority=st.sampled_from([10, 50, 90]),
    quiet=st.booleans(),
    send_at=st.booleans(),
    late_after=st.sampled_from([None, 1, 24]),
    ceiling=st.sampled_from([None, None, 0, 3, 10]),
    transactional=rarely,
    most_inserts=st.sampled_from([None, 1, 2]),
)
TROUBLES = {"refused": Refused("550 no"), "undecided": Undecided("broken"), "later": TryLater("451 busy")}
MEDIA = {
    Medium.EMAIL: Recipe.COUPON_PUSH,
    Medium.SMS: Recipe.COUPON_PUSH,
    Medium.WEBHOOK: Recipe.COUPON_PUSH,
    Medium.PARCEL: Recipe.PARCEL_FLYER,
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(somebody, max_size=25), medium=st.sampled_from(list(MEDIA)), limits=rules, cancelled=st.booleans()
)
def test_preview_is_what_is_made_and_the_sum_of_what_became_of_it(
    engine: Engine, *, people: list[Somebody], medium: Medium, limits: Rules, cancelled: bool
) -> None:
    slug = f"shop-{next(_shops)}"
    with transaction(engine) as session:
        shop = create_shop(session, slug, name="Tea", timezone="Asia/Shanghai", currency="CNY", at=NOON)
        campaign = _draft(Stage(session, shop), people, medium=medium, limits=limits)
        planned = plan(session, shop, campaign, at=NOON)
        run = launch(session, shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
        _check_made(session, shop, run, planned)
        _let_happen(Stage(session, shop), people)
        run_id, campaign_id = run.id, campaign.id

    fates = {person.address: TROUBLES[person.fate] for person in people if person.fate in TROUBLES}
    troubles = {to: [error] for address, error in fates.items() for to in (_mail(address), _phone(address))}
    channel = MemoryChannel(medium=medium, troubles=troubles)
    for moment in (later(seconds=1), later(hours=30)):  # over the night, with its quiet hours
        if medium is not Medium.PARCEL:
            send_waiting(engine, channel, now=moment, limit=10_000, sender=SENDER)
        _check_ledger(engine, run_id, planned)
    with transaction(engine) as session:
        if cancelled:
            cancel(session, session.get_one(Campaign, campaign_id), at=later(days=2), actor="user:1")
        sent = session.exec(select(Delivery).where(Delivery.run_id == run_id, Delivery.state == DeliveryState.SENT))
        assert len(channel.taken) >= len(sent.all())
        assert not (cancelled and count(session, session.get_one(Run, run_id)).waiting)
    _check_ledger(engine, run_id, planned)


def _check_ledger(engine: Engine, run_id: int, planned: Plan) -> None:
    """At every moment everybody of the audience is in exactly one place, and the control group stays where it was."""
    with transaction(engine) as session:
        ledger = count(session, session.get_one(Run, run_id))
    assert ledger.adds_up
    assert (ledger.audience, ledger.control) == (len(planned.audience), len(planned.control))
    when_planned = Counter({reason: len(buyers) for reason, buyers in planned.skips.items()})
    assert not +when_planned - Counter(ledger.skipped)


def _mail(address: int) -> str:
    return f"{address}@example.com" if address else ""


def _phone(address: int) -> str:
    return f"+49151{address:08d}" if address else ""


def _draft(stage: Stage, people: list[Somebody], *, medium: Medium, limits: Rules) -> Campaign:
    excluded = []
    topic = stage.topic()
    for number, person in enumerate(people):
        buyer_id = stage.buyer(f"b{number}", email=_mail(person.address), answer=person.answer, parcel=person.parcel)
        _about(stage, buyer_id, person)
        excluded += [f"b{number}"] if person.excluded and person.written_before == 0 else []
    for turn in (1, 2):
        earlier = [f"b{number}" for number, person in enumerate(people) if person.written_before >= turn]
        if earlier:
            rule = {"buyer": {"field": "external_id", "is": earlier}}
            before = stage.draft(f"before-{turn}", MEDIA[medium], audience=rule, medium=medium)
            launch(stage.session, stage.shop, before, at=later(days=-1), actor="user:1")
            if turn == 2:
                cancel(stage.session, before, at=later(days=-1), actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"caps": limits.shop_caps}, at=NOON, actor="user:1")
    return stage.draft(
        "now",
        MEDIA[medium],
        medium=medium,
        topic=topic,
        excluded={"buyer": {"field": "external_id", "is": excluded}} if excluded else None,
        policy=_policy(limits),
    )


def _policy(limits: Rules) -> dict[str, Any]:
    return {
        "control_share": limits.control,
        "caps": limits.caps,
        "priority": limits.priority,
        "quiet": {"from": "21:00", "to": "09:00"} if limits.quiet else None,
        "send_at": {"time": "18:00"} if limits.send_at else None,
        "late_after": limits.late_after,
        "cost_each": 100,
        "cost_ceiling": limits.ceiling,
        "over_ceiling": "cut",
        "transactional": limits.transactional,
        "most_inserts": limits.most_inserts,
    }


def _about(stage: Stage, buyer_id: int, person: Somebody) -> None:
    buyer = stage.session.get_one(Buyer, buyer_id)
    buyer.phone, buyer.timezone = _phone(person.address), person.zone
    for channel in (Channel.SMS, Channel.WEBHOOK):
        if person.answer:
            stage.answer(buyer_id, person.answer, channel)
    for channel in (Channel.EMAIL, Channel.SMS, Channel.WEBHOOK, Channel.PARCEL) if person.off_topic else ():
        stage.answer(buyer_id, "out", channel, topic="arrivals")
    if person.paused:
        _pause(stage, buyer_id, later(days=1))
    if person.bounced and person.address:
        for channel, address in ((Channel.EMAIL, _mail(person.address)), (Channel.SMS, _phone(person.address))):
            stage.session.add(
                Bounce(
                    shop_id=stage.shop.id,
                    channel=channel,
                    kind=BounceKind.HARD,
                    address=address,
                    report=f"{buyer_id}",
                    at=NOON,
                )
            )


def _let_happen(stage: Stage, people: list[Somebody]) -> None:
    """Let some buyers change their mind between plan and hand-over."""
    for number, person in enumerate(people):
        buyer_id = stage.session.exec(
            select(Buyer.id).where(Buyer.shop_id == stage.shop.id, Buyer.external_id == f"b{number}")
        ).one()
        if person.meanwhile == "no":
            for channel in (Channel.EMAIL, Channel.SMS, Channel.WEBHOOK, Channel.PARCEL):
                stage.answer(buyer_id, "out", channel)
        elif person.meanwhile == "pause" and not person.paused:
            _pause(stage, buyer_id, later(days=30))


def _pause(stage: Stage, buyer_id: int, until: datetime) -> None:
    stage.session.add(Pause(shop_id=stage.shop.id, buyer_id=buyer_id, until=until, source="test", at=NOON))


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
