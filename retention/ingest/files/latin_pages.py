"""Which of the Latin code pages of Windows a few names are in: the same byte is õ in the west and ő in Hungary.

Each page reads the words, and each word is weighed by the pairs of letters of the language it goes with best. The page
of the shop's country, and that of the language its header is in, come first. What stays undecided is asked; what was
decided by little is said, with two words in both readings.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from retention.ingest.files.letter_pairs import PAGES, PAIRS

_LETTERS = {
    name: {letter for pair in pairs for letter in pair if letter not in "ªº" and not letter.isascii()}
    for name, pairs in PAIRS.items()
}
_UNSEEN, _ALIEN, _CAPITAL_INSIDE = -1.5, -8.0, -4.0
_OF_COUNTRY, _USUAL, _OF_HEADER = 4.5, 3.0, 9.0
_CLEAR, _SURE = 4.0, 7.0
"""By how much the best must lead the next so that nobody is asked, and so that nothing is said."""

_COUNTRIES = {
    "CP1250": "PL CZ SK HU SI HR RO MD RS BA ME AL XK",
    "CP1254": "TR AZ",
    "CP1257": "LT LV EE",
}
_OTHER_SCRIPTS = "CN TW HK MO JP KR KP SG TH GR CY IL RU BY UA BG MK KZ KG MN SA AE EG IQ JO KW LB LY MA OM QA SY YE IR"
_HEADERS = {
    "CP1250": (
        "numer zamowienie zamowienia klient kwota imie nazwisko ulica miasto ilosc cena razem towar objednavka "
        "objednavky zakaznik castka jmeno prijmeni mesto cena mnozstvi rendeles rendelesszam vevo nev osszeg varos cim "
        "mennyiseg ar termek comanda suma nume prenume oras adresa cantitate pret narudzba kupac ime prezime iznos "
        "grad kolicina narocilo"
    ),
    "CP1254": "siparis musteri tutar tarih ad soyad sehir adres urun miktar fiyat adet il ilce",
    "CP1257": (
        "uzsakymas uzsakymo klientas vardas pavarde miestas data kiekis kaina pasutijums klients vards uzvards pilseta "
        "summa daudzums tellimus tellimuse klient nimi kuupaev linn kogus hind"
    ),
}
_HINTS = {page: frozenset(words.split()) for page, words in _HEADERS.items()}
_MANY = 2  # words of a header that show its language

_SIGN = dict.fromkeys("¹²³¼½¾¿¡¯¨´¸£¥¤§¦¬°±µ¶", "¹")
"""Signs that stand in no name: a word with one was written in another page."""

Example = tuple[str, str]


class LatinReading(NamedTuple):
    """The page that some words are in, the next one, and a few words as the one and as the other would have them.

    `clear`: nobody needs to be asked. `sure`: nothing needs to be said. `rival` is empty where all pages read the same.
    """

    page: str
    rival: str
    examples: tuple[Example, ...]
    clear: bool
    sure: bool


def read_latin(words: Sequence[bytes], country: str, header: bytes) -> LatinReading | None:
    """Return what is the likeliest of words in one of the pages; None where no page reads all of them."""
    texts = {page: found for page in PAGES if (found := _decoded(words, page))}
    if not texts:
        return None
    likely = {page: _expected(page, country, header) for page in texts}
    for place in range(len(words)):
        readings = {page: found[place] for page, found in texts.items()}
        if len(set(readings.values())) > 1:
            likely = {page: likely[page] + weigh(text, page) for page, text in readings.items()}
    best, *others = sorted(likely, key=lambda page: -likely[page])
    rival = next((page for page in others if texts[page] != texts[best]), "")
    if not rival:
        return LatinReading(best, "", (), clear=True, sure=True)
    lead = likely[best] - likely[rival]
    pairs = [pair for pair in zip(texts[best], texts[rival], strict=True) if pair[0] != pair[1]]
    return LatinReading(best, rival, tuple(pairs[:2]), clear=lead >= _CLEAR, sure=lead >= _SURE)


def weigh(text: str, page: str) -> float:
    """Return how likely a word is in the language of a page that it goes with best: 0 at most."""
    inside = sum(before.islower() and letter.isupper() for before, letter in pairwise(text))
    return max(_weigh_in(text, language) for language in PAGES[page]) + inside * _CAPITAL_INSIDE


def _weigh_in(text: str, language: str) -> float:
    small = "".join(letter.lower()[0] if letter.isalpha() else _SIGN.get(letter, "$^") for letter in f" {text} ")
    weight = 0.0
    for place, letter in enumerate(small):
        if letter.isascii():
            continue
        if letter not in _LETTERS[language]:
            weight += _ALIEN
            continue
        around = (small[place - 1 : place + 1], small[place : place + 2])
        weight += sum(_UNSEEN for pair in around if pair not in PAIRS[language])
    return weight


def _decoded(words: Sequence[bytes], page: str) -> list[str]:
    try:
        return [word.decode(page.lower()) for word in words]
    except UnicodeDecodeError:
        return []


def page_of(country: str) -> str:
    """Return the page that is usual in a country; empty where it is none of these, or the country is not known."""
    if not country or country in _OTHER_SCRIPTS.split():
        return ""
    return next((page for page, countries in _COUNTRIES.items() if country in countries.split()), "CP1252")


def _expected(page: str, country: str, header: bytes) -> float:
    home = page_of(country)
    own = _OF_COUNTRY * (page == home) if home else _USUAL * (page == "CP1252")
    return own + _OF_HEADER * (page == _page_of_header(header, _HINTS))


def _page_of_header(header: bytes, hints: Mapping[str, frozenset[str]]) -> str:
    """Return the page of the language that the names of columns are in; empty for others."""
    plain = unicodedata.normalize("NFKD", header.decode("cp1250", "ignore")).lower()
    words = set(re.findall(r"[a-z]{2,}", "".join(letter for letter in plain if not unicodedata.combining(letter))))
    found = {page: len(words & known) for page, known in hints.items()}
    best = max(found, key=lambda page: found[page])
    return best if found[best] >= _MANY else ""
