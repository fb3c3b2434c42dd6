"""Manual posts, and the chat groups they go to."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from campaigns.campaign.posts import PostState
from campaigns.posts.task_list import Task
from retention.followers_and_groups import Group
from retention.users import User


class PostOut(Shape):
    """A post to a chat group or to one buyer."""

    number: int
    campaign: str
    group: str | None = Field(description="The group's slug; null for a post to one buyer.")
    owner: str | None = Field(description="The mail address of who looks after the group.")
    buyer: str | None = Field(description="The buyer's id in the shop; null for a post to a group.")
    buyers: int = Field(description="How many buyers it serves.")
    state: PostState = Field(
        description="`waiting`: nobody has taken it. `taken`: a user or a bot is sending it. `sent`: it was sent. "
        "`declined`: a user declined to send it. `expired`: it came too late to be sent. `skipped`: no buyer is left "
        "whom it serves. `failed`: the bot platform rejected it. `unknown`: it may have been sent, for a user to "
        "decide."
    )
    due_at: datetime
    too_late_at: datetime
    sent_at: datetime | None
    note: str
    text: str = Field(description="What to say, once it is taken.")

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return a post; a buyer by the shop's own id."""
        post = task.post
        return cls(
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

    @classmethod
    def of(cls, group: Group, owner: User | None) -> Self:
        """Return a group and who looks after it."""
        return cls(slug=group.slug, name=group.name, owner=owner.email if owner else None)


class GroupsOut(PageOut):
    """The shop's chat groups by slug."""

    groups: list[GroupOut]
