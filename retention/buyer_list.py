"""The list of a shop's buyers, a page at a time, as a member may see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pyroaring import BitMap
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from retention.access import Member, Scope
from retention.aggregates import BuyerAggregates
from retention.bitmaps import ids_in
from retention.buyers import Buyer, masked_email, masked_name, masked_phone
from retention.salutations import salutation

PAGE = 50


@dataclass(frozen=True)
class BuyerSummary:
    """A buyer as the member may see them: name, mail and phone are masked unless the member may see personal data."""

    id: int
    external_id: str
    name: str
    email: str
    phone: str
    place: str
    orders: int
    spend: int
    first_at: datetime | None
    last_at: datetime | None


def buyer_summary(member: Member, buyer: Buyer, aggregates: BuyerAggregates | None) -> BuyerSummary:
    """Return a buyer with the sums of their orders, masked for `member`."""
    open_ = member.may(Scope.BUYERS_PERSONAL)
    return BuyerSummary(
        id=buyer.id,
        external_id=buyer.external_id,
        name=buyer.name if open_ else masked_name(buyer.name),
        email=buyer.email if open_ else masked_email(buyer.email),
        phone=buyer.phone if open_ else masked_phone(buyer.phone),
        place=" · ".join(part for part in (buyer.country, buyer.region, buyer.city) if part),
        orders=aggregates.orders if aggregates else 0,
        spend=aggregates.spend if aggregates else 0,
        first_at=aggregates.first_at if aggregates else None,
        last_at=aggregates.last_at if aggregates else None,
    )


def seen_by(member: Member, buyer: Buyer) -> Buyer:
    """Return a buyer as this member may read of them in a message: masked without the right to see personal data."""
    if member.may(Scope.BUYERS_PERSONAL):
        return buyer
    hidden = {
        # An initial reads as the name does; a name struck out would be greeted by none.
        "name": f"{buyer.name.strip()[0]}." if salutation(buyer.name) else "",
        "email": masked_email(buyer.email),
        "phone": masked_phone(buyer.phone),
    }
    return Buyer(**{**buyer.model_dump(), **hidden})


def page_of_buyers(
    session: Session,
    member: Member,
    *,
    search: str = "",
    among: BitMap | None = None,
    before: int | None = None,
    length: int = PAGE,
) -> list[BuyerSummary]:
    """Return buyers, the latest known first, at most `length`, with row numbers below `before`.

    `search` looks into names, ids, mail and phone; without the right to see these it finds whole ids only, since a hit
    would tell what the mask hides. `among` narrows to a set.
    """
    found = select(Buyer, BuyerAggregates).join(
        BuyerAggregates,
        (col(BuyerAggregates.buyer_id) == Buyer.id) & (col(BuyerAggregates.shop_id) == Buyer.shop_id),
        isouter=True,
    )
    found = found.where(Buyer.shop_id == member.shop_id)
    if search:
        found = found.where(_looks_like(member, search.strip()))
    if among is not None:
        found = found.where(col(Buyer.id).in_(ids_in(session, among)))
    if before is not None:
        found = found.where(Buyer.id < before)
    rows = session.exec(found.order_by(col(Buyer.id).desc()).limit(length))
    return [buyer_summary(member, buyer, aggregates) for buyer, aggregates in rows]


def find_aggregates(session: Session, buyer: Buyer) -> BuyerAggregates | None:
    """Return the sums of a buyer's orders, or None when they never ordered."""
    return session.get(BuyerAggregates, (buyer.shop_id, buyer.id))


def aggregates_of(session: Session, shop_id: int, buyer_ids: Collection[int]) -> dict[int, BuyerAggregates]:
    """Return the sums of buyers' orders by the buyers' row numbers; those without an order are missing."""
    query = select(BuyerAggregates).where(
        BuyerAggregates.shop_id == shop_id, col(BuyerAggregates.buyer_id).in_(buyer_ids)
    )
    return {each.buyer_id: each for each in session.exec(query)}


def _looks_like(member: Member, search: str) -> ColumnElement[bool]:
    if not member.may(Scope.BUYERS_PERSONAL):
        return col(Buyer.external_id) == search
    return or_(
        col(Buyer.external_id).startswith(search, autoescape=True),
        col(Buyer.name).contains(search, autoescape=True),
        col(Buyer.email).startswith(search.lower(), autoescape=True),
        col(Buyer.phone).endswith(search, autoescape=True),
    )
