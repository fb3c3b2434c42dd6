"""Cached answers: one bitmap per condition, kept in the database, so that all processes and all segments share them.

An answer is kept under the condition's canonical text and stamped with what it was computed from: the version of the
facts it asks about and, where it depends on the clock, the hour, day or as-of moment. An answer with another stamp is
not used. Families of facts have versions of their own: a scan does not throw away what was asked of orders.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy import LargeBinary
from sqlmodel import Field, Session, SQLModel, col

from retention.database import BigId, insert, write_aside
from retention.versions import Family, raised_here, read_versions
from segments.conditions import one_of
from segments.rule_ast import BuyerField, Condition, ConsentIs, Follows, InGroup, Orders, Predicted, Rfm, Touched, key
from segments.tallies import Tallied, Tally
from segments.view import View

MOST_KEPT = 500
LARGEST_KEPT = 256 * 1024 * 1024
"""Answers per shop, and their bytes; the oldest go first. Of a million buyers a set takes 10 to 150 kB and a tally
(the numbers behind a comparison, kept without it) 1 to 5 MB."""

TALLIES_AT_HAND = 6
"""Unpacked tallies an evaluation holds at once; one of a million buyers takes 16 to 24 MB."""

FAMILIES: dict[type, tuple[Family, ...]] = {
    BuyerField: (Family.BUYERS,),
    Orders: (Family.ORDERS,),
    Rfm: (Family.ORDERS, Family.BUYERS),
    Follows: (Family.FOLLOWERS_AND_GROUPS,),
    InGroup: (Family.FOLLOWERS_AND_GROUPS,),
    ConsentIs: (Family.CONSENTS, Family.BUYERS),  # an place that said no holds for whoever has it
    Touched: (Family.TOUCHES,),
    Predicted: (Family.FORECASTS,),
}
"""The facts each kind of condition asks about; lists, segments and buckets are put together from what is at hand."""


class CachedResult(SQLModel, table=True):
    """The bitmap of one condition, or the tally behind it; right as long as its stamp is the present one."""

    __tablename__ = "leaf_answers"

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    name: str = Field(primary_key=True, max_length=64)
    stamp: str = Field(max_length=100)
    members: bytes = Field(sa_type=LargeBinary)
    kept_at: datetime


@dataclass(frozen=True)
class CacheKey:
    """Where an answer is kept and what makes it the right one."""

    name: str
    stamp: str


@dataclass
class ConditionCache:
    """The kept answers of one view: read together, and new ones stored together when the session has ended."""

    session: Session
    view: View
    versions: Mapping[Family, int]
    unsettled: set[Family]
    found: dict[CacheKey, bytes] = field(default_factory=dict)
    tallies: dict[Tallied, Tally] = field(default_factory=dict)

    def cache_key(self, condition: Condition) -> CacheKey | None:
        """Return where the answer for `condition` is kept; None when it is not to be kept."""
        families = FAMILIES.get(type(condition), ())
        if not families or self.unsettled.intersection(families):
            return None
        versions = "/".join(str(self.versions[family]) for family in families)
        text, stamp = key(condition), self.view.stamp(condition)
        if self.view.as_of is not None and stamp:
            text = f"{text} {stamp}"
        return CacheKey(sha256(text.encode()).hexdigest(), f"{versions} {stamp}")

    def read(self, conditions: Iterable[Condition]) -> dict[Condition, BitMap]:
        """Return those of the answers that are kept and still right, by one statement."""
        wanted = {condition: place for condition in conditions if (place := self.cache_key(condition))}
        kept = self._kept(wanted.values())
        return {condition: BitMap.deserialize(kept[place]) for condition, place in wanted.items() if place in kept}

    def put(self, condition: Condition, members: BitMap) -> None:
        """Remember an answer found here, to be kept."""
        if place := self.cache_key(condition):
            self.found[place] = members.serialize()

    def tally(self, measured: Tallied, measure: Callable[[], Tally]) -> Tally:
        """Return what is measured, as kept; measure it when it is not, and remember it."""
        if measured in self.tallies:
            return self.tallies[measured]
        packed = self.get_packed(measured)
        tally = Tally.unpack(packed) if packed else measure()
        if packed is None:
            self.put_packed(measured, tally.pack)
        if len(self.tallies) >= TALLIES_AT_HAND:
            del self.tallies[next(iter(self.tallies))]
        self.tallies[measured] = tally
        return tally

    def get_packed(self, condition: Condition) -> bytes | None:
        """Return the bytes kept for a condition; None when there are none that are still right."""
        place = self.cache_key(condition)
        return (self.found.get(place) or self._kept([place]).get(place)) if place else None

    def put_packed(self, condition: Condition, pack: Callable[[], bytes]) -> None:
        """Remember bytes for a condition, to be kept."""
        if place := self.cache_key(condition):
            self.found[place] = pack()

    def save(self) -> None:
        """Keep what was found here for whoever asks next, once this session has ended well."""
        if not self.found:
            return
        shop_id = self.view.shop.id  # read now: afterwards a row may have to be loaded, by a session that has ended
        rows = [
            {
                "shop_id": shop_id,
                "name": place.name,
                "stamp": place.stamp,
                "members": answer,
                "kept_at": self.view.now,
            }
            for place, answer in sorted(self.found.items(), key=lambda item: item[0].name)
        ]
        self.found = {}
        write_aside(self.session, lambda session: _store(session, shop_id, rows))

    def _kept(self, keys: Iterable[CacheKey]) -> dict[CacheKey, bytes]:
        wanted = set(keys)
        if not wanted:
            return {}
        names = sorted({place.name for place in wanted})
        query = sa.select(col(CachedResult.name), col(CachedResult.stamp), col(CachedResult.members)).where(
            col(CachedResult.shop_id) == self.view.shop.id, one_of(self.session, col(CachedResult.name), names)
        )
        kept = {CacheKey(name, stamp): members for name, stamp, members in self.session.execute(query)}
        return {place: kept[place] for place in wanted if place in kept}

    def fingerprint(self) -> str:
        """Return what changes whenever any answer for this shop may: the versions of all facts, and the hour."""
        return fingerprint_of(self.versions, self.view.hour)


def fingerprint_of(versions: Mapping[Family, int], hour: datetime) -> str:
    """Return a text that is another one for other facts or another hour."""
    versions_text = " ".join(f"{family.value}={version}" for family, version in sorted(versions.items()))
    return sha256(f"{versions_text} {hour}".encode()).hexdigest()


def open_cache(session: Session, view: View) -> ConditionCache:
    """Return the kept answers of a view. Reads the versions first: facts that change later only make a stamp older."""
    shop_id = view.shop.id
    return ConditionCache(session, view, read_versions(session, shop_id), raised_here(session, shop_id))


def _store(session: Session, shop_id: int, rows: list[dict[str, object]]) -> None:
    statement = insert(session, CachedResult)
    changed = {name: statement.excluded[name] for name in ("stamp", "members", "kept_at")}
    session.execute(statement.on_conflict_do_update(index_elements=["shop_id", "name"], set_=changed), rows)
    ranked = sa.select(
        col(CachedResult.name).label("name"),
        sa.func.sum(sa.func.length(col(CachedResult.members))).over(order_by=_NEWEST_FIRST).label("size"),
        sa.func.row_number().over(order_by=_NEWEST_FIRST).label("place"),
    )
    kept = ranked.where(col(CachedResult.shop_id) == shop_id).subquery()
    too_many = sa.select(kept.c.name).where((kept.c.place > MOST_KEPT) | (kept.c.size > LARGEST_KEPT))
    session.execute(
        sa.delete(CachedResult).where(col(CachedResult.shop_id) == shop_id, col(CachedResult.name).in_(too_many))
    )


_NEWEST_FIRST = (col(CachedResult.kept_at).desc(), col(CachedResult.name))
