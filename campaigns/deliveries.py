"""Deliveries that go by parcel: what the packing bench says about them.

Only the bench writes `sent` here; a printer's word is none.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaigns import Delivery, DeliveryState
from campaigns.reasons import Reason
from campaigns.sending.numbered import by_number
from campaigns.sending.touches import take_back_sent_touches, write_sent_touches
from campaigns.stopping import moved_of


def mark_in_parcel(session: Session, shop_id: int, delivery_ids: Sequence[int], *, at: datetime) -> int:
    """Say that inserts are in their parcels: waiting becomes sent. Return how many moved; the rest were not waiting."""
    moved = _move(session, shop_id, delivery_ids, DeliveryState.WAITING, DeliveryState.SENT, sent_at=at)
    write_sent_touches(session, shop_id, moved)
    return len(moved)


def mark_out_of_parcel(session: Session, shop_id: int, delivery_ids: Sequence[int]) -> int:
    """Take that back: sent becomes waiting again and the touch goes. Return how many moved."""
    take_back_sent_touches(session, shop_id, by_number(shop_id, delivery_ids))
    return len(_move(session, shop_id, delivery_ids, DeliveryState.SENT, DeliveryState.WAITING, sent_at=None))


def skip_by_parcel(session: Session, shop_id: int, delivery_ids: Sequence[int], reason: Reason) -> int:
    """Say that inserts do not go after all: waiting becomes skipped. Return how many moved."""
    states = DeliveryState.WAITING, DeliveryState.SKIPPED
    return len(_move(session, shop_id, delivery_ids, *states, reason=reason.value))


def _move(
    session: Session,
    shop_id: int,
    delivery_ids: Sequence[int],
    before: DeliveryState,
    after: DeliveryState,
    **values: Any,
) -> list[int]:
    """Move deliveries from one state to another by conditional UPDATE; return those that were in it."""
    moved = sa.update(Delivery).where(
        col(Delivery.shop_id) == shop_id, col(Delivery.id).in_(delivery_ids), col(Delivery.state) == before
    )
    ids = list(session.execute(moved.values(state=after, **values).returning(col(Delivery.id))).scalars())
    moved_of(session, [shop_id] * len(ids))
    return ids
