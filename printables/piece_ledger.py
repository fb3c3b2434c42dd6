"""The piece ledger: print results, spoiled inserts, reprints, and the reconciliation of a batch.

A batch closes when printed = in parcels + spoiled + unused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Run
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.linking import is_spent
from campaigns.offers.links import Link, check_paper_url
from campaigns.offers.offers import Offer
from printables.batches import ON_PAPER, Batch, BatchState, Piece, PieceLink, PieceState
from printables.flyers import Flyer
from printables.make_batch import next_number, render_batch, take_turns
from printables.packing import find_piece
from printables.proofs import Proof
from retention import audit
from retention.access import Member, Scope
from retention.database import changed, reading, transaction
from retention.errors import Conflict, NotFound
from retention.files import FileStore
from retention.i18n import gettext as _
from retention.paging import Page, Wanted, page_of, where_between, where_equal
from retention.tokens import spaced


class PrintResult(StrEnum):
    """What a person says after looking at the printer: the printer's own "completed" is no proof."""

    GOOD = "good"  # good, and used
    UNUSED = "unused"  # good, not used
    AGAIN = "again"  # failed, print it now again
    LATER = "later"  # failed, print it later


@dataclass(frozen=True)
class Reconciliation:
    """A batch's pieces by state. It adds up when nothing is open."""

    counts: Mapping[PieceState, int]

    @property
    def open(self) -> int:
        """Pieces nobody has said anything final about."""
        return sum(
            self.counts.get(state, 0) for state in (PieceState.RESERVED, PieceState.RENDERED, PieceState.PRINTED)
        )

    @property
    def total(self) -> int:
        """Every piece ever made in the batch."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Marked:
    """A batch with what was said of it, and how many of its pieces that moved."""

    batch: Batch
    result: PrintResult
    moved: int

    @property
    def unchanged(self) -> str:
        """A sentence when nothing changed, in the language being spoken; empty when something did."""
        if self.moved:
            return ""
        if self.result in (PrintResult.AGAIN, PrintResult.LATER):
            return _("Nothing changed: batch {number} can be reprinted as is.").format(number=self.batch.number)
        return _("Nothing changed: every insert of batch {number} already has a print result.").format(
            number=self.batch.number
        )


def batch_for(session: Session, member: Member, number: int) -> Batch:
    """Return the batch with this number in the member's shop; NotFound otherwise."""
    batch = session.exec(select(Batch).where(Batch.shop_id == member.shop_id, Batch.number == number)).first()
    if batch is None:
        raise NotFound("No batch has the number {number}.", number=number)
    return batch


def page_of_batches(
    session: Session,
    shop_id: int,
    wanted: Wanted,
    *,
    state: BatchState | None = None,
    flyer: str = "",
    campaign: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Batch]:
    """Return a page of a shop's batches, newest first; flyer and campaign by slug, the moments when made."""
    found = where_equal(select(Batch).where(Batch.shop_id == shop_id), {col(Batch.state): state})
    if flyer:
        named = select(Flyer.id).where(Flyer.shop_id == shop_id, Flyer.slug == flyer)
        found = found.where(col(Batch.flyer_id).in_(named))
    if campaign:
        runs = select(Run.id).join(Campaign, col(Campaign.id) == Run.campaign_id)
        named = runs.where(Run.shop_id == shop_id, Campaign.shop_id == shop_id, Campaign.slug == campaign)
        found = found.where(col(Batch.run_id).in_(named))
    found = where_between(found, col(Batch.made_at), since, until)
    return page_of(session, found, wanted, col(Batch.number), latest_first=True)


def batches_in(session: Session, shop_id: int, state: BatchState, *, most: int) -> list[Batch]:
    """Return a shop's latest batches in a state, newest first."""
    found = select(Batch).where(Batch.shop_id == shop_id, Batch.state == state).order_by(col(Batch.id).desc())
    return list(session.exec(found.limit(most)))


def count_open_batches(session: Session, shop_id: int) -> int:
    """Return how many batches of a shop wait to be printed, or lie printed and are not closed."""
    still = col(Batch.state).in_((BatchState.RENDERED, BatchState.PRINTED))
    return session.exec(select(func.count()).select_from(Batch).where(Batch.shop_id == shop_id, still)).one()


def proof_of(session: Session, batch: Batch) -> Proof:
    """Return the proof a batch is printed from; of a joint flyer it may be another shop's."""
    return session.get_one(Proof, batch.proof_id)


