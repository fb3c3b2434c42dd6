"""Imports: a file is sent, shown as it was understood, told more about, imported by a worker, and what came of it."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlmodel import Session
from starlette.datastructures import FormData

from api.console.shell import Here, go, show
from api.console.shop.failures import failure_lines
from api.console.shop.import_draft import MEANINGS, draft_context, draft_options, preset_name
from api.console.shop.import_fields import field_name, stored_words
from api.console.shop.import_next import after_import
from api.console.shop.import_words import in_console
from api.deps import Files, Now, Place, Reading, Writing, require
from api.forms import read_texts
from retention.access import Scope
from retention.database import reading, transaction
from retention.errors import Invalid
from retention.failures import failures_of
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.ingest.drafts import (
    ImportState,
    begin_import,
    change_options,
    first_rejects,
    import_for,
    imports_of,
    keep_upload,
    refusal_of,
    rejects_of,
    run_small,
    save_mapping_of,
    start_import,
    state_of,
    was_unreadable,
)
from retention.ingest.jobs import progress_of
from retention.ingest.journals.undo import undone_words, why_not
from retention.ingest.journals.undo_jobs import start_undo, undo_refusal
from retention.ingest.options import ImportOptions
from retention.ingest.orders.status_words import forget_numbered, say_word, words_of
from retention.ingest.presets import PRESETS
from retention.jobs import Job, JobState
from retention.paging import Wanted
from retention.saved_mappings import page_of_mappings, remove_mapping

router = APIRouter(prefix="/shops/{slug}/imports", dependencies=[require(Scope.IMPORTS_WRITE)])

KIND_NAMES = {
    "orders": gettext_noop("Orders"),
    "buyers": gettext_noop("Buyers"),
    "products": gettext_noop("Products"),
    "followers": gettext_noop("Followers"),
    "members": gettext_noop("Group members"),
    "parcels": gettext_noop("Parcels"),
}


@router.get("")
def list_imports(request: Request, session: Reading, place: Here, kind: str = "orders") -> HTMLResponse:
    """Show the form for a file, the latest imports, and the saved mappings."""
    jobs = imports_of(session, place.member)
    return show(
        request,
        session,
        "shop/imports.html",
        kind=kind,
        kind_names=_kind_names(),
        jobs=[(job, state_of(job).value) for job in jobs],
        mappings=page_of_mappings(session, place.member, Wanted()).rows,
        words=words_of(session, place.shop.id),
        meanings={value: _(name) for value, name in MEANINGS},
        systems=" · ".join(preset_name(each) for each in PRESETS if each != "generic"),
    )


@router.post("")
def upload(
    request: Request,
    place: Here,
    now: Now,
    files: Files,
    file: UploadFile,
    kind: Annotated[str, Form()],
) -> Response:
    """Keep the file, have it understood, and lead to the page that shows it."""
    if not file.filename or not file.size:
        raise Invalid(gettext_noop("Choose a file that is not empty."))
    name, stream = file.filename, file.file
    number = begin_import(
        request.app.state.engine,
        files,
        place.member,
        lambda: keep_upload(files, stream, name),
        kind=kind,
        options=ImportOptions(),
        dry=True,
        size=file.size,
        at=now,
    )
    return go(f"/shops/{place.shop.slug}/imports/{number}")


@router.post("/mappings/{number}/remove")
def forget_mapping(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Remove a saved mapping."""
    remove_mapping(session, place.member, number, at=now)
    return go(f"/shops/{place.shop.slug}/imports", done="removed")


@router.post("/statuses")
def say_status(
    session: Writing, place: Here, now: Now, word: Annotated[str, Form()] = "", meaning: Annotated[str, Form()] = ""
) -> Response:
    """Say what a status word means in the shop's files."""
    say_word(session, place.member, word, meaning, at=now)
    return go(f"/shops/{place.shop.slug}/imports", done="saved")


