"""Imports: a file is sent, a worker reads it, and the page shows how far it is and how it ended."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlmodel import Session

from api.console.shell import Here, go, show
from api.console.shop.failures import failure_lines
from api.deps import Files, Now, Place, Reading, Writing, require
from retention.access import Scope
from retention.errors import Invalid
from retention.failures import failures_of
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.ingest.drafts import ask_import, import_for, imports_of, keep_upload, refusal_of, rejects_of
from retention.ingest.jobs import progress_of
from retention.ingest.options import ImportOptions
from retention.ingest.presets import CHOICES
from retention.jobs import JobState

router = APIRouter(prefix="/shops/{slug}/imports", dependencies=[require(Scope.IMPORTS_WRITE)])

KIND_NAMES = {
    "orders": gettext_noop("Orders"),
    "buyers": gettext_noop("Buyers"),
    "products": gettext_noop("Products"),
    "followers": gettext_noop("Followers"),
    "members": gettext_noop("Group members"),
    "parcels": gettext_noop("Parcels"),
}
PRESET_NAMES = {
    "auto": gettext_noop("Detect automatically"),
    "generic": gettext_noop("Any other file"),
    "taobao": gettext_noop("Taobao"),
    "tmall": gettext_noop("Tmall report"),
    "jd": gettext_noop("JD"),
    "pinduoduo": gettext_noop("Pinduoduo"),
    "douyin": gettext_noop("Douyin"),
    "youzan": gettext_noop("Youzan"),
    "woocommerce": "WooCommerce",
    "prestashop": "PrestaShop",
    "ebay": "eBay",
}


@router.get("")
def list_imports(request: Request, session: Reading, place: Here, kind: str = "orders") -> HTMLResponse:
    """Show the form for a file, and the latest imports."""
    return _form(request, session, place, kind=kind)


@router.post("")
def upload(
    session: Writing,
    place: Here,
    now: Now,
    files: Files,
    file: UploadFile,
    kind: Annotated[str, Form()],
    preset: Annotated[str, Form()] = "auto",
) -> Response:
    """Keep the file, ask for its import, and lead to the page that shows it."""
    if not file.filename or not file.size:
        raise Invalid(gettext_noop("Choose a file that is not empty."))
    stored = keep_upload(files, file.file, file.filename)
    job = ask_import(session, place.member, kind=kind, options=ImportOptions(preset=preset), upload=stored, at=now)
    return go(f"/shops/{place.shop.slug}/imports/{job.id}")


@router.get("/{number}")
def show_import(request: Request, session: Reading, place: Here, now: Now, files: Files, number: int) -> HTMLResponse:
    """Show one import; HTMX asks for the moving part alone until it is over."""
    job = import_for(session, place.member, number)
    template = "shop/import_live.html" if request.headers.get("HX-Request") else "shop/import.html"
    done, total = progress_of(job, files)
    failing = failures_of(session, place.shop.id, kind="job", thing_id=job.id)
    return show(
        request,
        session,
        template,
        job=job,
        done=done,
        total=total,
        refusal=refusal_of(job),
        kind_names=_translated(),
        failing=failure_lines(failing, place.shop, now) if job.state is JobState.WAITING else [],
    )


@router.get("/{number}/rejects")
def download_rejects(session: Reading, place: Here, files: Files, number: int) -> StreamingResponse:
    """Send the rows that did not land, each with its reason."""
    job = import_for(session, place.member, number)
    name = quote(f"{job.input['name']}.rejected.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return StreamingResponse(rejects_of(job, files), media_type="text/csv; charset=utf-8", headers=headers)


def _form(request: Request, session: Session, place: Place, *, kind: str) -> HTMLResponse:
    presets = {name: _(PRESET_NAMES.get(name, name.capitalize())) for name in CHOICES}
    return show(
        request,
        session,
        "shop/imports.html",
        kind=kind,
        kind_names=_translated(),
        presets=presets,
        jobs=imports_of(session, place.member),
    )


def _translated() -> dict[str, str]:
    return {kind: _(name) for kind, name in KIND_NAMES.items()}
