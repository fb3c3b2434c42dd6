"""Frequency caps: who has reached one, at planning and again before each delivery is sent.

What counts has reached the buyer, may have, or still waits to. What a digest includes counts once, with its host
message, and a transactional delivery never. When planned, whole sets are asked for; at hand-over a pure rule holds a
delivery against the buyer's others.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.orm import aliased
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaign.campaigns import TAKEN, Campaign, CampaignState, Delivery, DeliveryState
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Cap, Period, Policy, WhenFull
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.plans.send_times import Numbers
from retention import clock
from retention.bitmaps import read_bitmap, read_columns
from retention.database import is_postgresql
from retention.figures import Figure, define
from retention.shops import Shop
from retention.versions import Family

_GONE = (DeliveryState.SENT, DeliveryState.UNKNOWN)
_UNSENT = tuple(state for state in TAKEN if state is not DeliveryState.SENT)


class CapWindow(NamedTuple):
    """The moments a cap counts: from `start` included to `end` excluded; None has no end."""

    start: datetime
    end: datetime | None


def window(cap: Cap, at: datetime, timezone: str) -> CapWindow:
    """Return what a cap counts for something that leaves at `at`, its calendar in `timezone`."""
    if cap.days:
        return CapWindow(at - timedelta(days=cap.days), None)
    first, after = _period(cap.per or Period.DAY, clock.local_day(at, timezone))
    return CapWindow(clock.start_of_day(first, timezone), clock.start_of_day(after, timezone))


def resets_at(cap: Cap, moment: datetime, timezone: str) -> datetime:
    """Return the first whole second at which something that left at `moment` does not count any more."""
    if cap.days:
        return moment.replace(microsecond=0) + timedelta(days=cap.days, seconds=1)
    return clock.start_of_day(_period(cap.per or Period.DAY, clock.local_day(moment, timezone))[1], timezone)


def _period(per: Period, day: int) -> tuple[int, int]:
    """Return the first day of the period a day number lies in, and the first of the next."""
    if per is Period.DAY:
        return day, day + 1
    if per is Period.WEEK:
        monday = day - (day + 3) % 7  # 1970-01-01 was a Thursday
        return monday, monday + 7
    first = clock.day_of(day).replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    return (first - clock.EPOCH).days, (after - clock.EPOCH).days


@dataclass(frozen=True, slots=True)
class AtCap:
    """Who of a set is at one cap: `skipped` by reason; `delayed_until` as (ids, seconds since 1970) when it delays."""

    skipped: dict[Reason, BitMap]
    delayed_until: tuple[Numbers, Numbers] | None = None


def buyers_at_cap(session: Session, shop: Shop, campaign: Campaign, *, cap: Cap, policy: Policy, at: datetime) -> AtCap:
    """Return the buyers of the shop who have no allowance left under a cap of 1 or more for what leaves at `at`."""
    if cap.when_full is WhenFull.DELAY and campaign.medium is not Medium.PARCEL:  # a parcel does not wait
        return AtCap({}, _delayed_until(session, shop, campaign, cap, at=at))
    medium, counted = campaign.medium, window(cap, at, shop.timezone)
    if cap.when_full is not WhenFull.YIELD:
        return AtCap({Reason.CAPPED: _with_at_least(session, _counted(shop, medium, cap, counted), cap.messages)})
    waits = col(Delivery.state) == DeliveryState.WAITING
    lower, higher = (
        waits & rank for rank in (priority_in_sql() < policy.priority, priority_in_sql() > policy.priority)
    )
    capped = _with_at_least(session, _counted(shop, medium, cap, counted, ~lower, ~higher), cap.messages)
    over = _with_at_least(session, _counted(shop, medium, cap, counted, ~lower), cap.messages)
    return AtCap({Reason.CAPPED: capped, Reason.YIELDED: over - capped})


def counts_under(session: Session, shop: Shop, medium: Medium, cap: Cap, *, at: datetime) -> tuple[Numbers, Numbers]:
    """Return the buyers who have had something a cap counts at `at` by `medium`, and how often, as two arrays."""
    rows = _counted(shop, medium, cap, window(cap, at, shop.timezone))
    grouped = sa.select(rows.c.buyer_id, sa.func.count()).group_by(rows.c.buyer_id)
    ids, counts = read_columns(session, grouped)
    return ids, counts


def count_at_cap(session: Session, shop: Shop, cap: Cap, *, at: datetime) -> int:
    """Return how many buyers have had as much as a cap allows; one for each medium is counted for mail."""
    medium = Medium(cap.over) if cap.over in set(Medium) else Medium.EMAIL
    counts = counts_under(session, shop, medium, cap, at=at)[1]
    return int((counts >= cap.messages).sum())


BUYERS_AT_CAP = define(
    Figure(
        "full",
        (Family.TOUCHES,),
        int,
        lambda session, shop, key, now: count_at_cap(session, shop, Cap.model_validate_json(key), at=now),
        moves=lambda _session, _key, now: f"{now:%H}h",  # what a rolling window holds
    )
)
"""How many buyers are at a cap, by the cap as JSON."""


def _counted(shop: Shop, medium: Medium, cap: Cap, counted: CapWindow, *which: sa.ColumnElement[bool]) -> sa.CTE:
    """Return (buyer_id, moment) of each delivery that counts, of those for which all of `which` is true.

    What was sent and what may be or waits to be are asked for apart, each by an index: years of history cost nothing.
    """
    state, moment, start = col(Delivery.state), _moment(Delivery), sa.literal(counted.start, UTCDateTime())
    # By the index of moments: that of states, which SQLite would rather take, holds all that was ever sent.
    sent = (sa.func.coalesce(state, "") == DeliveryState.SENT, col(Delivery.sent_at) >= start)
    unsent = (state.in_(_UNSENT), moment >= start)
    rows = (
        sa.select(col(Delivery.buyer_id), moment.label("moment"))
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .where(
            col(Delivery.shop_id) == shop.id,
            col(Delivery.digest_id).is_(None),
            col(Campaign.medium).in_(cap.counted(medium)),
            ~transactional_in_sql(),
            *which,
        )
    )
    if counted.end is not None:
        rows = rows.where(moment < sa.literal(counted.end, UTCDateTime()))
    both = sa.union_all(rows.where(*sent), rows.where(*unsent))
    return both.cte("counted").prefix_with("MATERIALIZED")  # else SQLite reads all there is in the order asked for


def _with_at_least(session: Session, rows: sa.CTE, count: int) -> BitMap:
    buyer = rows.c.buyer_id
    return read_bitmap(session, sa.select(buyer).group_by(buyer).having(sa.func.count() >= count))


def _delayed_until(
    session: Session, shop: Shop, campaign: Campaign, cap: Cap, *, at: datetime
) -> tuple[Numbers, Numbers]:
    """Return the buyers at the cap, and when it allows again: once the n-th latest does not count any more."""
    counted = window(cap, at, shop.timezone)
    at_cap = _with_at_least(session, _counted(shop, campaign.medium, cap, counted), cap.messages)
    if not at_cap:
        nobody = np.empty(0, dtype=np.int64)
        return nobody, nobody
    rows = _counted(shop, campaign.medium, cap, CapWindow(counted.start, None))
    place = sa.func.row_number().over(partition_by=rows.c.buyer_id, order_by=rows.c.moment.desc())
    ranked = sa.select(rows, place.label("place")).subquery()
    nth = sa.select(ranked.c.buyer_id, _seconds(session, ranked.c.moment)).where(ranked.c.place == cap.messages)
    ids, seconds = read_columns(session, nth)
    chosen = np.isin(ids, np.asarray(at_cap.to_array(), dtype=np.int64))
    return ids[chosen], _resets_at_each(cap, seconds[chosen], shop.timezone)


def _resets_at_each(cap: Cap, seconds: Numbers, timezone: str) -> Numbers:
    if cap.days:
        return seconds + cap.days * 86_400 + 1
    hours, places = np.unique(seconds // 900, return_inverse=True)  # no zone moves by less than a quarter of an hour
    moments = [resets_at(cap, datetime.fromtimestamp(int(hour) * 900, UTC), timezone) for hour in hours]
    return np.array([moment.timestamp() for moment in moments], dtype=np.int64)[places]


@dataclass(frozen=True, slots=True)
class OtherDelivery:
    """Another delivery of the same buyer, as a cap sees it: `begun` when it has left or may have."""

    id: int
    medium: Medium
    priority: int
    begun: bool
    moment: datetime


@dataclass(frozen=True, slots=True)
class RankedDelivery:
    """A delivery about to leave, as a cap sees it."""

    id: int
    medium: Medium
    priority: int


def check_cap(
    cap: Cap, pending: RankedDelivery, others: Iterable[OtherDelivery], *, at: datetime, timezone: str
) -> Reason | datetime | None:
    """Return why a delivery may not leave under a cap, the moment until which it has to wait, or None when it may go.

    Of deliveries that are due at once, those ahead count: the higher priority where the cap yields, else the older.
    """
    if cap.messages == 0:
        return Reason.CAPPED
    counted = window(cap, at, timezone)
    until = counted.end or at + timedelta(days=cap.days or 0)
    media = cap.counted(pending.medium)
    ahead: list[datetime] = []
    higher = 0
    for other in others:
        if other.medium not in media or (other.begun and other.moment < counted.start):
            continue
        if other.begun:
            ahead.append(other.moment)
        elif cap.when_full is WhenFull.YIELD and other.priority != pending.priority:
            higher += other.priority > pending.priority and other.moment < until
        elif other.moment <= at and other.id < pending.id:
            ahead.append(at)
    if len(ahead) >= cap.messages:
        waits = cap.when_full is WhenFull.DELAY and pending.medium is not Medium.PARCEL
        return resets_at(cap, sorted(ahead)[-cap.messages], timezone) if waits else Reason.CAPPED
    return Reason.YIELDED if len(ahead) + higher >= cap.messages else None


def other_deliveries(
    session: Session, shop_id: int, delivery_ids: Collection[int], *, since: datetime
) -> dict[int, list[OtherDelivery]]:
    """Return what else the buyers of these deliveries got since a moment or will get, by delivery."""
    mine = aliased(Delivery)
    begun = sa.or_(col(Delivery.state).in_(_GONE), col(Delivery.handed_at).is_not(None))
    waits = col(Campaign.state) == CampaignState.RUNNING
    rows = session.execute(
        sa.select(
            col(mine.id),
            col(Delivery.id),
            col(Campaign.medium),
            priority_in_sql(),
            begun,
            _moment(Delivery),
        )
        .join_from(
            mine, Delivery, sa.and_(col(Delivery.shop_id) == mine.shop_id, col(Delivery.buyer_id) == mine.buyer_id)
        )
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .where(
            with_ids(shop_id, delivery_ids, mine),
            col(Delivery.id) != mine.id,
            col(Delivery.state).in_(TAKEN),
            col(Delivery.digest_id).is_(None),
            ~transactional_in_sql(),
            sa.or_(begun, waits),
            _moment(Delivery) >= sa.literal(since, UTCDateTime()),
        )
    )
    found: dict[int, list[OtherDelivery]] = defaultdict(list)
    for delivery_id, other_id, medium, priority, has_begun, moment in rows:
        found[delivery_id].append(OtherDelivery(other_id, Medium(medium), priority, bool(has_begun), moment))
    return found


def _moment(row: Any) -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(row.sent_at, row.handed_at, row.due_at, type_=UTCDateTime())


def _seconds(session: Session, moment: sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    """Return the SQL of a moment's whole seconds since 1970."""
    if is_postgresql(session):
        return sa.cast(sa.func.floor(sa.extract("epoch", moment)), sa.BigInteger)
    return sa.cast(sa.func.strftime("%s", moment), sa.Integer)


