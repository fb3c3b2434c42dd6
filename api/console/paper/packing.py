"""The packing station, for a scanner without a mouse: scan a waybill, see the inserts, scan each insert.

Every scan carries a key of its own, so one that the network swallowed may be sent again and counts once.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.console.paper.shared import show_code
from api.console.shell import Here, show
from api.deps import CurrentSettings, Files, Now, Place, Reading, require
from campaigns.offers.links import check_paper_url
from printables import station
from printables.make_batch import render_batch
from printables.packing import OpenParcel, open_parcel, today
from printables.piece_ledger import batch_for
from printables.station import Sign, StationReply
from retention.access import Member, Scope
from retention.database import reading, transaction
from retention.errors import Error, NotFound
from retention.i18n import gettext as _
from retention.i18n import gettext_noop, ngettext
from retention.idempotency import answer_once
from retention.parcels import parcels_leaving

router = APIRouter(prefix="/shops/{slug}/packing", dependencies=[require(Scope.PACKING_WRITE)])


class StationStep(StrEnum):
    """What a packer does: scan (or press Enter), and the three keys."""

    SCAN = "scan"
    UNDO = "undo"
    SPOIL = "spoil"
    LEAVE_OUT = "leave-out"


@dataclass(frozen=True)
class StationMessage:
    """An answer as people read it. `mark` is good, bad, warn or quiet; `stop` holds what was scanned after it."""

    mark: str
    words: str
    batch: int = 0
    stop: bool = False


_WORDS: dict[Sign, tuple[str, str]] = {
    Sign.READY: ("quiet", gettext_noop("Scan a waybill")),
    Sign.NOTHING: ("quiet", gettext_noop("Close parcel as is")),
    Sign.LEFT: ("warn", gettext_noop("This parcel has already shipped")),
    Sign.COMPLETE: ("good", gettext_noop("Correct: this insert belongs in this parcel")),
    Sign.WRONG_PARCEL: ("bad", gettext_noop("Wrong parcel: this insert belongs in {tail}")),
    Sign.ALREADY_PACKED: ("warn", gettext_noop("Already in this parcel")),
    Sign.NOT_PRINTED: ("bad", gettext_noop("Spoiled or not printed: do not use")),
    Sign.STOPPED: ("bad", gettext_noop("Campaign stopped: leave this insert out")),
    Sign.UNKNOWN: ("bad", gettext_noop("Unknown code: neither a waybill nor an insert")),
    Sign.SHIPPED: ("good", gettext_noop("Parcel {tail} is closed")),
    Sign.UNDONE: ("warn", gettext_noop("Undone: take the insert out again")),
    Sign.LEFT_OUT: ("warn", gettext_noop("Parcel {tail} ships without it")),
    Sign.REPRINTED: ("warn", gettext_noop("Spoiled. Reprint is in batch {batch}")),
}


@router.get("")
def show_station(request: Request, session: Reading, place: Here, now: Now, waybill: str = "") -> HTMLResponse:
    """Show the station, with the parcel that was open before a reload."""
    try:
        reply = station.hear(session, place.member, waybill, over="", at=now) if waybill else StationReply(Sign.READY)
    except NotFound:
        reply = StationReply(Sign.READY)
    return _page(request, session, place, now, _shown(reply), reply.waybill, template="paper/packing.html")


@router.post("/steps")
def take_step(
    request: Request,
    place: Here,
    now: Now,
    files: Files,
    settings: CurrentSettings,
    step: Annotated[StationStep, Form()],
    key: Annotated[str, Form(max_length=100)],
    text: Annotated[str, Form(max_length=300)] = "",
    over: Annotated[str, Form(max_length=64)] = "",
) -> HTMLResponse:
    """Do one step, once per `key`, and answer with the stage as it stands then."""
    engine = request.app.state.engine
    asked = f"{step}\n{over}\n{text}".encode()
    try:
        if step is StationStep.SPOIL:
            check_paper_url(settings.public_url, demo=settings.demo)
        with transaction(engine) as session:
            work = partial(_work, session, place.member, step, text=text, over=over, at=now)
            answer = answer_once(session, place.member, f"packing:{key}", request=asked, at=now, work=work)
            reply = StationReply(**{**answer.value, "sign": Sign(answer.value["sign"])})
            batch = batch_for(session, place.member, reply.batch) if reply.batch else None
        if batch:
            render_batch(engine, batch.id, files=files, public_url=settings.public_url, demo=settings.demo)
        shown, waybill = _shown(reply), reply.waybill
    except Error as error:
        shown, waybill = StationMessage("bad", error.say(_), stop=True), over
    with reading(engine) as session:
        return _page(request, session, place, now, shown, waybill, template="paper/packing_stage.html")


def _work(session: Session, member: Member, step: StationStep, *, text: str, over: str, at: datetime) -> dict[str, Any]:
    steps: dict[StationStep, Callable[[], StationReply]] = {
        StationStep.SCAN: lambda: station.hear(session, member, text, over=over, at=at),
        StationStep.UNDO: lambda: station.take_back(session, member, over=over, at=at),
        StationStep.SPOIL: lambda: station.spoil(session, member, text, over=over, at=at),
        StationStep.LEAVE_OUT: lambda: station.go_without(session, member, over=over, at=at),
    }
    return asdict(steps[step]())


def _shown(reply: StationReply) -> StationMessage:
    """Return the words of an answer in the language being spoken."""
    match reply.sign:
        case Sign.OPENED:
            words = ngettext("Pack one insert", "Pack {count} inserts", reply.missing).format(count=reply.missing)
            return StationMessage("quiet", words)
        case Sign.PACKED:
            more = ngettext("Correct. Pack one more", "Correct. Pack {count} more", reply.missing)
            return StationMessage("good", _with_copy(more.format(count=reply.missing), reply), stop=reply.needs_person)
        case Sign.UNFINISHED:
            words = ngettext(
                "Incomplete: one insert is missing", "Incomplete: {count} inserts are missing", reply.missing
            )
            return StationMessage("bad", words.format(count=reply.missing), stop=True)
    mark, template = _WORDS[reply.sign]
    words = _(template).format(tail=f"…\N{WORD JOINER}{reply.tail}", batch=reply.batch)
    if reply.sign is Sign.COMPLETE and not reply.code:
        words = _("Complete")
    if mark == "good":
        words = _with_copy(words, reply)
    return StationMessage(mark, words, reply.batch, stop=reply.needs_person)


def _with_copy(words: str, reply: StationReply) -> str:
    if reply.copy_number == 1:
        return words
    return f"{words} · {_('copy {number}, is that printed on it?').format(number=reply.copy_number)}"


def _page(
    request: Request,
    session: Session,
    place: Place,
    now: datetime,
    shown: StationMessage,
    waybill: str,
    *,
    template: str,
) -> HTMLResponse:
    parcel = _parcel(session, place.member, waybill)
    due, gone = (0, 0) if parcel else parcels_leaving(session, place.shop.id, place.shop.day(now))
    page = show(
        request,
        session,
        template,
        reply=shown,
        parcel=parcel,
        current=next((insert for insert in parcel.inserts if not insert.packed and insert.code), None)
        if parcel
        else None,
        missing=station.missing_in(parcel) if parcel else 0,
        today=today(session, place.shop, at=now),
        due=due,
        gone=gone,
        show_code=show_code,
        grouped=grouped,
        who=place.member.actor,
    )
    page.headers["X-Stage"] = "yes"
    return page


def _parcel(session: Session, member: Member, waybill: str) -> OpenParcel | None:
    try:
        return open_parcel(session, member, waybill) if waybill else None
    except NotFound:
        return None


def grouped(waybill: str) -> str:
    """Return a waybill in groups of four from its end, as people read one aloud: SF1387 2046 8815."""
    first = len(waybill) % 4 + (4 if len(waybill) > 8 and not waybill[:1].isdigit() else 0)
    groups = [waybill[:first], *(waybill[start : start + 4] for start in range(first, len(waybill), 4))]
    return " ".join(group for group in groups if group)
