"""Random tokens: link tokens, coupon codes, keys and sessions, and the digests that rows keep of secrets."""

import hashlib
import secrets
import unicodedata

import numpy as np

from retention.errors import Invalid

# Digits and capitals without I, L, O, S and U. What people type instead (O for 0, I or L for 1, S for 5, U for V) is
# read as what was printed.
ALPHABET = "0123456789ABCDEFGHJKMNPQRTVWXYZ"
"""31 symbols, a prime, so that one weighted check symbol finds every single slip and every swap of neighbours."""

CODE_LENGTH = 8
"""Symbols of a coupon code, the last one a check symbol: 31^7, about 27 thousand million codes."""

TOKEN_LENGTH = 12
"""Symbols of a link token: 31^12, about 59 bits. Short enough for QR version 2 with a 26 character address."""

_VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}
_LOOK_ALIKES = {"O": "0", "I": "1", "L": "1", "S": "5", "U": "V"}
_BETWEEN = " \u00a0\u3000-\u2010\u2013\u2014\u2212._\u00b7"
"""What stands between the signs of a code as people type it: blanks, dashes, dots."""
_WIDE = 0xFEE0  # from a sign to the same in full width, as Chinese keyboards type it
_AS_PRINTED = str.maketrans(_LOOK_ALIKES | dict.fromkeys(_BETWEEN, ""))


def new_tokens(count: int, length: int = TOKEN_LENGTH) -> list[str]:
    """Return `count` random words of `length` symbols from the operating system's randomness."""
    values = _random_values(count, length)
    return _spell(values)


def new_codes(count: int) -> list[str]:
    """Return `count` coupon codes with their check symbols; one million take about a second."""
    body = _random_values(count, CODE_LENGTH - 1)
    check = (body @ _weights(CODE_LENGTH - 1)) % len(ALPHABET)
    return _spell(np.column_stack([body, check]))


def read_code(text: str) -> str:
    """Return the code a person typed (any case and width, spaces, dashes, look-alikes); Invalid when it cannot be one.

    The check symbol is the sum of (position + 1) x value modulo 31 over the others, positions from 0; as 31 is prime
    it finds every single wrong symbol and every swap of two neighbours.
    """
    code = "".join(unicodedata.normalize("NFKC", text).split()).upper().translate(_AS_PRINTED)
    if len(code) != CODE_LENGTH or any(symbol not in _VALUE for symbol in code):
        raise Invalid(
            "{code} is not a coupon code. A code has {length} letters and digits.", code=repr(text), length=CODE_LENGTH
        ).typed("not-a-code")
    values = np.array([_VALUE[symbol] for symbol in code])
    if int(values[:-1] @ _weights(CODE_LENGTH - 1)) % len(ALPHABET) != values[-1]:
        raise Invalid(
            "{code} is mistyped: its check character is wrong. Compare it with the printed code.", code=repr(text)
        ).typed("typing-slip")
    return code


def typed_signs() -> dict[str, str]:
    """Return what `read_code` reads instead of a capital or a sign in between, for queries about typed codes."""
    signs = dict.fromkeys(_BETWEEN, "") | _LOOK_ALIKES
    wide = {chr(ord(sign) + _WIDE): signs.get(sign.upper(), sign.upper()) for sign in map(chr, range(0x21, 0x7F))}
    return signs | wide


def spaced(code: str) -> str:
    """Return a code as people read it: 7K3M-9PQR."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def new_secret() -> str:
    """Return a secret for a session or an API key, 256 bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the SHA-256 of a high-entropy secret, the only form a row keeps."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _random_values(count: int, length: int) -> np.ndarray:
    """Return count x length values below 31; bytes from 248 are drawn again, so each value is equally likely."""
    need = count * length
    drawn = np.empty(0, dtype=np.uint8)
    while drawn.size < need:
        fresh = np.frombuffer(secrets.token_bytes((need - drawn.size) * 33 // 32 + 16), dtype=np.uint8)
        drawn = np.concatenate([drawn, fresh[fresh < 8 * len(ALPHABET)]])
    return (drawn[:need] % len(ALPHABET)).astype(np.int64).reshape(count, length)


def _weights(length: int) -> np.ndarray:
    return np.arange(1, length + 1)


def _spell(values: np.ndarray) -> list[str]:
    letters = np.array([ord(symbol) for symbol in ALPHABET], dtype=np.uint8)[values]
    text = letters.tobytes().decode("ascii")
    width = values.shape[1]
    return [text[start : start + width] for start in range(0, len(text), width)]
