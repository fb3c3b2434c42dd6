"""Addresses in normalised form, so that one mailbox or phone number is recognised however it is written.

Mail: any width as usual, no blanks, no case, the domain as the DNS has it. Telephone: E.164, `+8613800138000`; a number
without a country is one of the buyer's country where that is known, else of the shop's. What cannot be dialled stays as
it is, without blanks and without a plus, so that it is never taken for a whole number.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

import polars as pl

_OTHER_COUNTRY_NAMES = {
    "united states of america": "US", "america": "US", "uk": "GB", "great britain": "GB", "england": "GB",
    "scotland": "GB", "wales": "GB", "mainland china": "CN", "china mainland": "CN", "中国大陆": "CN",
    "中华人民共和国": "CN", "people's republic of china": "CN", "pr china": "CN", "hong kong": "HK", "香港": "HK",
    "中国香港": "HK", "macau": "MO", "macao": "MO", "澳门": "MO", "台湾": "TW", "臺灣": "TW", "中国台湾": "TW",
    "korea": "KR", "south korea": "KR", "russia": "RU", "viet nam": "VN", "czech republic": "CZ", "holland": "NL",
    "turkey": "TR", "uae": "AE",
}  # fmt: skip
"""Names people and shop systems write beside the standard ones."""

LONGEST_EMAIL = 254
LONGEST_PHONE = 32

_MAINLAND = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
_SPREADSHEET = re.compile(r"^[='\"]+|\"$|(?<=\d)\.0$")
_SEVERAL = re.compile(r"[;,|/、；，]")
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
    written = _SPREADSHEET.sub("", written)
    key = _key(written, country)
    if not key.startswith("+") and (parts := _SEVERAL.split(written))[1:]:
        return next((key for key in (_key(part, country) for part in parts) if key.startswith("+")), key)
    return key


def _key(written: str, country: str) -> str:
    plain = _PUNCTUATION.sub("", written)
    mobile = _MAINLAND.fullmatch(plain)
    if mobile and (country == "CN" or len(plain) > 11):
        return f"+86{mobile[1]}"
    found = "" if "*" in plain else _international(written, plain, country)  # a star masks what nobody can know
    return (found or plain.removeprefix("+"))[:LONGEST_PHONE]


def is_number(key: str) -> bool:
    """Tell whether a phone's key is a whole number, which only one telephone has."""
    return key.startswith("+")


@cache
def country_of(timezone: str) -> str:
    """Return the country of a time zone in two letters, empty where there is none: the one a shop's numbers are of."""
    from babel.core import get_global  # its tables are only read where a telephone is

    found = get_global("zone_territories").get(timezone, "")
    return found if len(found) == 2 and found != "ZZ" else ""  # 001 and ZZ stand for no country


def phone_country(named: str, country: str) -> str:
    """Return the country whose numbers a person has: where they live, else the shop's."""
    return country_named(named) or country


@cache
def country_named(text: str) -> str:
    """Return the two letters of a country by its name in one of many languages or its code; empty for what is none."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    if not plain:
        return ""
    return _country_names().get(plain.removeprefix("the ").replace(".", ""), "")


@cache
def _country_names() -> dict[str, str]:
    from babel import Locale
    from babel.core import get_global  # its tables are only read where a country is

    names: dict[str, str] = {}
    for language in ("en", "zh", "zh_Hant", "de", "fr", "es", "it", "pt", "nl", "pl", "ja", "ko", "id", "vi", "th"):
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and code != "ZZ":
                names.setdefault(name.casefold(), code)
                names[code.casefold()] = code
    aliases = get_global("territory_aliases")
    names |= {code.casefold(): found[0] for code, found in aliases.items() if len(found) == 1 and code.isalpha()}
    return names | _OTHER_COUNTRY_NAMES


def email_keys(cells: pl.Series) -> pl.Series:
    """Return the keys of a column of mail addresses; empty where a cell is."""
    cells = cells.fill_null("")
    usual = cells.str.contains(r"^([\x21-\x7e]*[\x21-\x2d\x2f-\x7e])?$")
    return pl.select(
        pl.when(usual).then(cells.str.to_lowercase()).otherwise(_mapped(cells.filter(~usual), cells, email_key))
    ).to_series()


def phone_keys(cells: pl.Series, country: str, countries: pl.Series | None = None) -> pl.Series:
    """Return the keys of a column of telephone numbers; empty where a cell is. Each number is read once.

    `countries` is where each number's owner lives, in any spelling; where that says nothing, `country` is meant.
    """
    if countries is not None:
        places = countries.replace_strict(
            {text: country_named(text) or country for text in countries.drop_nulls().unique()},
            default=country, return_dtype=pl.String,
        )  # fmt: skip
        if (places != country).any():
            keys = pl.DataFrame({"cell": cells, "place": places}).with_row_index()
            parts = [
                part.with_columns(phone_keys(part["cell"], str(place)).alias("key"))
                for (place,), part in keys.group_by("place")
            ]
            return pl.concat(parts).sort("index")["key"]
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
        possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
        return number if possible else None  # a number without its area can be dialled from its neighbours alone

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
