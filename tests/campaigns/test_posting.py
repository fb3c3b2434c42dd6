"""Posts as a launch makes them: one per group or per buyer, and whom they reach."""

from collections.abc import Callable
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, event
from sqlmodel import col, func, select

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import Post
from campaigns.deliveries import ledger
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.offers.redeem import claim_coupon
from campaigns.plans.planning import plan
from campaigns.posts.posting import fewest_groups
from campaigns.posts.sharing import own_link
from campaigns.runs.drafting import find_campaign
from campaigns.runs.explaining import explain_outcome
from retention.buyers import Buyer
from retention.consent import Channel
from retention.errors import Conflict
from retention.followers_and_groups import GroupMember
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import group, launched, posted, posts_of, states

OnStage = Callable[[Callable[[Stage], Any]], Any]


class _Statements:
    """Counts what an engine is asked until it is stopped."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.count = engine, 0
        event.listen(engine, "before_cursor_execute", self._see)

    def _see(self, *_: object) -> None:
        self.count += 1

    def stop(self) -> int:
        event.remove(self.engine, "before_cursor_execute", self._see)
        return self.count


def test_few_groups_are_chosen_and_the_largest_first() -> None:
    members = {1: BitMap([1, 2]), 2: BitMap([1, 2, 3, 4]), 3: BitMap([4, 5]), 4: BitMap()}
    assert fewest_groups(members) == {2: BitMap([1, 2, 3, 4]), 3: BitMap([5])}
    assert fewest_groups({7: BitMap([1]), 3: BitMap([1])}) == {3: BitMap([1])}
    assert fewest_groups({}) == {}


def test_launch_makes_one_post_per_group_and_every_delivery_points_at_one(stage: Stage) -> None:
    ada, bea, cem, dan = (stage.buyer(name) for name in ("ada", "bea", "cem", "dan"))
    tea, new = group(stage, "tea", ada, bea, cem), group(stage, "new", cem, dan)
    group(stage, "empty")
    run = launched(stage, posted(stage, Medium.ASSISTED))
    first, second = posts_of(stage.session)
    assert (first.group_id, second.group_id) == (tea.id, new.id)
    assert {(post.state, post.buyer_id, post.picture) for post in (first, second)} == {("waiting", None, "ab" * 32)}
    pairs = stage.session.exec(select(Delivery.buyer_id, Delivery.post_id).order_by(col(Delivery.buyer_id))).all()
    assert pairs == [(ada, first.id), (bea, first.id), (cem, first.id), (dan, second.id)]
    assert ledger.count(stage.session, run).waiting == 4


def test_a_group_has_no_control_group_since_everybody_in_it_reads_along(stage: Stage) -> None:
    group(stage, "tea", *(stage.buyer(f"b{number}") for number in range(20)))
    campaign = posted(stage, Medium.ASSISTED, policy={"control_share": 0.5})
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert (len(planned.control), len(planned.final), planned.policy.control_share) == (0, 20, 0.0)


def test_launch_to_buyers_makes_one_post_each_with_the_moments_of_its_delivery(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    launched(stage, posted(stage, Medium.ASSISTED, to="buyers", policy={"late_after": 5}))
    rows = stage.session.exec(
        select(Post.buyer_id, Delivery.buyer_id, Post.due_at, Post.expires_at)
        .join(Delivery, col(Delivery.post_id) == Post.id)
        .order_by(col(Post.buyer_id))
    ).all()
    assert rows == [(ada, ada, NOON, later(hours=5)), (bea, bea, NOON, later(hours=5))]


@pytest.mark.parametrize("to", ["groups", "buyers"])
def test_statements_of_a_launch_do_not_grow_with_buyers(on_stage: OnStage, engine: Engine, to: str) -> None:
    def statements(slug: str, buyers: int) -> int:
        def prepare(stage: Stage) -> None:
            group(stage, slug, *(stage.buyer(f"{slug}-{number}") for number in range(buyers)))
            audience = {"group": {"slug": slug}}
            posted(stage, Medium.ASSISTED, slug, to=to, audience=audience)

        on_stage(prepare)
        counted = _Statements(engine)
        on_stage(lambda stage: launched(stage, find_campaign(stage.session, 1, slug)))
        return counted.stop()

    assert statements("few", 2) == statements("many", 60)


def test_buyer_in_no_group_is_left_out_by_the_plan_and_the_ledger_says_why(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    assert dict(plan(stage.session, stage.shop, drafted, at=NOON).funnel)["no_address"] == 1
    counted = ledger.count(stage.session, launched(stage, drafted))
    assert (counted.waiting, counted.skipped, counted.adds_up) == (1, {"no_address": 1}, True)
    answers = explain_outcome(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, bea))
    assert [answer.reason for answer in answers] == ["no_address"]


def test_member_who_left_the_group_or_said_no_to_groups_is_not_posted_to(stage: Stage) -> None:
    ada, bea, cem = (stage.buyer(name) for name in ("ada", "bea", "cem"))
    tea = group(stage, "tea", ada, bea, cem)
    membership = stage.session.exec(select(GroupMember).where(GroupMember.buyer_id == bea)).one()
    membership.left_at = NOON
    stage.answer(cem, "out", Channel.GROUP)
    stage.answer(ada, "out", Channel.PERSONAL)  # says nothing about groups
    run = launched(stage, posted(stage, Medium.ASSISTED))
    assert ledger.count(stage.session, run).skipped == {"no_address": 1, "no_consent": 1}
    assert [post.group_id for post in posts_of(stage.session)] == [tea.id]
    assert states(stage.session, ada, bea, cem) == ["waiting"]


def test_post_to_single_buyers_asks_for_no_group_but_heeds_a_no_to_personal_messages(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    stage.answer(bea, "out", Channel.PERSONAL)
    run = launched(stage, posted(stage, Medium.ASSISTED, to="buyers"))
    assert [post.buyer_id for post in posts_of(stage.session)] == [ada]
    assert ledger.count(stage.session, run).skipped == {"no_consent": 1}


def test_campaign_to_groups_without_any_group_reaches_nobody(stage: Stage) -> None:
    stage.buyer("ada")
    with pytest.raises(Conflict, match="Add a group, and for bot posts the bot in it"):
        launched(stage, posted(stage, Medium.ASSISTED))
    assert posts_of(stage.session) == []


def test_group_gets_no_codes_of_its_own_and_each_phone_claims_one(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"), stage.buyer("bea"))
    offer = stage.offer(most_coupons=2)
    drafted = posted(stage, Medium.ASSISTED, offer_id=offer.id)
    assert plan(stage.session, stage.shop, drafted, at=NOON).coupons == 0
    launched(stage, drafted)
    shared = stage.session.exec(select(Link)).one()
    first = own_link(stage.session, shared, had="", at=NOON)
    codes = [claim_coupon(stage.session, first, at=NOON).code]
    again = own_link(stage.session, shared, had=first.token, at=NOON)
    assert again.id == first.id
    assert claim_coupon(stage.session, again, at=NOON).code == codes[0]
    codes.append(claim_coupon(stage.session, own_link(stage.session, shared, had="", at=NOON), at=NOON).code)
    assert len(set(codes)) == 2
    with pytest.raises(Conflict):
        claim_coupon(stage.session, own_link(stage.session, shared, had="ELSEWHERE", at=NOON), at=NOON)
    assert stage.session.exec(select(func.count(col(Coupon.id)))).one() == 2


def test_link_of_a_single_buyer_is_not_shared(stage: Stage) -> None:
    stage.buyer("ada")
    launched(stage, posted(stage, Medium.ASSISTED, to="buyers", offer_id=stage.offer().id))
    link = stage.session.exec(select(Link)).one()
    assert own_link(stage.session, link, had="", at=NOON) is link
