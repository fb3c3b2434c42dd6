"""Manual posts, one task per screen, made for phones: take, copy text and picture, send in the chat, mark as sent.

Only the buttons take or settle anything; whoever just looks leaves a task free for others.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console import shell
from api.console.shell import Here, Notice, go, show
from api.console.states import shown
from api.deps import CurrentSettings, Files, Now, Place, Reading, Writing, require
from campaigns.campaign.posts import PostState
from campaigns.posts.groups import find_group, groups_of, set_owner
from campaigns.posts.manual_posts import decline_post, put_back, send_post, take_post, undo_post
from campaigns.posts.posts import quota_of, set_quota
from campaigns.posts.task_list import REPORTED, Task, done_lately, task_for, task_list_of
from campaigns.posts.wording import text_of
from printables.drawing.pictures import cleaned
from retention.access import ROLE_SCOPES, Scope
from retention.errors import Invalid, NotFound
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.settings import Settings
from retention.users import User, people_of

router = APIRouter(prefix="/shops/{slug}/tasks", dependencies=[require(Scope.POSTS_WRITE)])
for_writers = [require(Scope.CAMPAIGNS_WRITE)]

shell.add_done(
    {
        "put-back": gettext_noop("Returned to the task list. Another person can take it."),
        "taken-back": gettext_noop("Undone. It is assigned to you again."),
        "gone": gettext_noop("This post has no recipients left, so it was removed from the list."),
    }
)


@router.get("")
def show_tasks(
    request: Request, session: Reading, place: Here, now: Now, settings: CurrentSettings, task: int = 0, last: int = 0
) -> HTMLResponse:
    """Show one task, the rest as a list, and what was done today."""
    return _page(request, session, place, settings, now=now, number=task, last=last)


@router.post("/{number:int}/take")
def take(session: Writing, place: Here, now: Now, settings: CurrentSettings, number: int) -> Response:
    """Take a task in hand; who comes second is told."""
    taken = take_post(session, place.shop, place.member, number, public_url=settings.public_url, at=now)
    return go(_address(place), task=str(number)) if taken else go(_address(place), done="gone")


@router.post("/{number:int}/sent")
def say_sent(
    session: Writing,
    place: Here,
    now: Now,
    files: Files,
    number: int,
    note: Annotated[str, Form(max_length=500)] = "",
    picture: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Note that it was sent, with a screenshot of the chat, re-encoded, or a note."""
    proof = files.put(cleaned(picture.file.read())) if picture and picture.size else ""
    send_post(session, place.member, number, at=now, proof=proof, note=note)
    return go(_address(place), last=str(number))


