"""Tallies: a number per buyer, measured once and compared with any threshold.

"At least 3 orders in 180 days" and "at least 5" differ in the threshold only. What the database adds up is the same,
so it is kept as it is and compared here: moving a threshold asks the database nothing.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import cast

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from segments.conditions import COMPARE
from segments.rule_ast import TIMES, Condition, Orders, Predicted, Tests, Touched

Ints = npt.NDArray[np.int64]
Tallied = Orders | Touched | Predicted

_HEAD = struct.Struct("<II?")


@dataclass(frozen=True)
class Tally:
    """Buyers and their number: `above`, divided by `below` where that is given."""

    ids: Ints
    above: Ints
    below: Ints | None = None

    def passing(self, tests: Tests) -> BitMap:
        """Return the buyers whose number passes all tests, compared in whole numbers."""
        return self._chosen(self._passes(tests))

    def failing(self, tests: Tests) -> BitMap:
        """Return the buyers whose number fails a test."""
        return self._chosen(~self._passes(tests))

    def pack(self) -> bytes:
        """Return the tally as bytes; the numbers byte by byte of their size, which compresses well and quickly."""
        order = np.argsort(self.ids, kind="stable")
        members = BitMap(self.ids.astype(np.uint32)).serialize()
        numbers = [self.above] if self.below is None else [self.above, self.below]
        planes = b"".join(
            np.ascontiguousarray(each[order]).view(np.uint8).reshape(-1, 8).T.tobytes() for each in numbers
        )
        head = _HEAD.pack(len(members), len(self.ids), self.below is not None)
        return head + members + zlib.compress(planes, level=1)

    @classmethod
    def unpack(cls, packed: bytes) -> "Tally":
        """Return the tally that `pack` made these bytes of."""
        size, count, divided = _HEAD.unpack_from(packed)
        start = _HEAD.size + size
        members = BitMap.deserialize(packed[_HEAD.size : start])
        planes = np.frombuffer(zlib.decompress(packed[start:]), dtype=np.uint8).reshape(1 + divided, 8, count)
        numbers = [np.ascontiguousarray(each.T).view(np.int64).reshape(count) for each in planes]
        return cls(np.array(members.to_array(), dtype=np.int64), *numbers)

    def _passes(self, tests: Tests) -> npt.NDArray[np.bool_]:
        inside = np.ones(len(self.ids), dtype=bool)
        for test in tests:
            number = cast("int | Decimal", test.value)
            above, below = number.as_integer_ratio()
            left = self.above if below == 1 else self.above * below
            inside &= COMPARE[test.operator](left, above if self.below is None else above * self.below)
        return inside

    def _chosen(self, inside: npt.NDArray[np.bool_]) -> BitMap:
        return BitMap(self.ids[inside].astype(np.uint32))


def is_tallied(condition: Condition) -> bool:
    """Tell whether a condition compares a number per buyer."""
    return isinstance(condition, Touched | Predicted) or (
        isinstance(condition, Orders) and condition.measure not in TIMES
    )


def untested(condition: Tallied) -> Tallied:
    """Return what is measured, without what it is compared with."""
    return replace(condition, tests=())
