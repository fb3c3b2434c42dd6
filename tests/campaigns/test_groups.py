"""Who looks after a chat group: its posts are preset for them, and nobody is kept from taking them."""

import pytest
from sqlmodel import select

from campaigns.campaign.media import Medium
from campaigns.campaign.posts import PostState
from campaigns.posts import manual_posts
from campaigns.posts.groups import find_group, groups_of, set_owner
from campaigns.posts.task_list import task_list_of
from retention.access import Member, Role
from retention.errors import Invalid, NotFound
from retention.users import Membership, add_user, member_for
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.posts import bot, group, launched, posted, posts_of, take

PASSWORD = "leaf and water"


def works(stage: Stage, name: str, role: Role = Role.MARKETER) -> Member:
    user = add_user(
        stage.session, f"{name}@shop.example", shop=stage.shop, role=role, password=PASSWORD, at=NOON, name=name
    )
    member = member_for(stage.session, user, stage.shop)
    assert member
    return member


def owned(stage: Stage, slug: str, owner: str) -> None:
    found = find_group(stage.session, stage.shop.id, slug)
    set_owner(stage.session, stage.shop, found, email=f"{owner}@shop.example", at=NOON, actor="user:1")


def test_posts_to_a_group_are_preset_for_its_owner_and_come_first_in_their_task_list(stage: Stage) -> None:
    lin, mei = works(stage, "lin"), works(stage, "mei")
    for slug in ("one", "two", "free"):
        group(stage, slug, stage.buyer(f"in-{slug}"))
    owned(stage, "one", "mei")
    owned(stage, "two", "lin")
    launched(stage, posted(stage, Medium.ASSISTED))
    posts = posts_of(stage.session)
    assert [(post.assignee, post.state.value) for post in posts] == [
        (mei.actor, "waiting"),
        (lin.actor, "waiting"),
        ("", "waiting"),
    ]
    desks = {who: task_list_of(stage.session, stage.shop, who, at=NOON).tasks for who in (lin, mei)}
    assert [task.to for task in desks[lin]] == ["Two", "Free", "One"]
    assert [task.to for task in desks[mei]] == ["One", "Free", "Two"]
    assert [task.owner.name if task.owner else "" for task in desks[lin]] == ["lin", "", "mei"]


def test_somebody_else_may_take_it_and_put_back_it_is_the_owners_again(stage: Stage) -> None:
    lin, mei = works(stage, "lin"), works(stage, "mei")
    group(stage, "one", stage.buyer("ada"))
    owned(stage, "one", "mei")
    launched(stage, posted(stage, Medium.ASSISTED))
    number = posts_of(stage.session)[0].id
    take(stage, lin, number)
    assert posts_of(stage.session)[0].assignee == lin.actor
    manual_posts.put_back(stage.session, lin, number, at=later(hours=1))
    post = posts_of(stage.session)[0]
    assert (post.state, post.assignee) == (PostState.WAITING, mei.actor)
    take(stage, mei, number, at=later(hours=1))
    manual_posts.put_back(stage.session, mei, number, at=later(hours=1))
    assert posts_of(stage.session)[0].assignee == ""


def test_what_a_bot_posts_is_preset_for_nobody(stage: Stage) -> None:
    works(stage, "mei")
    group(stage, "one", stage.buyer("ada"))
    bot(stage, "one")
    owned(stage, "one", "mei")
    launched(stage, posted(stage, Medium.BOT))
    assert [post.assignee for post in posts_of(stage.session)] == [""]


def test_posts_are_not_preset_for_an_owner_who_has_left_the_shop(stage: Stage) -> None:
    works(stage, "mei")
    group(stage, "one", stage.buyer("ada"))
    owned(stage, "one", "mei")
    stage.session.delete(stage.session.exec(select(Membership)).one())
    launched(stage, posted(stage, Medium.ASSISTED))
    assert [post.assignee for post in posts_of(stage.session)] == [""]


@pytest.mark.parametrize(
    ("email", "error", "said"),
    [
        ("nobody@shop.example", NotFound, "No user of this shop has the address"),
        ("store@shop.example", Invalid, "Assign the group to an owner or a marketer"),
    ],
)
def test_only_somebody_of_the_shop_who_may_post_looks_after_a_group(
    stage: Stage, email: str, error: type[Exception], said: str
) -> None:
    works(stage, "mei")
    works(stage, "store", Role.VIEWER)
    row = group(stage, "one")
    owned(stage, "one", "mei")
    with pytest.raises(error, match=said):
        set_owner(stage.session, stage.shop, row, email=email, at=NOON, actor="user:1")
    assert [(each.slug, who.email if who else None) for each, who in groups_of(stage.session, stage.shop)] == [
        ("one", "mei@shop.example")
    ]
    assert set_owner(stage.session, stage.shop, row, email="", at=NOON, actor="user:1") is None
    assert [who for _, who in groups_of(stage.session, stage.shop)] == [None]


def test_group_of_another_shop_is_not_found(stage: Stage) -> None:
    group(stage, "one")
    with pytest.raises(NotFound, match="No group is called one"):
        find_group(stage.session, stage.shop.id + 1, "one")