@router.post("/statuses/{number}/remove")
def forget_status(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Remove what a status word was said to mean."""
    forget_numbered(session, place.member, number, at=now)
    return go(f"/shops/{place.shop.slug}/imports", done="removed")


@router.get("/{number}")
def show_import(request: Request, session: Reading, place: Here, now: Now, files: Files, number: int) -> HTMLResponse:
    """Show one import; HTMX asks for the moving part alone until it is over."""
    job = import_for(session, place.member, number)
    return _page(request, session, place, job, now=now, files=files)


@router.post("/{number}/options")
def tell_more(
    request: Request,
    place: Here,
    now: Now,
    files: Files,
    number: int,
    form: Annotated[FormData, Depends(read_texts)],
) -> Response:
    """Read the file again with what the form says of it, and show what it comes to."""
    engine = request.app.state.engine
    with transaction(engine) as session:
        job = import_for(session, place.member, number)
        job = change_options(session, place.member, number, draft_options(job, form))
    run_small(engine, job, files)
    if not request.headers.get("HX-Request"):
        return go(f"/shops/{place.shop.slug}/imports/{number}")
    with reading(engine) as session:
        return _page(request, session, place, import_for(session, place.member, number), now=now, files=files)


@router.post("/{number}/start")
def start(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Import the file as it was understood."""
    start_import(session, place.member, number, at=now)
    return go(f"/shops/{place.shop.slug}/imports/{number}")


@router.post("/{number}/undo")
def undo(session: Writing, place: Here, now: Now, files: Files, number: int) -> Response:
    """Take an import back, or have a worker do it."""
    job = start_undo(session, place.member, number, files=files, at=now)
    done = "import-undone" if state_of(job) is ImportState.UNDONE else ""
    return go(f"/shops/{place.shop.slug}/imports/{number}", done=done)


@router.post("/{number}/mapping")
def save_mapping(session: Writing, place: Here, now: Now, number: int, name: Annotated[str, Form()] = "") -> Response:
    """Save what is known of the file under a name, for files with the same header."""
    save_mapping_of(session, place.member, number, name, at=now)
    return go(f"/shops/{place.shop.slug}/imports/{number}", done="saved")


@router.get("/{number}/next")
def show_next(request: Request, session: Reading, place: Here, now: Now, number: int) -> HTMLResponse:
    """Show who can be reached now, and the segments that are worth a look."""
    import_for(session, place.member, number)
    return show(request, session, "shop/import_next.html", found=after_import(session, place.shop, now=now))


@router.get("/{number}/rejects")
def download_rejects(session: Reading, place: Here, files: Files, number: int) -> StreamingResponse:
    """Send the rows that did not land, each with its reason."""
    job = import_for(session, place.member, number)
    name = quote(f"{job.input['name']}.rejected.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return StreamingResponse(rejects_of(job, files), media_type="text/csv; charset=utf-8", headers=headers)


def _page(
    request: Request,
    session: Session,
    place: Place,
    job: Job,
    *,
    now: Now,
    files: Files,
) -> HTMLResponse:
    part = bool(request.headers.get("HX-Request"))
    state = state_of(job)
    failing = failures_of(session, place.shop.id, kind="job", thing_id=job.id)
    done, total = progress_of(job, files)
    unread = was_unreadable(job)
    shown: dict[str, Any] = draft_context(job) if unread or state is ImportState.UNDERSTOOD else {}
    refusal = why_not(session, place.member, job.id) if state is ImportState.DONE else None
    return show(
        request,
        session,
        "shop/import_live.html" if part else "shop/import.html",
        job=job,
        import_state=state.value,
        done=done,
        total=total,
        refusal=refusal_of(job),
        unread=unread,
        rejects=first_rejects(job, files) if state is ImportState.DONE else [],
        not_undone=refusal.say(_) if refusal else "",
        undo_refused=undo_refusal(job),
        undone_at=_undone_at(job),
        undone=undone_words((job.result or {}).get("undone") or {}),
        kind_names=_kind_names(),
        stored=bool(job.input.get("upload") or job.input.get("path")),
        mapping_name=job.input.get("mapping", ""),
        failing=failure_lines(failing, place.shop, now) if job.state is JobState.WAITING else [],
        in_console=in_console,
        stored_words=stored_words,
        **({"field_name": field_name} | shown),
    )


def _undone_at(job: Job) -> datetime | None:
    text = (job.result or {}).get("undone_at")
    return datetime.fromisoformat(text) if text else None


def _kind_names() -> dict[str, str]:
    return {kind: _(name) for kind, name in KIND_NAMES.items()}
