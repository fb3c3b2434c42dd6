"""Snapshots: who was in a segment at each refresh, who had come in and who had left since the one before.

A snapshot is written when something changed, under a sequence that only grows; readers remember the last sequence they
have seen and ask for what came after. Only the newest keeps all members; earlier ones follow from who entered and left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy import Engine, LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from retention import clock, queue
from retention.database import BigId, ShopRow
from retention.failures import Thing, alone, each_alone, failures_of, forget_failure, rests, write_failure
from retention.shops import Shop
from retention.versions import NO_VERSIONS, all_versions
from segments.condition_cache import fingerprint_of
from segments.matching import Matcher, open_matcher
from segments.segments import Segment, find_segment
from segments.view import hour_of

LOOKED_EVERY = timedelta(minutes=1)
REFRESHED_EVERY = timedelta(minutes=10)
"""What changed is seen within a minute; a shop where something always changes is refreshed this often and no more."""


class SegmentSnapshot(ShopRow, table=True):
    """One change of a segment's members, as serialized bitmaps of buyer ids."""

    __tablename__ = "segment_snapshots"
    __table_args__ = (UniqueConstraint("shop_id", "segment_id", "sequence"),)

    segment_id: int = Field(foreign_key="segments.id", sa_type=BigId, ondelete="CASCADE")
    sequence: int
    at: datetime
    size: int
    entered_count: int
    left_count: int
    entered: bytes = Field(sa_type=LargeBinary)
    left: bytes = Field(sa_type=LargeBinary)
    members: bytes | None = Field(default=None, sa_type=LargeBinary)


@dataclass(frozen=True)
class Change:
    """What one snapshot says: who came in and who left."""

    sequence: int
    at: datetime
    entered: BitMap
    left: BitMap


@dataclass(frozen=True)
class Moved:
    """One snapshot in numbers: how many were in, had come and had gone."""

    sequence: int
    at: datetime
    size: int
    entered: int
    left: int


@dataclass(frozen=True)
class Refreshed:
    """What became of one segment in a refresh. `changed` tells whether a snapshot was written."""

    slug: str
    name: str
    size: int
    entered: int
    left: int
    changed: bool


def refresh_segment(session: Session, shop: Shop, slug: str, *, now: datetime) -> Refreshed:
    """Bring one segment up to date; NotFound when there is none by that name."""
    find_segment(session, shop.id, slug)
    (segment,), matcher = _locked(session, shop, _of_shop(shop.id).where(col(Segment.slug) == slug), now=now)
    refreshed = _refresh(session, matcher, segment)
    matcher.keep()
    forget_failure(session, shop.id, "segment", segment.id)
    return refreshed


def refresh_segments(session: Session, shop: Shop, *, now: datetime) -> list[Refreshed]:
    """Bring all segments of a shop up to date; a condition that several share is asked once."""
    return _refresh_all(session, shop, now=now)


def changes_since(
    session: Session, shop_id: int, slug: str, *, after: int = 0, most: int | None = None
) -> Iterator[Change]:
    """Yield the changes of a segment with a sequence above `after`, in order, at most `most` of them."""
    segment = find_segment(session, shop_id, slug)
    query = select(SegmentSnapshot).where(
        SegmentSnapshot.shop_id == shop_id, SegmentSnapshot.segment_id == segment.id, SegmentSnapshot.sequence > after
    )
    for row in session.exec(query.order_by(col(SegmentSnapshot.sequence)).limit(most)):
        yield Change(row.sequence, row.at, BitMap.deserialize(row.entered), BitMap.deserialize(row.left))


def trend(session: Session, shop_id: int, segment_id: int, *, last: int = 30) -> list[tuple[datetime, int]]:
    """Return when a segment changed and how many it had then, oldest first, at most `last` of them."""
    query = sa.select(col(SegmentSnapshot.at), col(SegmentSnapshot.size)).where(
        col(SegmentSnapshot.shop_id) == shop_id, col(SegmentSnapshot.segment_id) == segment_id
    )
    rows = session.execute(query.order_by(col(SegmentSnapshot.sequence).desc()).limit(last)).all()
    return [(at, size) for at, size in reversed(rows)]


def histories(session: Session, shop_id: int, *, last: int = 30) -> dict[int, list[Moved]]:
    """Return the last changes of every segment of a shop, oldest first, at most `last` of each, by segment id."""
    newest = sa.func.row_number().over(
        partition_by=col(SegmentSnapshot.segment_id), order_by=col(SegmentSnapshot.sequence).desc()
    )
    columns = (
        col(SegmentSnapshot.segment_id),
        col(SegmentSnapshot.sequence),
        col(SegmentSnapshot.at),
        col(SegmentSnapshot.size),
        col(SegmentSnapshot.entered_count),
        col(SegmentSnapshot.left_count),
    )
    ranked = sa.select(*columns, newest.label("place")).where(col(SegmentSnapshot.shop_id) == shop_id).subquery()
    query = sa.select(ranked).where(ranked.c.place <= last).order_by(ranked.c.segment_id, ranked.c.sequence)
    found: dict[int, list[Moved]] = {}
    for segment_id, *row, _place in session.execute(query):
        found.setdefault(segment_id, []).append(Moved(*row))
    return found


