"""Words that stand for a state or an answer, compared however systems spell them."""

import re
import unicodedata
from functools import cache

_LEFT_OUT = re.compile(r"[\s_\-.,;:/|、'’\"()\[\]]+")
_PARTS = re.compile(r"[,;/|、，；()\[\]\n]+")


def parts_of(word: str) -> list[str]:
    """Return the words of a cell that says several: 已发货，待签收."""
    return [part for part in _PARTS.split(unicodedata.normalize("NFKC", word)) if part.strip()]


@cache
def fold(word: str) -> str:
    """Return a word without case, width, blanks, punctuation and WooCommerce's `wc-`."""
    plain = unicodedata.normalize("NFKC", word).strip().casefold().removeprefix("wc-")
    return _LEFT_OUT.sub("", plain)
