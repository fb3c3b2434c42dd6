"""Linking: tracked addresses made for deliveries, for posts to a group and for the slots of a joint flyer, set-wise.

Nobody else writes links. What was printed once keeps its token: a link that says something else by now is taken off its
delivery, and whoever finds that paper still gets what it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer
from retention.bitmaps import rows_of
from retention.database import BigId, as_stored, insert_rows
from retention.tokens import new_tokens

_CHUNK = 100_000  # links made at a time, so that memory stays flat


def link_deliveries(session: Session, campaign: Campaign, run: Run, *, at: datetime) -> None:
    """Give every waiting delivery of the run a link with a token nobody can guess."""
    last = 0
    while rows := _waiting(session, run, after=last):
        last = rows[-1][0]
        ids = [delivery_id for _, delivery_id in rows]
        _insert(session, campaign, rows_of(session, "drawn", token=new_tokens(len(ids)), id=ids), at=at)


def _waiting(session: Session, run: Run, *, after: int) -> list[tuple[int, int]]:
    """Return the next deliveries of the run that wait, as (buyer, delivery) in the order of its unique key."""
    waiting = sa.select(col(Delivery.buyer_id), col(Delivery.id)).where(
        col(Delivery.shop_id) == run.shop_id,
        col(Delivery.run_id) == run.id,
        col(Delivery.state) == DeliveryState.WAITING,
        col(Delivery.buyer_id) > after,
    )
    rows = session.connection().execute(waiting.order_by(col(Delivery.buyer_id)).limit(_CHUNK))
    return [(buyer_id, delivery_id) for buyer_id, delivery_id in rows]


def _insert(session: Session, campaign: Campaign, drawn: sa.CTE, *, at: datetime) -> None:
    values: dict[str, Any] = {
        "token": drawn.c.token,
        "shop_id": sa.literal(campaign.shop_id),
        "host_shop_id": sa.literal(campaign.shop_id),
        "campaign_id": sa.literal(campaign.id),
        "delivery_id": col(Delivery.id),
        "offer_id": sa.literal(campaign.offer_id, BigId),
        "coupon_id": col(Delivery.coupon_id),
        "product_id": sa.literal(campaign.product_id, BigId),
        "slot": sa.literal(""),
        "medium": sa.literal(campaign.medium.value),
        "destination": sa.literal(""),
        "created_at": sa.literal(at, UTCDateTime()),
    }
    source = sa.select(*values.values()).join_from(drawn, Delivery, col(Delivery.id) == drawn.c.id).order_by(drawn.c.n)
    session.execute(sa.insert(Link).from_select(list(values), source, include_defaults=False))


def share_links(session: Session, campaign: Campaign, tokens: Sequence[str], *, at: datetime) -> None:
    """Make a link of nobody's own behind each token, as a post to a group carries it."""
    session.add_all(
        Link(
            shop_id=campaign.shop_id, host_shop_id=campaign.shop_id, token=token, campaign_id=campaign.id,
            offer_id=campaign.offer_id, product_id=campaign.product_id, medium=campaign.medium.value, created_at=at,
        )
        for token in tokens
    )  # fmt: skip


def copy_link(session: Session, link: Link, *, at: datetime) -> Link:
    """Make a link to the same behind a token of its own, without a coupon yet."""
    own = Link(
        **link.model_dump(exclude={"id", "token", "coupon_id", "created_at"}), token=new_tokens(1)[0], created_at=at
    )
    session.add(own)
    session.flush()
    return own


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """A place on paper and what stands in it: a shop's offer and product."""

    shop_id: int
    name: str
    offer_id: int | None
    product_id: int | None


def show_in_slot(session: Session, slot: LinkSlot, deliveries: sa.Select[Any]) -> None:
    """Say of a shop's own links on its parcels which slot they stand in, and lead them to the product shown there."""
    own = (
        col(Link.shop_id) == slot.shop_id,
        col(Link.medium) == Medium.PARCEL,
        col(Link.delivery_id).in_(deliveries),
    )
    session.execute(sa.update(Link).where(*own).values(slot=slot.name, product_id=slot.product_id))


def is_spent(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition, on coupons joined to their offers, that nobody can use one any more."""
    # Nobody can claim what was never claimed once its offer is over.
    ends = sa.func.coalesce(col(Coupon.expires_at), col(Offer.ends_at), type_=UTCDateTime())
    return sa.or_(col(Coupon.state).in_((CouponState.REDEEMED, CouponState.VOID)), ends <= at)


def unlink_other(session: Session, slot: LinkSlot, deliveries: sa.Select[Any], *, at: datetime) -> None:
    """Take links of a shop off these deliveries where its slot shows something else by now, or their code is spent."""
    spent = sa.select(col(Coupon.id)).join(Offer, col(Offer.id) == Coupon.offer_id)
    of_shop = col(Link.coupon_id).in_(spent.where(col(Coupon.shop_id) == slot.shop_id, is_spent(at)))
    same = sa.and_(
        col(Link.offer_id) == slot.offer_id,
        col(Link.product_id).is_not_distinct_from(slot.product_id),
        col(Link.slot) == slot.name,
    )
    others = (
        col(Link.shop_id) == slot.shop_id,
        col(Link.delivery_id).in_(deliveries),
        sa.or_(~same, sa.func.coalesce(of_shop, sa.false())),
    )
    session.execute(sa.update(Link).where(*others).values(delivery_id=None))


def link_slot(
    session: Session, slot: LinkSlot, coupons: Sequence[tuple[int, int]], *, host_shop_id: int, at: datetime
) -> None:
    """Make a link for a slot on another shop's parcels. `coupons` are pairs of a delivery and its coupon."""
    made = as_stored(session, at)
    what = (slot.offer_id, slot.product_id, slot.name, Medium.PARCEL.value, "", made)
    rows = (
        (token, slot.shop_id, host_shop_id, delivery_id, coupon_id, *what)
        for token, (delivery_id, coupon_id) in zip(new_tokens(len(coupons)), coupons, strict=True)
    )
    columns = "token shop_id host_shop_id delivery_id coupon_id offer_id product_id slot medium destination created_at"
    insert_rows(session, Link, columns.split(), rows)
