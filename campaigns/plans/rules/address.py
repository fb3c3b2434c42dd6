"""Who cannot be reached: no address, one that bounces, that of another buyer, or no group to post in."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, func

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import CHANNEL
from campaigns.campaign.posts import goes_to_groups
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.optouts.bounces import Bounce, BounceKind, bounced_addresses
from campaigns.plans.reachable_groups import in_reachable_group
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule
from retention.addresses import is_number
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.shops import Shop
from retention.suppressions import KEY

ADDRESS: dict[Medium, Any] = {Medium.EMAIL: col(Buyer.email), Medium.SMS: col(Buyer.phone)}
"""Where a buyer's address for a medium stands; the other media need none."""

NO_ADDRESS: dict[Medium, Any] = {
    Medium.EMAIL: col(Buyer.email) == "",
    Medium.SMS: ~col(Buyer.phone_key).startswith("+"),
}
"""The condition that a buyer has no address for a medium; a telephone that cannot be dialled is none."""


def _drop_without(funnel: Funnel) -> Dropped:
    missing = NO_ADDRESS.get(funnel.campaign.medium)
    if missing is not None:
        without = sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == funnel.shop.id, missing)
        yield Reason.NO_ADDRESS, read_bitmap(funnel.session, without)


def _refuse_without(_check: Check, row: PendingDelivery) -> Reason | None:
    has = {Medium.EMAIL: bool(row.email), Medium.SMS: is_number(row.phone_key)}
    return None if has.get(row.terms.medium, True) else Reason.NO_ADDRESS


def _drop_bounced(funnel: Funnel) -> Dropped:
    medium = funnel.campaign.medium
    if medium in NO_ADDRESS:
        yield Reason.BOUNCED, read_bitmap(funnel.session, _bounced_buyers(funnel.shop.id, medium))


def _bounced_buyers(shop_id: int, medium: Medium) -> sa.Select[int]:
    """Return a SELECT of the buyers whose present address bounces."""
    here, channel = KEY[CHANNEL[medium]], CHANNEL[medium]
    return sa.select(col(Buyer.id)).where(
        col(Buyer.shop_id) == shop_id, here != "", here.in_(bounced_addresses(shop_id, channel))
    )


def _refuse_bounced(check: Check, row: PendingDelivery) -> Reason | None:
    if row.terms.medium not in NO_ADDRESS:
        return None
    media = {terms.medium for terms in check.terms} & NO_ADDRESS.keys()
    bounced = check.deliveries("bounced", lambda: (_bounced_here(check.shop.id, check.rows, each) for each in media))
    return Reason.BOUNCED if row.id in bounced else None


def _bounced_here(shop_id: int, delivery_ids: Collection[int], medium: Medium) -> sa.Select[int]:
    """Return a SELECT of deliveries whose buyer's present address takes nothing any more."""
    same = sa.and_(
        col(Bounce.shop_id) == shop_id,
        col(Bounce.channel) == CHANNEL[medium],
        col(Bounce.kind) == BounceKind.HARD,
        col(Bounce.address) == KEY[CHANNEL[medium]],
        col(Bounce.address) != "",
    )
    return (
        sa.select(col(Delivery.id))
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(Bounce, same)
        .where(with_ids(shop_id, delivery_ids))
    )


def _drop_same(funnel: Funnel) -> Dropped:
    medium = funnel.campaign.medium
    if medium in NO_ADDRESS:
        yield Reason.SAME_ADDRESS, _same_address(funnel.session, funnel.shop, medium, funnel.left)


def _same_address(session: Session, shop: Shop, medium: Medium, left: BitMap) -> BitMap:
    """Return those of `left` whose address a buyer of `left` with a lower number has too."""
    address = KEY[CHANNEL[medium]]
    of_shop = (col(Buyer.shop_id) == shop.id, address != "")
    shared = sa.select(address).where(*of_shop).group_by(address).having(func.count() > 1)
    rows = session.execute(
        sa.select(col(Buyer.id), address).where(*of_shop, address.in_(shared)).order_by(col(Buyer.id)),
        execution_options={"yield_per": 50_000},
    )
    seen, dropped = set(), BitMap()
    for buyer_id, text in rows:
        if buyer_id not in left:
            continue
        if text in seen:
            dropped.add(buyer_id)
        seen.add(text)
    return dropped


def _drop_in_no_group(funnel: Funnel) -> Dropped:
    if goes_to_groups(funnel.campaign):
        reachable = read_bitmap(funnel.session, in_reachable_group(funnel.session, funnel.campaign))
        yield Reason.NO_ADDRESS, funnel.left - reachable


HAS_ADDRESS = Rule("has_address", drop=_drop_without, refuse=_refuse_without, always=Reason.NO_ADDRESS)
BOUNCED = Rule("bounced", drop=_drop_bounced, refuse=_refuse_bounced)
SAME_ADDRESS = Rule(
    "same_address",
    drop=_drop_same,
    always=Reason.SAME_ADDRESS,
    one_form="Buyers of one plan are compared; two who come to share an address later each get the message.",
)
IN_GROUP = Rule(
    "in_group",
    drop=_drop_in_no_group,
    always=Reason.NO_ADDRESS,
    one_form="The plan makes the posts; whether a group takes its post is found out by posting.",
)