def reconcile(session: Session, batch: Batch) -> Reconciliation:
    """Count a batch's pieces by state."""
    rows = session.exec(
        select(Piece.state, func.count())
        .where(Piece.shop_id == batch.shop_id, Piece.batch_id == batch.id)
        .group_by(col(Piece.state))
    )
    return Reconciliation({PieceState(state): count for state, count in rows})


def mark_printed(session: Session, member: Member, number: int, result: PrintResult, *, at: datetime) -> Marked:
    """Write down how a batch came out of the printer.

    Good: its pieces wait at the packing station. Unused: they are good and go back to stock. Again, later: the paper is
    waste and the batch can be printed once more, as it is. Conflict for a batch that was not rendered or is closed, and
    for one to be printed once more that has codes nobody can use any more.
    """
    member.require(Scope.BATCHES_WRITE)
    batch = batch_for(session, member, number)
    if batch.state not in (BatchState.RENDERED, BatchState.PRINTED):
        raise Conflict("Batch {number} is {state}; there is nothing to print.", number=number, state=batch.state)
    moved = 0
    if result in (PrintResult.AGAIN, PrintResult.LATER) and (spent := spent_pieces(session, batch, at=at)):
        raise Conflict(
            "{spent} of the {total} inserts of batch {number} show a redeemed or expired code, so the batch is not "
            "reprinted. Mark it as good, surplus, and make a new batch: it contains the waiting inserts without "
            "those codes.",
            spent=spent,
            total=batch.pieces,
            number=number,
        )
    if result in (PrintResult.GOOD, PrintResult.UNUSED):
        after = PieceState.PRINTED if result is PrintResult.GOOD else PieceState.UNUSED
        moved = _move_all(session, batch, (PieceState.RENDERED,), after)
        batch.state, batch.printed_at = BatchState.PRINTED, batch.printed_at or at
        session.add(batch)
    _record(session, member, batch, "batch.printed", {"result": result.value, "moved": moved}, at)
    return Marked(batch, result, moved)


def close_batch(session: Session, member: Member, number: int, *, unused: bool = False, at: datetime) -> Reconciliation:
    """Close a batch that adds up; Conflict says how many pieces are still open.

    With `unused` a person says that the open pieces were counted and lie unused; what their parcels wait for may be
    printed again.
    """
    member.require(Scope.BATCHES_WRITE)
    batch = batch_for(session, member, number)
    if batch.state is BatchState.VOID:
        raise Conflict("Batch {number} is void; there is nothing to close.", number=number)
    if unused:
        _move_all(session, batch, ON_PAPER, PieceState.UNUSED)
    result = reconcile(session, batch)
    if result.open:
        raise Conflict(
            "Batch {number} is not reconciled: {open} of {total} inserts are neither packed, spoiled nor unused.",
            number=number,
            open=result.open,
            total=result.total,
        )
    if batch.state is not BatchState.CLOSED:
        batch.state, batch.closed_at = BatchState.CLOSED, at
        session.add(batch)
        counts = {state.value: count for state, count in result.counts.items()}
        _record(session, member, batch, "batch.close", counts, at)
    return result


def reprint(
    engine: Engine, member: Member, scanned: str, *, files: FileStore, public_url: str, at: datetime, demo: bool = False
) -> tuple[Piece, Batch]:
    """Declare a piece spoiled and print it once more, as proved: same code and links, next copy, a batch of one.

    Conflict for a piece that is not on paper (packed, or printed again already) or whose coupon is used or over.
    """
    check_paper_url(public_url, demo=demo)
    with transaction(engine) as session:
        piece, batch = order_reprint(session, member, scanned, at=at)
    batch = render_batch(engine, batch.id, files=files, public_url=public_url, demo=demo)
    with reading(engine) as session:
        return session.get_one(Piece, piece.id), batch


def order_reprint(session: Session, member: Member, scanned: str, *, at: datetime) -> tuple[Piece, Batch]:
    """Do the same without rendering; whoever calls renders the batch, or a worker does a minute later."""
    member.require(Scope.PACKING_WRITE)
    spoiled = find_piece(session, member, scanned)
    take_turns(session, member.shop_id)
    _check_coupons(session, spoiled, at)
    return _spoil(session, member, spoiled, at)


