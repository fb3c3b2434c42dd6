"""Manual posts: the task list, the text, and the outcome. A key without names sees groups only."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.deps import CurrentSettings, Now, Reading, Writing
from api.shapes.posts import GroupOut, GroupsOut, PostOut, PostsOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged, Since, Text, Until
from api.v1.parameters import OF_STATE, GroupSlug, PostNumber
from api.v1.routing import router_for
from campaigns.campaign.posts import PostState
from campaigns.posts import groups, manual_posts
from campaigns.posts.task_list import page_of_posts, posts_about, task_for, task_list_of
from retention.access import Scope
from retention.paging import Page, Wanted

router = router_for("posts")

Poster = Annotated[Caller, caller_with(Scope.POSTS_WRITE)]


SlugQuery = Annotated[str, Query(max_length=64, description="The slug of a campaign or a group.")]


class OwnerIn(Input):
    """Who looks after a group."""

    email: str = Field(max_length=254, description="Of somebody of the shop who may post; empty for nobody.")


class PostReportIn(Input):
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
        posts=[PostOut.of(task) for task in page.rows],
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
def sent(number: PostNumber, body: PostReportIn, session: Writing, at: Now, caller: Poster) -> PostOut:
    """Say that a post in hand was sent, with a note as proof. Scope posts:write."""
    manual_posts.send_post(session, caller.member, number, at=at, note=body.note)
    return _of(session, caller, number)


@router.post("/posts/{number}/decline")
def decline(number: PostNumber, body: PostReportIn, session: Writing, at: Now, caller: Poster) -> PostOut:
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
    return GroupsOut(groups=[GroupOut.of(*each) for each in page.rows], next=page.next)


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
    return GroupOut.of(group, groups.set_owner(session, caller.shop, group, email=body.email, at=at, actor=actor))


def _of(session: Session, caller: Caller, number: int) -> PostOut:
    return PostOut.of(task_for(session, caller.member, number))
