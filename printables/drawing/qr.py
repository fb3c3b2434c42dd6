"""QR symbols for a whole batch at once, each decoded back before it is released.

For a fixed version, level and mask every module of a symbol is a sum modulo 2 of data bits plus a constant:
Reed-Solomon is linear over GF(2), placement moves bits about, the mask and the format bits are constants. So one
symbol per data bit, made by `qrcode` itself, is a basis, and a batch is XORs of it. The character count, the
terminator and the padding depend on the length only; each length has its own basis.

Alphanumeric mode only: an address on paper is upper-case (``HTTPS://R.EXAMPLE.CN/Q/7K...``), 5.5 bits a character.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import zxingcpp
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.main import QRCode
from qrcode.util import MODE_ALPHA_NUM, QRData

from retention.errors import Conflict, Invalid

Matrices = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
LEVELS = {"L": ERROR_CORRECT_L, "M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q, "H": ERROR_CORRECT_H}
# Alphanumeric characters a symbol holds, ISO/IEC 18004 table 7. Past version 4 the modules get too small for a phone.
CAPACITY = {
    1: {"L": 25, "M": 20, "Q": 16, "H": 10},
    2: {"L": 47, "M": 38, "Q": 29, "H": 20},
    3: {"L": 77, "M": 61, "Q": 47, "H": 35},
    4: {"L": 114, "M": 90, "Q": 67, "H": 50},
}
_QRData: Any = QRData  # qrcode is not typed
QUIET = 4  # modules on each side, ISO/IEC 18004 section 5.3.8
_FEW = 20  # up to here one by one is quicker than making a basis of 200
_AT_ONCE = 500  # pictures of symbols held in memory: 1.5 MB
_PAIR_BITS, _SINGLE_BITS, _BASE = 11, 6, 45
# Where the basis is measured from. Any text whose single bits can be turned and still spell something would do, were it
# not that `qrcode` 8.2 cannot divide a block of zeroes: 682 is 0b01010101010 and 10 is 0b001010.
_ORIGIN, _ORIGIN_SINGLE = "F7", "A"


def matrices(texts: Sequence[str], *, level: str = "M", version: int = 2, mask: int = 3) -> Matrices:
    """Return the symbols of `texts`, shape (n, size, size), True where dark, no quiet zone.

    Raises Invalid for a character outside `ALPHABET`, an empty text or one the symbol has no room for.
    """
    size = 17 + 4 * version
    made = np.empty((len(texts), size, size), dtype=np.bool_)
    for length, rows in _by_length(texts, level, version).items():
        some = [texts[row] for row in rows]
        values = _pairs(some)
        if len(some) <= _FEW:
            words = np.array([_packed(text, level, version, mask) for text in some])
        else:
            words = _combined(values, *_basis(length, level, version, mask))
        bits = np.unpackbits(words.view(np.uint8), axis=1).view(np.bool_)
        made[rows] = bits[:, : size * size].reshape(-1, size, size)
    return made


def smallest_version(text: str, *, level: str = "M") -> int:
    """Return the smallest version (1 to 4) that holds `text`; Invalid where none does."""
    for version, room in CAPACITY.items():
        if len(text) <= room[level]:
            return version
    raise _too_long(text, CAPACITY[max(CAPACITY)][level])


def check(made: Matrices, texts: Sequence[str]) -> None:
    """Decode every symbol with an independent reader; Conflict names the first that does not say its text."""
    for first in range(0, len(texts), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        for read, text in zip(decoded(made[some]), texts[some], strict=True):
            if read != text:
                raise Conflict("A QR code decodes as {read} instead of {text}.", read=repr(read), text=repr(text))


def decoded(made: Matrices) -> Iterator[str]:
    """Yield what a reader sees in each symbol, "" where it sees nothing."""
    framed = np.pad(made, ((0, 0), (1, 1), (1, 1))).repeat(2, axis=1).repeat(2, axis=2)
    for picture in np.where(framed, np.uint8(0), np.uint8(255)):
        found = zxingcpp.read_barcodes(picture, is_pure=True)
        yield found[0].text if found else ""


def paths(made: Matrices) -> Iterator[bytes]:
    """Yield each symbol as one filled PDF path in module units, origin at its lower left corner.

    Dark runs are rectangles of one path: filled together they leave no hairlines between modules.
    """
    size = made.shape[1]
    piece, row, start, width = _runs(made)
    words = _rectangles(size)[(row * size + start) * (size + 1) + width].tolist()
    bounds = np.searchsorted(piece, np.arange(len(made) + 1)).tolist()
    for first, last in itertools.pairwise(bounds):
        yield b"".join(words[first:last]) + b"f"


def svg_path(matrix: Matrices) -> str:
    """Return one symbol as the `d` of an SVG path in module units, origin at its upper left corner."""
    _, rows, starts, widths = _runs(matrix[np.newaxis])
    return "".join(f"M{x} {y}h{width}v1h-{width}z" for y, x, width in zip(rows, starts, widths, strict=True))


def _runs(made: Matrices) -> tuple[Indices, Indices, Indices, Indices]:
    """Return all dark runs as (piece, row from the top, first column, columns), ordered by piece."""
    edges = np.diff(np.pad(made, ((0, 0), (0, 0), (1, 1))).astype(np.int8), axis=2)
    piece, row, start = np.nonzero(edges == 1)
    return piece, row, start, np.nonzero(edges == -1)[2] - start


@lru_cache(maxsize=4)
def _rectangles(size: int) -> npt.NDArray[np.object_]:
    """Return the PDF operator of every run, at (row * size + start) * (size + 1) + width."""
    every = itertools.product(range(size), range(size), range(size + 1))
    return np.array([b"%d %d %d 1 re " % (start, size - 1 - row, width) for row, start, width in every], dtype=object)


def _by_length(texts: Sequence[str], level: str, version: int) -> dict[int, list[int]]:
    room = CAPACITY[version][level]
    rows: dict[int, list[int]] = {}
    for row, text in enumerate(texts):
        if not 0 < len(text) <= room:
            raise _too_long(text, room)
        rows.setdefault(len(text), []).append(row)
    return rows


def _too_long(text: str, room: int) -> Invalid:
    return Invalid(
        "A QR code here holds 1 to {room} characters; {text} has {length}.",
        room=room,
        text=repr(text),
        length=len(text),
    )


def _pairs(texts: list[str]) -> npt.NDArray[np.intp]:
    """Return the value of every character pair, shape (n, ceil(length / 2)); an odd last character stands alone."""
    length = len(texts[0])
    try:
        codes = _code_of()[np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8)].reshape(-1, length)
    except UnicodeEncodeError:
        codes = np.full((1, length), -1)
    if (codes < 0).any():
        wrong = next((text, sign) for text in texts for sign in text if sign not in ALPHABET)
        raise Invalid(
            "{sign} in {text} does not fit alphanumeric QR mode: use A-Z (upper-case), 0-9, space and $%*+-./:",
            sign=repr(wrong[1]),
            text=repr(wrong[0]),
        )
    even = length - length % 2
    values = codes[:, 0:even:2] * _BASE + codes[:, 1:even:2]
    return np.hstack([values, codes[:, even:]])


@lru_cache(maxsize=1)
def _code_of() -> npt.NDArray[np.intp]:
    codes = np.full(256, -1, dtype=np.intp)
    codes[np.frombuffer(ALPHABET.encode(), dtype=np.uint8)] = np.arange(_BASE)
    return codes


def _combined(values: npt.NDArray[np.intp], constant: Words, tables: list[Words]) -> Words:
    packed = np.repeat(constant[np.newaxis], len(values), axis=0)
    for position, table in enumerate(tables):
        packed ^= table[values[:, position]]
    return packed


@lru_cache(maxsize=64)
def _basis(length: int, level: str, version: int, mask: int) -> tuple[Words, list[Words]]:
    """Return the symbol of all zeroes and, per pair, what each of its values changes; rows of packed modules."""
    origin = _ORIGIN * (length // 2) + _ORIGIN_SINGLE * (length % 2)
    constant = made = _packed(origin, level, version, mask)
    tables = []
    for first in range(0, length, 2):
        here = origin[first : first + 2]
        bits = _PAIR_BITS if len(here) > 1 else _SINGLE_BITS
        table = np.zeros((1 << bits, len(made)), dtype=np.uint64)
        for bit in (1 << power for power in range(bits)):
            text = origin[:first] + _signs(_value(here) ^ bit, len(here)) + origin[first + 2 :]
            table[bit : 2 * bit] = table[:bit] ^ (_packed(text, level, version, mask) ^ made)
        constant = constant ^ table[_value(here)]
        tables.append(table)
    return constant, tables


def _value(signs: str) -> int:
    return ALPHABET.index(signs[0]) * _BASE + ALPHABET.index(signs[1]) if len(signs) > 1 else ALPHABET.index(signs)


def _signs(value: int, length: int) -> str:
    return ALPHABET[value // _BASE] + ALPHABET[value % _BASE] if length > 1 else ALPHABET[value]


def _packed(text: str, level: str, version: int, mask: int) -> Words:
    """Return one symbol made by `qrcode`, its modules packed into 64-bit words."""
    symbol: Any = QRCode(version=version, error_correction=LEVELS[level], mask_pattern=mask, border=0)
    symbol.add_data(_QRData(text, mode=MODE_ALPHA_NUM), optimize=0)
    symbol.make(fit=False)
    flat = np.packbits(np.array(symbol.modules, dtype=np.bool_).ravel())
    return np.pad(flat, (0, -len(flat) % 8)).view(np.uint64)