def sizes(session: Session, shop_id: int) -> dict[int, int]:
    """Return how many buyers each segment had at its last refresh, by segment id; those never refreshed are missing."""
    newest = select(SegmentSnapshot.segment_id, sa.func.max(col(SegmentSnapshot.sequence)).label("sequence"))
    last = newest.where(SegmentSnapshot.shop_id == shop_id).group_by(col(SegmentSnapshot.segment_id)).subquery()
    same = sa.and_(
        last.c.segment_id == col(SegmentSnapshot.segment_id), last.c.sequence == col(SegmentSnapshot.sequence)
    )
    query = sa.select(col(SegmentSnapshot.segment_id), col(SegmentSnapshot.size)).join(last, same)
    return {row.segment_id: row.size for row in session.execute(query)}


@queue.task("segments.refresh", every=LOOKED_EVERY)
def refresh_all(session: Session) -> None:
    """Wake a worker for every shop that has a new segment, or other facts than at its last refresh."""
    now = clock.now()
    fingerprints, last = col(Segment.refreshed_from), col(Segment.refreshed_at)
    query = sa.select(col(Segment.shop_id), sa.func.min(fingerprints), sa.func.max(fingerprints), sa.func.max(last))
    versions = all_versions(session)
    for shop_id, lowest, highest, refreshed_at in session.execute(query.group_by(col(Segment.shop_id))).all():
        if refreshed_at is None or not lowest:
            queue.send(session, "segments.refresh_shop", shop_id)
        elif abs(now - refreshed_at) >= REFRESHED_EVERY:  # also when the clock was ahead then
            fingerprint = fingerprint_of(versions.get(shop_id, NO_VERSIONS), hour_of(now))
            if not lowest == highest == fingerprint:
                queue.send(session, "segments.refresh_shop", shop_id)


@queue.engine_task("segments.refresh_shop")
def refresh_shop_alone(engine: Engine, shop_id: int) -> None:
    """Bring the segments of one shop up to date; what goes wrong with all of them is the shop's failure."""
    do = alone(engine, lambda session, thing: refresh_shop(session, thing.id))
    each_alone(engine, "refresh", [Thing(shop_id, "shop", shop_id)], do, now=clock.now())


def refresh_shop(session: Session, shop_id: int) -> None:
    """Bring the segments of one shop up to date."""
    shop = session.get(Shop, shop_id)
    if shop is not None:
        refresh_segments(session, shop, now=clock.now())


def _of_shop(shop_id: int) -> SelectOfScalar[Segment]:
    # in the order of their names, so that two refreshes at once lock them in the same order
    return select(Segment).where(Segment.shop_id == shop_id).order_by(Segment.slug)


def _locked(
    session: Session, shop: Shop, chosen: SelectOfScalar[Segment], *, now: datetime
) -> tuple[Sequence[Segment], Matcher]:
    # Locked before the facts are looked at: a second refresh waits, then sees what this one saw or later, never less.
    session.flush()
    locked = session.exec(chosen.with_for_update().execution_options(populate_existing=True)).all()
    return locked, open_matcher(session, shop, now=now)


def _refresh_all(session: Session, shop: Shop, *, now: datetime) -> list[Refreshed]:
    locked, matcher = _locked(session, shop, _of_shop(shop.id), now=now)
    troubled = {each.thing_id: each for each in failures_of(session, shop.id, kind="segment")}
    refreshed = []
    for segment in locked:
        if segment.id in troubled and rests(troubled[segment.id], now):
            continue
        if done := _refresh_alone(session, matcher, segment, now=now):
            refreshed.append(done)
            if segment.id in troubled:
                forget_failure(session, shop.id, "segment", segment.id)
    matcher.keep()
    return refreshed


def _refresh_alone(session: Session, matcher: Matcher, segment: Segment, *, now: datetime) -> Refreshed | None:
    """Bring one segment up to date; what goes wrong with it is its own trouble, and the others go on."""
    thing = Thing(segment.shop_id, "segment", segment.id, segment.slug)
    try:
        with session.begin_nested():
            return _refresh(session, matcher, segment)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is written down
        session.refresh(segment)
        write_failure(session, "refresh", thing, error, now=now)
        return None


def _refresh(session: Session, matcher: Matcher, segment: Segment) -> Refreshed:
    last = _last(session, segment)
    fingerprint = matcher.cache.fingerprint()
    if last is not None and segment.refreshed_from == fingerprint:
        return Refreshed(segment.slug, segment.name, last.size, 0, 0, changed=False)
    before = BitMap.deserialize(last.members) if last and last.members else BitMap()
    members = matcher.segment(segment.slug)
    segment.refreshed_at, segment.refreshed_from = matcher.cache.view.now, fingerprint
    if last is not None and members == before:
        return Refreshed(segment.slug, segment.name, len(members), 0, 0, changed=False)
    row = _snapshot(segment, before, members, sequence=last.sequence + 1 if last else 1, at=matcher.cache.view.now)
    session.add(row)
    if last is not None:
        last.members = None
    session.flush()
    return Refreshed(segment.slug, segment.name, row.size, row.entered_count, row.left_count, changed=True)


def _last(session: Session, segment: Segment) -> SegmentSnapshot | None:
    query = select(SegmentSnapshot).where(
        SegmentSnapshot.shop_id == segment.shop_id, SegmentSnapshot.segment_id == segment.id
    )
    return session.exec(query.order_by(col(SegmentSnapshot.sequence).desc()).limit(1)).first()


def _snapshot(segment: Segment, before: BitMap, members: BitMap, *, sequence: int, at: datetime) -> SegmentSnapshot:
    entered, left = members - before, before - members
    return SegmentSnapshot(
        shop_id=segment.shop_id,
        segment_id=segment.id,
        sequence=sequence,
        at=at,
        size=len(members),
        entered_count=len(entered),
        left_count=len(left),
        entered=entered.serialize(),
        left=left.serialize(),
        members=members.serialize(),
    )
