"""Flyers: the shelf, one flyer's words with what is left of their room, and its proofs for each device."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.console.paper import picture
from api.console.shell import Here
from api.deps import Files, Reading, require
from printables.shelf import proof_for
from retention.access import Scope

router = APIRouter(prefix="/shops/{slug}/flyers", dependencies=[require(Scope.BATCHES_READ)])


@router.get("/{flyer}/proofs/{proof_id}.png")
def show_proof(session: Reading, place: Here, files: Files, proof_id: int, width: int = 640) -> Response:
    """Send a picture of a proof."""
    return picture(files, proof_for(session, place.member, proof_id).sha256, width=width)
