"""Buyers, limits and what happens to both at random, for the properties that hold of every campaign."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Recipe, Run, RunSkip
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import PostsTo
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.deliveries.campaign_moves import cancel
from campaigns.deliveries.ledger import count
from campaigns.optouts.bounces import Bounce, BounceKind
from campaigns.plans.planning import Plan
from campaigns.runs.launch import launch
from retention.buyers import Buyer
from retention.consent import Channel, Pause
from retention.database import transaction
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import WORDS, bot, group


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
    groups: str
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


rarely = st.integers(0, 7).map(lambda drawn: drawn == 7)
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
    groups=st.sampled_from(["", "a", "b", "ab"]),
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


def mail_of(address: int) -> str:
    return f"{address}@example.com" if address else ""


def phone_of(address: int) -> str:
    return f"+49151{address:08d}" if address else ""


def draft(
    stage: Stage, people: list[Somebody], *, medium: Medium, limits: Rules, posts_to: PostsTo = PostsTo.BUYERS
) -> Campaign:
    """Put people, their past and a campaign on the stage; a bot is in the first of the two groups, `a`."""
    excluded = []
    topic = stage.topic()
    members: dict[str, list[int]] = {"a": [], "b": []}
    for number, person in enumerate(people):
        buyer_id = stage.buyer(f"b{number}", email=mail_of(person.address), answer=person.answer, parcel=person.parcel)
        _about(stage, buyer_id, person)
        excluded += [f"b{number}"] if person.excluded and person.written_before == 0 else []
        for letter in person.groups:
            members[letter].append(buyer_id)
    for letter, buyers in members.items():
        group(stage, f"{stage.shop.slug}-{letter}", *buyers)
    bot(stage, f"{stage.shop.slug}-a")
    values: dict[str, Any] = {"medium": medium} | (
        {"content": WORDS} if medium in {Medium.BOT, Medium.ASSISTED} else {}
    )
    posting = {"posts_to": posts_to.value}
    for turn in (1, 2):
        earlier = [f"b{number}" for number, person in enumerate(people) if person.written_before >= turn]
        if earlier:
            rule = {"buyer": {"field": "external_id", "is": earlier}}
            before = stage.draft(f"before-{turn}", _recipe(medium), audience=rule, policy=posting, **values)
            launch(stage.session, stage.shop, before, at=later(days=-1), actor="user:1")
            if turn == 2:
                cancel(stage.session, before, at=later(days=-1), actor="user:1")
    save_shop_policy(stage.session, stage.shop, values={"caps": limits.shop_caps}, at=NOON, actor="user:1")
    return stage.draft(
        "now",
        _recipe(medium),
        topic=topic,
        excluded={"buyer": {"field": "external_id", "is": excluded}} if excluded else None,
        policy=policy_of(limits) | posting,
        **values,
    )


def _recipe(medium: Medium) -> Recipe:
    return Recipe.PARCEL_FLYER if medium is Medium.PARCEL else Recipe.COUPON_PUSH


def policy_of(limits: Rules) -> dict[str, Any]:
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
    buyer.phone, buyer.timezone = phone_of(person.address), person.zone
    for channel in (
        set(Channel) - {Channel.EMAIL, Channel.PARCEL} if person.answer else ()
    ):  # the stage asked about these
        stage.answer(buyer_id, person.answer, channel)
    for channel in Channel if person.off_topic else ():
        stage.answer(buyer_id, "out", channel, topic="arrivals")
    if person.paused:
        _pause(stage, buyer_id, later(days=1))
    if person.bounced and person.address:
        for channel, address in ((Channel.EMAIL, mail_of(person.address)), (Channel.SMS, phone_of(person.address))):
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


def let_happen(stage: Stage, people: list[Somebody]) -> None:
    """Let some buyers change their mind between plan and hand-over."""
    for number, person in enumerate(people):
        buyer_id = stage.session.exec(
            select(Buyer.id).where(Buyer.shop_id == stage.shop.id, Buyer.external_id == f"b{number}")
        ).one()
        if person.meanwhile == "no":
            for channel in Channel:
                stage.answer(buyer_id, "out", channel)
        elif person.meanwhile == "pause" and not person.paused:
            _pause(stage, buyer_id, later(days=30))


def _pause(stage: Stage, buyer_id: int, until: datetime) -> None:
    stage.session.add(Pause(shop_id=stage.shop.id, buyer_id=buyer_id, until=until, source="test", at=NOON))


def check_ledger(engine: Engine, run_id: int, planned: Plan) -> None:
    """At every moment everybody of the audience is in exactly one place, and the control group stays where it was."""
    with transaction(engine) as session:
        ledger = count(session, session.get_one(Run, run_id))
    assert ledger.adds_up
    assert (ledger.audience, ledger.control) == (len(planned.audience), len(planned.control))
    when_planned = Counter({reason: len(buyers) for reason, buyers in planned.skips.items()})
    assert not +when_planned - Counter(ledger.skipped)


def check_made(session: Session, run: Run, planned: Plan) -> list[Delivery]:
    """The rows are exactly the plan: disjoint sets that together are the audience. Return those that wait."""
    rows = session.exec(select(Delivery).where(Delivery.shop_id == run.shop_id, Delivery.run_id == run.id)).all()
    waiting = [row for row in rows if row.state is DeliveryState.WAITING]
    assert BitMap(row.buyer_id for row in waiting) == planned.final
    assert BitMap(row.buyer_id for row in rows) - planned.final == planned.control
    skips = session.exec(select(RunSkip).where(RunSkip.shop_id == run.shop_id, RunSkip.run_id == run.id)).all()
    assert {skip.reason: BitMap.deserialize(skip.buyer_ids) for skip in skips} == {
        reason: buyers for reason, buyers in planned.skips.items() if buyers
    }
    parts = [planned.final, planned.control, *planned.skips.values()]
    assert sum(map(len, parts)) == len(planned.audience) == run.audience
    assert BitMap().union(*parts) == planned.audience
    assert dict(run.funnel)["final"] == len(planned.final) == len(waiting)
    return waiting
