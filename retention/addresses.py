"""Addresses in normalised form, so that one mailbox or phone number is recognised however it is written.

Mail: any width as usual, no blanks, no case, the domain as the DNS has it. Telephone: E.164, `+8613800138000`; a number
without a country is one of the shop's country. What cannot be made out stays as it is, without blanks.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

import polars as pl

LONGEST_EMAIL = 254
LONGEST_PHONE = 32

_MAINLAND = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
_PUNCTUATION = re.compile(r"[\s\-()./\u00ad\u2010-\u2015\u200b\ufeff]+")


def email_key(text: str) -> str:
    """Return the one spelling of a mail address; empty for none."""
    plain = re.sub(r"[\s\u200b\ufeff]+", "", unicodedata.normalize("NFKC", text)).casefold()
    local, at_sign, domain = plain.rpartition("@")
    if at_sign:
        plain = f"{local}@{_domain(domain)}"
    return plain[:LONGEST_EMAIL]


def phone_key(text: str, country: str) -> str:
    """Return a telephone number in E.164; `country` (two letters, may be empty) is meant where it names none.

    Eleven digits that begin like a mobile number of the Chinese mainland are one wherever they are no number of the
    shop's own country.
    """
    written = unicodedata.normalize("NFKC", text).strip().casefold().removeprefix("tel:")
    plain = _PUNCTUATION.sub("", written)
    mobile = _MAINLAND.fullmatch(plain)
    if mobile and (country == "CN" or len(plain) > 11):
        return f"+86{mobile[1]}"
    found = "" if "*" in plain else _international(written, plain, country)  # a star masks what nobody can know
    return (found or plain)[:LONGEST_PHONE]


def is_number(key: str) -> bool:
    """Tell whether a phone's key is a whole number, which only one telephone has."""
    return key.startswith("+")


@cache
def country_of(timezone: str) -> str:
    """Return the country of a time zone in two letters, empty where there is none: the one a shop's numbers are of."""
    from babel.core import get_global  # its tables are only read where a telephone is

    found = get_global("zone_territories").get(timezone, "")
    return found if len(found) == 2 and found != "ZZ" else ""  # 001 and ZZ stand for no country


def email_keys(cells: pl.Series) -> pl.Series:
    """Return the keys of a column of mail addresses; empty where a cell is."""
    cells = cells.fill_null("")
    usual = cells.str.contains(r"^([\x21-\x7e]*[\x21-\x2d\x2f-\x7e])?$")
    return pl.select(
        pl.when(usual).then(cells.str.to_lowercase()).otherwise(_mapped(cells.filter(~usual), cells, email_key))
    ).to_series()


def phone_keys(cells: pl.Series, country: str) -> pl.Series:
    """Return the keys of a column of telephone numbers; empty where a cell is. Each number is read once."""
    cells = cells.fill_null("")
    plain = cells.str.replace_all(r"[ \-()./]+", "")
    mobile = plain.str.extract(r"^(?:\+?86|0086)?(1[3-9]\d{9})$", 1)
    if country != "CN":
        mobile = pl.select(pl.when(plain.str.len_bytes() > 11).then(mobile)).to_series()
    others = cells.filter(mobile.is_null() & (cells != ""))
    read = _mapped(others, cells, lambda text: phone_key(text, country))
    return pl.select(pl.when(mobile.is_not_null()).then("+86" + mobile).otherwise(read)).to_series()


def _mapped(some: pl.Series, cells: pl.Series, read: Callable[[str], str]) -> pl.Series:
    keys = {text: read(text) for text in some.unique()}
    return cells.replace_strict(keys, default="", return_dtype=pl.String)


def _domain(domain: str) -> str:
    domain = domain.removesuffix(".")
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def _international(written: str, plain: str, country: str) -> str:
    """Return a number in E.164 by the plans of numbers of all countries; empty for what fits none."""
    import phonenumbers  # its tables take a tenth of a second to load

    def read(text: str, region: str | None) -> "phonenumbers.PhoneNumber | None":
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
        return number if phonenumbers.is_possible_number(number) else None

    digits = "".join(letter for letter in plain if letter.isdecimal())
    abroad = plain.startswith(("+", "00"))
    home = None if abroad else read(written, country or None)
    mobile = read(f"+86{digits}", None) if _MAINLAND.fullmatch(digits) and len(digits) == 11 else None
    whole = read(f"+{digits.lstrip('0') if abroad else digits}", None)
    if abroad and plain.startswith("+"):
        whole = read(written, None) or whole
    guesses = [each for each in (home, None if abroad else mobile, whole) if each is not None]
    best = next(filter(phonenumbers.is_valid_number, guesses), home or (whole if abroad else None))
    return phonenumbers.format_number(best, phonenumbers.PhoneNumberFormat.E164) if best else ""
