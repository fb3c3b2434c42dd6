"""Packing: scan a waybill, see its inserts, scan each insert, confirm.

Only the packer's scan says "in the parcel". Every scan is written down with what it was answered, mistakes too.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.packing import mark_in_parcel, mark_out_of_parcel, skip_by_parcel
from campaigns.offers.links import Link
from campaigns.sending.parcel_check import skip_refused_parcels
from printables.batches import (
    PackingEvent,
    PackingOutcome,
    Piece,
    PieceLink,
    PieceState,
)
from printables.inserts import PACKABLE, Insert, asked_for, inserts_in, parcel_for
from retention import audit, clock
from retention.access import Member, Scope
from retention.buyers import Buyer, masked_name
from retention.database import changed, lock
from retention.errors import Conflict, Invalid, NotFound
from retention.parcels import Parcel
from retention.shops import Shop
from retention.tokens import read_code


@dataclass(frozen=True)
class OpenParcel:
    """What the packing station shows after a waybill scan."""

    waybill: str
    buyer: str
    """Masked: the packer recognises the parcel, nothing more."""
    position: int
    of: int
    """The last place in the picking order of its day."""
    shipped: bool
    inserts: tuple[Insert, ...]

    @property
    def complete(self) -> bool:
        """Whether everything that belongs in is in."""
        return all(insert.packed for insert in self.inserts)


@dataclass(frozen=True)
class ScanResult:
    """What the packing station says to the scan of a piece, with the parcel as it is now."""

    outcome: PackingOutcome
    parcel: OpenParcel
    code: str
    belongs_to: str = ""
    """Of a piece of another parcel: the last characters of that parcel's waybill."""
    copy_number: int = 1
    """Above 1, this code was printed again: the paper in hand must carry this number in its small print."""


@dataclass(frozen=True)
class Today:
    """The packing station's day so far."""

    packed: int
    caught: int


def open_parcel(session: Session, member: Member, waybill: str) -> OpenParcel:
    """Return what goes into the parcel with this waybill; NotFound for an unknown one and for another shop's alike."""
    member.require(Scope.PACKING_WRITE)
    return _seen(session, parcel_for(session, member, waybill))


def scan(session: Session, member: Member, waybill: str, scanned: str, *, at: datetime) -> ScanResult:
    """Answer the scan of a piece over an open parcel, and bind the two when they belong together.

    `scanned` is what the scanner types: the address of a QR code in any case, its token, or the code printed beside it.
    """
    member.require(Scope.PACKING_WRITE)
    parcel = parcel_for(session, member, waybill)
    piece = _piece_of(session, member, scanned)
    if piece:
        lock(session, piece)  # two packers read one piece at once: the second is told what the first has done
    outcome = _judge(session, piece, parcel, at)
    if outcome is PackingOutcome.PACKED and piece is not None:
        outcome = _put_in(session, member, piece, at)
    _write_down(session, member, parcel, piece, scanned, outcome, at)
    elsewhere = session.get(Parcel, piece.parcel_id) if piece and outcome is PackingOutcome.WRONG_PARCEL else None
    return ScanResult(
        outcome,
        _seen(session, parcel),
        code=piece.code if piece else scanned.strip(),
        belongs_to=elsewhere.waybill[-4:] if elsewhere else "",
        copy_number=piece.copy_number if piece else 1,
    )


def undo(session: Session, member: Member, waybill: str, *, at: datetime) -> OpenParcel:
    """Take the piece packed last into this parcel out again; Conflict when there is none or the parcel has left."""
    member.require(Scope.PACKING_WRITE)
    parcel = parcel_for(session, member, waybill)
    if parcel.shipped_at:
        raise Conflict("Parcel {waybill} has already shipped.", waybill=parcel.waybill)
    inside = select(Piece).where(
        Piece.shop_id == member.shop_id, Piece.parcel_id == parcel.id, Piece.state == PieceState.IN_PARCEL
    )
    piece = session.exec(inside.order_by(col(Piece.packed_at).desc(), col(Piece.id).desc()).limit(1)).first()
    if piece is None:
        raise Conflict("Nothing has been packed into {waybill} yet.", waybill=parcel.waybill)
    if _move(session, piece, PieceState.IN_PARCEL, PieceState.PRINTED, packed_at=None, packed_by=""):
        if piece.delivery_id:
            mark_out_of_parcel(session, member.shop_id, [piece.delivery_id])
        _write_down(session, member, parcel, piece, piece.code, PackingOutcome.UNDONE, at)
    return _seen(session, parcel)


