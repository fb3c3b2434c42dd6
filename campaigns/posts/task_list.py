"""The task list: the manual posts that wait for a user, and how many more the user may send. It changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import HOLD, Post, PostState
from campaigns.posts.posts import claimed_within, find_post, has_waiting_delivery, planned_ahead, quota_of, used_by
from retention import clock
from retention.access import Member, Scope
from retention.buyers import Buyer
from retention.errors import Forbidden
from retention.followers_and_groups import Group
from retention.paging import Page, Wanted, page_of
from retention.shops import Shop
from retention.users import User

MOST_TASKS = 200
FIRST_TASKS = Wanted(MOST_TASKS)
REPORTED = (PostState.SENT, PostState.DECLINED)
"""States that are somebody's word, which they can take back."""


@dataclass(frozen=True, slots=True)
class Task:
    """A post as somebody sees it who may send it. `buyers` is how many it serves; `to` names the group or the buyer.

    `owner` looks after the group and posts there as a rule.
    """

    post: Post
    campaign: Campaign
    group: Group | None
    buyer: Buyer | None
    owner: User | None
    buyers: int

    @property
    def to(self) -> str:
        if self.group:
            return self.group.name
        return (self.buyer.name or self.buyer.external_id) if self.buyer else ""


@dataclass(frozen=True, slots=True)
class TaskList:
    """One person's list: what they hold, what waits, how many more they may send (None: no limit).

    `hidden` counts posts to buyers that this person may not see, since they may see no names.
    """

    tasks: list[Task]
    waiting: int
    hidden: int
    left_today: int | None
    left_this_month: int | None
    next: str | None = None
    """The cursor for the tasks after these."""

    @property
    def may_send(self) -> bool:
        return 0 not in {self.left_today, self.left_this_month}


def task_list_of(
    session: Session,
    shop: Shop,
    member: Member,
    *,
    at: datetime,
    wanted: Wanted = FIRST_TASKS,
    about: Sequence[sa.ColumnElement[bool]] = (),
) -> TaskList:
    """Return a page of the tasks of a shop as `member` sees them, all or those `about` something.

    First what they hold, then what is preset for them, for nobody, for others; of each the soonest over first.
    """
    member.require(Scope.POSTS_WRITE)
    open_to_me = (*_due(shop.id, at), _not_held(member, at))
    preset = col(Post.assignee)
    hers = sa.case((_held_by(member), 0), (preset == member.actor, 1), (preset == "", 2), else_=3)
    over = func.coalesce(Post.expires_at, Post.due_at)
    mine = _posts().where(*open_to_me, *_in_sight(member), *about)
    page = page_of(session, mine, wanted, hers, over, col(Post.id))
    waiting, personal = session.execute(
        sa.select(func.count(), func.count(col(Post.buyer_id))).select_from(Post).where(*open_to_me)
    ).one()
    today, month = left_of(session, shop, member.actor, at=at)
    hidden = 0 if member.may(Scope.BUYERS_PERSONAL) else personal
    return TaskList(_as_tasks(session, page.rows), waiting - hidden, hidden, today, month, page.next)


def page_of_posts(
    session: Session, member: Member, wanted: Wanted, *, state: PostState, about: Sequence[sa.ColumnElement[bool]] = ()
) -> Page[Task]:
    """Return a page of the posts in one state that `member` may see, whoever has them, the newest first."""
    member.require(Scope.POSTS_WRITE)
    found = _posts().where(col(Post.shop_id) == member.shop_id, col(Post.state) == state, *_in_sight(member), *about)
    page = page_of(session, found, wanted, col(Post.id), latest_first=True)
    return Page(_as_tasks(session, page.rows), page.next)


