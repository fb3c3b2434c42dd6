"""Commands on manual posts: the task list, taking, sending, declining, and limits per user."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from api.cli.terminal import InShop, JsonOption, ShopOption, reading, show, show_rows, writing
from campaigns.posts import manual_posts
from campaigns.posts.groups import find_group, groups_of, set_owner
from campaigns.posts.posts import set_quota
from campaigns.posts.task_list import Task, task_for, task_list_of
from printables.drawing.pictures import cleaned
from retention.errors import NotFound
from retention.files import open_store
from retention.settings import get_settings
from retention.shops import Shop
from retention.users import find_user, people_of

group = typer.Typer(help="Manual posts to chat groups and single buyers.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="The post's number.", metavar="NUMBER")]
NoteOption = Annotated[str, typer.Option("--note", help="Note.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="posts")


@group.command("list")
def list_them(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List posts that are due and not taken by another user."""
    with reading(shop) as here:
        task_list = task_list_of(here.session, here.shop, here.member, at=here.now)
        rows = [shown(task) for task in task_list.tasks]
        result = {"posts": rows, "waiting": task_list.waiting, "left_today": task_list.left_today}
    if as_json:
        show(result | {"left_this_month": task_list.left_this_month}, as_json=True)
        return
    for row in rows:
        typer.echo("\t".join(str(row[name]) for name in ("number", "state", "to", "buyers", "campaign")))


@group.command()
def take(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Take a post and show its text."""
    with writing(shop) as here:
        url = get_settings().public_url
        said = manual_posts.take_post(here.session, here.shop, here.member, number, public_url=url, at=here.now)
        result = _after(here, number) | {"text": said.text if said else ""}
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
def list_groups(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List chat groups and their owners."""
    with reading(shop) as here:
        found = groups_of(here.session, here.shop)
        rows = [{"group": each.slug, "name": each.name, "owner": who.email if who else None} for each, who in found]
    show_rows("groups", rows, ("group", "name", "owner"), as_json=as_json)


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
    post = task.post
    return {
        "number": post.id,
        "campaign": task.campaign.slug,
        "group": task.group.slug if task.group else None,
        "owner": task.owner.email if task.owner else None,
        "buyer": task.buyer.external_id if task.buyer else None,
        "to": task.to,
        "buyers": task.buyers,
        "state": post.state.value,
        "due_at": post.due_at.isoformat(),
        "too_late_at": post.too_late_at.isoformat(),
        "sent_at": post.sent_at.isoformat() if post.sent_at else None,
        "note": post.note,
    }


def _after(here: InShop, number: int) -> dict[str, Any]:
    return shown(task_for(here.session, here.member, number))


def _assignee(session: Session, shop: Shop, email: str) -> str:
    if not email:
        return ""
    user = find_user(session, email.strip().lower())
    if user is None or user.id not in {each.id for each, _role in people_of(session, shop)}:
        raise NotFound("No user of this shop has the address {email}.", email=email)
    return f"user:{user.id}"
