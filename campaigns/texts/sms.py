"""Text messages: the shop's signature first, opt-out words last, and what a gateway counts and charges for it all.

Counting follows 3GPP TS 23.038: a text within the GSM 7-bit alphabet has 160 letters in one part and 153 in each of
several; any other is sent as UCS-2 with 70 and 67. Letters of the extension table take two places, and so does every
character above U+FFFF in UCS-2; neither is cut in two between parts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

GSM_LETTERS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet without its escape, TS 23.038 section 6.2.1."""

GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Its extension table, section 6.2.1.1: each takes an escape and a place."""

SEEN_AT_ONCE = 7
"""How many characters of a message every list of messages shows; the name of the shop has to be within them."""


class SmsEncoding(StrEnum):
    """How a text travels."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


_OPT_OUT = {"zh-CN": "拒收请回复R", "en": "Reply STOP to opt out"}  # no label: gateways check for these very words
_ENDS = frozenset("。！？；…!?.,，~～")
_CAPACITY = {SmsEncoding.GSM7: (160, 153), SmsEncoding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True)
class SmsParts:
    """What a text takes: its encoding, its characters, the places they need, the parts, and the places still free."""

    encoding: SmsEncoding
    letters: int
    places: int
    parts: int
    free: int

    def cost(self, price: int) -> int:
        """Return what it costs in hundredths of a minor unit, `price` being that of one part."""
        return self.parts * price


def count_sms(text: str, signature: str = "", *, always_wide: bool = False) -> SmsParts:
    """Return how `signature` and `text` together travel.

    `always_wide` is for gateways that count every text as UCS-2, as those of the Chinese mainland do.
    """
    whole = signature + text
    encoding = SmsEncoding.UCS2 if always_wide else encoding_of(whole)
    widths = list(_widths(whole, encoding))
    single, each = _CAPACITY[encoding]
    places = sum(widths)
    if places <= single:
        return SmsParts(encoding, len(whole), places, 1 if whole else 0, single - places)
    parts, used = 1, 0
    for width in widths:
        if used + width > each:
            parts, used = parts + 1, 0
        used += width
    return SmsParts(encoding, len(whole), places, parts, each - used)


def encoding_of(text: str) -> SmsEncoding:
    """Return the narrower encoding that has every character of `text`."""
    return SmsEncoding.GSM7 if set(text) <= GSM_LETTERS | GSM_EXTENSION else SmsEncoding.UCS2


def sign(name: str, language: str) -> str:
    """Return the signature a text begins with: 【店名】 in Chinese, as its networks demand, and `Shop: ` elsewhere.

    The brackets are not in the GSM alphabet; elsewhere they would more than halve what fits.
    """
    return f"【{name}】" if language == "zh-CN" else f"{name}: "


def opt_out_words(language: str) -> str:
    """Return how to say no, as the message ends; the words that `campaigns.optouts.replies` understands."""
    return _OPT_OUT["zh-CN" if language == "zh-CN" else "en"]


def render_sms(body: str, *, signature: str, language: str) -> str:
    """Return the whole text: signature, body on one line, opt-out words. A body that brings them itself keeps them."""
    text = " ".join(body.split()).removeprefix(signature.strip()).strip()
    ending = opt_out_words(language)
    if ending.casefold() in text.casefold():
        return signature + text
    if language != "zh-CN":
        return f"{signature}{text} {ending}"
    return f"{signature}{text}{'' if text[-1:] in _ENDS else '，'}{ending}"


def is_seen_at_once(name: str, language: str) -> bool:
    """Tell whether the name stands whole within what every list of messages shows."""
    return (sign(name, language).find(name) + len(name)) <= SEEN_AT_ONCE


def _widths(text: str, encoding: SmsEncoding) -> Iterator[int]:
    for letter in text:
        if encoding is SmsEncoding.GSM7:
            yield 2 if letter in GSM_EXTENSION else 1
        else:
            yield 2 if ord(letter) > 0xFFFF else 1
