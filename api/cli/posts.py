"""Commands on posts that people send by hand: what waits, what it says, sent or not, and how many one may send."""

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

group = typer.Typer(help="Posts to chat groups and buyers that people send by hand.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="The post's number.", metavar="NUMBER")]
NoteOption = Annotated[str, typer.Option("--note", help="What there is to say about it.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="posts")


@group.command("list")
def list_them(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the posts that are due and in nobody else's hands."""
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
    """Take a post in hand and show what to say."""
    with writing(shop) as here:
        url = get_settings().public_url
        said = manual_posts.take_post(here.session, here.shop, here.member, number, public_url=url, at=here.now)
        result = _after(here, number) | {"text": said.text if said else ""}
    if as_json:
        show(result, as_json=True)
    else:
        typer.echo(result["text"] or f"Nobody is left to hear it: {result['note']}")


@group.command()
def sent(
    number: NumberArgument,
    shop: ShopOption,
    note: NoteOption = "",
    proof: Annotated[Path | None, typer.Option(help="A picture of the chat.", exists=True, dir_okay=False)] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say that a post in hand was sent, with a picture or a note as proof."""
    with writing(shop) as here:
        name = open_store(get_settings()).put(cleaned(proof.read_bytes())) if proof else ""
        manual_posts.send_post(here.session, here.member, number, at=here.now, proof=name, note=note)
        show(_after(here, number), as_json=as_json)


@group.command()
def decline(number: NumberArgument, shop: ShopOption, note: NoteOption = "", *, as_json: JsonOption = False) -> None:
    """Say that a post in hand will not be sent, and why."""
    with writing(shop) as here:
        manual_posts.decline_post(here.session, here.member, number, at=here.now, note=note)
        show(_after(here, number), as_json=as_json)


@group.command()
def back(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Put a post in hand back for others."""
    with writing(shop) as here:
        manual_posts.put_back(here.session, here.member, number, at=here.now)
        show(_after(here, number), as_json=as_json)


@group.command()
def undo(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Take back what you said last of a post."""
    with writing(shop) as here:
        manual_posts.undo_post(here.session, here.member, number, at=here.now)
        show(_after(here, number), as_json=as_json)


@group.command()
def limit(
    shop: ShopOption,
    email: Annotated[str, typer.Option(help="Of this person; everybody else's without it.")] = "",
    per_day: Annotated[int | None, typer.Option(help="Posts a day; leave out for no limit.")] = None,
    per_month: Annotated[int | None, typer.Option(help="Posts a month; leave out for no limit.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Limit how many posts one person may send."""
    limits = {"per_day": per_day, "per_month": per_month}
    with writing(shop) as here:
        assignee = _assignee(here.session, here.shop, email)
        set_quota(here.session, here.shop, assignee, **limits, at=here.now, actor=here.actor)
    show({"email": email or "everybody else", **limits}, as_json=as_json)


@group.command("groups")
def list_groups(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the chat groups and who looks after each."""
    with reading(shop) as here:
        found = groups_of(here.session, here.shop)
        rows = [{"group": each.slug, "name": each.name, "owner": who.email if who else None} for each, who in found]
    show_rows("groups", rows, ("group", "name", "owner"), as_json=as_json)


@group.command()
def owner(
    slug: Annotated[str, typer.Argument(help="The group's slug.", metavar="GROUP")],
    shop: ShopOption,
    email: Annotated[str, typer.Option(help="Who looks after it; nobody without it.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Say who looks after a chat group: new posts to it are preset for them."""
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
