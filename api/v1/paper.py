"""Print: the inserts of a parcel, and the print batches."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from api.deps import Files, Now, Reading
from api.downloads import picture
from api.shapes.batches import BatchesOut, BatchOut, CountedBatchOut
from api.shapes.inserts import InsertOut, InsertsOut
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged, Since, Until
from api.v1.parameters import OF_STATE, BatchNumber, Waybill
from api.v1.routing import router_for
from printables.batches import BatchState
from printables.flyer_list import proof_for
from printables.inserts import inserts_for
from printables.piece_ledger import batch_for, page_of_batches, reconcile
from retention.access import Scope

router = router_for("paper")

Printer = Annotated[Caller, caller_with(Scope.BATCHES_READ)]


SlugQuery = Annotated[str, Query(max_length=64, description="The slug of a flyer or a campaign.")]


@router.get("/parcels/{waybill}/inserts")
def show_inserts(
    waybill: Waybill,
    session: Reading,
    caller: Annotated[Caller, caller_with(Scope.INSERTS_READ)],
    at: Now,
) -> InsertsOut:
    """Tell what goes into a parcel. Scope inserts:read."""
    found = inserts_for(session, caller.member, waybill, at=at)
    shown = [InsertOut.of(insert) for insert in found]
    return InsertsOut(waybill=waybill, inserts=shown)


@router.get("/batches")
def list_all(
    session: Reading,
    caller: Printer,
    wanted: Paged,
    state: Annotated[BatchState | None, OF_STATE] = None,
    flyer: SlugQuery = "",
    campaign: SlugQuery = "",
    since: Since = None,
    until: Until = None,
) -> BatchesOut:
    """List the shop's batches; `since` and `until` are about when they were made. Scope batches:read."""
    page = page_of_batches(
        session, caller.shop.id, wanted, state=state, flyer=flyer, campaign=campaign, since=since, until=until
    )
    return BatchesOut(batches=[BatchOut.of(batch) for batch in page.rows], next=page.next)


@router.get("/batches/{number}")
def show(number: BatchNumber, session: Reading, caller: Printer) -> CountedBatchOut:
    """Show a batch with its pieces counted by state. Scope batches:read."""
    batch = batch_for(session, caller.member, number)
    counted = reconcile(session, batch)
    return CountedBatchOut(**BatchOut.of(batch).model_dump(), counts=dict(counted.counts), open=counted.open)


@router.get("/batches/{number}/proof.png", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def show_proof(
    number: BatchNumber,
    session: Reading,
    caller: Printer,
    files: Files,
    width: Annotated[int, Query(ge=80, le=1200, description="The picture's width in pixels.")] = 640,
) -> Response:
    """Send a picture of the proof a batch was printed from, `width` pixels wide. Scope batches:read."""
    proof = proof_for(session, caller.member, batch_for(session, caller.member, number).proof_id)
    return picture(files, proof.sha256, width=width)
