"""RFM: how recently, how often and for how much each buyer bought, scored 1 to 5 within the shop, and eleven groups.

Quintiles that preserve ties: score = 1 + floor(5 · buyers strictly worse / buyers with an order). Equal values share a
score, and 5 is best. In a shop of one-time buyers the frequency score collapses; the fixed steps 1, 2, 3-4, 5-9, 10+
are the other choice. The groups carry the names merchants know from Shopify; they divide the plane of recency (R) and
the mean of frequency and monetary (FM) as `GRID` says, a division of our own along the same descriptions.
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col

from retention.aggregates import BuyerAggregates
from retention.bitmaps import read_columns
from retention.orders import Order
from segments.conditions import COMPARE, within
from segments.labels import GROUPS
from segments.order_sums import Fold, add_up
from segments.purchases import BUYER, DAY, PAID, counted_orders
from segments.rule_ast import Rfm, Scale, Tests, Window
from segments.view import View

STEPS = (2, 3, 5, 10)
"""Orders from which on the frequency score is 2, 3, 4, 5."""

GRID: dict[str, tuple[range, range]] = {
    # group: (R, F + M)
    "champions": (range(5, 6), range(8, 11)),
    "loyal": (range(3, 5), range(8, 11)),
    "previously-loyal": (range(1, 3), range(8, 11)),
    "active": (range(4, 6), range(5, 8)),
    "needs-attention": (range(3, 4), range(5, 8)),
    "at-risk": (range(1, 3), range(5, 8)),
    "new": (range(5, 6), range(2, 5)),
    "promising": (range(4, 5), range(2, 5)),
    "almost-lost": (range(3, 4), range(2, 5)),
    "dormant": (range(1, 3), range(2, 5)),
}
"""Every group but prospects, who never ordered: FM is 4 and more, 2.5 to 3.5, 2 and less."""

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

_HEAD = struct.Struct("<I")


@dataclass(frozen=True)
class Scores:
    """Buyers with an order, by id, and their three scores, as arrays of equal length."""

    ids: Ints
    recency: Bytes
    frequency: Bytes
    monetary: Bytes

    def pack(self) -> bytes:
        """Return the scores as bytes: the set of buyers, then a byte for each score."""
        members = BitMap(self.ids.astype(np.uint32)).serialize()
        planes = np.stack([self.recency, self.frequency, self.monetary])
        return _HEAD.pack(len(members)) + members + zlib.compress(planes.tobytes(), level=1)

    @classmethod
    def unpack(cls, packed: bytes) -> "Scores":
        """Return the scores that `pack` made these bytes of."""
        (size,) = _HEAD.unpack_from(packed)
        start = _HEAD.size + size
        ids = np.array(BitMap.deserialize(packed[_HEAD.size : start]).to_array(), dtype=np.int64)
        return cls(ids, *np.frombuffer(zlib.decompress(packed[start:]), dtype=np.int8).reshape(3, len(ids)))

    def group(self, slug: str) -> BitMap:
        """Return the buyers of one group; prospects are not among the scored."""
        if slug == "prospects":
            return BitMap()
        recency, both = GRID[slug]
        total = self.frequency + self.monetary
        inside = (self.recency >= recency.start) & (self.recency < recency.stop)
        return _chosen(self.ids, inside & (total >= both.start) & (total < both.stop))


def read_scores(session: Session, view: View, *, scale: Scale = Scale.QUINTILES) -> Scores:
    """Return the scores of every buyer with a counted order, as seen from `view`."""
    if view.as_of is None:
        aggregates = sa.select(
            col(BuyerAggregates.buyer_id),
            col(BuyerAggregates.last_day),
            col(BuyerAggregates.orders),
            col(BuyerAggregates.spend),
        )
        known = aggregates.where(col(BuyerAggregates.shop_id) == view.shop.id, col(BuyerAggregates.orders) > 0)
        return score(read_columns(session, known), scale=scale)
    orders = sa.select(BUYER, DAY, PAID).where(*counted_orders(view), *within(view, col(Order.ordered_at), Window()))
    return score(add_up(session, orders, Fold.MOST, Fold.COUNT, Fold.SUM), scale=scale)


def score(aggregates: Ints, *, scale: Scale = Scale.QUINTILES) -> Scores:
    """Score the columns buyer, last order day, orders, spend; the answer is by buyer."""
    ids, last_day, orders, spend = aggregates
    order = np.argsort(ids)
    frequency = quintiles(orders) if scale is Scale.QUINTILES else 1 + np.searchsorted(STEPS, orders, side="right")
    scores = (each.astype(np.int8)[order] for each in (quintiles(last_day), frequency, quintiles(spend)))
    return Scores(ids[order], *scores)


def quintiles(values: Ints) -> Ints:
    """Return 1 + floor(5 · values strictly smaller / all values) for each value."""
    if not len(values):
        return values
    worse = np.searchsorted(np.sort(values), values, side="left")
    return 1 + 5 * worse // len(values)


def match_rfm(scores: Scores, condition: Rfm, *, everyone: BitMap) -> BitMap:
    """Return the buyers whose scores pass, and who are in one of the groups when groups are named."""
    scored = _passing(scores, condition)
    if not condition.groups:
        return scored
    named = BitMap.union(BitMap(), *(scores.group(slug) for slug in condition.groups))
    if "prospects" in condition.groups and not (condition.recency or condition.frequency or condition.monetary):
        return named & scored | everyone - BitMap(scores.ids)
    return named & scored


def _passing(scores: Scores, condition: Rfm) -> BitMap:
    inside = np.ones(len(scores.ids), dtype=bool)
    for values, tests in (
        (scores.recency, condition.recency),
        (scores.frequency, condition.frequency),
        (scores.monetary, condition.monetary),
    ):
        inside &= _passes(values, tests)
    return _chosen(scores.ids, inside)


def _passes(values: Bytes, tests: Tests) -> npt.NDArray[np.bool_]:
    inside = np.ones(len(values), dtype=bool)
    for test in tests:
        inside &= COMPARE[test.operator](values, test.value)
    return inside


def _chosen(ids: Ints, inside: npt.NDArray[np.bool_]) -> BitMap:
    return BitMap(ids[inside].astype(np.uint32))


@dataclass(frozen=True)
class Movement:
    """Buyers by group at two moments: `moved[i][j]` were in the i-th group and are in the j-th now."""

    groups: tuple[str, ...]
    moved: tuple[tuple[int, ...], ...]


def group_members(scores: Scores, *, everyone: BitMap) -> dict[str, BitMap]:
    """Return the buyers of each of the eleven groups; every buyer of the shop is in exactly one."""
    found = {slug: scores.group(slug) for slug in GROUPS}
    found["prospects"] = everyone - BitMap(scores.ids.astype(np.uint32))
    return found


def movement(before: dict[str, BitMap], after: dict[str, BitMap]) -> Movement:
    """Count who moved from which group to which between two answers of `group_members`."""
    groups = tuple(GROUPS)
    counts = (tuple(before[one].intersection_cardinality(after[other]) for other in groups) for one in groups)
    return Movement(groups, tuple(counts))


def grid(scores: Scores) -> list[list[int]]:
    """Return how many buyers have each recency (rows, 5 first) and mean of frequency and money (columns 1 to 5, halves
    rounded down): the heat map.
    """
    counts = np.zeros((5, 5), dtype=np.int64)
    np.add.at(counts, (5 - scores.recency, (scores.frequency + scores.monetary) // 2 - 1), 1)
    return [[int(count) for count in row] for row in counts]


@dataclass(frozen=True)
class RfmCell:
    """Buyers who share a recency and a frequency, and the mean of their scores for money (0 where nobody is)."""

    recency: int
    frequency: int
    buyers: int
    money: float


def cells(scores: Scores) -> list[list[RfmCell]]:
    """Return the plane of recency (rows, 5 first) and frequency (columns, 1 first) cell by cell."""
    counts, money = np.zeros((6, 6), dtype=np.int64), np.zeros((6, 6), dtype=np.int64)
    np.add.at(counts, (scores.recency, scores.frequency), 1)
    np.add.at(money, (scores.recency, scores.frequency), scores.monetary)
    return [
        [
            RfmCell(row, column, int(counts[row, column]), float(money[row, column] / max(counts[row, column], 1)))
            for column in range(1, 6)
        ]
        for row in range(5, 0, -1)
    ]
