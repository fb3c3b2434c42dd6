"""The touch that being sent leaves with a buyer, whatever the way it went: segments and measuring read it."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaigns import Campaign, Delivery
from campaigns.sending.numbered import by_number, listed
from retention.database import choice
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version


def write_sent_touches(session: Session, shop_id: int, delivery_ids: Sequence[int]) -> None:
    """Add a `sent` touch for each of these deliveries, at its `sent_at`."""
    if not delivery_ids:
        return
    session.flush()
    session.connection().execute(_SENT_TOUCHES, {"shop": shop_id, "ids": list(delivery_ids)})
    raise_version(session, shop_id, Family.TOUCHES)


# Made once, past the session's own bookkeeping: built for every group of messages it costs more than it takes to run.
_of_these = (
    sa.select(
        col(Delivery.shop_id),
        col(Delivery.buyer_id),
        sa.literal(TouchEvent.SENT, choice(TouchEvent)),
        col(Campaign.slug),
        col(Delivery.sent_at),
    )
    .join_from(Delivery, Campaign, col(Campaign.id) == Delivery.campaign_id)
    .where(by_number(sa.bindparam("shop"), listed("ids")))
)
_SENT_TOUCHES = sa.insert(Touch.__table__).from_select(  # type: ignore[attr-defined]
    ["shop_id", "buyer_id", "event", "campaign", "at"], _of_these, include_defaults=False
)
