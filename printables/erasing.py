"""Erasure of print files: the files of an erased buyer's batches are deleted, since they contain the buyer's name.

Files that were not printed yet are drawn again by a worker, without the name; a reprint is drawn without it too.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Delivery
from printables.batches import Batch, Piece
from printables.make_batch import RENDER
from retention.privacy.personal import PersonKeys, at_erasure
from retention.queue import send


@at_erasure
def take_printed_files(session: Session, shop_id: int, who: PersonKeys) -> Iterator[str]:
    """Forget the files of batches with a piece for a buyer. One that is drawn just now waits, and is drawn again."""
    handed = sa.select(col(Delivery.id)).where(col(Delivery.shop_id) == shop_id, col(Delivery.buyer_id) == who.id)
    theirs = sa.select(col(Piece.batch_id)).where(col(Piece.shop_id) == shop_id, col(Piece.delivery_id).in_(handed))
    batches = select(Batch).where(Batch.shop_id == shop_id, col(Batch.id).in_(theirs)).order_by(col(Batch.id))
    for batch in session.exec(batches.with_for_update()).all():
        yield from batch.files
        batch.files = []
        session.add(batch)
        if batch.is_to_be_drawn:
            send(session, RENDER, batch.id)
