"""Manual posts: tasks of people. One is taken, sent with proof or declined; every step can be taken back.

Two people at once: one wins by a conditional UPDATE, the other is told who has it. The deliveries follow the post.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, CampaignState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import Post, PostState
from campaigns.campaign.reasons import Reason, step_name
from campaigns.deliveries.campaign_moves import reopen
from campaigns.deliveries.transitions import Move
from campaigns.posts.groups import assignees
from campaigns.posts.outcomes import recheck_post, settle
from campaigns.posts.posts import find_post, quota_of
from campaigns.posts.task_list import REPORTED, check_sight, left_of
from campaigns.posts.wording import PostText, text_of
from retention import audit
from retention.access import Member, Scope, terminal_name
from retention.database import changed, lock
from retention.errors import Conflict, Invalid
from retention.moments import show_moment
from retention.shops import Shop
from retention.users import User


def take_post(
    session: Session, shop: Shop, member: Member, number: int, *, public_url: str, at: datetime
) -> PostText | None:
    """Take a task in hand and return what to say; None when nobody is left to hear it, which settles it as skipped.

    Conflict when somebody else has it, it is not due, over or settled, or the quota of the day or month is used up.
    """
    post = _locked(session, member, number)
    if post.state == PostState.TAKEN and post.assignee == member.actor:
        return _post_text(session, shop, post, public_url=public_url, at=at)
    _check_free(session, shop, post, member, at=at)
    _check_quota(session, shop, member, at=at)
    found = recheck_post(session, post, at=at)
    if isinstance(found, datetime):
        raise Conflict(
            "Quiet hours or a frequency cap apply: not before {moment}.", moment=show_moment(found, shop.timezone)
        )
    if found:
        _move(session, post, PostState.SKIPPED, member, at=at, note=step_name(found))
        return None
    _move(session, post, PostState.TAKEN, member, at=at, assignee=member.actor, taken_at=at)
    return _post_text(session, shop, post, public_url=public_url, at=at)


def send_post(session: Session, member: Member, number: int, *, at: datetime, proof: str = "", note: str = "") -> int:
    """Say that a taken task has been sent, with a picture or a note as proof; return how many buyers it reached.

    It stays true when the campaign was cancelled while it was in hand. Invalid without any proof; Conflict when it is
    not in this person's hands.
    """
    if not (proof or note.strip()):
        raise Invalid("Add proof of sending: a screenshot of the chat, or a note.")
    post = _in_hand(session, member, number)
    _move(
        session, post, PostState.SENT, member, at=at, sent_at=at, sent_by=member.actor, proof=proof, note=note.strip()
    )
    # What was skipped since it was taken was skipped while it left.
    return settle(session, post, Move.POST_BY_HAND, sent_at=at)


def decline_post(session: Session, member: Member, number: int, *, at: datetime, note: str) -> int:
    """Say that a task will not be sent and why; return how many buyers go without. Invalid without a reason."""
    if not note.strip():
        raise Invalid("Enter a short reason for not sending.")
    post = _in_hand(session, member, number)
    _move(session, post, PostState.DECLINED, member, at=at, sent_at=at, sent_by=member.actor, note=note.strip())
    return settle(session, post, Move.SKIP_IN_POST, reason=Reason.DECLINED, detail=note.strip()[:500])


def put_back(session: Session, member: Member, number: int, *, at: datetime) -> None:
    """Lay a task that was taken back for others, preset for the owner of its group where that is somebody else."""
    post = _in_hand(session, member, number)
    preset = assignees(session, session.get_one(Shop, post.shop_id)).get(post.group_id or 0, "")
    assignee = "" if preset == member.actor else preset
    _move(session, post, PostState.WAITING, member, at=at, assignee=assignee, taken_at=None)


def undo_post(session: Session, member: Member, number: int, *, at: datetime) -> None:
    """Take back what this person said last of a task, sent or declined: it is in their hands again.

    Conflict when it was somebody else's word, or the campaign was cancelled meanwhile.
    """
    post = _locked(session, member, number)
    if post.state not in REPORTED or post.sent_by != member.actor:
        raise Conflict("You can only undo your own actions.")
    campaign = session.get_one(Campaign, post.campaign_id)
    lock(session, campaign)
    if campaign.state is CampaignState.CANCELLED:
        raise Conflict("The campaign has been cancelled.")
    settle(session, post, Move.UNSEND if post.state == PostState.SENT else Move.UNSKIP)
    reopen(session, campaign, session.get_one(Run, post.run_id), at=at)
    columns = {"assignee": member.actor, "taken_at": at, "sent_at": None, "sent_by": "", "proof": "", "note": ""}
    _move(session, post, PostState.TAKEN, member, at=at, **columns)


def _locked(session: Session, member: Member, number: int) -> Post:
    member.require(Scope.POSTS_WRITE)
    post = find_post(session, member.shop_id, number)
    lock(session, post)
    check_sight(member, post)
    return post


def _in_hand(session: Session, member: Member, number: int) -> Post:
    post = _locked(session, member, number)
    if post.state != PostState.TAKEN:
        raise Conflict("This task is not assigned to you: it is {state}.", state=post.state)
    if post.assignee != member.actor:
        raise _held(session, post)
    return post


def _check_free(session: Session, shop: Shop, post: Post, member: Member, *, at: datetime) -> None:
    if post.held_by_another(member.actor, at):
        raise _held(session, post)
    if post.state not in {PostState.WAITING, PostState.TAKEN}:
        raise Conflict("This task was changed by another user: it is {state}.", state=post.state)
    if at < post.due_at:
        raise Conflict("This post is not due before {moment}.", moment=show_moment(post.due_at, shop.timezone))
    if at > post.too_late_at:
        over = show_moment(post.too_late_at, shop.timezone)
        raise Conflict("This post expired at {moment}.", moment=over)
    campaign = session.get_one(Campaign, post.campaign_id)
    if campaign.medium is not Medium.ASSISTED:
        raise Conflict("This post is sent by a bot.")
    if campaign.state is not CampaignState.RUNNING:
        raise Conflict("Its campaign is {state}, so nothing can be sent now.", state=campaign.state)


def _check_quota(session: Session, shop: Shop, member: Member, *, at: datetime) -> None:
    quota_of(session, shop.id, member.actor, lock=True)
    today, month = left_of(session, shop, member.actor, at=at)
    if today == 0:
        raise Conflict("You have reached your daily posting limit. Another user can send this, or continue tomorrow.")
    if month == 0:
        raise Conflict("You have reached your monthly posting limit. Another user can send this.")


def _held(session: Session, post: Post) -> Conflict:
    kind, _, number = post.assignee.partition(":")
    user = session.get(User, int(number)) if kind == "user" and number.isdecimal() else None
    name = (user.name or user.email) if user else terminal_name(post.assignee) or post.assignee
    return Conflict("This task is assigned to {name}.", name=name)


def _post_text(session: Session, shop: Shop, post: Post, *, public_url: str, at: datetime) -> PostText:
    """Return what to say and keep it in the row: this is what was said."""
    text = text_of(session, shop, post, public_url=public_url, at=at)
    post.text, post.picture = text.text, text.picture
    session.add(post)
    session.flush()
    return text


def _move(session: Session, post: Post, after: PostState, member: Member, *, at: datetime, **values: Any) -> None:
    """Change a post that is as we saw it, and write down who did; Conflict when somebody was quicker."""
    before = post.state
    moved = sa.update(Post).where(
        col(Post.id) == post.id, col(Post.state) == before, col(Post.assignee) == post.assignee
    )
    if not changed(session, moved.values(state=after, **values).execution_options(synchronize_session=False)):
        raise Conflict("Another user has taken this task.")
    session.refresh(post)
    audit.record(
        session,
        post.shop_id,
        member.actor,
        action=f"post.{after.value}",
        subject=f"post:{post.id}",
        before={"state": PostState(before).value},
        after={"state": after.value},
        at=at,
    )
