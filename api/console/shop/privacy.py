"""Requests about personal data: export, erasure, and retention periods."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.console.shell import Here, go, show
from api.deps import Files, Now, Reading, Writing, require
from retention.access import Scope
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.privacy.requests import erase_buyer, export_buyer
from retention.privacy.retention_periods import DEFAULT_DAYS, MOST_DAYS, KeptKind, set_times, times_of

router = APIRouter(prefix="/shops/{slug}/privacy", dependencies=[require(Scope.BUYERS_READ)])

KIND_NAMES = {
    KeptKind.AGENTS: gettext_noop("Browser and network data of scans"),
    KeptKind.UPLOADS: gettext_noop("Uploaded files and rejected rows"),
    KeptKind.TEXTS: gettext_noop("Addresses and content of messages, webhook calls and bounces"),
    KeptKind.AUDIT: gettext_noop("Audit log"),
}


@router.get("")
def show_privacy(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show how long each kind is kept."""
    return show(request, session, "shop/privacy.html", lines=_lines(times_of(session, place.shop.id)), most=MOST_DAYS)


@router.post("", dependencies=[require(Scope.BUYERS_ERASE)])
def save_times(
    session: Writing,
    place: Here,
    now: Now,
    agents: Annotated[int, Form()],
    uploads: Annotated[int, Form()],
    texts: Annotated[int, Form()],
    audit: Annotated[int, Form()],
) -> Response:
    """Set how long each kind is kept."""
    typed = {KeptKind.AGENTS: agents, KeptKind.UPLOADS: uploads, KeptKind.TEXTS: texts, KeptKind.AUDIT: audit}
    set_times(session, place.member, {kind.value: days for kind, days in typed.items()}, at=now)
    return go(f"/shops/{place.shop.slug}/privacy", done="saved")


@router.get("/export", dependencies=[require(Scope.BUYERS_PERSONAL)])
def export(session: Reading, place: Here, now: Now, buyer: Annotated[str, Query(max_length=200)]) -> Response:
    """Send everything known of a buyer as one page to hand over."""
    made = export_buyer(session, place.shop, place.member, buyer, at=now)
    name = quote(f"{place.shop.slug}-{made.buyer}.html", safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(made.as_html(), media_type="text/html; charset=utf-8", headers=headers)


@router.post("/erase", dependencies=[require(Scope.BUYERS_ERASE)])
def erase(
    session: Writing,
    place: Here,
    files: Files,
    now: Now,
    buyer: Annotated[str, Form(max_length=200)],
) -> Response:
    """Erase a buyer, and show what is left."""
    erased = erase_buyer(session, place.member, buyer, files=files, at=now)
    return go(f"/shops/{place.shop.slug}/buyers/{erased.left}", done="erased")


def _lines(times: dict[KeptKind, int]) -> list[tuple[str, str, int, int]]:
    return [(kind.value, _(KIND_NAMES[kind]), days, DEFAULT_DAYS[kind]) for kind, days in times.items()]
