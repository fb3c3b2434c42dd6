"""Stored figures: results that take long to count, kept for the pages that show them.

A shop of up to LARGE buyers is counted at each visit. In a larger one a figure is kept with the day and the versions of
the facts it was counted from; while those stand it is exact. When they have moved it is shown as it was, with the
moment, and a worker counts it again; one that was never counted is asked of a worker too. No page waits for a count.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from zlib import crc32

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Engine
from sqlalchemy.orm import defer
from sqlmodel import Field, Session, SQLModel, col, select

from retention import clock, queue
from retention.buyers import Buyer
from retention.database import BigId, Json, insert, reading, transaction, write_aside
from retention.errors import Error
from retention.failures import Thing, each_alone
from retention.shops import Shop
from retention.versions import DataVersion, Family, raised_here, read_versions

LARGE = 10_000
"""Buyers above which figures are kept."""
ASKED_FOR = timedelta(days=7)
"""How long a worker goes on counting a figure that nobody looks at."""
PAUSE = timedelta(minutes=1)
SHARE = 20
"""A figure is counted at most once in PAUSE, and in SHARE times as long as it takes."""
ASKED_AGAIN = timedelta(minutes=5)
"""How long a figure that was never counted may take before a worker is asked once more."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a figure was counted that is only asked for."""

T = TypeVar("T")


class KeptFigure(SQLModel, table=True):
    """A stored figure: its data version, when it was counted, how many seconds it took, and when it was last viewed."""

    __tablename__ = "kept_figures"

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    name: str = Field(primary_key=True, max_length=200)
    stamp: str = Field(max_length=200)
    value: Any = Field(sa_type=Json)
    seconds: float
    counted_at: datetime
    asked_at: datetime = Field(index=True)


@dataclass(frozen=True)
class Figure(Generic[T]):
    """A figure of a shop: `count` returns a value of `type` for a key, such as a campaign's number, at a moment.

    A figure of the whole shop (`first`) is counted after an import already, before anybody has asked; its key is empty.
    `moves` says, in a few letters, how far time alone has moved the figure within a day.
    """

    name: str
    families: tuple[Family, ...]
    type: Any
    count: Callable[[Session, Shop, str, datetime], T]
    first: bool = False
    moves: Callable[[Session, str, datetime], str] | None = None

    def stamp(self, session: Session, shop: Shop, key: str, versions: dict[Family, int], now: datetime) -> str:
        """Return what changes when the figure may."""
        moved = [self.moves(session, key, now)] if self.moves else []
        return "/".join([*(str(versions[family]) for family in self.families), str(shop.day(now)), *moved])


@dataclass(frozen=True)
class CountedFigure(Generic[T]):
    """A figure and the moment it was counted; not `current` once the facts have moved on."""

    value: T
    at: datetime
    current: bool


def moment_of(*counted: CountedFigure[Any]) -> datetime | None:
    """Return when the oldest of some figures was counted that are not those of now; None when all are."""
    return min((each.at for each in counted if not each.current), default=None)


_SHOWN = "figures_shown"
_figures: dict[str, Figure[Any]] = {}


def define(figure: Figure[T]) -> Figure[T]:
    """Make a figure known, so that a worker can count it by its name."""
    _figures[figure.name] = figure
    return figure


def figure_of(
    session: Session, shop: Shop, figure: Figure[T], key: str = "", *, now: datetime
) -> CountedFigure[T] | None:
    """Return a figure: counted now in a small shop, as kept in a large one; None where a worker counts it first."""
    found = _figure_of(session, shop, figure, key, now)
    session.info.setdefault(_SHOWN, []).append(found)
    return found


def moment_shown(session: Session) -> datetime | None:
    """Return when the oldest figure was counted that this session has read and that is not of now; None if all are."""
    return moment_of(*(each for each in session.info.get(_SHOWN, ()) if each is not None))


def is_counting(session: Session) -> bool:
    """Tell whether this session has asked for a figure that a worker counts first."""
    return None in session.info.get(_SHOWN, ())


def _figure_of(session: Session, shop: Shop, figure: Figure[T], key: str, now: datetime) -> CountedFigure[T] | None:
    if not is_large(session, shop.id) or raised_here(session, shop.id).intersection(figure.families):
        return CountedFigure(figure.count(session, shop, key, now), now, current=True)
    name = _name(figure, key)
    kept = session.get(KeptFigure, (shop.id, name))
    if kept is None or not kept.stamp:
        if kept is None or now - kept.asked_at > ASKED_AGAIN:
            write_aside(session, lambda own: _ask_for(own, shop.id, name, now))
            queue.send(session, "figures.count", shop.id)
        return None
    if now - kept.asked_at > ASKED_FOR / 7:
        write_aside(session, lambda own: _note_asked(own, shop.id, name, now))
    current = kept.stamp == figure.stamp(session, shop, key, read_versions(session, shop.id), now)
    if not current and _may_count(kept, now):
        queue.send(session, "figures.count", shop.id)
    return CountedFigure(_read(figure, kept.value), min(kept.counted_at, now), current=current)


def _name(figure: Figure[Any], key: str) -> str:
    return f"{figure.name}:{key}"


