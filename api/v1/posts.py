"""Posts people send by hand: what waits, what it says, and what came of it. A key without names sees groups only."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.deps import CurrentSettings, Now, Reading, Writing
from api.shapes.shape import Input, Shape
from api.v1.keys import Caller, caller_with
from api.v1.pages import Paged, PageOut, Since, Text, Until
from api.v1.parameters import OF_STATE, GroupSlug, PostNumber
from api.v1.routing import router_for
from campaigns.campaign.posts import PostState
from campaigns.posts import groups, manual_posts
from campaigns.posts.task_list import Task, page_of_posts, posts_about, task_for, task_list_of
from retention.access import Scope
from retention.followers_and_groups import Group
from retention.paging import Page, Wanted
from retention.users import User

router = router_for("posts")

Poster = Annotated[Caller, caller_with(Scope.POSTS_WRITE)]


SlugQuery = Annotated[str, Query(max_length=64, description="The slug of a campaign or a group.")]


class PostOut(Shape):
    """A post to a chat group or to one buyer."""

    number: int
    campaign: str
    group: str | None = Field(description="The group's slug; null for a post to one buyer.")
    owner: str | None = Field(description="The mail address of who looks after the group.")
    buyer: str | None = Field(description="The buyer's id in the shop; null for a post to a group.")
    buyers: int = Field(description="How many buyers it serves.")
    state: PostState
    due_at: datetime
    too_late_at: datetime
    sent_at: datetime | None
    note: str
    text: str = Field(description="What to say, once it is taken.")


class PostsOut(PageOut):
    """What is due and in nobody else's hands."""

    posts: list[PostOut]
    waiting: int
    hidden: int = Field(description="Posts to single buyers that this key may not see.")
    left_today: int | None = Field(description="How many more may be sent today; null for no limit.")
    left_this_month: int | None


class GroupOut(Shape):
    """A chat group."""

    slug: str
    name: str
    owner: str | None = Field(description="The mail address of who looks after it.")


class GroupsOut(PageOut):
    """The shop's chat groups by slug."""

    groups: list[GroupOut]


class OwnerIn(Input):
    """Who looks after a group."""

    email: str = Field(max_length=254, description="Of somebody of the shop who may post; empty for nobody.")


class SaidIn(Input):
    """What there is to say about it."""

    note: str = Field(
        min_length=1, max_length=500, description="How it can be seen that it was sent, or why it is not."
    )


@router.get("/posts")
def list_all(
    session: Reading,
    at: Now,
    caller: Poster,
    wanted: Paged,
    state: Annotated[PostState | None, OF_STATE] = None,
    campaign: SlugQuery = "",
    group: SlugQuery = "",
    buyer: Annotated[str, Query(max_length=200, description="The buyer's id in the shop.")] = "",
    since: Since = None,
    until: Until = None,
) -> PostsOut:
    """List the posts that are due and in nobody else's hands, or those in one state. Scope posts:write.

    `since` and `until` are about when they are due.
    """
    about = posts_about(campaign=campaign, group=group, buyer=buyer, since=since, until=until)
    desk = task_list_of(
        session, caller.shop, caller.member, at=at, wanted=wanted if state is None else Wanted(1), about=about
    )
    page = Page(desk.tasks, desk.next)
    if state is not None:
        page = page_of_posts(session, caller.member, wanted, state=state, about=about)
    return PostsOut(
        posts=[_shown(task) for task in page.rows],
        next=page.next,
        waiting=desk.waiting,
        hidden=desk.hidden,
        left_today=desk.left_today,
        left_this_month=desk.left_this_month,
    )


@router.get("/posts/{number}")
def show(number: PostNumber, session: Reading, caller: Poster) -> PostOut:
    """Show a post, whatever came of it. Scope posts:write."""
    return _of(session, caller, number)


@router.post("/posts/{number}/take")
def take(number: PostNumber, session: Writing, at: Now, settings: CurrentSettings, caller: Poster) -> PostOut:
    """Take a post in hand and read what to say; 409 when somebody else has it. Scope posts:write."""
    manual_posts.take_post(session, caller.shop, caller.member, number, public_url=settings.public_url, at=at)
    return _of(session, caller, number)


@router.post("/posts/{number}/sent")
def sent(number: PostNumber, body: SaidIn, session: Writing, at: Now, caller: Poster) -> PostOut:
    """Say that a post in hand was sent, with a note as proof. Scope posts:write."""
    manual_posts.send_post(session, caller.member, number, at=at, note=body.note)
    return _of(session, caller, number)


@router.post("/posts/{number}/decline")
def decline(number: PostNumber, body: SaidIn, session: Writing, at: Now, caller: Poster) -> PostOut:
    """Say that a post in hand will not be sent, and why. Scope posts:write."""
    manual_posts.decline_post(session, caller.member, number, at=at, note=body.note)
    return _of(session, caller, number)


@router.post("/posts/{number}/back")
def back(number: PostNumber, session: Writing, at: Now, caller: Poster) -> PostOut:
    """Put a post in hand back for others. Scope posts:write."""
    manual_posts.put_back(session, caller.member, number, at=at)
    return _of(session, caller, number)


@router.post("/posts/{number}/undo")
def undo(number: PostNumber, session: Writing, at: Now, caller: Poster) -> PostOut:
    """Take back what this key said last of a post. Scope posts:write."""
    manual_posts.undo_post(session, caller.member, number, at=at)
    return _of(session, caller, number)


@router.get("/groups")
def list_groups(
    session: Reading,
    caller: Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)],
    wanted: Paged,
    owner: Annotated[str, Query(max_length=254, description="The mail address of who looks after it.")] = "",
    q: Text = "",
) -> GroupsOut:
    """List the shop's chat groups and who looks after each. Scope campaigns:read."""
    page = groups.page_of_groups(session, caller.shop, wanted, owner=owner, text=q)
    return GroupsOut(groups=[_group(*each) for each in page.rows], next=page.next)


@router.put("/groups/{slug}/owner")
def set_owner(
    slug: GroupSlug,
    body: OwnerIn,
    session: Writing,
    at: Now,
    caller: Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)],
) -> GroupOut:
    """Say who looks after a group: new posts to it are preset for them. Scope campaigns:write."""
    group = groups.find_group(session, caller.shop.id, slug)
    actor = caller.actor
    return _group(group, groups.set_owner(session, caller.shop, group, email=body.email, at=at, actor=actor))


def _of(session: Session, caller: Caller, number: int) -> PostOut:
    return _shown(task_for(session, caller.member, number))


def _group(group: Group, owner: User | None) -> GroupOut:
    return GroupOut(slug=group.slug, name=group.name, owner=owner.email if owner else None)


def _shown(task: Task) -> PostOut:
    post = task.post
    return PostOut(
        number=post.id,
        campaign=task.campaign.slug,
        group=task.group.slug if task.group else None,
        owner=task.owner.email if task.owner else None,
        buyer=task.buyer.external_id if task.buyer else None,
        buyers=task.buyers,
        state=post.state,
        due_at=post.due_at,
        too_late_at=post.too_late_at,
        sent_at=post.sent_at,
        note=post.note,
        text=post.text,
    )
