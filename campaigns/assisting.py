"""Assisting: posts as tasks of people. One is taken, sent with proof or declined; every step can be taken back.

Two people at once: one wins by a conditional UPDATE, the other is told who has it. The deliveries follow the post.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Medium, Run
from campaigns.post_outcomes import look_again, mark_sent, mark_unsent, settle
from campaigns.post_words import PostText, text_of
from campaigns.posts import (
    HOLD,
    Post,
    PostState,
    find_post,
    quota_of,
    somebody_waits,
    used_by,
)
from campaigns.reasons import Reason, step_name
from retention import audit, clock
from retention.access import Member, Scope
from retention.buyers import Buyer
from retention.database import changed
from retention.errors import Conflict, Forbidden, Invalid
from retention.people import User
from retention.relations import Group
from retention.shops import Shop

MOST_TASKS = 200
_SAID = (PostState.SENT, PostState.DECLINED)


@dataclass(frozen=True, slots=True)
class Task:
    """A post as somebody sees it who may send it. `buyers` is how many it serves; `to` names the group or the buyer."""

    post: Post
    campaign: Campaign
    group: Group | None
    buyer: Buyer | None
    buyers: int

    @property
    def to(self) -> str:
        if self.group:
            return self.group.name
        return (self.buyer.name or self.buyer.external_id) if self.buyer else ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What lies on one person's desk: what they hold, what waits, how many more they may send (None: no limit).

    `hidden` counts posts to buyers that this person may not see, since they may see no names.
    """

    tasks: list[Task]
    waiting: int
    hidden: int
    left_today: int | None
    left_this_month: int | None

    @property
    def may_send(self) -> bool:
        return 0 not in {self.left_today, self.left_this_month}


def desk_of(session: Session, shop: Shop, member: Member, *, at: datetime) -> Desk:
    """Return the tasks of a shop as `member` sees them: their own first, then what is due, the soonest over first."""
    member.require(Scope.POSTS_WRITE)
    open_to_me = (*_due(shop.id, at), _not_held(member, at))
    hers = sa.case((_held_by(member), 0), else_=1)
    over = func.coalesce(Post.expires_at, Post.due_at)
    seen = () if member.may(Scope.BUYERS_PERSONAL) else (col(Post.group_id).is_not(None),)
    rows = _tasks(session, *open_to_me, *seen, order=(hers, over, col(Post.id)))
    waiting, personal = session.execute(
        sa.select(func.count(), func.count(col(Post.buyer_id))).select_from(Post).where(*open_to_me)
    ).one()
    today, month = left_of(session, shop, member.actor, at=at)
    hidden = 0 if member.may(Scope.BUYERS_PERSONAL) else personal
    return Desk(rows, waiting - hidden, hidden, today, month)


def done_lately(session: Session, shop: Shop, member: Member, *, at: datetime) -> list[Task]:
    """Return what `member` has sent or declined on the shop's day, the latest first."""
    member.require(Scope.POSTS_WRITE)
    today = clock.start_of_day(shop.day(at), shop.timezone)
    mine = (col(Post.shop_id) == shop.id, col(Post.sent_by) == member.actor, col(Post.state).in_(_SAID))
    return _tasks(session, *mine, col(Post.sent_at) >= today, order=(col(Post.sent_at).desc(), col(Post.id).desc()))


def task_for(session: Session, member: Member, number: int) -> Task:
    """Return one task of the member's shop. NotFound for no such post, Forbidden where names must stay hidden."""
    member.require(Scope.POSTS_WRITE)
    post = find_post(session, member.shop_id, number)
    _check_sight(member, post)
    return _tasks(session, col(Post.id) == post.id, order=(col(Post.id),))[0]


def left_of(session: Session, shop: Shop, actor: str, *, at: datetime) -> tuple[int | None, int | None]:
    """Return how many more posts a person may send today and this month; None is no limit."""
    quota = quota_of(session, shop.id, actor)
    if quota is None:
        return None, None
    used = used_by(session, shop, actor, at=at)
    limits = zip((quota.per_day, quota.per_month), used, strict=True)
    today, month = (None if limit is None else max(0, limit - count) for limit, count in limits)
    return today, month


