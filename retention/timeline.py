"""A buyer's timeline: what happened between the shop and one buyer."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, SQLModel, col, select

from retention.buyers import Buyer
from retention.consent import Consent
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.orders import Order
from retention.parcels import Parcel
from retention.touches import Touch

Row = TypeVar("Row", Order, Consent, Touch, Follow)


@dataclass(frozen=True)
class TimelineEvent:
    """One thing on a buyer's timeline. `row` is what is kept of it, `group` the chat group of a membership."""

    at: datetime
    row: SQLModel
    group: str = ""


def timeline(session: Session, buyer: Buyer, *, most: int = 50) -> list[TimelineEvent]:
    """Return what happened, the latest first, at most `most` of each kind."""
    events = [
        *[TimelineEvent(order.ordered_at, order) for order in _latest(session, Order, buyer, "ordered_at", most)],
        *[TimelineEvent(answer.at, answer) for answer in _latest(session, Consent, buyer, "at", most)],
        *[TimelineEvent(touch.at, touch) for touch in _latest(session, Touch, buyer, "at", most)],
        *[TimelineEvent(follow.followed_at, follow) for follow in _latest(session, Follow, buyer, "followed_at", most)],
        *_shipped(session, buyer, most),
        *_joined(session, buyer),
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _latest(session: Session, table: type[Row], buyer: Buyer, moment: str, most: int) -> list[Row]:
    rows = select(table).where(table.shop_id == buyer.shop_id, table.buyer_id == buyer.id)
    return list(session.exec(rows.order_by(getattr(table, moment).desc()).limit(most)))


def _shipped(session: Session, buyer: Buyer, most: int) -> list[TimelineEvent]:
    rows = select(Parcel).where(
        Parcel.shop_id == buyer.shop_id, Parcel.buyer_id == buyer.id, col(Parcel.shipped_at).is_not(None)
    )
    parcels = session.exec(rows.order_by(col(Parcel.shipped_at).desc()).limit(most))
    return [TimelineEvent(parcel.shipped_at, parcel) for parcel in parcels if parcel.shipped_at]


def _joined(session: Session, buyer: Buyer) -> list[TimelineEvent]:
    rows = select(GroupMember, Group.name).join(Group, col(GroupMember.group_id) == Group.id)
    found = session.exec(rows.where(GroupMember.shop_id == buyer.shop_id, GroupMember.buyer_id == buyer.id))
    return [TimelineEvent(membership.joined_at, membership, group=name) for membership, name in found]
