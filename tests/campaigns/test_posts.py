"""What limits a post: quotas, lateness, what happened meanwhile, who may see it."""

from datetime import datetime, timedelta

import pytest

from campaigns.campaign.media import Medium
from campaigns.campaign.posts import LIFE, PostState
from campaigns.deliveries import campaign_moves, ledger
from campaigns.deliveries.stopping import skip_buyer
from campaigns.posts import manual_posts
from campaigns.posts.outcomes import reconcile_posts
from campaigns.posts.posts import set_quota
from campaigns.posts.task_list import left_of, task_list_of
from retention.access import Member, Role, Scope
from retention.consent import Channel
from retention.errors import Conflict, Forbidden, Invalid, NotFound
from retention.products import Product
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import group, launched, person, posted, posts_of, states, take
from tests.factories import make_shop

SECOND = timedelta(seconds=1)


def test_quota_of_the_day_and_of_the_month_is_per_user_and_resets(stage: Stage) -> None:
    for name in "abcde":
        stage.buyer(name)
    launched(stage, posted(stage, Medium.ASSISTED, to="buyers", policy={"late_after": 2000}))
    numbers = [post.id for post in posts_of(stage.session)]
    lin, mei = person(stage.session), person(stage.session, "Mei")
    limits = {"at": NOON, "actor": "user:1"}
    set_quota(stage.session, stage.shop, "", per_day=1, per_month=2, **limits)
    take(stage, lin, numbers[0])
    with pytest.raises(Conflict, match="Another user can send this, or continue tomorrow"):
        take(stage, lin, numbers[1])
    manual_posts.send_post(stage.session, lin, numbers[0], at=NOON, note="done")
    take(stage, mei, numbers[1])
    midnight = datetime.fromisoformat("2026-03-11T00:00+08:00")
    with pytest.raises(Conflict, match="Another user can send this, or continue tomorrow"):
        take(stage, lin, numbers[2], at=midnight - SECOND)
    take(stage, lin, numbers[2], at=midnight)
    manual_posts.send_post(stage.session, lin, numbers[2], at=midnight, note="done")
    with pytest.raises(Conflict, match="You have reached your monthly posting limit"):
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
    assert not task_list_of(stage.session, stage.shop, who, at=NOON).may_send
    with pytest.raises(Conflict):
        take(stage, who, posts_of(stage.session)[0].id)


def test_too_late_task_expires_with_its_deliveries_but_not_in_somebodys_hands(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    group(stage, "one", ada)
    group(stage, "two", bea)
    run = launched(stage, posted(stage, Medium.ASSISTED, policy={"late_after": 2}))
    first, second = posts_of(stage.session)
    take(stage, person(stage.session), second.id, at=later(hours=1))
    assert reconcile_posts(stage.session, at=later(hours=2)) == 0
    assert reconcile_posts(stage.session, at=later(hours=2) + SECOND) == 1
    assert (first.state, second.state) == (PostState.EXPIRED, PostState.TAKEN)
    assert states(stage.session, ada, bea) == ["skipped:late", "waiting"]
    assert reconcile_posts(stage.session, at=later(hours=3)) == 1
    assert ledger.count(stage.session, run).skipped == {"late": 2}
    assert reconcile_posts(stage.session, at=later(hours=4)) == 0


def test_task_without_an_hour_expires_after_three_days(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    with pytest.raises(Conflict, match="expired"):
        take(stage, person(stage.session), posts_of(stage.session)[0].id, at=NOON + LIFE + SECOND)
    assert reconcile_posts(stage.session, at=NOON + LIFE) == 0
    assert reconcile_posts(stage.session, at=NOON + LIFE + SECOND) == 1


def test_sold_out_meanwhile_is_found_when_the_task_is_taken(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    launched(stage, drafted)
    stage.session.get_one(Product, drafted.product_id).stock = 0
    post = posts_of(stage.session)[0]
    assert take(stage, person(stage.session), post.id) is None
    assert (post.state, post.note) == (PostState.SKIPPED, "Sold out before sending")
    assert states(stage.session, ada) == ["skipped:sold_out"]


def test_no_between_plan_and_post_takes_one_buyer_out_and_leaves_the_rest(stage: Stage) -> None:
    ada, bea = stage.buyer("ada"), stage.buyer("bea")
    group(stage, "tea", ada, bea)
    launched(stage, posted(stage, Medium.ASSISTED))
    stage.answer(bea, "out", Channel.GROUP)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    assert manual_posts.send_post(stage.session, who, post.id, at=NOON, note="done") == 1
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
    assert reconcile_posts(stage.session, at=NOON) == 2


def test_paused_campaign_lays_its_tasks_away_and_a_cancelled_one_ends_them(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    campaign_moves.pause(stage.session, drafted, at=NOON, actor="user:1")
    assert task_list_of(stage.session, stage.shop, who, at=NOON).tasks == []
    with pytest.raises(Conflict, match=", so nothing can be sent now"):
        take(stage, who, post.id)
    campaign_moves.resume(stage.session, drafted, at=NOON, actor="user:1")
    assert len(task_list_of(stage.session, stage.shop, who, at=NOON).tasks) == 1
    campaign_moves.cancel(stage.session, drafted, at=NOON, actor="user:1")
    assert reconcile_posts(stage.session, at=NOON) == 1
    assert (post.state, states(stage.session, ada)) == (PostState.SKIPPED, ["skipped:cancelled"])


def test_what_was_posted_while_a_campaign_was_cancelled_counts_as_sent(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    run = launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    campaign_moves.cancel(stage.session, drafted, at=NOON, actor="user:1")
    assert manual_posts.send_post(stage.session, who, post.id, at=NOON, note="done") == 1
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
    task_list = task_list_of(stage.session, stage.shop, blind, at=NOON)
    assert ([task.post.id for task in task_list.tasks], task_list.waiting, task_list.hidden) == ([in_group.id], 1, 2)
    with pytest.raises(Forbidden):
        take(stage, blind, personal.id)
    assert task_list_of(stage.session, stage.shop, named, at=NOON).waiting == 3
    take(stage, blind, in_group.id)


def test_warehouse_viewer_and_another_shop_get_nothing(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    number = posts_of(stage.session)[0].id
    other = make_shop(stage.session, "other", timezone="UTC", currency="EUR", at=NOON)
    for role in (Role.WAREHOUSE, Role.VIEWER):
        with pytest.raises(Forbidden):
            take(stage, person(stage.session, role.value, role=role), number)
    with pytest.raises(NotFound):
        take(stage, person(stage.session, "Spy", shop_id=other.id), number)
    assert posts_of(stage.session)[0].state is PostState.WAITING
