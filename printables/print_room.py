"""Queries of the print room: runs without a batch, the progress of each batch, its pieces."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from printables.batches import Batch, BatchState, Piece, PieceState
from printables.flyers import Flyer
from printables.make_batch import waiting_for_paper
from printables.piece_ledger import Reconciliation
from retention.access import Member, Scope
from retention.audit import AuditEntry
from retention.parcels import Parcel

MOST_BATCHES = 100
MOST_PIECES = 500


@dataclass(frozen=True)
class WaitingRun:
    """A run that goes by parcel and has deliveries without a piece: `inserts` of them."""

    run: Run
    campaign: Campaign
    inserts: int


@dataclass(frozen=True)
class BatchLine:
    """A batch with what it is of, and its pieces by state."""

    batch: Batch
    flyer: str
    campaign: str
    counts: Mapping[PieceState, int]

    @property
    def packed(self) -> int:
        return self.counts.get(PieceState.IN_PARCEL, 0)

    @property
    def spoiled(self) -> int:
        return self.counts.get(PieceState.SPOILED, 0)

    @property
    def unused(self) -> int:
        return self.counts.get(PieceState.UNUSED, 0)

    @property
    def open(self) -> int:
        """Pieces nobody has said anything final about."""
        return Reconciliation(self.counts).open


@dataclass(frozen=True)
class PieceLine:
    """A piece and the parcel it is for."""

    piece: Piece
    waybill: str


def runs_waiting(session: Session, member: Member) -> list[WaitingRun]:
    """Return the runs of running campaigns whose inserts wait for paper, newest first."""
    member.require(Scope.BATCHES_READ)
    by_parcel = (
        select(Run, Campaign)
        .join(Campaign, col(Campaign.id) == Run.campaign_id)
        .where(
            Run.shop_id == member.shop_id,
            Campaign.medium == Medium.PARCEL,
            Campaign.state == CampaignState.RUNNING,
            col(Run.finished_at).is_(None),
        )
    )
    found = session.exec(by_parcel.order_by(col(Run.id).desc())).all()
    lines = [WaitingRun(run, campaign, _count(session, waiting_for_paper(run))) for run, campaign in found]
    return [line for line in lines if line.inserts]


def batch_lines(session: Session, member: Member, *, number: int | None = None) -> list[BatchLine]:
    """Return the newest batches of the member's shop, or the one with this number."""
    member.require(Scope.BATCHES_READ)
    batches = (
        select(Batch, Flyer.name, Campaign.name)
        .join(Flyer, col(Flyer.id) == Batch.flyer_id)
        .join(Run, col(Run.id) == Batch.run_id)
        .join(Campaign, col(Campaign.id) == Run.campaign_id)
        .where(Batch.shop_id == member.shop_id)
    )
    if number is not None:
        batches = batches.where(Batch.number == number)
    rows = session.exec(batches.order_by(col(Batch.number).desc()).limit(MOST_BATCHES)).all()
    counts = _piece_counts(session, member, [batch.id for batch, _flyer, _campaign in rows])
    return [BatchLine(batch, flyer, campaign, counts.get(batch.id, {})) for batch, flyer, campaign in rows]


def pieces_in(session: Session, batch: Batch, *, most: int = MOST_PIECES) -> list[PieceLine]:
    """Return the pieces of a batch in printing order, each with its waybill."""
    pieces = (
        select(Piece, Parcel.waybill)
        .outerjoin(Parcel, col(Parcel.id) == Piece.parcel_id)
        .where(Piece.shop_id == batch.shop_id, Piece.batch_id == batch.id)
    )
    rows = session.exec(pieces.order_by(col(Piece.number), col(Piece.copy_number)).limit(most)).all()
    return [PieceLine(piece, waybill or "") for piece, waybill in rows]


def reprints_of(session: Session, batch: Batch) -> list[Batch]:
    """Return the batches of one that replaced a spoiled piece of this batch."""
    again = select(Batch).join(Piece, col(Piece.id) == Batch.reprint_of)
    mine = again.where(Batch.shop_id == batch.shop_id, Piece.batch_id == batch.id)
    return list(session.exec(mine.order_by(col(Batch.number))).all())


def unprinted_parcels(session: Session, member: Member, *, day: int) -> tuple[int, int]:
    """Return how many parcels of a day still wait to leave, and how many of them take an insert."""
    member.require(Scope.BATCHES_READ)
    here = (Parcel.shop_id == member.shop_id, Parcel.ship_day == day, col(Parcel.shipped_at).is_(None))
    takes = select(Delivery.id).where(
        Delivery.shop_id == member.shop_id,
        Delivery.parcel_id == Parcel.id,
        Delivery.state == DeliveryState.WAITING,
    )
    parcels = session.exec(select(func.count()).select_from(Parcel).where(*here)).one()
    taking = session.exec(select(func.count()).select_from(Parcel).where(*here, takes.exists())).one()
    return parcels, taking


def why_void(session: Session, batch: Batch) -> str:
    """Return why a batch was given up, as it was written down then; empty for any other."""
    if batch.state is not BatchState.VOID:
        return ""
    entry = select(AuditEntry.after).where(
        AuditEntry.shop_id == batch.shop_id,
        AuditEntry.subject == f"batch:{batch.number}",
        AuditEntry.action == "batch.void",
    )
    return str((session.exec(entry.limit(1)).first() or {}).get("why", ""))


def waited(batch: Batch, at: datetime) -> float:
    """Return for how many seconds a batch has been in the making."""
    return max((at - batch.made_at).total_seconds(), 0)


def _count(session: Session, waiting: "sa.Select[tuple[int]]") -> int:
    count: int = session.execute(sa.select(func.count()).select_from(waiting.subquery())).scalar_one()
    return count


def _piece_counts(session: Session, member: Member, batches: list[int]) -> dict[int, dict[PieceState, int]]:
    rows = session.exec(
        select(Piece.batch_id, Piece.state, func.count())
        .where(Piece.shop_id == member.shop_id, col(Piece.batch_id).in_(batches))
        .group_by(col(Piece.batch_id), col(Piece.state))
    ).all()
    counts: dict[int, dict[PieceState, int]] = {}
    for batch_id, state, count in rows:
        counts.setdefault(batch_id, {})[PieceState(state)] = count
    return counts
