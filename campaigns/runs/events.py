"""Events: the buyers to whom something happened in a period, as sets, with a few SELECTs for each kind.

An event has a moment, which the delay or the day of its trigger belongs to: a birthday seven days ahead happens at the
time of day the campaign names, seven days before it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import TAKEN, Campaign, Delivery, Recipe, Run
from campaigns.campaign.local_time import local_moment, reminder_moment
from campaigns.campaign.policy import read_time
from campaigns.campaign.triggers import EventKind, OnEvent
from retention import clock
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.orders import Order, OrderStatus
from retention.parcels import Parcel
from retention.products import Product
from retention.shops import Shop
from segments.segments import find_segment
from segments.snapshots import SegmentSnapshot

_REMINDED_WITHIN = timedelta(days=2)  # no reminder is later than this after its order


def entrants(session: Session, shop: Shop, campaign: Campaign, *, since: datetime, until: datetime) -> BitMap:
    """Return the buyers to whom the event of the campaign's trigger happened after `since` and not after `until`.

    NotFound when the trigger names a segment that is gone.
    """
    trigger = campaign.trigger
    if not isinstance(trigger, OnEvent) or until <= since:
        return BitMap()
    return _FOUND_BY[trigger.kind](_EventSearch(session, shop, campaign, trigger, since, until))


@dataclass(frozen=True, slots=True)
class _EventSearch:
    """One search for what happened: where, for which campaign, in which stretch."""

    session: Session
    shop: Shop
    campaign: Campaign
    trigger: OnEvent
    since: datetime
    until: datetime

    def meets(self, happened: Any) -> sa.ColumnElement[bool]:
        """Return the condition that the event of a row, plus the trigger's delay, lies in the stretch."""
        moment = col(happened)
        return sa.and_(moment > self.since - self.trigger.delay, moment <= self.until - self.trigger.delay)

    @property
    def days(self) -> list[date]:
        """The days on which the trigger's time of day fell into the stretch, in order."""
        there, wall = clock.zone(self.shop.timezone), read_time(self.trigger.at)
        first, last = (at.astimezone(there).date() for at in (self.since, self.until))
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return [day for day in days if self.since < local_moment(day, wall, self.shop.timezone) <= self.until]


def _arrived(search: _EventSearch) -> BitMap:
    """Return every buyer of the shop when the campaign's product arrived; the audience is the campaign's."""
    product = search.session.get(Product, search.campaign.product_id) if search.campaign.product_id else None
    arrived = product.arrival_at if product else None
    if arrived is None or not search.since < arrived + search.trigger.delay <= search.until:
        return BitMap()
    return read_bitmap(search.session, select(Buyer.id).where(Buyer.shop_id == search.shop.id))


def _left_unpaid(search: _EventSearch) -> BitMap:
    """Return who has an order to be reminded of in this stretch, and was not reminded of it by this medium.

    An order is done with when its buyer was in a run of this campaign at or after its moment, whatever came of it, or
    got a reminder of another campaign by the same medium since it was placed.
    """
    since = search.since - _REMINDED_WITHIN
    placed = sa.select(col(Order.buyer_id), col(Order.ordered_at)).where(
        col(Order.shop_id) == search.shop.id,
        col(Order.status) == OrderStatus.PLACED,
        col(Order.buyer_id).is_not(None),
        col(Order.ordered_at) > since,
        col(Order.ordered_at) <= search.until,
    )
    runs = [
        (planned_at, BitMap.deserialize(ids))
        for planned_at, ids in search.session.exec(
            select(Run.planned_at, Run.audience_ids).where(
                Run.shop_id == search.shop.id, Run.campaign_id == search.campaign.id, Run.planned_at > since
            )
        )
    ]
    reminded = dict(map(tuple, search.session.execute(_last_reminders(search.campaign, since))))
    found = BitMap()
    for buyer_id, ordered_at in search.session.execute(placed):
        moment = reminder_moment(ordered_at, search.shop.timezone)
        done = buyer_id in reminded and reminded[buyer_id] >= ordered_at
        done = done or any(planned_at >= moment and buyer_id in buyers for planned_at, buyers in runs)
        if search.since < moment <= search.until and not done:
            found.add(buyer_id)
    return found