def spent_pieces(session: Session, batch: Batch, *, at: datetime) -> int:
    """Return how many inserts of a batch that lie unpacked show a code, of any shop, that nobody can use any more."""
    spent = (
        sa.select(col(PieceLink.piece_id))
        .join(Piece, sa.and_(col(Piece.shop_id) == PieceLink.shop_id, col(Piece.id) == PieceLink.piece_id))
        .join(Link, col(Link.id) == PieceLink.link_id)
        .join(Coupon, col(Coupon.id) == Link.coupon_id)
        .join(Offer, col(Offer.id) == Coupon.offer_id)
        .where(
            col(Piece.shop_id) == batch.shop_id,
            col(Piece.batch_id) == batch.id,
            col(Piece.state).in_(ON_PAPER),
            is_spent(at),
        )
    )
    number: int = session.execute(sa.select(func.count()).select_from(spent.distinct().subquery())).scalar_one()
    return number


def _check_coupons(session: Session, piece: Piece, at: datetime) -> None:
    """Refuse to print a code again that nobody can use any more."""
    # One after the other, each by a key: joined, either database reads more of the shop than this piece's rows.
    of_piece = select(PieceLink).where(PieceLink.shop_id == piece.shop_id, PieceLink.piece_id == piece.id)
    links = [each.link_id for each in session.exec(of_piece)]
    coupons = session.exec(select(Link.coupon_id).where(col(Link.id).in_(links))).all()
    with_offer = select(Coupon).join(Offer, col(Offer.id) == Coupon.offer_id)
    spent = with_offer.where(col(Coupon.id).in_(coupons), is_spent(at))
    if (found := session.exec(spent.limit(1)).first()) is None:
        return
    code = spaced(found.code)
    if found.state is CouponState.REDEEMED:
        raise Conflict("The coupon {code} has been redeemed, so it is not reprinted. Leave the insert out.", code=code)
    raise Conflict("The coupon {code} has expired, so it is not reprinted. Leave the insert out.", code=code)


def _spoil(session: Session, member: Member, piece: Piece, at: datetime) -> tuple[Piece, Batch]:
    original = session.get_one(Batch, piece.batch_id)
    spoil = sa.update(Piece).where(
        col(Piece.shop_id) == piece.shop_id, col(Piece.id) == piece.id, col(Piece.state).in_(ON_PAPER)
    )
    if not changed(session, spoil.values(state=PieceState.SPOILED)):
        raise Conflict(
            "The insert {code} is {state}; only a printed one can be marked as spoiled.",
            code=piece.code,
            state=piece.state,
        )
    batch = Batch(
        shop_id=member.shop_id,
        number=next_number(session, member.shop_id),
        flyer_id=original.flyer_id,
        run_id=original.run_id,
        proof_id=original.proof_id,
        profile=original.profile,
        pieces=1,
        reprint_of=piece.id,
        made_by=member.actor,
        made_at=at,
    )
    session.add(batch)
    session.flush()
    again = Piece(
        shop_id=piece.shop_id,
        batch_id=batch.id,
        number=1,
        copy_number=piece.copy_number + 1,
        delivery_id=piece.delivery_id,
        parcel_id=piece.parcel_id,
        code=piece.code,
    )
    session.add(again)
    session.flush()
    links = sa.select(
        sa.literal(piece.shop_id), sa.literal(again.id), col(PieceLink.link_id), col(PieceLink.slot)
    ).where(col(PieceLink.shop_id) == piece.shop_id, col(PieceLink.piece_id) == piece.id)
    session.execute(sa.insert(PieceLink).from_select(["shop_id", "piece_id", "link_id", "slot"], links))
    _record(session, member, original, "piece.spoil", {"code": piece.code, "copy_number": piece.copy_number}, at)
    return again, batch


def _move_all(session: Session, batch: Batch, before: tuple[PieceState, ...], after: PieceState) -> int:
    pieces = sa.update(Piece).where(
        col(Piece.shop_id) == batch.shop_id, col(Piece.batch_id) == batch.id, col(Piece.state).in_(before)
    )
    return changed(session, pieces.values(state=after))


def _record(session: Session, member: Member, batch: Batch, action: str, after: dict[str, Any], at: datetime) -> None:
    subject = f"batch:{batch.number}"
    audit.record(session, member.shop_id, member.actor, action=action, subject=subject, after=after, at=at)
