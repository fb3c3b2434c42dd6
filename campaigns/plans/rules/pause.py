"""Who wants quiet for a while, and who has the address of somebody who does."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.consent import Channel, Pause
from retention.suppressions import KEY, sharing_address


def _drop(funnel: Funnel) -> Dropped:
    session, shop_id, channel = funnel.session, funnel.shop.id, funnel.channel
    paused = read_bitmap(session, _paused(shop_id, funnel.at))
    if paused and channel in KEY:
        paused |= read_bitmap(session, sharing_address(shop_id, channel, _paused(shop_id, funnel.at)))
    yield Reason.PAUSED, paused


def _paused(shop_id: int, at: datetime) -> SelectOfScalar[int]:
    return select(Pause.buyer_id).where(Pause.shop_id == shop_id, Pause.until > at)


def _refuse(check: Check, row: PendingDelivery) -> Reason | None:
    paused = row.paused_until and row.paused_until > check.at
    return Reason.PAUSED if paused or row.id in _address_paused(check) else None


def _address_paused(check: Check) -> set[int]:
    """Return the deliveries to an address that somebody has who wants quiet."""
    channels = {terms.channel for terms in check.terms} & KEY.keys()
    return check.deliveries(
        "paused", lambda: (_paused_here(check.shop.id, check.rows, each, at=check.at) for each in channels)
    )


def _paused_here(shop_id: int, delivery_ids: Collection[int], channel: Channel, *, at: datetime) -> sa.Select[int]:
    other = aliased(Buyer)
    here = KEY[channel]
    return (
        sa.select(col(Delivery.id))
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(other, sa.and_(col(other.shop_id) == shop_id, getattr(other, here.key) == here, here != ""))
        .join(Pause, sa.and_(col(Pause.shop_id) == shop_id, col(Pause.buyer_id) == other.id, col(Pause.until) > at))
        .where(with_ids(shop_id, delivery_ids))
    )


PAUSE = Rule("pause", drop=_drop, refuse=_refuse)
