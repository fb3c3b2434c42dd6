"""A property of campaigns that post, by bot or manually: the posts are the preview, and so are the outcomes."""

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import PostsTo
from campaigns.campaign.posts import Post, PostState
from campaigns.channels.channel import Refused, TryLater, Undecided
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries.campaign_moves import cancel
from campaigns.deliveries.ledger import count
from campaigns.plans.planning import Plan, plan
from campaigns.posts import manual_posts
from campaigns.posts.bots import send_posts
from campaigns.posts.outcomes import reconcile_posts
from campaigns.runs.launch import launch
from retention.access import Member
from retention.database import transaction
from retention.errors import Conflict
from retention.followers_and_groups import GroupMember
from retention.shops import Shop
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import SITE, person
from tests.campaigns.random_campaigns import (
    Rules,
    Somebody,
    check_ledger,
    check_made,
    draft,
    let_happen,
    rules,
    somebody,
)
from tests.factories import make_shop

ERRORS = {"refused": Refused("no such group"), "undecided": Undecided("broken"), "later": TryLater("busy")}
WAYS = {
    "a bot": (Medium.BOT, PostsTo.GROUPS),
    "people in groups": (Medium.ASSISTED, PostsTo.GROUPS),
    "people to buyers": (Medium.ASSISTED, PostsTo.BUYERS),
}
fate = st.sampled_from(["sent", "sent", "refused", "undecided", "later"])
_shops = itertools.count(1)


@pytest.mark.parametrize("way", list(WAYS))
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    people=st.lists(somebody, min_size=6, max_size=25),
    limits=rules,
    fates=st.lists(fate, min_size=2, max_size=4),
    cancelled=st.booleans(),
)
def test_posts_are_what_the_preview_showed_and_the_sum_of_what_became_of_them(
    engine: Engine, *, way: str, people: list[Somebody], limits: Rules, fates: list[str], cancelled: bool
) -> None:
    medium, posts_to = WAYS[way]
    with transaction(engine) as session:
        slug = f"posts-{next(_shops)}"
        shop = make_shop(session, slug, name="Tea", at=NOON)
        campaign = draft(Stage(session, shop), people, medium=medium, limits=limits, posts_to=posts_to)
        planned = plan(session, shop, campaign, at=NOON)
        run = launch(session, shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
        _check_posts(session, run, planned, posts_to)
        let_happen(Stage(session, shop), people)
        who = person(session, slug, shop_id=shop.id)
        run_id, campaign_id = run.id, campaign.id

    say = _bot(engine, shop, fates) if medium is Medium.BOT else _people(engine, shop, who, fates)
    for moment in (later(seconds=1), later(hours=7), later(hours=30), later(days=4)):  # over the night, then too late
        say(moment)
        check_ledger(engine, run_id, planned)
        with transaction(engine) as session:
            reconcile_posts(session, at=moment)
        check_ledger(engine, run_id, planned)
    with transaction(engine) as session:
        if cancelled:
            cancel(session, session.get_one(Campaign, campaign_id), at=later(days=5), actor="user:1")
        assert not (cancelled and count(session, session.get_one(Run, run_id)).waiting)
        _check_said(session, run_id)
    check_ledger(engine, run_id, planned)


def _check_posts(session: Session, run: Run, planned: Plan, posts_to: PostsTo) -> None:
    """The rows are the plan, and each that waits is served by one post that its buyer can hear."""
    waiting = check_made(session, run, planned)
    posts = {post.id: post for post in session.exec(select(Post).where(Post.run_id == run.id))}
    served = Counter(row.post_id for row in waiting)
    assert set(served) == set(posts)
    if posts_to is PostsTo.BUYERS:
        assert all((posts[row.post_id or 0].buyer_id, served[row.post_id]) == (row.buyer_id, 1) for row in waiting)
        return
    assert not planned.control
    rows = select(GroupMember.group_id, GroupMember.buyer_id).where(GroupMember.shop_id == run.shop_id)
    members = set(session.exec(rows))
    assert all((posts[row.post_id or 0].group_id, row.buyer_id) in members for row in waiting)


def _bot(engine: Engine, shop: Shop, fates: list[str]) -> Callable[[datetime], None]:
    errors = {
        f"{shop.slug}-{letter}": [ERRORS[each]] for letter, each in zip("ab", fates, strict=False) if each in ERRORS
    }
    channel = MemoryChannel(medium=Medium.BOT, errors=errors)

    def say(now: datetime) -> None:
        send_posts(engine, lambda _: channel, public_url=SITE, now=now, limit=10_000)

    return say


def _people(engine: Engine, shop: Shop, who: Member, fates: list[str]) -> Callable[[datetime], None]:
    """Return what has one person take every task that lies there: sent, declined, put back or kept in hand."""

    def say(now: datetime) -> None:
        lying = select(Post.id).where(Post.shop_id == shop.id, Post.state == PostState.WAITING)
        with transaction(engine) as session:
            numbers = session.exec(lying.order_by(col(Post.id))).all()
        for number, word in zip(numbers, itertools.cycle(fates), strict=False):
            with suppress(Conflict), transaction(engine) as session:  # not due yet, quiet, or too late by now
                if manual_posts.take_post(session, shop, who, number, public_url=SITE, at=now) is not None:
                    _finish(session, who, number, word=word, at=now)

    return say


def _finish(session: Session, who: Member, number: int, *, word: str, at: datetime) -> None:
    if word == "sent":
        manual_posts.send_post(session, who, number, at=at, note="in the group")
    elif word == "refused":
        manual_posts.decline_post(session, who, number, at=at, note="not today")
    elif word == "later":
        manual_posts.put_back(session, who, number, at=at)


def _check_said(session: Session, run_id: int) -> None:
    """Whom a post reached, it has reached; what was not said has reached nobody."""
    rows = select(Delivery.state, Post.state).join(Post, col(Post.id) == Delivery.post_id)
    for delivered, said in session.exec(rows.where(Delivery.run_id == run_id)):
        assert (delivered == DeliveryState.SENT) <= (said == PostState.SENT)
        assert (said == PostState.SENT) <= (delivered in {DeliveryState.SENT, DeliveryState.SKIPPED})
