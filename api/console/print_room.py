"""The print room: what waits for paper, the batches with their files, how they came out of the printer, what is left."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from sqlmodel import Session, select

from api.console.paper import PROFILE_NAMES, image
from api.console.shell import Here, go, refused, show
from api.console.states import shown
from api.deps import CurrentSettings, Files, Now, Place, Reading, Writing, require
from campaigns.campaigns import Run
from printables import print_room
from printables.batches import Batch, BatchState, PieceState
from printables.flyers import Flyer, copy_of, flyer_for, flyers_of
from printables.make_batch import order_batch
from printables.piece_ledger import PrintResult, close_batch, mark_printed, reprint
from printables.proofs import Proof, counting_proof
from printables.thumbnails import thumbnail
from retention.access import Scope
from retention.errors import Error, NotFound
from retention.files import FileStore
from retention.words import gettext as _

router = APIRouter(prefix="/shops/{slug}/print-room", dependencies=[require(Scope.BATCHES_READ)])
writing = require(Scope.BATCHES_WRITE)


@router.get("")
def list_batches(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show what leaves today, what waits for paper, and the batches."""
    parcels, taking = print_room.unprinted_parcels(session, place.member, day=place.shop.day(now))
    return show(
        request, session, "print_room.html", parcels=parcels, taking=taking,
        waiting=print_room.runs_waiting(session, place.member), lines=print_room.batch_lines(session, place.member),
        shown=shown, profile_names=PROFILE_NAMES,
    )  # fmt: skip