def posts_about(
    *,
    campaign: str = "",
    group: str = "",
    buyer: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[sa.ColumnElement[bool]]:
    """Return what narrows posts to a campaign, a group, a buyer by the shop's own id, and when they are due."""
    named = {col(Campaign.slug): campaign, col(Group.slug): group, col(Buyer.external_id): buyer}
    asked = [column == value for column, value in named.items() if value]
    asked += [col(Post.due_at) >= since] if since else []
    return asked + ([col(Post.due_at) < until] if until else [])


def waiting_posts(session: Session, member: Member, *, at: datetime) -> int:
    """Return how many posts `member` could take or has in hand."""
    open_to_me = (*_due(member.shop_id, at), _not_held(member, at), *_in_sight(member))
    return session.exec(select(func.count(col(Post.id))).where(*open_to_me)).one()


def done_lately(session: Session, shop: Shop, member: Member, *, at: datetime) -> list[Task]:
    """Return what `member` has sent or declined on the shop's day, the latest first."""
    member.require(Scope.POSTS_WRITE)
    today = clock.start_of_day(shop.day(at), shop.timezone)
    mine = (col(Post.shop_id) == shop.id, col(Post.sent_by) == member.actor, col(Post.state).in_(REPORTED))
    return _tasks(session, *mine, col(Post.sent_at) >= today, order=(col(Post.sent_at).desc(), col(Post.id).desc()))


def task_for(session: Session, member: Member, number: int) -> Task:
    """Return one task of the member's shop. NotFound for no such post, Forbidden where names must stay hidden."""
    member.require(Scope.POSTS_WRITE)
    post = find_post(session, member.shop_id, number)
    check_sight(member, post)
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


def check_sight(member: Member, post: Post) -> None:
    """Raise Forbidden where a post would show a name to somebody who may not see names."""
    if post.buyer_id is not None and not member.may(Scope.BUYERS_PERSONAL):
        raise Forbidden("Posts to single buyers require access to personal data.")


def _in_sight(member: Member) -> tuple[sa.ColumnElement[bool], ...]:
    return () if member.may(Scope.BUYERS_PERSONAL) else (col(Post.group_id).is_not(None),)


def _due(shop_id: int, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    assisted = sa.select(col(Campaign.id)).where(
        col(Campaign.shop_id) == shop_id, col(Campaign.medium) == Medium.ASSISTED
    )
    return (
        col(Post.shop_id) == shop_id,
        col(Post.state).in_((PostState.WAITING, PostState.TAKEN)),
        sa.or_(col(Post.due_at) <= at, planned_ahead(at)),
        col(Post.campaign_id).in_(assisted),
        has_waiting_delivery(),
    )


def _held_by(member: Member) -> sa.ColumnElement[bool]:
    return sa.and_(col(Post.state) == PostState.TAKEN, col(Post.assignee) == member.actor)


def _not_held(member: Member, at: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(col(Post.state) == PostState.WAITING, col(Post.assignee) == member.actor, ~claimed_within(HOLD, at))


def _tasks(session: Session, *where: sa.ColumnElement[bool], order: tuple[Any, ...]) -> list[Task]:
    return _as_tasks(session, session.execute(_posts().where(*where).order_by(*order).limit(MOST_TASKS)).all())


def _posts() -> Any:
    """Return a SELECT of posts, each with its campaign, its group, its buyer and who looks after the group."""
    found: Any = (
        sa.select(Post, Campaign, Group, Buyer, User)
        .join(Campaign, col(Campaign.id) == Post.campaign_id)
        .outerjoin(Group, col(Group.id) == Post.group_id)
        .outerjoin(Buyer, col(Buyer.id) == Post.buyer_id)
        .outerjoin(User, col(User.id) == Group.owner_id)
    )
    return found


def _as_tasks(session: Session, rows: Sequence[Any]) -> list[Task]:
    served = _served(session, [row[0] for row in rows if row[0].group_id])
    return [
        Task(post, campaign, group, buyer, owner, served.get(post.id, 1))
        for post, campaign, group, buyer, owner in rows
    ]


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
