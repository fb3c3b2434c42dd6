"""Which encoding some lines are in, told by which one turns them into letters that languages use.

Every candidate reads the lines, and what it reads is weighed letter by letter (`letters`). The best
one is taken when it leads clearly or the others read the same; else nobody can know, and the person is asked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from retention.ingest.files.headers import Known, nothing_known
from retention.ingest.files.latin_pages import page_of, read_latin
from retention.ingest.files.letter_pairs import PAGES
from retention.ingest.files.letters import (
    ARABIC,
    BALTIC,
    CENTRAL,
    GREEK,
    HEBREW,
    RUSSIAN,
    SIGNS,
    SIMPLIFIED,
    THAI,
    TRADITIONAL,
    TURKISH,
    WESTERN,
    Likelihood,
    alphabet,
    chinese,
    japanese,
    korean,
)

_CLEAR = 4.0
"""By how much the best must lead the next: its reading is then some fifty times as likely."""
_SENSELESS = -9.9
"""A letter less likely than this, on average, is not what anybody wrote."""
_UNREADABLE = -12.0  # each byte of a word that is none in an encoding
_HEADING = 12.0
_AT_HOME = 4.0
_EASTERN = ("GB18030", "BIG5", "SHIFT-JIS", "EUC-JP", "EUC-KR")
_MOST_WORDS = 600
_WORD = re.compile(
    rb"[^\x00-\x20,;|\"]*[\x80-\xff][^\x00-\x20,;|\"]*(?: [^\x00-\x20,;|\"]*[\x80-\xff][^\x00-\x20,;|\"]*)*"
)


@dataclass(frozen=True)
class CodePage:
    """An encoding, its name for Python, how likely its letters are, and how usual it is among tables of orders.

    One for each language it is written in, where two encodings differ in letters that are right in different ones.
    """

    name: str
    codec: str
    usual: float
    likelihood: Likelihood
    latin: bool = False
    cased: bool = False


@cache
def candidates() -> tuple[CodePage, ...]:
    """Return the encodings that are told apart."""
    west, central = _languages(WESTERN, -3.8), _languages(CENTRAL, -3.9)
    russian, greek = alphabet(RUSSIAN, -3.6), alphabet(GREEK, -3.6)
    return (
        CodePage("GB18030", "gb18030", 2.0, chinese(SIMPLIFIED, "gb2312", (0xB0, 0xD8, 0xF7), TRADITIONAL)),
        CodePage("BIG5", "cp950", 0.0, chinese(TRADITIONAL, "cp950", (0xA4, 0xC9, 0xF9))),
        CodePage("SHIFT-JIS", "cp932", 0.0, japanese()),
        CodePage("EUC-JP", "euc_jp", -3.0, japanese()),
        CodePage("EUC-KR", "cp949", 0.0, korean()),
        *(CodePage("CP1252", "cp1252", 2.0, each, latin=True, cased=True) for each in west),
        *(CodePage("CP1250", "cp1250", -4.0, each, latin=True, cased=True) for each in central),
        *(CodePage("ISO-8859-2", "iso8859_2", -5.0, each, latin=True, cased=True) for each in central),
        CodePage("CP1254", "cp1254", -4.0, alphabet(TURKISH, -3.6), latin=True, cased=True),
        *(CodePage("CP1257", "cp1257", -6.0, each, latin=True, cased=True) for each in _languages(BALTIC, -3.9)),
        CodePage("CP1251", "cp1251", -2.0, russian, cased=True),
        CodePage("CP1253", "cp1253", -3.0, greek, cased=True),
        CodePage("CP1255", "cp1255", -8.0, alphabet(HEBREW, -3.6), cased=True),
        CodePage("CP1256", "cp1256", -9.0, alphabet(ARABIC, -4.2), cased=True),
        CodePage("CP874", "cp874", -8.0, alphabet(THAI, -4.4), cased=True),
        CodePage("KOI8-R", "koi8_r", -9.0, russian, cased=True),
        CodePage("CP866", "cp866", -9.0, russian, cased=True),
        *(CodePage("MAC-ROMAN", "mac_roman", -2.5, each, latin=True, cased=True) for each in west),
        *(CodePage("CP850", "cp850", -3.0, each, latin=True, cased=True) for each in west),
    )


def _languages(alphabets: Sequence[str], share: float) -> tuple[Likelihood, ...]:
    """Return how likely letters are in each of these languages, and in a file of several of them."""
    return (*(alphabet(letters, share) for letters in alphabets), alphabet("".join(alphabets), share - 1.0))


@dataclass(frozen=True)
class Guess:
    """The encoding of some lines; `name` is None where two readings are as likely as each other.

    `other` is the next likely, and `examples` are words as the one and the other read them. With a name they say that
    it was decided by little.
    """

    name: str | None
    likeliest: str = ""
    other: str = ""
    examples: tuple[tuple[str, str], ...] = ()


def tell_apart(lines: Sequence[bytes], known: Known = nothing_known) -> str | None:
    """Return the name of the encoding these lines are in, or None when two readings are as likely as each other."""
    return guess(lines, known).name


def guess(lines: Sequence[bytes], known: Known = nothing_known, *, country: str = "", header: bytes = b"") -> Guess:
    """Return which encoding these lines are in, as far as their letters tell it.

    An encoding in which a word is the name of a column is preferred: `known` says which words are. Among the Latin code
    pages that of the shop's `country` is, and that of the language of the `header`.
    """
    words = _words(lines)
    home = page_of(country)
    expected = {page: _AT_HOME * (page == home) for page in PAGES} | dict.fromkeys(_EASTERN if home else (), -_AT_HOME)
    weighed = sorted((_weigh(each, words, known, expected) for each in candidates()), key=lambda found: -found[0])
    best, sense, name, text = weighed[0]
    rivals = [found for found in weighed[1:] if found[3] != text]
    near = [found for found in rivals if best - found[0] < _CLEAR]
    latin_texts = {found[3] for found in weighed if found[2] in PAGES}
    if name in PAGES and all(found[3] in latin_texts for found in near):
        latin = read_latin(words, country, header)
        if latin is not None:
            doubt = () if latin.sure else latin.examples
            return Guess(latin.page if latin.clear else None, latin.page, latin.rival, doubt)
    if not near and sense > _SENSELESS:
        return Guess(name)
    other = (near or rivals or weighed[1:])[0]
    pairs = zip(text.split("\n"), other[3].split("\n"), strict=False)
    examples = [pair for pair in pairs if pair[0] != pair[1] and all(pair)]
    return Guess(None, name, other[2], tuple(examples[:2]))


def _words(lines: Sequence[bytes]) -> list[bytes]:
    found: dict[bytes, None] = {}
    for line in lines:
        found.update(dict.fromkeys(_WORD.findall(line)))
        if len(found) >= _MOST_WORDS:
            break
    return list(found)[:_MOST_WORDS]


def _weigh(
    candidate: CodePage, words: Sequence[bytes], known: Known, expected: Mapping[str, float]
) -> tuple[float, float, str, str]:
    score, sense, texts = candidate.usual + expected.get(candidate.name, 0.0), 0.0, []
    for word in words:
        try:
            text = word.decode(candidate.codec)
        except UnicodeDecodeError:
            score += _UNREADABLE * sum(byte > 0x7F for byte in word)
            texts.append("")
            continue
        weight = _weigh_word(candidate, text)
        score += weight + (_HEADING if known(text) else 0)
        sense += weight
        texts.append(text)
    return (
        score,
        sense / max(1, sum(not letter.isascii() for letter in "".join(texts))),
        candidate.name,
        "\n".join(texts),
    )


def _weigh_word(candidate: CodePage, text: str) -> float:
    weight, before = 0.0, " "
    for letter in text:
        if not letter.isascii():
            weight += candidate.likelihood(letter)
        if candidate.cased:
            weight += _weigh_pair(candidate, before, letter)
        elif before.isalpha() and letter.isalpha() and before.isascii() != letter.isascii():
            weight -= 3.0
        before = letter
    return weight


def _weigh_pair(candidate: CodePage, before: str, letter: str) -> float:
    """Return what speaks against a letter after another one in a language with capital letters."""
    if before.isascii() and letter.isascii():
        return 0.0
    against = 0.0
    if before.islower() and letter.isupper():
        against -= 4.0
    if candidate.latin and not before.isascii() and not letter.isascii():
        against -= 3.0
    if not candidate.latin and before.isalpha() and letter.isalpha() and before.isascii() != letter.isascii():
        against -= 5.0
    if before.isalpha() and letter in SIGNS and letter not in "’™®°ºª²…”·":
        against -= 4.0
    if before in "”…" and letter.isalpha():
        against -= 4.0
    return against
