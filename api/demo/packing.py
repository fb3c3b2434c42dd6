"""The packing station of the demonstration: every parcel with an insert is opened, its piece scanned, and it leaves.

Now and then a packer takes the wrong piece or spoils one, as people do; the packing station notices.
"""

from sqlmodel import Session, col, select

from api.demo.shops import Cast
from api.demo.stage import DemoStep, Stage
from campaigns.offers.links import Link, paper_address
from printables.batches import LIVE, PackingOutcome, Piece, PieceLink
from printables.packing import scan, ship_parcel
from printables.piece_ledger import PrintResult, mark_printed, reprint
from retention.database import reading, transaction
from retention.errors import Conflict
from retention.parcels import Parcel

WRONG_EVERY, SPOILED = 40, 7


def pack(stage: Stage, cast: Cast, *, hour: int) -> int:
    """Pack the inserts of a shop's parcels in picking order and ship them; return how many pieces went in."""
    stage.at(hour)
    pieces = _pieces(stage, cast)
    with stage.step(f"Pack parcels at {cast.shop.slug}", total=len(pieces)) as step:
        return sum(_pack_one(stage, cast, pieces, number, step) for number in range(len(pieces)))


def _pack_one(stage: Stage, cast: Cast, pieces: list[tuple[str, str]], number: int, step: DemoStep) -> int:
    waybill, address = pieces[number]
    step.advance()
    if number == SPOILED:
        piece, batch = reprint(
            stage.engine,
            cast.packer,
            address,
            files=stage.files,
            public_url=stage.settings.public_url,
            demo=stage.settings.demo,
            at=stage.now,
        )
        if piece.copy_number != 2 or batch.pieces != 1:
            raise Conflict("A spoiled insert was not reprinted unchanged.")
        with transaction(stage.engine) as session:
            mark_printed(session, cast.packer, batch.number, PrintResult.GOOD, at=stage.now)
    with transaction(stage.engine) as session:
        if number % WRONG_EVERY == 1:
            _take_the_wrong_one(stage, cast, session, waybill, pieces[number - 1][1])
        answer = scan(session, cast.packer, waybill, address, at=stage.now)
        if answer.parcel.complete:
            ship_parcel(session, cast.packer, waybill, at=stage.now)
    return answer.outcome is PackingOutcome.PACKED


def _take_the_wrong_one(stage: Stage, cast: Cast, session: Session, waybill: str, address: str) -> None:
    answer = scan(session, cast.packer, waybill, address, at=stage.now)
    if answer.outcome is not PackingOutcome.WRONG_PARCEL:
        raise Conflict(
            "The packing station did not notice an insert of another parcel: {outcome}.", outcome=answer.outcome
        )


def _pieces(stage: Stage, cast: Cast) -> list[tuple[str, str]]:
    """Return (waybill, address in the shop's own QR code) of every living piece, in picking order."""
    with reading(stage.engine) as session:
        rows = session.exec(
            select(Parcel.waybill, Link.token)
            .join(Piece, col(Piece.parcel_id) == Parcel.id)
            .join(PieceLink, col(PieceLink.piece_id) == Piece.id)
            .join(Link, col(Link.id) == PieceLink.link_id)
            .where(Piece.shop_id == cast.shop.id, Link.shop_id == cast.shop.id, col(Piece.state).in_(LIVE))
            .order_by(col(Parcel.pick_position), col(Parcel.waybill))
        ).all()
    return [(waybill, paper_address(stage.settings.public_url, token)) for waybill, token in rows]