def transactional_in_sql() -> sa.ColumnElement[bool]:
    return sa.func.coalesce(sa.func.lower(_stored("transactional")).in_(_TRUE), sa.false())


def priority_in_sql() -> sa.ColumnElement[int]:
    """Return the SQL of a campaign's priority; the usual one where none is stored, or what is stored is no number."""
    usual = Policy.model_fields["priority"].default
    found = sa.func.replace(sa.func.ltrim(_stored("priority"), "-"), ".0", "")  # a whole number may be written -0.0
    whole = sa.and_(sa.func.length(found).between(1, 9), sa.func.translate(found, "0123456789", "") == "")
    return sa.case((whole, sa.cast(found, sa.Integer)), else_=usual)


def _stored(name: str) -> sa.ColumnElement[str]:
    """Return the SQL of a value of a campaign's policy as text: no database refuses to read that, whatever it is."""
    return sa.cast(col(Campaign.policy_json)[name].as_string(), sa.String)


_TRUE = ("true", "1", "1.0", "t", "yes", "y", "on")
"""What `Policy` takes for a yes, as the two databases spell it."""


def earliest_counted(caps: Iterable[Cap], at: datetime, timezone: str) -> datetime:
    """Return the earliest moment any of these caps looks at for something that leaves at `at`."""
    return min((window(cap, at, timezone).start for cap in caps), default=at)
