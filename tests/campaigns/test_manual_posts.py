"""A post is a task of somebody: taken, sent with proof, declined, put back, taken over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import CampaignState, Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import HOLD, PostState
from campaigns.deliveries import campaign_moves, ledger
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.posts import manual_posts
from campaigns.posts.task_list import task_list_of
from campaigns.runs.scheduling import schedule
from retention.access import Member
from retention.audit import AuditEntry
from retention.errors import Conflict, Invalid
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import SITE, group, launched, person, posted, posts_of, sent_touches, states, take

SECOND = timedelta(seconds=1)
OnStage = Callable[[Callable[[Stage], Any]], Any]


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
    reached = manual_posts.send_post(stage.session, who, post.id, at=later(minutes=3), note=" posted at 12:03 ")
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
    campaign_moves.finish_done(stage.session, at=later(minutes=4))
    stage.session.refresh(drafted)
    assert drafted.state is CampaignState.FINISHED


def test_sent_without_any_proof_is_refused_and_changes_nothing(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    launched(stage, posted(stage, Medium.ASSISTED))
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    with pytest.raises(Invalid, match="a screenshot of the chat, or a note"):
        manual_posts.send_post(stage.session, who, post.id, at=NOON, note="  ")
    assert (post.state, states(stage.session, ada)) == (PostState.TAKEN, ["waiting"])


def test_declined_task_skips_its_buyers_with_the_reason_given(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    launched(stage, posted(stage, Medium.ASSISTED))
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    with pytest.raises(Invalid, match="Enter a short reason for not sending"):
        manual_posts.decline_post(stage.session, who, post.id, at=NOON, note="")
    assert manual_posts.decline_post(stage.session, who, post.id, at=NOON, note="group is muted") == 1
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
    say = manual_posts.send_post if word == "sent" else manual_posts.decline_post
    say(stage.session, who, post.id, at=NOON, note="done")
    campaign_moves.finish_done(stage.session, at=NOON)
    manual_posts.undo_post(stage.session, who, post.id, at=later(minutes=1))
    stage.session.expire_all()
    assert (post.state, post.assignee, post.note, post.sent_at) == ("taken", who.actor, "", None)
    assert (states(stage.session, ada), sent_touches(stage.session)) == (["waiting"], 0)
    assert (drafted.state, run.finished_at) == (CampaignState.RUNNING, None)
    assert stage.session.exec(select(Delivery.detail)).one() == ""


def test_word_taken_back_between_two_runs_has_the_campaign_run_again_and_says_so(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(
        stage, Medium.ASSISTED, trigger={"recurring": {"rrule": "FREQ=MONTHLY;BYMONTHDAY=1", "at": "10:00"}}
    )
    schedule(stage.session, drafted, at=NOON, actor="user:1")
    launched(stage, drafted)
    post, who = posts_of(stage.session)[0], person(stage.session)
    take(stage, who, post.id)
    manual_posts.send_post(stage.session, who, post.id, at=NOON, note="done")
    campaign_moves.finish_done(stage.session, at=NOON)
    stage.session.expire_all()
    assert drafted.state is CampaignState.SCHEDULED
    manual_posts.undo_post(stage.session, who, post.id, at=later(minutes=1))
    assert drafted.state is CampaignState.RUNNING
    reopened = select(AuditEntry).where(AuditEntry.action == "campaign.reopen")
    assert [(row.actor, row.before, row.after) for row in stage.session.exec(reopened)] == [
        ("system", {"state": "scheduled"}, {"state": "running"})
    ]
    manual_posts.send_post(stage.session, who, post.id, at=later(minutes=2), note="done")
    campaign_moves.finish_done(stage.session, at=later(minutes=2))
    stage.session.expire_all()
    assert drafted.state is CampaignState.SCHEDULED


def test_nobody_takes_back_what_another_said_nor_after_a_cancel(stage: Stage) -> None:
    ada = stage.buyer("ada")
    group(stage, "tea", ada)
    drafted = posted(stage, Medium.ASSISTED)
    launched(stage, drafted)
    post, lin, mei = posts_of(stage.session)[0], person(stage.session), person(stage.session, "Mei")
    take(stage, lin, post.id)
    manual_posts.send_post(stage.session, lin, post.id, at=NOON, note="done")
    with pytest.raises(Conflict, match="You can only undo your own actions"):
        manual_posts.undo_post(stage.session, mei, post.id, at=NOON)
    campaign_moves.cancel(stage.session, drafted, at=NOON, actor="user:1")
    with pytest.raises(Conflict, match="The campaign has been cancelled"):
        manual_posts.undo_post(stage.session, lin, post.id, at=NOON)
    assert states(stage.session, ada) == ["sent"]


def test_second_user_sees_who_has_it_and_may_take_over_after_two_hours(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    post, lin, mei = posts_of(stage.session)[0], person(stage.session), person(stage.session, "Mei")
    take(stage, lin, post.id)
    with pytest.raises(Conflict, match="This task is assigned to Lin"):
        take(stage, mei, post.id, at=later(minutes=119))
    take(stage, mei, post.id, at=NOON + HOLD)
    with pytest.raises(Conflict, match="This task is assigned to Mei"):
        manual_posts.send_post(stage.session, lin, post.id, at=NOON + HOLD, note="done")
    assert post.assignee == mei.actor


def test_of_two_who_take_at_once_one_has_it_and_the_other_is_refused(engine: Engine, on_stage: OnStage) -> None:
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
    assert answers[0] in {"This task is assigned to Lin.", "This task is assigned to Mei."}


def test_task_put_back_is_in_the_task_list_again(stage: Stage) -> None:
    group(stage, "tea", stage.buyer("ada"))
    launched(stage, posted(stage, Medium.ASSISTED))
    post, lin, mei = posts_of(stage.session)[0], person(stage.session), person(stage.session, "Mei")
    take(stage, lin, post.id)
    assert task_list_of(stage.session, stage.shop, mei, at=NOON).waiting == 0
    manual_posts.put_back(stage.session, lin, post.id, at=NOON)
    task_list = task_list_of(stage.session, stage.shop, mei, at=NOON)
    assert [(task.to, task.buyers) for task in task_list.tasks] == [("Tea", 1)]
    take(stage, mei, post.id)
