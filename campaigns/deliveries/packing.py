"""Deliveries by parcel: the state changes that the packing station makes.

Only the packing station writes `sent` here; a printer's word is none.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.deliveries.transitions import Move, move


def mark_in_parcel(session: Session, shop_id: int, delivery_ids: Sequence[int], *, at: datetime) -> int:
    """Say that inserts are in their parcels: waiting becomes sent. Return how many moved; the rest were not waiting."""
    return len(move(session, Move.INCLUDE, with_ids(shop_id, delivery_ids), sent_at=at))


def mark_out_of_parcel(session: Session, shop_id: int, delivery_ids: Sequence[int]) -> int:
    """Take that back: sent becomes waiting again and the touch goes. Return how many moved."""
    return len(move(session, Move.UNSEND, with_ids(shop_id, delivery_ids)))


def skip_by_parcel(session: Session, shop_id: int, delivery_ids: Sequence[int], reason: Reason) -> int:
    """Say that inserts do not go after all: waiting becomes skipped. Return how many moved."""
    return len(move(session, Move.SKIP, with_ids(shop_id, delivery_ids), reason=reason))
