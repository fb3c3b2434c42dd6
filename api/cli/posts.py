"""Commands on manual posts: the task list, taking, sending, declining, and limits per user."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from api.cli.terminal import (
    USUAL_ROWS,
    InShop,
    JsonOption,
    LimitOption,
    ShopOption,
    more_of,
    reading,
    show,
    show_page,
    writing,
)
from api.shapes.posts import GroupOut, PostOut
from campaigns.posts import manual_posts
from campaigns.posts.groups import find_group, page_of_groups, set_owner
from campaigns.posts.posts import set_quota
from campaigns.posts.task_list import Task, task_for, task_list_of
from printables.drawing.pictures import cleaned
from retention.errors import NotFound
from retention.files import open_store
from retention.paging import Page, Wanted
from retention.settings import get_settings
from retention.shops import Shop
from retention.users import find_user, people_of

group = typer.Typer(help="Manual posts to chat groups and single buyers.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="The post's number.", metavar="NUMBER")]
NoteOption = Annotated[str, typer.Option("--note", help="Note.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="posts")


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List posts that are due and not taken by another user."""
    with reading(shop) as here:
        task_list = task_list_of(here.session, here.shop, here.member, at=here.now, wanted=Wanted(limit))
        page, rows = Page(task_list.tasks, task_list.next), [shown(task) for task in task_list.tasks]
    if as_json:
        left = {name: getattr(task_list, name) for name in ("waiting", "left_today", "left_this_month")}
        show({"posts": rows, **left} | more_of(page), as_json=True)
        return
    show_page("posts", rows, page, ("number", "state", "to", "buyers", "campaign"), as_json=False)


@group.command()
def take(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Take a post and show its text."""
    with writing(shop) as here:
        url = get_settings().public_url
        post_text = manual_posts.take_post(here.session, here.shop, here.member, number, public_url=url, at=here.now)
        result = _after(here, number) | {"text": post_text.text if post_text else ""}
    if as_json:
        show(result, as_json=True)
    else:
        typer.echo(result["text"] or f"No recipients are left: {result['note']}")


@group.command()
def sent(
    number: NumberArgument,
    shop: ShopOption,
    note: NoteOption = "",
    proof: Annotated[Path | None, typer.Option(help="Screenshot of the chat.", exists=True, dir_okay=False)] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Mark a post as sent, with a screenshot or a note as proof."""
    with writing(shop) as here:
        name = open_store(get_settings()).put(cleaned(proof.read_bytes())) if proof else ""
        manual_posts.send_post(here.session, here.member, number, at=here.now, proof=name, note=note)
        show(_after(here, number), as_json=as_json)


@group.command()
def decline(number: NumberArgument, shop: ShopOption, note: NoteOption = "", *, as_json: JsonOption = False) -> None:
    """Decline a post, with the reason."""
    with writing(shop) as here:
        manual_posts.decline_post(here.session, here.member, number, at=here.now, note=note)
        show(_after(here, number), as_json=as_json)


@group.command()
def back(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Return a post to the task list."""
    with writing(shop) as here:
        manual_posts.put_back(here.session, here.member, number, at=here.now)
        show(_after(here, number), as_json=as_json)


@group.command()
def undo(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Undo your last action on a post."""
    with writing(shop) as here:
        manual_posts.undo_post(here.session, here.member, number, at=here.now)
        show(_after(here, number), as_json=as_json)


@group.command()
def limit(
    shop: ShopOption,
    email: Annotated[str, typer.Option(help="The user; default: all other users.")] = "",
    per_day: Annotated[int | None, typer.Option(help="Posts per day; default: no limit.")] = None,
    per_month: Annotated[int | None, typer.Option(help="Posts per month; default: no limit.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Set the posting limit per user."""
    limits = {"per_day": per_day, "per_month": per_month}
    with writing(shop) as here:
        assignee = _assignee(here.session, here.shop, email)
        set_quota(here.session, here.shop, assignee, **limits, at=here.now, actor=here.actor)
    show({"email": email or "all other users", **limits}, as_json=as_json)


@group.command("groups")
def list_groups(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List chat groups and their owners."""
    with reading(shop) as here:
        page = page_of_groups(here.session, here.shop, Wanted(limit))
        rows = [GroupOut.of(*each).model_dump() | {"group": each[0].slug} for each in page.rows]
    show_page("groups", rows, page, ("group", "name", "owner"), as_json=as_json)


@group.command()
def owner(
    slug: Annotated[str, typer.Argument(help="The group's slug.", metavar="GROUP")],
    shop: ShopOption,
    email: Annotated[str, typer.Option(help="Email address of the owner; default: no owner.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Set the owner of a chat group: new posts to it go to their task list first."""
    with writing(shop) as here:
        found = find_group(here.session, here.shop.id, slug)
        who = set_owner(here.session, here.shop, found, email=email, at=here.now, actor=here.actor)
        result = {"group": slug, "owner": who.email if who else None}
    show(result, as_json=as_json)


def shown(task: Task) -> dict[str, Any]:
    """Return a post as results show it; a buyer by the shop's own id."""
    return PostOut.of(task).model_dump(mode="json", exclude={"text"}) | {"to": task.to}


def _after(here: InShop, number: int) -> dict[str, Any]:
    return shown(task_for(here.session, here.member, number))


def _assignee(session: Session, shop: Shop, email: str) -> str:
    if not email:
        return ""
    user = find_user(session, email.strip().lower())
    if user is None or user.id not in {each.id for each, _role in people_of(session, shop)}:
        raise NotFound("No user of this shop has the address {email}.", email=email)
    return f"user:{user.id}"
