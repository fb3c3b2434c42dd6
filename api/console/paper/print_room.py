"""The print room: runs without a batch, the batches with their files and print results, open inserts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from sqlmodel import Session

from api.console.paper.shared import checks_of, cutting_words, device_name, devices, prove_for, show_code
from api.console.shell import Here, go, show
from api.console.shop.failures import failure_lines
from api.console.states import shown
from api.deps import CurrentSettings, Files, Now, Place, Reading, Writing, require
from api.downloads import picture
from campaigns.offers.links import check_paper_url
from printables import print_room
from printables.batches import BatchState
from printables.flyer_list import flyers_for
from printables.flyers import Flyer, copy_of, flyer_for
from printables.make_batch import order_batch
from printables.piece_ledger import PrintResult, batch_for, close_batch, mark_printed, proof_of, reprint
from printables.print_room import WaitingRun
from printables.proofs import FORMATS, Proof, counting_proof
from retention.access import Scope
from retention.errors import Invalid, NotFound
from retention.failures import failures_of
from retention.i18n import gettext_noop

router = APIRouter(prefix="/shops/{slug}/print-room", dependencies=[require(Scope.BATCHES_READ)])
writing = require(Scope.BATCHES_WRITE)

DEFAULT_DEVICE = "office"


@router.get("")
def list_batches(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show what leaves today, what waits for paper, and the batches."""
    parcels, taking = print_room.unprinted_parcels(session, place.member, day=place.shop.day(now))
    return show(
        request,
        session,
        "paper/print_room.html",
        parcels=parcels,
        taking=taking,
        waiting=print_room.runs_waiting(session, place.member),
        lines=print_room.batch_lines(session, place.member),
        shown=shown,
        device_name=device_name,
    )


@dataclass(frozen=True)
class RunChoice:
    """What somebody chose for a new batch, as far as they have, and the proof that goes with it."""

    run: WaitingRun
    flyers: list[Flyer]
    flyer: Flyer | None
    profile: str
    proof: Proof | None


@router.get("/new", dependencies=[writing])
def choose(
    request: Request, session: Reading, place: Here, run: int = 0, flyer: str = "", profile: str = DEFAULT_DEVICE
) -> HTMLResponse:
    """Show the form of a new batch with the proof of what would be printed."""
    return _choosing(request, session, place, run=run, flyer=flyer, profile=profile)


@router.post("/proofs", dependencies=[writing])
def prove(
    session: Reading,
    place: Here,
    now: Now,
    files: Files,
    settings: CurrentSettings,
    run: Annotated[int, Form()],
    flyer: Annotated[str, Form()],
    profile: Annotated[str, Form()],
) -> Response:
    """Make the proof of a flyer for a device, and lead back to the form."""
    row = flyer_for(session, place.member, flyer)
    prove_for(session, place, row, profile=profile, files=files, settings=settings, at=now)
    return go(f"{_home(place)}/new?run={run}&flyer={flyer}&profile={profile}")


@router.post("", dependencies=[writing])
def make(
    session: Writing,
    place: Here,
    now: Now,
    settings: CurrentSettings,
    run: Annotated[int, Form()],
    flyer: Annotated[str, Form()],
    profile: Annotated[str, Form()],
) -> Response:
    """Reserve the batch; a worker renders it while its page tells how far it is."""
    row = flyer_for(session, place.member, flyer)
    check_paper_url(settings.public_url, demo=settings.demo)
    chosen = _waiting_run(print_room.runs_waiting(session, place.member), run)
    batch = order_batch(session, row.id, chosen.run.id, profile=profile, at=now, by=place.member.actor)
    return go(f"{_home(place)}/{batch.number}")


@router.get("/{number:int}")
def show_batch(request: Request, session: Reading, place: Here, now: Now, number: int) -> HTMLResponse:
    """Show one batch; HTMX asks for the moving part alone while it is being made."""
    return _batch_page(request, session, place, now, number)


@router.get("/{number:int}/proof.png")
def show_proof(session: Reading, place: Here, files: Files, number: int, width: int = 640) -> Response:
    """Send a picture of the proof a batch was printed from."""
    batch = batch_for(session, place.member, number)
    return picture(files, proof_of(session, batch).sha256, width=width)


@router.get("/{number:int}/files/{part:int}")
def download(session: Reading, place: Here, files: Files, number: int, part: int) -> FileResponse:
    """Send one PDF of a batch, counted from 1, named so that a person finds it again."""
    line = _line(session, place, number)
    if not 1 <= part <= len(line.batch.files):
        raise NotFound(gettext_noop("Batch {number} has no file {part}."), number=number, part=part)
    tail = f"-{part}" if len(line.batch.files) > 1 else ""
    name = f"{number}-{line.flyer}-{line.batch.profile}{tail}.pdf"
    return FileResponse(files.path(line.batch.files[part - 1]), filename=name, media_type="application/pdf")


