"""Who has no parcel to ship on the day, or one that carries as many inserts as it may."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, func, select

from campaigns.campaign.campaigns import TAKEN, Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Policy, ShopPolicy
from campaigns.campaign.reasons import Reason
from campaigns.plans.rules.rule import Dropped, Funnel, Rule
from retention.bitmaps import read_bitmap
from retention.parcels import Parcel
from retention.shops import Shop


def _drop_without(funnel: Funnel) -> Dropped:
    if funnel.campaign.medium is Medium.PARCEL:
        parcels = waiting_parcels(funnel.shop, funnel.at)
        yield Reason.NO_PARCEL, funnel.left - read_bitmap(funnel.session, select(parcels.c.buyer_id))


def _drop_full(funnel: Funnel) -> Dropped:
    most = most_inserts(funnel.policy, funnel.shop_policy)
    if funnel.campaign.medium is Medium.PARCEL and most:
        yield Reason.PARCEL_FULL, read_bitmap(funnel.session, _full_parcels(funnel.shop, funnel.at, most))


def most_inserts(policy: Policy, shop_policy: ShopPolicy) -> int | None:
    """Return how many inserts a parcel may carry: the tighter of the two limits, None without any."""
    return min((most for most in (policy.most_inserts, shop_policy.most_inserts) if most), default=None)


def waiting_parcels(shop: Shop, at: datetime) -> sa.Subquery:
    """Return (buyer_id, parcel_id) of parcels not shipped yet that leave on the shop's day of `at`, one per buyer."""
    found = select(col(Parcel.buyer_id), func.min(Parcel.id).label("parcel_id")).where(
        Parcel.shop_id == shop.id,
        Parcel.ship_day == shop.day(at),
        col(Parcel.shipped_at).is_(None),
        col(Parcel.buyer_id).is_not(None),
    )
    return found.group_by(col(Parcel.buyer_id)).subquery()


def _full_parcels(shop: Shop, at: datetime, most: int) -> sa.Select[int]:
    """Return a SELECT of the buyers whose parcel of the day carries as many inserts as it may."""
    parcels = waiting_parcels(shop, at)
    return (
        sa.select(parcels.c.buyer_id)
        .join(Delivery, col(Delivery.parcel_id) == parcels.c.parcel_id)
        .where(col(Delivery.shop_id) == shop.id, col(Delivery.state).in_(TAKEN))
        .group_by(parcels.c.buyer_id)
        .having(func.count() >= most)
    )


HAS_PARCEL = Rule(
    "has_parcel",
    drop=_drop_without,
    always=Reason.NO_PARCEL,
    one_form="A delivery keeps the parcel it was planned for; no paper is made for one that has shipped.",
)
PARCEL_FULL = Rule(
    "parcel_full",
    drop=_drop_full,
    one_form="Launches of a shop take turns and each counts what earlier ones put in; places freed later stay free.",
)