def ship_parcel(session: Session, member: Member, waybill: str, *, at: datetime) -> OpenParcel:
    """Say that the parcel is closed and leaves. What was not packed stays open and shows when its batch is closed."""
    member.require(Scope.PACKING_WRITE)
    parcel = parcel_for(session, member, waybill)
    if parcel.shipped_at is None:
        parcel.shipped_at = at
        session.add(parcel)
        session.flush()
        audit.record(
            session, member.shop_id, member.actor, action="parcel.ship", subject=f"parcel:{parcel.waybill}", at=at
        )
    return _seen(session, parcel)


def leave_out(session: Session, member: Member, waybill: str, *, at: datetime) -> OpenParcel:
    """Let a parcel go without the inserts that are missing: each is written down, and its delivery skipped.

    Conflict when nothing is missing or the parcel has left.
    """
    member.require(Scope.PACKING_WRITE)
    parcel = parcel_for(session, member, waybill)
    if parcel.shipped_at:
        raise Conflict("Parcel {waybill} has already shipped.", waybill=parcel.waybill)
    missing = [insert for insert in inserts_in(session, parcel) if not insert.packed]
    if not missing:
        raise Conflict("Nothing is missing in {waybill}.", waybill=parcel.waybill)
    skip_by_parcel(session, member.shop_id, [insert.delivery_id for insert in missing], Reason.NOT_AT_BENCH)
    for insert in missing:
        piece = _piece_of(session, member, insert.code) if insert.code else None
        _write_down(session, member, parcel, piece, insert.code, PackingOutcome.LEFT_OUT, at)
    return _seen(session, parcel)


def today(session: Session, shop: Shop, *, at: datetime) -> Today:
    """Return how many pieces were packed and how many mistakes were caught since the shop's midnight."""
    since = clock.start_of_day(shop.day(at), shop.timezone)
    outcomes = (PackingOutcome.PACKED, PackingOutcome.UNDONE, PackingOutcome.WRONG_PARCEL)
    rows = session.exec(
        select(PackingEvent.outcome, func.count())
        .where(PackingEvent.shop_id == shop.id, col(PackingEvent.outcome).in_(outcomes), PackingEvent.at >= since)
        .group_by(col(PackingEvent.outcome))
    ).all()
    count = {PackingOutcome(outcome): number for outcome, number in rows}
    return Today(
        packed=count.get(PackingOutcome.PACKED, 0) - count.get(PackingOutcome.UNDONE, 0),
        caught=count.get(PackingOutcome.WRONG_PARCEL, 0),
    )


def find_piece(session: Session, member: Member, scanned: str) -> Piece:
    """Return the piece a scan means, its newest copy; NotFound otherwise."""
    piece = _piece_of(session, member, scanned)
    if piece is None:
        raise NotFound("No insert has the code {code}.", code=scanned.strip())
    return piece


def _judge(session: Session, piece: Piece | None, parcel: Parcel, at: datetime) -> PackingOutcome:
    if piece is None:
        return PackingOutcome.UNKNOWN_CODE
    if piece.parcel_id != parcel.id:
        return PackingOutcome.WRONG_PARCEL
    if piece.state is PieceState.IN_PARCEL:
        return PackingOutcome.ALREADY_PACKED
    if piece.state not in PACKABLE:
        return PackingOutcome.NOT_PRINTED
    return PackingOutcome.PACKED if _is_asked_for(session, piece, at) else PackingOutcome.STOPPED


