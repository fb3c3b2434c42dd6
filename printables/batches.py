"""Batches and pieces: one print job, and the ledger of every physical insert in it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, col

from campaigns.campaign.campaigns import Delivery
from retention.built_on import builds_on
from retention.database import BigId, Json, ShopRow, choice
from retention.i18n import gettext_noop
from retention.privacy.personal import personal
from retention.privacy.retention_periods import KeptKind, forgets


class BatchState(StrEnum):
    """Where a print job stands."""

    RESERVED = "reserved"
    RENDERED = "rendered"
    PRINTED = "printed"
    CLOSED = "closed"
    VOID = "void"


class Batch(ShopRow, table=True):
    """One print job of one flyer for one run on one device `profile`.

    `files` are the SHA-256 of its PDF files in printing order; none while they are to be drawn again, for a buyer in
    them was erased, or when they have had their time. A reprint is a batch of its own that names the piece it
    replaces in `reprint_of`.
    """

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("shop_id", "number"),)

    number: int
    flyer_id: int = Field(foreign_key="flyers.id", sa_type=BigId)
    run_id: int = Field(foreign_key="runs.id", sa_type=BigId)
    proof_id: int = Field(foreign_key="proofs.id", sa_type=BigId)
    profile: str = Field(max_length=16)
    state: BatchState = Field(default=BatchState.RESERVED, sa_type=choice(BatchState))
    pieces: int = 0
    sheets: int = 0
    files: list[Any] = Field(default_factory=list, sa_type=Json)
    made_by: str = Field(max_length=64)
    made_at: datetime
    reprint_of: int | None = Field(default=None, sa_type=BigId)
    printed_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def is_to_be_drawn(self) -> bool:
        """Whether its files are still to be made, or to be made again before anybody printed them."""
        return self.state is BatchState.RESERVED or (self.state is BatchState.RENDERED and not self.files)


class PieceState(StrEnum):
    """Where one insert is. Only the packer's scan says in_parcel."""

    RESERVED = "reserved"
    RENDERED = "rendered"
    PRINTED = "printed"
    IN_PARCEL = "in_parcel"
    SPOILED = "spoiled"
    UNUSED = "unused"
    VOID = "void"


ON_PAPER = (PieceState.RENDERED, PieceState.PRINTED)
"""Out of the printer, as far as we know, and not in a parcel yet."""

LIVE = (PieceState.RESERVED, *ON_PAPER, PieceState.IN_PARCEL)
"""A delivery with a piece in one of these needs no other."""


class Piece(ShopRow, table=True):
    """One physical insert. A reprint keeps code and links and has the next `copy_number`; the first print is 1."""

    __tablename__ = "pieces"
    __table_args__ = (
        UniqueConstraint("shop_id", "batch_id", "number", "copy_number"),
        Index(None, "shop_id", "code"),
        Index(None, "shop_id", "delivery_id"),
        Index(None, "shop_id", "parcel_id"),
    )

    batch_id: int = Field(foreign_key="batches.id", sa_type=BigId)
    number: int
    copy_number: int = 1
    delivery_id: int | None = Field(default=None, foreign_key="deliveries.id", sa_type=BigId)
    parcel_id: int | None = Field(default=None, foreign_key="parcels.id", sa_type=BigId)
    code: str = Field(max_length=32)
    state: PieceState = Field(default=PieceState.RESERVED, sa_type=choice(PieceState))
    packed_at: datetime | None = None
    packed_by: str = Field(default="", max_length=64)


class PieceLink(ShopRow, table=True):
    """A QR code on a piece: the link behind it, by slot. `shop_id` is the shop whose parcel carries the piece."""

    __tablename__ = "piece_links"
    __table_args__ = (
        UniqueConstraint("shop_id", "piece_id", "slot"),
        UniqueConstraint("shop_id", "link_id", "piece_id"),
    )

    piece_id: int = Field(foreign_key="pieces.id", sa_type=BigId)
    link_id: int = Field(foreign_key="links.id", sa_type=BigId)
    slot: str = Field(default="", max_length=32)


class PackingOutcome(StrEnum):
    """What the packing station said to a scan."""

    PACKED = "packed"
    WRONG_PARCEL = "wrong_parcel"
    ALREADY_PACKED = "already_packed"
    NOT_PRINTED = "not_printed"
    STOPPED = "stopped"  # the campaign is paused or over: leave it out
    UNKNOWN_CODE = "unknown_code"
    UNDONE = "undone"
    LEFT_OUT = "left_out"  # not at the packing station when its parcel left


class PackingEvent(ShopRow, table=True):
    """One scan at the packing station and its answer."""

    __tablename__ = "packing_events"
    __table_args__ = (
        Index("ix_packing_events_outcome", "shop_id", "outcome", "at"),
    )  # the day so far is read off it at every scan

    at: datetime
    actor: str = Field(max_length=64)
    parcel_id: int | None = Field(default=None, foreign_key="parcels.id", sa_type=BigId)
    piece_id: int | None = Field(default=None, foreign_key="pieces.id", sa_type=BigId)
    scanned: str = Field(default="", max_length=200)
    outcome: PackingOutcome = Field(sa_type=choice(PackingOutcome))


builds_on(Piece, gettext_noop("inserts packed"))
builds_on(PackingEvent, gettext_noop("scans at the packing station"))
personal(
    Piece,
    which=lambda who: col(Piece.delivery_id).in_(sa.select(col(Delivery.id)).where(col(Delivery.buyer_id) == who.id)),
)
forgets(KeptKind.TEXTS, Batch, moment="printed_at", blank={"files": []}, file="files")