def is_large(session: Session, shop_id: int) -> bool:
    """Tell whether a shop has more than LARGE buyers; reads no more rows than that, by index, once in a session."""
    known: dict[int, bool] = session.info.setdefault("large_shops", {})
    if shop_id in known:
        return known[shop_id]
    beyond = select(Buyer.id).where(Buyer.shop_id == shop_id).order_by(col(Buyer.id)).offset(LARGE).limit(1)
    known[shop_id] = session.exec(beyond).first() is not None
    return known[shop_id]


@queue.engine_task("figures.count", every=timedelta(minutes=5))
def count_figures(engine: Engine, shop_id: int | None = None) -> None:
    """Count what people looked at lately and whose facts have moved; of one shop, or as a sweep of all."""
    now = clock.now()
    _count_each(engine, list(_stale(engine, shop_id, now)), now)


@queue.engine_task("figures.begin")
def begin_figures(engine: Engine, shop_id: int) -> None:
    """Count the figures of a large shop that nobody has asked for yet, so that the first who signs in finds them."""
    now = clock.now()
    with reading(engine) as session:
        counted = select(KeptFigure.name).where(KeptFigure.shop_id == shop_id, KeptFigure.stamp != "")
        kept = set(session.exec(counted))
        wanted = (
            [_name(figure, "") for figure in _figures.values() if figure.first] if is_large(session, shop_id) else []
        )
    _count_each(engine, [(shop_id, name) for name in wanted if name not in kept], now)
    count_figures(engine, shop_id)


def _count_each(engine: Engine, figures: list[tuple[int, str]], now: datetime) -> None:
    """Count figures, each (shop, name); one that cannot be counted keeps no other from being counted."""
    names = {Thing(shop_id, "figure", crc32(name.encode()), name.partition(":")[0]): name for shop_id, name in figures}
    each_alone(engine, "figure", names, lambda thing: _count_again(engine, thing.shop_id, names[thing], now), now=now)


def _stale(engine: Engine, shop_id: int | None, now: datetime) -> Iterator[tuple[int, str]]:
    asked = select(KeptFigure).where(KeptFigure.asked_at > now - ASKED_FOR)
    if shop_id is not None:
        asked = asked.where(KeptFigure.shop_id == shop_id)
    with reading(engine) as session:
        rows = session.exec(asked.options(defer(KeptFigure.value))).all()
        numbers = {row.shop_id for row in rows}
        shops = {shop.id: shop for shop in session.exec(select(Shop).where(col(Shop.id).in_(numbers)))}
        versions = {number: dict.fromkeys(Family, 0) for number in numbers}
        for each in session.exec(select(DataVersion).where(col(DataVersion.shop_id).in_(numbers))):
            versions[each.shop_id][each.family] = each.version
        for row in rows:
            figure = _figures.get(row.name.partition(":")[0])
            if figure is None or not _may_count(row, now):
                continue
            key, versions_now = row.name.partition(":")[2], versions[row.shop_id]
            try:
                current = row.stamp == figure.stamp(session, shops[row.shop_id], key, versions_now, now)
            except Error:  # it fails again where it is counted, and is told there
                current = False
            if not current:
                yield row.shop_id, row.name


def _may_count(kept: KeptFigure, now: datetime) -> bool:
    if kept.counted_at > now:  # by a clock that was ahead
        return True
    return now - kept.counted_at >= max(PAUSE, timedelta(seconds=kept.seconds * SHARE))


def _count_again(engine: Engine, shop_id: int, name: str, now: datetime) -> None:
    label, _, key = name.partition(":")
    with reading(engine) as session:
        row = _count(session, session.get_one(Shop, shop_id), _figures[label], key, now)
    with transaction(engine) as session:
        _store(session, row)


def _count(session: Session, shop: Shop, figure: Figure[Any], key: str, now: datetime) -> dict[str, Any]:
    """Count a figure. The versions are read first: facts that move meanwhile only make it older."""
    stamp = figure.stamp(session, shop, key, read_versions(session, shop.id), now)
    begun = time.perf_counter()
    value = TypeAdapter(figure.type).dump_python(figure.count(session, shop, key, now), mode="json")
    return {
        "shop_id": shop.id,
        "name": _name(figure, key),
        "stamp": stamp,
        "value": value,
        "seconds": time.perf_counter() - begun,
        "counted_at": now,
        "asked_at": now,
    }


def _ask_for(session: Session, shop_id: int, name: str, now: datetime) -> None:
    """Keep that somebody waits for a figure, so that a worker counts it."""
    asked = {"stamp": "", "value": {}, "seconds": 0.0, "counted_at": NEVER, "asked_at": now}
    statement = insert(session, KeptFigure).values(shop_id=shop_id, name=name, **asked)
    session.execute(statement.on_conflict_do_update(index_elements=["shop_id", "name"], set_={"asked_at": now}))


def _note_asked(session: Session, shop_id: int, name: str, now: datetime) -> None:
    seen = sa.update(KeptFigure).where(col(KeptFigure.shop_id) == shop_id, col(KeptFigure.name) == name)
    session.execute(seen.values(asked_at=now))


def _store(session: Session, row: dict[str, Any]) -> None:
    statement = insert(session, KeptFigure).values(row)
    changed = {name: statement.excluded[name] for name in row if name not in ("shop_id", "name", "asked_at")}
    session.execute(statement.on_conflict_do_update(index_elements=["shop_id", "name"], set_=changed))


def _read(figure: Figure[T], value: Any) -> T:
    read: T = TypeAdapter(figure.type).validate_python(value)
    return read