def take_post(
    session: Session, shop: Shop, member: Member, number: int, *, public_url: str, at: datetime
) -> PostText | None:
    """Take a task in hand and return what to say; None when nobody is left to hear it, which settles it as skipped.

    Conflict when somebody else has it, it is not due, over or settled, or the quota of the day or month is used up.
    """
    post = _locked(session, member, number)
    if post.state == PostState.TAKEN and post.assignee == member.actor:
        return _said(session, shop, post, public_url=public_url, at=at)
    _check_free(session, post, member, at=at)
    _check_quota(session, shop, member, at=at)
    if reason := look_again(session, post, at=at):
        _move(session, post, PostState.SKIPPED, member, at=at, note=step_name(reason))
        return None
    _move(session, post, PostState.TAKEN, member, at=at, assignee=member.actor, taken_at=at)
    return _said(session, shop, post, public_url=public_url, at=at)


def send_post(session: Session, member: Member, number: int, *, at: datetime, proof: str = "", note: str = "") -> int:
    """Say that a taken task has been sent, with a picture or a note as proof; return how many buyers it reached.

    It stays true when the campaign was cancelled while it was in hand. Invalid without any proof; Conflict when it is
    not in this person's hands.
    """
    if not (proof or note.strip()):
        raise Invalid("Show that it was sent: a picture of the chat, or a note that says where.")
    post = _in_hand(session, member, number)
    _move(
        session, post, PostState.SENT, member, at=at, sent_at=at, sent_by=member.actor, proof=proof, note=note.strip()
    )
    # What was skipped since it was taken was skipped while it left.
    return mark_sent(session, post, DeliveryState.WAITING, DeliveryState.SKIPPED, at=at)


def decline_post(session: Session, member: Member, number: int, *, at: datetime, note: str) -> int:
    """Say that a task will not be sent and why; return how many buyers go without. Invalid without a reason."""
    if not note.strip():
        raise Invalid("Say in a word why it is not sent.")
    post = _in_hand(session, member, number)
    _move(session, post, PostState.DECLINED, member, at=at, sent_at=at, sent_by=member.actor, note=note.strip())
    values = {"state": DeliveryState.SKIPPED, "reason": Reason.DECLINED.value, "detail": note.strip()[:500]}
    return settle(session, post, DeliveryState.WAITING, **values)


def put_back(session: Session, member: Member, number: int, *, at: datetime) -> None:
    """Lay a task that was taken back for others."""
    post = _in_hand(session, member, number)
    _move(session, post, PostState.WAITING, member, at=at, assignee="", taken_at=None)


def undo_post(session: Session, member: Member, number: int, *, at: datetime) -> None:
    """Take back what this person said last of a task, sent or declined: it is in their hands again.

    Conflict when it was somebody else's word, or the campaign was cancelled meanwhile.
    """
    post = _locked(session, member, number)
    if post.state not in _SAID or post.sent_by != member.actor:
        raise Conflict("Only what you said yourself can be taken back.")
    campaign = session.get_one(Campaign, post.campaign_id, with_for_update=True, populate_existing=True)
    if campaign.state is CampaignState.CANCELLED:
        raise Conflict("The campaign has been cancelled meanwhile.")
    if post.state == PostState.SENT:
        mark_unsent(session, post)
    else:
        settle(session, post, DeliveryState.SKIPPED, state=DeliveryState.WAITING, reason="", detail="")
    _reopen(session, campaign, post, at=at)
    said = {"assignee": member.actor, "taken_at": at, "sent_at": None, "sent_by": "", "proof": "", "note": ""}
    _move(session, post, PostState.TAKEN, member, at=at, **said)


def _reopen(session: Session, campaign: Campaign, post: Post, *, at: datetime) -> None:
    """Have a campaign go on that ended by itself because this was the last task of it."""
    run = session.get_one(Run, post.run_id)
    run.finished_at = None
    session.add(run)
    if campaign.state is CampaignState.FINISHED:
        campaign.state = CampaignState.RUNNING
        session.add(campaign)
        subject = f"campaign:{campaign.slug}"
        audit.record(session, campaign.shop_id, "system", action="campaign.reopen", subject=subject, at=at)


