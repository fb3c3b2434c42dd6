"""Buckets: a stable random share of the buyers, the same today and in a year.

The bucket of a buyer is splitmix64 of the buyer's row number, started from the first eight bytes of BLAKE2b over shop
and seed, modulo the number of buckets. Row numbers are never used again, so a buyer keeps its bucket for good; another
seed splits differently and independently.
Source of the mixing steps: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from hashlib import blake2b

import numpy as np
from pyroaring import BitMap

from segments.rule_ast import Bucket


def in_bucket(buyers: BitMap, bucket: Bucket, *, shop_id: int) -> BitMap:
    """Return those of `buyers` that are dealt into buckets `first` to `last`, both included."""
    ids = np.array(buyers.to_array(), dtype=np.uint32)
    dealt = mixed(ids, f"{shop_id}:{bucket.seed}") % np.uint64(bucket.of)
    return BitMap(ids[(dealt >= bucket.first) & (dealt <= bucket.last)])


def mixed(
    ids: "np.ndarray[tuple[int], np.dtype[np.uint32]]", seed: str
) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """Return 64 well-mixed bits per id."""
    start = np.uint64(int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()))
    bits = start + ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
