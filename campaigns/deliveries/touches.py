"""The `sent` touch of a delivery, the same for every medium; segments and results read it.

Only the moves of a delivery (`campaigns.deliveries.transitions`) write and remove it.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.deliveries.row_ids import ids_parameter, with_ids
from retention.database import choice
from retention.touches import Touch, TouchEvent


def write_sent_touches(session: Session, shop_id: int, delivery_ids: Sequence[int]) -> None:
    """Add a `sent` touch for each of these deliveries, at its `sent_at`."""
    if not delivery_ids:
        return
    session.flush()
    session.connection().execute(_BY_ID, {"shop": shop_id, "ids": list(delivery_ids)})


def remove_sent_touches(session: Session, shop_id: int, delivery_ids: Sequence[int]) -> None:
    """Remove the `sent` touches of these deliveries, as long as these keep their `sent_at`."""
    columns = col(Delivery.buyer_id), col(Campaign.slug), col(Delivery.sent_at)
    sent = _of_deliveries(*columns).where(with_ids(shop_id, delivery_ids))
    gone = sa.delete(Touch).where(
        col(Touch.shop_id) == shop_id,
        col(Touch.event) == TouchEvent.SENT,
        sa.tuple_(col(Touch.buyer_id), col(Touch.campaign), col(Touch.at)).in_(sent),
    )
    session.execute(gone, execution_options={"synchronize_session": False})


def _of_deliveries(*columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).join_from(Delivery, Campaign, col(Campaign.id) == Delivery.campaign_id)


def _insert(*which: sa.ColumnElement[bool]) -> sa.Insert:
    source = _of_deliveries(
        col(Delivery.shop_id),
        col(Delivery.buyer_id),
        sa.literal(TouchEvent.SENT, choice(TouchEvent)),
        col(Campaign.slug),
        col(Delivery.sent_at),
    ).where(*which)
    columns = ["shop_id", "buyer_id", "event", "campaign", "at"]
    return sa.insert(Touch.__table__).from_select(columns, source, include_defaults=False)  # type: ignore[attr-defined]


# Made once, past the session's own bookkeeping: built for every group of messages it costs more than it takes to run.
_BY_ID = _insert(with_ids(sa.bindparam("shop"), ids_parameter("ids")))
