"""Looking through a shop's buyers a page at a time, and at what happened between the shop and one of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pyroaring import BitMap
from sqlalchemy import ColumnElement
from sqlmodel import Session, SQLModel, col, or_, select

from retention.access import Member, Scope
from retention.bitmaps import ids_in
from retention.buyers import Buyer, masked_email, masked_name, masked_phone
from retention.consent import Consent
from retention.facts import BuyerFacts
from retention.naming import salutation
from retention.orders import Order
from retention.parcels import Parcel
from retention.relations import Follow, Group, GroupMember
from retention.touches import Touch

PAGE = 50

Row = TypeVar("Row", Order, Consent, Touch, Follow)


@dataclass(frozen=True)
class BuyerLine:
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


@dataclass(frozen=True)
class Happening:
    """One thing on a buyer's timeline. `row` is what is kept of it, `group` the chat group of a membership."""

    at: datetime
    row: SQLModel
    group: str = ""


def buyer_line(member: Member, buyer: Buyer, facts: BuyerFacts | None) -> BuyerLine:
    """Return a buyer with the sums of their orders, masked for `member`."""
    open_ = member.may(Scope.BUYERS_PERSONAL)
    return BuyerLine(
        id=buyer.id,
        external_id=buyer.external_id,
        name=buyer.name if open_ else masked_name(buyer.name),
        email=buyer.email if open_ else masked_email(buyer.email),
        phone=buyer.phone if open_ else masked_phone(buyer.phone),
        place=" · ".join(part for part in (buyer.country, buyer.region, buyer.city) if part),
        orders=facts.orders if facts else 0,
        spend=facts.spend if facts else 0,
        first_at=facts.first_at if facts else None,
        last_at=facts.last_at if facts else None,
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
) -> list[BuyerLine]:
    """Return buyers, the latest known first, at most `length`, with row numbers below `before`.

    `search` looks into names, ids, mail and phone; without the right to see these it finds whole ids only, since a hit
    would tell what the mask hides. `among` narrows to a set.
    """
    found = select(Buyer, BuyerFacts).join(
        BuyerFacts,
        (col(BuyerFacts.buyer_id) == Buyer.id) & (col(BuyerFacts.shop_id) == Buyer.shop_id),
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
    return [buyer_line(member, buyer, facts) for buyer, facts in rows]


def find_facts(session: Session, buyer: Buyer) -> BuyerFacts | None:
    """Return the sums of a buyer's orders, or None when they never ordered."""
    return session.get(BuyerFacts, (buyer.shop_id, buyer.id))


def facts_of(session: Session, shop_id: int, buyer_ids: Collection[int]) -> dict[int, BuyerFacts]:
    """Return the sums of buyers' orders by the buyers' row numbers; those without an order are missing."""
    query = select(BuyerFacts).where(BuyerFacts.shop_id == shop_id, col(BuyerFacts.buyer_id).in_(buyer_ids))
    return {each.buyer_id: each for each in session.exec(query)}


def timeline(session: Session, buyer: Buyer, *, most: int = 50) -> list[Happening]:
    """Return what happened, the latest first, at most `most` of each kind."""
    happenings = [
        *[Happening(order.ordered_at, order) for order in _latest(session, Order, buyer, "ordered_at", most)],
        *[Happening(answer.at, answer) for answer in _latest(session, Consent, buyer, "at", most)],
        *[Happening(touch.at, touch) for touch in _latest(session, Touch, buyer, "at", most)],
        *[Happening(follow.followed_at, follow) for follow in _latest(session, Follow, buyer, "followed_at", most)],
        *_shipped(session, buyer, most),
        *_joined(session, buyer),
    ]
    return sorted(happenings, key=lambda happening: happening.at, reverse=True)


def _latest(session: Session, table: type[Row], buyer: Buyer, moment: str, most: int) -> list[Row]:
    rows = select(table).where(table.shop_id == buyer.shop_id, table.buyer_id == buyer.id)
    return list(session.exec(rows.order_by(getattr(table, moment).desc()).limit(most)))


def _shipped(session: Session, buyer: Buyer, most: int) -> list[Happening]:
    rows = select(Parcel).where(
        Parcel.shop_id == buyer.shop_id, Parcel.buyer_id == buyer.id, col(Parcel.shipped_at).is_not(None)
    )
    parcels = session.exec(rows.order_by(col(Parcel.shipped_at).desc()).limit(most))
    return [Happening(parcel.shipped_at, parcel) for parcel in parcels if parcel.shipped_at]


def _joined(session: Session, buyer: Buyer) -> list[Happening]:
    rows = select(GroupMember, Group.name).join(Group, col(GroupMember.group_id) == Group.id)
    found = session.exec(rows.where(GroupMember.shop_id == buyer.shop_id, GroupMember.buyer_id == buyer.id))
    return [Happening(membership.joined_at, membership, group=name) for membership, name in found]


def _looks_like(member: Member, search: str) -> ColumnElement[bool]:
    if not member.may(Scope.BUYERS_PERSONAL):
        return col(Buyer.external_id) == search
    return or_(
        col(Buyer.external_id).startswith(search, autoescape=True),
        col(Buyer.name).contains(search, autoescape=True),
        col(Buyer.email).startswith(search.lower(), autoescape=True),
        col(Buyer.phone).endswith(search, autoescape=True),
    )
