"""Posts as tasks of people: made at launch, taken, sent with proof, declined, too late; the deliveries follow."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, event
from sqlmodel import col, func, select

from campaigns import ledger, moving
from campaigns.campaigns import CampaignState, Delivery, Medium
from campaigns.drafting import find_campaign
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.offers.redeem import claim_coupon
from campaigns.offers.sharing import own_link
from campaigns.plans.planning import plan
from campaigns.posts import assisting
from campaigns.posts.desk import desk_of, left_of
from campaigns.posts.post_outcomes import put_aside
from campaigns.posts.posting import fewest_groups
from campaigns.posts.posts import HOLD, LIFE, Post, PostState, set_quota
from campaigns.stopping import skip_buyer
from retention.access import Member, Role, Scope
from retention.buyers import Buyer
from retention.consent import Channel
from retention.errors import Conflict, Forbidden, Invalid, NotFound
from retention.products import Product
from retention.relations import GroupMember
from retention.shops import create_shop
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.postings import (
    SITE,
    group,
    launched,
    person,
    posted,
    posts_of,
    sent_touches,
    states,
    take,
)

SECOND = timedelta(seconds=1)
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
    answers = ledger.why(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, bea))
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
    with pytest.raises(Conflict, match="No chat group can be reached"):
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


def test_taken_task_says_all_there_is_to_copy(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    post = posts_of(stage.session)[0]
    said = take(stage, person(stage.session), post.id)
    assert said.text == f"Fresh from the hill, says Tea.\n\n{SITE}/Q/{post.token}"
    assert (said.picture, post.text, post.state) == ("ab" * 32, said.text, PostState.TAKEN)


def test_task_for_one_buyer_names_their_code_and_their_link(stage: Stage) -> None:
    stage.buyer("ada")
    content = {"en": {"subject": "Hello", "body": "{{ offer.headline }} for {{ buyer.name }}"}}
    launched(stage, posted(stage, Medium.ASSISTED, to="buyers", offer_id=stage.offer().id, content=content))
    said = take(stage, person(stage.session), posts_of(stage.session)[0].id)
    code = stage.session.exec(select(Coupon.code)).one()
    token = stage.session.exec(select(Link.token)).one()
    assert " for Ada\n\n" in said.text
    assert said.text.endswith(f"Your code: {code[:4]}-{code[4:]}\n\n{SITE}/Q/{token}")


def test_sent_with_a_note_reaches_everybody_of_the_group(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    group(stage, "tea", ada, bea)
    drafted = posted(stage, Medium.ASSISTED)
    run = launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    reached = assisting.send_post(stage.session, who, post.id, at=later(minutes=3), note=" posted at 12:03 ")
    assert reached == 2
    assert (post.state, post.sent_by, post.note, post.sent_at) == (
        "sent",
        who.actor,
        "posted at 12:03",
        later(minutes=3),
    )
    assert states(stage.session, ada, bea) == ["sent", "sent"]
    assert sent_touches(stage.session) == 2
    assert ledger.count(stage.session, run).sent == 2
    moving.finish_done(stage.session, at=later(minutes=4))
    stage.session.refresh(drafted)
    assert drafted.state is CampaignState.FINISHED


def test_sent_without_any_proof_is_refused_and_changes_nothing(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    launched(stage, posted(stage, Medium.ASSISTED))
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    with pytest.raises(Invalid, match="Show that it was sent"):
        assisting.send_post(stage.session, who, post.id, at=NOON, note="  ")
    assert (post.state, states(stage.session, ada)) == (PostState.TAKEN, ["waiting"])


def test_declined_task_skips_its_buyers_with_the_reason_given(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    launched(stage, posted(stage, Medium.ASSISTED))
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    with pytest.raises(Invalid, match="why it is not sent"):
        assisting.decline_post(stage.session, who, post.id, at=NOON, note="")
    assert assisting.decline_post(stage.session, who, post.id, at=NOON, note="group is muted") == 1
    assert states(stage.session, ada) == ["skipped:declined"]
    assert stage.session.exec(select(Delivery.detail)).one() == "group is muted"


@pytest.mark.parametrize("word", ["sent", "declined"])
def test_word_taken_back_puts_everything_as_it_was(stage: Stage, word: str) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    run = launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    say = assisting.send_post if word == "sent" else assisting.decline_post
    say(stage.session, who, post.id, at=NOON, note="done")
    moving.finish_done(stage.session, at=NOON)
    assisting.undo_post(stage.session, who, post.id, at=later(minutes=1))
    stage.session.expire_all()
    assert (post.state, post.assignee, post.note, post.sent_at) == ("taken", who.actor, "", None)
    assert (states(stage.session, ada), sent_touches(stage.session)) == (["waiting"], 0)
    assert (drafted.state, run.finished_at) == (CampaignState.RUNNING, None)
    assert stage.session.exec(select(Delivery.detail)).one() == ""


def test_nobody_takes_back_what_another_said_nor_after_a_cancel(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    launched(stage, drafted)
    post, lin, mei = posts_of(stage.session)[0], person(stage.session), person(stage.session, "Mei")
    take(stage, lin, post.id)
    assisting.send_post(stage.session, lin, post.id, at=NOON, note="done")
    with pytest.raises(Conflict, match="Only what you said yourself"):
        assisting.undo_post(stage.session, mei, post.id, at=NOON)
    moving.cancel(stage.session, drafted, at=NOON, actor="user:1")
    with pytest.raises(Conflict, match="cancelled meanwhile"):
        assisting.undo_post(stage.session, lin, post.id, at=NOON)
    assert states(stage.session, ada) == ["sent"]


def test_second_person_is_told_who_has_it_and_may_take_over_after_two_hours(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    post, lin, mei = posts_of(stage.session)[0], person(stage.session), person(stage.session, "Mei")
    take(stage, lin, post.id)
    with pytest.raises(Conflict, match="Lin has this one in hand"):
        take(stage, mei, post.id, at=later(minutes=119))
    take(stage, mei, post.id, at=NOON + HOLD)
    with pytest.raises(Conflict, match="Mei has this one in hand"):
        assisting.send_post(stage.session, lin, post.id, at=NOON + HOLD, note="done")
    assert post.assignee == mei.actor


def test_of_two_who_take_at_once_one_has_it_and_the_other_is_told(engine: Engine, on_stage: OnStage) -> None:
    def prepare(stage: Stage) -> tuple[int, Member, Member]:
        group(stage, "tea", stage.buyer("ada"))
        launched(stage, posted(stage, Medium.ASSISTED))
        return posts_of(stage.session)[0].id, person(stage.session), person(stage.session, "Mei")

    number, *people = on_stage(prepare)
    together = Barrier(2)

    def try_it(who: Member) -> str:
        together.wait()
        try:
            on_stage(lambda stage: take(stage, who, number))
        except Conflict as refusal:
            return str(refusal)
        return "taken"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(try_it, people))
    assert answers[1] == "taken"
    assert answers[0] in {"Lin has this one in hand.", "Mei has this one in hand."}


def test_task_put_back_lies_on_the_desk_again(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    post, lin, mei = posts_of(stage.session)[0], person(stage.session), person(stage.session, "Mei")
    take(stage, lin, post.id)
    assert desk_of(stage.session, stage.shop, mei, at=NOON).waiting == 0
    assisting.put_back(stage.session, lin, post.id, at=NOON)
    desk = desk_of(stage.session, stage.shop, mei, at=NOON)
    assert [(task.to, task.buyers) for task in desk.tasks] == [("Tea", 1)]
    take(stage, mei, post.id)


def test_quota_of_the_day_and_of_the_month_is_by_person_and_begins_anew(stage: Stage) -> None:
    for name in "abcde":
        stage.buyer(name)
    launched(stage, posted(stage, Medium.ASSISTED, to="buyers", policy={"late_after": 2000}))
    numbers = [post.id for post in posts_of(stage.session)]
    lin, mei = person(stage.session), person(stage.session, "Mei")
    limits = {"at": NOON, "actor": "user:1"}
    set_quota(stage.session, stage.shop, "", per_day=1, per_month=2, **limits)
    take(stage, lin, numbers[0])
    with pytest.raises(Conflict, match="as many as you may today"):
        take(stage, lin, numbers[1])
    assisting.send_post(stage.session, lin, numbers[0], at=NOON, note="done")
    take(stage, mei, numbers[1])
    midnight = datetime.fromisoformat("2026-03-11T00:00+08:00")
    with pytest.raises(Conflict, match="as many as you may today"):
        take(stage, lin, numbers[2], at=midnight - SECOND)
    take(stage, lin, numbers[2], at=midnight)
    assisting.send_post(stage.session, lin, numbers[2], at=midnight, note="done")
    with pytest.raises(Conflict, match="as many as you may this month"):
        take(stage, lin, numbers[3], at=later(days=3))
    set_quota(stage.session, stage.shop, lin.actor, per_day=None, per_month=3, **limits)
    assert left_of(stage.session, stage.shop, lin.actor, at=later(days=3)) == (None, 1)
    take(stage, lin, numbers[3], at=later(days=3))
    april = datetime.fromisoformat("2026-04-01T00:00+08:00")
    assert left_of(stage.session, stage.shop, lin.actor, at=april) == (None, 3)


def test_limit_below_nothing_is_refused_and_nothing_at_all_means_none_may_go(stage: Stage) -> None:
    stage.buyer("ada")
    launched(stage, posted(stage, Medium.ASSISTED, to="buyers"))
    with pytest.raises(Invalid):
        set_quota(stage.session, stage.shop, "", per_day=-1, per_month=None, at=NOON, actor="user:1")
    set_quota(stage.session, stage.shop, "", per_day=0, per_month=None, at=NOON, actor="user:1")
    who = person(stage.session)
    assert not desk_of(stage.session, stage.shop, who, at=NOON).may_send
    with pytest.raises(Conflict):
        take(stage, who, posts_of(stage.session)[0].id)


def test_too_late_task_expires_with_its_deliveries_but_not_in_somebodys_hands(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    group(stage, "one", ada)
    group(stage, "two", bea)
    run = launched(stage, posted(stage, Medium.ASSISTED, policy={"late_after": 2}))
    first, second = posts_of(stage.session)
    take(stage, person(stage.session), second.id, at=later(hours=1))
    assert put_aside(stage.session, at=later(hours=2)) == 0
    assert put_aside(stage.session, at=later(hours=2) + SECOND) == 1
    assert (first.state, second.state) == (PostState.EXPIRED, PostState.TAKEN)
    assert states(stage.session, ada, bea) == ["skipped:late", "waiting"]
    assert put_aside(stage.session, at=later(hours=3)) == 1
    assert ledger.count(stage.session, run).skipped == {"late": 2}
    assert put_aside(stage.session, at=later(hours=4)) == 0


def test_task_without_an_hour_expires_after_three_days(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    with pytest.raises(Conflict, match="too late"):
        take(stage, person(stage.session), posts_of(stage.session)[0].id, at=NOON + LIFE + SECOND)
    assert put_aside(stage.session, at=NOON + LIFE) == 0
    assert put_aside(stage.session, at=NOON + LIFE + SECOND) == 1


def test_sold_out_meanwhile_is_found_when_the_task_is_taken(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    launched(stage, drafted)
    stage.session.get_one(Product, drafted.product_id).stock = 0
    post = posts_of(stage.session)[0]
    assert take(stage, person(stage.session), post.id) is None
    assert (post.state, post.note) == (PostState.SKIPPED, "Sold out before it left")
    assert states(stage.session, ada) == ["skipped:sold_out"]


def test_no_between_plan_and_post_takes_one_buyer_out_and_leaves_the_rest(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    group(stage, "tea", ada, bea)
    launched(stage, posted(stage, Medium.ASSISTED))
    stage.answer(bea, "out", Channel.GROUP)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    assert assisting.send_post(stage.session, who, post.id, at=NOON, note="done") == 1
    assert states(stage.session, ada, bea) == ["sent", "skipped:no_consent"]


def test_who_leaves_a_channel_keeps_what_people_post_on_the_other(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    launched(stage, posted(stage, Medium.ASSISTED, "in-group"))
    launched(stage, posted(stage, Medium.ASSISTED, "alone", to="buyers"))
    assert skip_buyer(stage.session, 1, buyer_id=ada, channel=Channel.PERSONAL) == 1
    assert states(stage.session, ada) == ["waiting", "skipped:no_consent"]
    assert skip_buyer(stage.session, 1, buyer_id=ada, channel=Channel.GROUP) == 1
    assert states(stage.session, ada) == ["skipped:no_consent"] * 2
    assert put_aside(stage.session, at=NOON) == 2


def test_paused_campaign_lays_its_tasks_away_and_a_cancelled_one_ends_them(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    moving.pause(stage.session, drafted, at=NOON, actor="user:1")
    assert desk_of(stage.session, stage.shop, who, at=NOON).tasks == []
    with pytest.raises(Conflict, match="nothing is to be sent now"):
        take(stage, who, post.id)
    moving.resume(stage.session, drafted, at=NOON, actor="user:1")
    assert len(desk_of(stage.session, stage.shop, who, at=NOON).tasks) == 1
    moving.cancel(stage.session, drafted, at=NOON, actor="user:1")
    assert put_aside(stage.session, at=NOON) == 1
    assert (post.state, states(stage.session, ada)) == (PostState.SKIPPED, ["skipped:cancelled"])


def test_what_was_posted_while_a_campaign_was_cancelled_counts_as_sent(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    run = launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    moving.cancel(stage.session, drafted, at=NOON, actor="user:1")
    assert assisting.send_post(stage.session, who, post.id, at=NOON, note="done") == 1
    assert states(stage.session, ada) == ["sent"]
    assert ledger.count(stage.session, run).adds_up


def test_whoever_may_not_see_names_gets_a_count_instead_of_buyers(stage: Stage) -> None:
    stage.buyer("ada")
    group(stage, "tea", stage.buyer("bea"))
    launched(stage, posted(stage, Medium.ASSISTED, "one", to="buyers"))
    launched(stage, posted(stage, Medium.ASSISTED, "two"))
    named = person(stage.session)
    blind = Member(1, "key:9", frozenset({Scope.POSTS_WRITE}))
    personal, _, in_group = posts_of(stage.session)
    desk = desk_of(stage.session, stage.shop, blind, at=NOON)
    assert ([task.post.id for task in desk.tasks], desk.waiting, desk.hidden) == ([in_group.id], 1, 2)
    with pytest.raises(Forbidden):
        take(stage, blind, personal.id)
    assert desk_of(stage.session, stage.shop, named, at=NOON).waiting == 3
    take(stage, blind, in_group.id)


def test_warehouse_viewer_and_another_shop_get_nothing(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    number = posts_of(stage.session)[0].id
    other = create_shop(stage.session, "other", name="Other", timezone="UTC", currency="EUR", at=NOON)
    for role in (Role.WAREHOUSE, Role.VIEWER):
        with pytest.raises(Forbidden):
            take(stage, person(stage.session, role.value, role=role), number)
    with pytest.raises(NotFound):
        take(stage, person(stage.session, "Spy", shop_id=other.id), number)
    assert posts_of(stage.session)[0].state is PostState.WAITING