@router.post("/{number:int}/printed", dependencies=[writing])
def note_printed(
    session: Writing, place: Here, now: Now, number: int, result: Annotated[PrintResult, Form()]
) -> Response:
    """Write down how a batch came out of the printer."""
    marked = mark_printed(session, place.member, number, result, at=now)
    done = "printed" if result is PrintResult.GOOD else result.value
    if marked.unchanged and result in (PrintResult.GOOD, PrintResult.UNUSED):
        done = "unchanged"
    return go(f"{_home(place)}/{number}", done=done)


@router.post("/{number:int}/close", dependencies=[writing])
def close(session: Writing, place: Here, now: Now, number: int, unused: Annotated[str, Form()] = "") -> Response:
    """Close a batch that adds up, or say of what is open that it lies unused."""
    close_batch(session, place.member, number, unused=bool(unused), at=now)
    return go(f"{_home(place)}/{number}", done="counted" if unused else "closed")


@router.post("/{number:int}/reprint", dependencies=[writing])
def print_again(
    request: Request,
    place: Here,
    now: Now,
    files: Files,
    settings: CurrentSettings,
    code: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Count one insert as spoiled and make its new copy."""
    engine = request.app.state.engine
    if not code.strip():
        raise Invalid(gettext_noop("Type or scan the code of the insert."))
    _piece, batch = reprint(
        engine, place.member, code, files=files, public_url=settings.public_url, demo=settings.demo, at=now
    )
    return go(f"{_home(place)}/{batch.number}", done="reprinted")


def _batch_page(request: Request, session: Session, place: Place, now: datetime, number: int) -> HTMLResponse:
    line = _line(session, place, number)
    live = "HX-Request" in request.headers
    if live and line.batch.state is not BatchState.RESERVED:
        return HTMLResponse("", headers={"HX-Refresh": "true"})
    proof = proof_of(session, line.batch)
    failing = failures_of(session, place.shop.id, kind="batch", thing_id=line.batch.id)
    return show(
        request,
        session,
        "paper/batch_live.html" if live else "paper/batch.html",
        line=line,
        batch=line.batch,
        proof=proof,
        failing=failure_lines(failing, place.shop, now),
        why=print_room.why_void(session, line.batch),
        checks=checks_of(proof.checks),
        pieces=print_room.pieces_in(session, line.batch),
        reprints=print_room.reprints_of(session, line.batch),
        waited=print_room.waited(line.batch, now),
        show_code=show_code,
        shown=shown,
        cutting_words=cutting_words,
        device_name=device_name,
    )


def _line(session: Session, place: Place, number: int) -> print_room.BatchLine:
    lines = print_room.batch_lines(session, place.member, number=number)
    if not lines:
        raise NotFound("No batch has the number {number}.", number=number)
    return lines[0]


def _choosing(
    request: Request,
    session: Session,
    place: Place,
    *,
    run: int,
    flyer: str,
    profile: str,
) -> HTMLResponse:
    waiting = print_room.runs_waiting(session, place.member)
    choice = _choice(session, place, waiting, run=run, flyer=flyer, profile=profile) if waiting else None
    return show(
        request,
        session,
        "paper/batch_new.html",
        waiting=waiting,
        choice=choice,
        checks=checks_of(choice.proof.checks) if choice and choice.proof else [],
        devices=devices(),
    )


def _choice(
    session: Session, place: Place, waiting: list[WaitingRun], *, run: int, flyer: str, profile: str
) -> RunChoice:
    chosen = next((line for line in waiting if line.run.id == run), None)
    chosen = chosen or _run_of(session, place, waiting, flyer) or waiting[0]
    flyers = flyers_for(session, place.member, chosen.campaign.id)
    row = next((each for each in flyers if each.slug == flyer), flyers[0] if flyers else None)
    device = profile if profile in FORMATS else DEFAULT_DEVICE
    proof = counting_proof(session, row, copy_of(session, place.shop, row), profile=device) if row else None
    return RunChoice(chosen, flyers, row, device, proof)


def _run_of(session: Session, place: Place, waiting: list[WaitingRun], slug: str) -> WaitingRun | None:
    """Return the run that a flyer chosen first belongs to."""
    for line in waiting if slug else ():
        if slug in {flyer.slug for flyer in flyers_for(session, place.member, line.campaign.id)}:
            return line
    return None


def _waiting_run(waiting: list[WaitingRun], run_id: int) -> WaitingRun:
    for line in waiting:
        if line.run.id == run_id:
            return line
    raise NotFound(gettext_noop("No insert of that run is waiting to be printed."))


def _home(place: Place) -> str:
    return f"/shops/{place.shop.slug}/print-room"