def _last_reminders(campaign: Campaign, since: datetime) -> sa.Select[int, datetime]:
    """Return a SELECT of buyers with the moment other campaigns last reminded them by this medium."""
    return (
        sa.select(col(Delivery.buyer_id), sa.func.max(col(Run.planned_at)))
        .join(Run, col(Run.id) == Delivery.run_id)
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .where(
            col(Campaign.shop_id) == campaign.shop_id,
            col(Campaign.id) != campaign.id,
            col(Campaign.recipe) == Recipe.PAYMENT_REMINDER,
            col(Campaign.medium) == campaign.medium,
            col(Run.planned_at) > since,
            col(Delivery.state).in_(TAKEN),
        )
        .group_by(col(Delivery.buyer_id))
    )


def _was_delivered(search: _EventSearch) -> BitMap:
    days = search.days
    if not days:
        return BitMap()
    first, last = ((day - clock.EPOCH).days - search.trigger.days for day in (days[0], days[-1]))
    delivered = sa.select(col(Parcel.buyer_id)).where(
        col(Parcel.shop_id) == search.shop.id,
        col(Parcel.buyer_id).is_not(None),
        col(Parcel.delivered_at) >= clock.start_of_day(first, search.shop.timezone),
        col(Parcel.delivered_at) < clock.start_of_day(last + 1, search.shop.timezone),
    )
    return read_bitmap(search.session, delivered)


def _entered_segment(search: _EventSearch) -> BitMap:
    """Return who came into the segment; those found in it when it was first looked at did not come in."""
    segment = find_segment(search.session, search.shop.id, search.trigger.segment)
    changes = select(SegmentSnapshot.entered).where(
        SegmentSnapshot.shop_id == search.shop.id,
        SegmentSnapshot.segment_id == segment.id,
        SegmentSnapshot.sequence > 1,
        search.meets(SegmentSnapshot.at),
    )
    return BitMap.union(BitMap(), *(BitMap.deserialize(entered) for entered in search.session.exec(changes)))


def _joined_group(search: _EventSearch) -> BitMap:
    joined = (
        sa.select(col(GroupMember.buyer_id))
        .join(Group, col(Group.id) == GroupMember.group_id)
        .where(
            col(GroupMember.shop_id) == search.shop.id,
            col(GroupMember.left_at).is_(None),
            search.meets(GroupMember.joined_at),
        )
    )
    if search.trigger.group:
        joined = joined.where(col(Group.slug) == search.trigger.group)
    return read_bitmap(search.session, joined)


def _followed(search: _EventSearch) -> BitMap:
    followed = sa.select(col(Follow.buyer_id)).where(
        col(Follow.shop_id) == search.shop.id,
        col(Follow.ended_at).is_(None),
        search.meets(Follow.followed_at),
    )
    return read_bitmap(search.session, followed)


def _has_birthday(search: _EventSearch) -> BitMap:
    """Return whose birthday comes in `days` days; after the day itself it is too late for good wishes."""
    ahead = timedelta(days=search.trigger.days)
    search = replace(search, since=max(search.since, search.until - ahead - timedelta(days=1)))
    days = [day + ahead for day in search.days]
    month, day_of_month = sa.extract("month", col(Buyer.birthday)), sa.extract("day", col(Buyer.birthday))
    named = [sa.and_(month == month_, day_of_month.in_(numbers)) for month_, numbers in map(_birthdays_kept_on, days)]
    if not named:
        return BitMap()
    return read_bitmap(
        search.session, sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == search.shop.id, sa.or_(*named))
    )


def _birthdays_kept_on(day: date) -> tuple[int, list[int]]:
    """Return month and days of the birthdays kept on a date: in a common year, 29 February is kept on the 28th."""
    stands_in = (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3
    return day.month, [28, 29] if stands_in else [day.day]


_FOUND_BY: dict[EventKind, Callable[[_EventSearch], BitMap]] = {
    EventKind.ARRIVAL: _arrived,
    EventKind.ORDER_UNPAID: _left_unpaid,
    EventKind.DELIVERED: _was_delivered,
    EventKind.SEGMENT_ENTERED: _entered_segment,
    EventKind.GROUP_JOINED: _joined_group,
    EventKind.FOLLOWED: _followed,
    EventKind.BIRTHDAY: _has_birthday,
}