def _is_asked_for(session: Session, piece: Piece, at: datetime) -> bool:
    """Look again at hand-off: consent and offer still stand, the delivery still waits and its campaign still runs."""
    if piece.delivery_id:
        skip_refused_parcels(session, piece.shop_id, [piece.delivery_id], at=at)
    waiting = select(Delivery.id).join(Campaign, col(Campaign.id) == Delivery.campaign_id)
    asked = waiting.where(Delivery.shop_id == piece.shop_id, Delivery.id == piece.delivery_id, asked_for())
    return session.exec(asked).first() is not None


def _put_in(session: Session, member: Member, piece: Piece, at: datetime) -> PackingOutcome:
    """Put a held piece in; the delivery is sent in the same transaction, or nothing goes in."""
    assert piece.delivery_id is not None  # it was just looked at
    if not mark_in_parcel(session, member.shop_id, [piece.delivery_id], at=at):
        return PackingOutcome.STOPPED
    _move(session, piece, *PACKABLE, PieceState.IN_PARCEL, packed_at=at, packed_by=member.actor)
    return PackingOutcome.PACKED


def _move(session: Session, piece: Piece, *states: PieceState, **values: object) -> bool:
    """Move a piece from any of all but the last of `states` to the last; False when it was in none of them."""
    *before, after = states
    move = sa.update(Piece).where(
        col(Piece.shop_id) == piece.shop_id, col(Piece.id) == piece.id, col(Piece.state).in_(before)
    )
    moved = changed(session, move.values(state=after, **values))
    session.refresh(piece)
    return moved > 0


def _piece_of(session: Session, member: Member, scanned: str) -> Piece | None:
    """Return the newest living piece behind an address, a token or a typed code of this shop."""
    words = select(Piece).where(Piece.shop_id == member.shop_id, Piece.state != PieceState.VOID)
    token = scanned.strip().upper().rpartition("/Q/")[2].strip("/ ")
    # A link may be another shop's (a joint flyer), its place on a piece never is.
    of_piece = sa.and_(col(PieceLink.piece_id) == Piece.id, col(PieceLink.shop_id) == member.shop_id)
    by_token = words.join(PieceLink, of_piece).join(Link, col(Link.id) == PieceLink.link_id)
    newest = (col(Piece.copy_number).desc(), col(Piece.id).desc())
    piece = session.exec(by_token.where(Link.token == token).order_by(*newest).limit(1)).first()
    if piece is None and (code := _typed(scanned)):
        piece = session.exec(words.where(Piece.code == code).order_by(*newest).limit(1)).first()
    return piece


def _typed(scanned: str) -> str | None:
    try:
        return read_code(scanned)
    except Invalid:
        return None


def _write_down(
    session: Session,
    member: Member,
    parcel: Parcel,
    piece: Piece | None,
    scanned: str,
    outcome: PackingOutcome,
    at: datetime,
) -> None:
    session.add(
        PackingEvent(
            shop_id=member.shop_id,
            at=at,
            actor=member.actor,
            parcel_id=parcel.id,
            piece_id=piece.id if piece else None,
            scanned=scanned.strip()[:200],
            outcome=outcome,
        )
    )
    session.flush()


def _seen(session: Session, parcel: Parcel) -> OpenParcel:
    buyer = session.get(Buyer, parcel.buyer_id) if parcel.buyer_id else None
    of_day = (Parcel.shop_id == parcel.shop_id, Parcel.ship_day == parcel.ship_day)
    last = select(func.max(Parcel.pick_position)).where(*of_day)  # read off the index: a day may have many parcels
    return OpenParcel(
        waybill=parcel.waybill,
        buyer=masked_name(buyer.name) if buyer else "",
        position=parcel.pick_position,
        of=session.exec(last).one() or 0,
        shipped=parcel.shipped_at is not None,
        inserts=inserts_in(session, parcel),
    )
