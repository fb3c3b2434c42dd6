"""Assignment: who is in the control group, decided by a keyed hash and by nothing else.

The same campaign and buyer always give the same answer, whoever else is in the audience. Without the campaign's secret
nobody can foresee or choose it.
"""

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

_U64 = np.uint64
_CHUNK = 1 << 18  # buyers hashed at a time, so that memory stays flat


def control_group(buyers: BitMap, *, secret: str, share: float) -> BitMap:
    """Return the buyers whose hash falls into the lowest `share` (0 to 1) of its range.

    Each buyer is in it with probability `share` on its own, so the size varies by chance, as `sample_ratio` expects.
    """
    threshold = min(int(share * 2.0**64), 2**64 - 1)
    if not threshold:
        return BitMap()
    ids = np.asarray(buyers.to_array(), dtype=np.uint32)
    key = bytes.fromhex(secret)[:16].ljust(16, b"\0")
    return BitMap(ids[hashes(buyers, key) < _U64(threshold)])


def hashes(buyers: BitMap, key: bytes) -> NDArray[np.uint64]:
    """Return the hash of each buyer of a set under a 16-byte key, in the order of their numbers."""
    ids = np.asarray(buyers.to_array(), dtype=_U64)
    parts = [siphash(ids[start : start + _CHUNK], key) for start in range(0, ids.size, _CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=_U64)


def siphash(numbers: NDArray[np.uint64], key: bytes) -> NDArray[np.uint64]:
    """SipHash-2-4 of each number as an 8-byte little-endian message under a 16-byte key.

    Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012: a keyed hash for short messages that nobody can
    predict without the key. Here all messages go through the rounds together.
    """
    first, second = (_U64(int.from_bytes(key[part : part + 8], "little")) for part in (0, 8))
    state = [
        np.full(numbers.shape, word, dtype=_U64)
        for word in (
            first ^ _U64(0x736F6D6570736575),
            second ^ _U64(0x646F72616E646F6D),
            first ^ _U64(0x6C7967656E657261),
            second ^ _U64(0x7465646279746573),
        )
    ]
    for word in (numbers.astype(_U64), _U64(8 << 56)):  # the message, then its length in the top byte
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= _U64(0xFF)
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[NDArray[np.uint64]], count: int) -> None:
    for _ in range(count):
        _half(state, 0, 1, 13, 2, 3, 16)
        _half(state, 2, 1, 17, 0, 3, 21)


def _half(state: list[NDArray[np.uint64]], a: int, b: int, by_b: int, c: int, d: int, by_d: int) -> None:
    """One of the two interleaved halves of a SipRound; `a` is rotated by 32 after it went into `b`."""
    state[a] = state[a] + state[b]
    state[b] = _rotate(state[b], by_b) ^ state[a]
    state[a] = _rotate(state[a], 32)
    state[c] = state[c] + state[d]
    state[d] = _rotate(state[d], by_d) ^ state[c]


def _rotate(values: NDArray[np.uint64], by: int) -> NDArray[np.uint64]:
    return (values << _U64(by)) | (values >> _U64(64 - by))
