"""Passwords: checked for strength, stored as Argon2 hashes, compared in the same time where there is none.

Hashing takes tens of milliseconds and 64 MB on purpose. Do it outside any transaction, and a few at a time.
"""

from collections.abc import Sequence
from functools import cache
from threading import Lock

from pwdlib import PasswordHash

from retention import tokens
from retention.errors import Invalid

SHORTEST = 10
LONGEST = 1000
JUDGED = 72
"""What zxcvbn looks at; what stands behind it can only make a password better."""
GOOD_ENOUGH = 3
"""Of 4: out of reach of guessing at a stolen hash for months."""

NONE = ""
"""Kept where somebody has no password yet: nothing fits it."""

_hashes = PasswordHash.recommended()
_one_at_a_time = Lock()  # zxcvbn keeps the words of the asker in a table of its module


def hash_password(password: str, *, about: Sequence[str] = ()) -> str:
    """Return what is kept of a new password; Invalid when it is short or easy to guess.

    `about` is what everybody knows of the person, such as name and address: it makes no password.
    """
    judge(password, about)
    return _hashes.hash(password)


def judge(password: str, about: Sequence[str] = ()) -> None:
    """Raise Invalid, saying what would be better, for a password that does not protect."""
    if len(password) < SHORTEST:
        raise Invalid("A password needs at least {length} characters.", length=SHORTEST)
    if len(password) > LONGEST:
        raise Invalid("A password has at most {length} characters.", length=LONGEST)
    from zxcvbn import zxcvbn  # late: its word lists take a moment, and few processes judge passwords

    with _one_at_a_time:
        score = zxcvbn(password[:JUDGED], [word for word in about if word])["score"]
    if score < GOOD_ENOUGH:
        raise Invalid("This password is easy to guess. Use four unrelated words.")


def fits(password: str, kept: str) -> bool:
    """Tell whether `password` is the one whose hash is kept; without one it takes as long to say no."""
    nobody = _nobody()
    return _hashes.verify(password, kept or nobody) and kept != NONE


@cache
def _nobody() -> str:
    """Return what is compared with where there is no password."""
    return _hashes.hash(tokens.new_secret())