@router.post("/{number:int}/decline")
def say_no(
    session: Writing,
    place: Here,
    now: Now,
    number: int,
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Note that it will not be sent, and why."""
    decline_post(session, place.member, number, at=now, note=note)
    return go(_address(place), last=str(number))


@router.post("/{number:int}/back")
def lay_back(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Put a task back for others."""
    put_back(session, place.member, number, at=now)
    return go(_address(place), done="put-back")


@router.post("/{number:int}/undo")
def undo(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Take back what was said last of a task."""
    undo_post(session, place.member, number, at=now)
    return go(_address(place), done="taken-back", task=str(number))


@router.get("/{number:int}/picture")
def show_picture(session: Reading, place: Here, files: Files, number: int, save: bool = False) -> Response:  # noqa: FBT001, FBT002 - a query parameter
    """Send the picture that goes with a post, to look at or to save."""
    name = task_for(session, place.member, number).post.picture
    return _picture(files.get(name), f"post-{number}.jpg" if save else "")


@router.get("/{number:int}/proof")
def show_proof(session: Reading, place: Here, files: Files, number: int) -> Response:
    """Send the picture that proves a post."""
    return _picture(files.get(task_for(session, place.member, number).post.proof))


@router.get("/limits", dependencies=for_writers)
def show_limits(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show how many posts each person may send, and who looks after which group."""
    return _limits(request, session, place)


@router.post("/limits", dependencies=for_writers)
def save_limits(
    session: Writing,
    place: Here,
    now: Now,
    assignee: Annotated[str, Form(max_length=64)] = "",
    per_day: Annotated[str, Form(max_length=9)] = "",
    per_month: Annotated[str, Form(max_length=9)] = "",
) -> Response:
    """Set the limits of one person, or of everybody."""
    if assignee not in {who for who, _name in _people(session, place)}:
        raise NotFound(gettext_noop("No user of this shop has this address."))
    limits = {"per_day": _limit(per_day), "per_month": _limit(per_month)}
    set_quota(session, place.shop, assignee, **limits, at=now, actor=place.member.actor)
    return go(f"{_address(place)}/limits", done="saved")


@router.post("/groups/{group}/owner", dependencies=for_writers)
def save_owner(
    session: Writing,
    place: Here,
    now: Now,
    group: str,
    email: Annotated[str, Form(max_length=254)] = "",
) -> Response:
    """Say who looks after a chat group."""
    found = find_group(session, place.shop.id, group)
    set_owner(session, place.shop, found, email=email, at=now, actor=place.member.actor)
    return go(f"{_address(place)}/limits", done="saved")


def _page(
    request: Request,
    session: Session,
    place: Place,
    settings: Settings,
    *,
    now: datetime,
    number: int = 0,
    last: int = 0,
) -> HTMLResponse:
    task_list = task_list_of(session, place.shop, place.member, at=now)
    chosen = next((task for task in task_list.tasks if task.post.id == number), None)
    task = chosen or (task_list.tasks[0] if task_list.tasks else None)
    text, problem = _words(session, place, settings, task, now=now)
    done = done_lately(session, place.shop, place.member, at=now)
    return show(
        request,
        session,
        "campaigns/tasks.html",
        notice=Notice("warn", problem) if problem else None,
        task_list=task_list,
        task=task,
        mine=task is not None and task.post.state == PostState.TAKEN and task.post.assignee == place.member.actor,
        text=text,
        rest=[each for each in task_list.tasks if each is not task],
        done=done,
        last=next((each for each in done if each.post.id == last and each.post.state in REPORTED), None),
        shown=shown,
    )


def _words(session: Session, place: Place, settings: Settings, task: Task | None, *, now: datetime) -> tuple[str, str]:
    """Return what a task says, as it was taken or as it would be; and what is wrong with it, if anything."""
    if task is None or (task.post.state == PostState.TAKEN and task.post.text):
        return (task.post.text if task else ""), ""
    try:
        return text_of(session, place.shop, task.post, public_url=settings.public_url, at=now).text, ""
    except Invalid as error:
        return "", error.say(_)


def _limits(request: Request, session: Session, place: Place) -> HTMLResponse:
    lines = []
    for assignee, name in _people(session, place):
        row = quota_of(session, place.shop.id, assignee)
        own = row if row and row.assignee == assignee else None
        lines.append((assignee, name, own))
    return show(
        request,
        session,
        "campaigns/tasks_limits.html",
        lines=lines,
        groups=groups_of(session, place.shop),
        posting=_posting(session, place),
    )


def _people(session: Session, place: Place) -> list[tuple[str, str]]:
    """Return who may be limited: everybody, then each person whose role may post."""
    posting = [(f"user:{user.id}", user.name or user.email) for user in _posting(session, place)]
    return [("", _("All other users")), *posting]


def _posting(session: Session, place: Place) -> list[User]:
    return [user for user, role in people_of(session, place.shop) if Scope.POSTS_WRITE in ROLE_SCOPES[role]]


def _limit(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise Invalid(gettext_noop("A limit is a whole number such as 20, not {text}."), text=text)
    return int(text)


def _picture(content: bytes, name: str = "") -> Response:
    headers = {"Cache-Control": "private, max-age=3600"}
    if name:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(cleaned(content), media_type="image/jpeg", headers=headers)


def _address(place: Place) -> str:
    return f"/shops/{place.shop.slug}/tasks"