def _due(shop_id: int, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    assisted = sa.select(col(Campaign.id)).where(
        col(Campaign.shop_id) == shop_id, col(Campaign.medium) == Medium.ASSISTED
    )
    return (
        col(Post.shop_id) == shop_id,
        col(Post.state).in_((PostState.WAITING, PostState.TAKEN)),
        col(Post.due_at) <= at,
        col(Post.campaign_id).in_(assisted),
        somebody_waits(),
    )


def _held_by(member: Member) -> sa.ColumnElement[bool]:
    return sa.and_(col(Post.state) == PostState.TAKEN, col(Post.assignee) == member.actor)


def _not_held(member: Member, at: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(
        col(Post.state) == PostState.WAITING, col(Post.assignee) == member.actor, col(Post.taken_at) <= at - HOLD
    )


def _tasks(session: Session, *where: sa.ColumnElement[bool], order: tuple[Any, ...]) -> list[Task]:
    rows = session.execute(
        sa.select(Post, Campaign, Group, Buyer)
        .join(Campaign, col(Campaign.id) == Post.campaign_id)
        .outerjoin(Group, col(Group.id) == Post.group_id)
        .outerjoin(Buyer, col(Buyer.id) == Post.buyer_id)
        .where(*where)
        .order_by(*order)
        .limit(MOST_TASKS)
    ).all()
    served = _served(session, [row[0] for row in rows if row[0].group_id])
    return [Task(post, campaign, group, buyer, served.get(post.id, 1)) for post, campaign, group, buyer in rows]


def _served(session: Session, posts: list[Post]) -> dict[int, int]:
    """Return how many deliveries each post to a group serves."""
    if not posts:
        return {}
    runs = {post.run_id for post in posts}
    counted = select(Delivery.post_id, func.count()).where(
        Delivery.shop_id == posts[0].shop_id,
        col(Delivery.run_id).in_(runs),
        col(Delivery.post_id).in_([post.id for post in posts]),
    )
    return {post_id: count for post_id, count in session.exec(counted.group_by(col(Delivery.post_id))) if post_id}


def _locked(session: Session, member: Member, number: int) -> Post:
    member.require(Scope.POSTS_WRITE)
    post = find_post(session, member.shop_id, number)
    session.refresh(post, with_for_update=True)
    _check_sight(member, post)
    return post


def _in_hand(session: Session, member: Member, number: int) -> Post:
    post = _locked(session, member, number)
    if post.state != PostState.TAKEN:
        raise Conflict("This one is not in your hands: it is {state}.", state=post.state)
    if post.assignee != member.actor:
        raise _held(session, post)
    return post


def _check_sight(member: Member, post: Post) -> None:
    if post.buyer_id is not None and not member.may(Scope.BUYERS_PERSONAL):
        raise Forbidden("Posts to single buyers are for people who may see names.")


def _check_free(session: Session, post: Post, member: Member, *, at: datetime) -> None:
    if post.held_by_another(member.actor, at):
        raise _held(session, post)
    if post.state not in {PostState.WAITING, PostState.TAKEN}:
        raise Conflict("Somebody was quicker: this one is {state}.", state=post.state)
    if at < post.due_at:
        raise Conflict("It is not due before {moment}.", moment=post.due_at.isoformat(timespec="minutes"))
    if at >= post.too_late_at:
        raise Conflict(
            "It is too late for this one: its time was over at {moment}.",
            moment=post.too_late_at.isoformat(timespec="minutes"),
        )
    campaign = session.get_one(Campaign, post.campaign_id)
    if campaign.medium is not Medium.ASSISTED:
        raise Conflict("A robot says this one.")
    if campaign.state is not CampaignState.RUNNING:
        raise Conflict("Its campaign is {state}: nothing is to be sent now.", state=campaign.state)


def _check_quota(session: Session, shop: Shop, member: Member, *, at: datetime) -> None:
    quota_of(session, shop.id, member.actor, lock=True)
    today, month = left_of(session, shop, member.actor, at=at)
    if today == 0:
        raise Conflict("You have sent as many as you may today. Leave it to somebody else, or go on tomorrow.")
    if month == 0:
        raise Conflict("You have sent as many as you may this month. Leave it to somebody else.")


def _held(session: Session, post: Post) -> Conflict:
    kind, _, number = post.assignee.partition(":")
    user = session.get(User, int(number)) if kind == "user" and number.isdecimal() else None
    name = (user.name or user.email) if user else post.assignee
    return Conflict("{name} has this one in hand.", name=name)


def _said(session: Session, shop: Shop, post: Post, *, public_url: str, at: datetime) -> PostText:
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
        raise Conflict("Somebody was quicker with this one.")
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
