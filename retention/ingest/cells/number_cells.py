"""The parts of a cell that holds a number: its sign, its digits with what parts them, and the currency beside them.

Whether a comma or a point stands before the decimals is not decided here: `1,234` alone may be either.
"""

import polars as pl
from babel.numbers import is_currency

from retention.ingest.cells.identifiers import bare_texts

PLAIN = r"^[+-]?\d{1,9}(?:\.\d*)?$"
"""What nearly all cells look like; any other needs a closer look."""

_DOLLARS = "USD CAD AUD HKD SGD NZD TWD MXN ARS CLP COP BRL BND FJD JMD TTD UYU BBD BSD XCD"
_SIGNS = {
    "¥": "CNY JPY", "￥": "CNY JPY", "cn￥": "CNY", "元": "CNY TWD HKD MOP", "圆": "CNY", "人民币": "CNY", "rmb": "CNY",
    "cn¥": "CNY",
    "円": "JPY", "日元": "JPY", "jp¥": "JPY", "$": _DOLLARS, "us$": "USD", "美元": "USD", "hk$": "HKD", "港币": "HKD",
    "港元": "HKD", "nt$": "TWD", "新台币": "TWD", "s$": "SGD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD",
    "nz$": "NZD", "r$": "BRL", "mx$": "MXN", "€": "EUR", "欧元": "EUR", "euro": "EUR", "£": "GBP EGP", "英镑": "GBP",
    "₽": "RUB", "руб": "RUB", "р": "RUB", "₩": "KRW", "원": "KRW", "韩元": "KRW", "₹": "INR",
    "rs": "INR PKR LKR NPR MUR",
    "₫": "VND", "đ": "VND", "฿": "THB", "₱": "PHP", "rm": "MYR", "rp": "IDR", "zł": "PLN", "kč": "CZK", "ft": "HUF",
    "lei": "RON", "лв": "BGN", "kr": "SEK NOK DKK ISK", "fr": "CHF", "sfr": "CHF", "₺": "TRY", "tl": "TRY", "₪": "ILS",
    "₴": "UAH", "грн": "UAH", "₦": "NGN", "r": "ZAR", "₸": "KZT",
}  # fmt: skip

_DASHES = "−–—‐‑‒―﹣－"
_BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\r\n"
_APOSTROPHES = "’‘`´＇ʼ"
_DIGITS = "".join(chr(zero + digit) for zero in (0xFF10, 0x0660, 0x06F0) for digit in range(10))
_OTHERS = "，．（）＋＄％٫٬、﹐"
_WRITTEN = [*_DASHES, *_BLANKS, *_APOSTROPHES, *_DIGITS, *_OTHERS]
_MEANT = [
    *("-" * len(_DASHES)), *(" " * len(_BLANKS)), *("'" * len(_APOSTROPHES)), *("0123456789" * 3), *",.()+$%.,,,"
]  # fmt: skip

_INVISIBLE = r"[\x{200b}-\x{200f}\x{2060}\x{feff}]"
_TINY = r"^[+-]?\d(?:\.\d+)?[eE]-\d{1,3}$"  # what programs leave of a sum that should be 0

_NO_CENTS = r"(\d)[.,]\s?--?(\s*[^\d\s.,()+'\-]*)$"  # 12,- is no negative amount

_UNIT = r"(?:[^\d\s.,()+'\-]{0,7}[\p{L}]\.|[^\d\s.,()+'\-]{1,8})"
_NUMBER = (
    r"^(?<u0>" + _UNIT + r")?\s*(?<open>\()?\s*(?<s1>[+-])?\s*(?<u1>" + _UNIT + r")?\s*(?<s2>[+-])?\s*"
    r"(?<digits>[.,]?\d(?:[\d.,' ]*[\d.,])?)"
    r"\s*(?<s3>-)?\s*(?<u2>" + _UNIT + r")?\s*(?<s4>-)?\s*(?<close>\))?\s*(?<u3>" + _UNIT + r")?$"
)
_BESIDE = ("u0", "u1", "u2", "u3")
_NOTHING = rf"^(?i:n/a)$|^(?:{_UNIT})?\s*-+\s*(?:{_UNIT})?$"

_GROUPED = r"^\d{1,3}(?:(?: \d{3})+|(?:'\d{3})+)(?:[.,]\d*)?$"
_WHOLE = r"^\d+$"
_WITH_POINT = r"^\d*\.\d*$|^\d{1,3}(?:,\d{2,3})*,\d{3}\.\d*$|^\d{1,3}(?:,\d{2,3})+,\d{3}$"
_WITH_COMMA = r"^\d*,\d*$|^\d{1,3}(?:\.\d{3})+,\d*$|^\d{1,3}(?:\.\d{3}){2,}$"
_EITHER = r"^[1-9]\d{0,2}[.,]\d{3}$"


def number_cells(cells: pl.Series) -> pl.DataFrame:
    """Return for each cell `negative`, `digits`, `decimal`, `currencies` and `blank`.

    `digits`: with commas and points, without blanks and apostrophes; null where the cell is no number. `decimal`: what
    stands before the decimals: "point", "comma", "either", and "none" where nothing does. `currencies`: those the cell
    may be in, by ISO code, the likeliest first; null where it names none. `blank`: the cell is a dash and says nothing.
    """
    texts = bare_texts(cells).str.replace_many(_WRITTEN, _MEANT).str.replace_all(_INVISIBLE, "")
    texts = texts.str.strip_chars().str.replace(r"^'+", "").str.strip_chars()
    texts = texts.str.replace(_TINY, "0").str.replace(_NO_CENTS, "$1$2")
    parts = texts.str.extract_groups(_NUMBER).struct.unnest()
    signs = pl.concat_str("s1", "s2", "s3", "s4", ignore_nulls=True)
    closed = (pl.col("open").is_null() == pl.col("close").is_null()) & (
        signs.str.len_bytes() + pl.col("open").is_not_null().cast(pl.UInt32) <= 1
    )
    raw = pl.col("digits")
    digits = pl.when(raw.str.contains("[ ']")).then(_ungrouped(raw)).otherwise(raw)
    found = parts.select(
        *_BESIDE,
        negative=(signs == "-") | pl.col("open").is_not_null(),
        digits=pl.when(closed).then(digits),
    )
    currencies = _currencies(found)
    known = currencies.is_not_null() | found.select(pl.all_horizontal(pl.col(*_BESIDE).is_null())).to_series()
    return found.select(
        "negative",
        digits=pl.when(known).then("digits"),
        decimal=pl.when(known).then(_decimal(pl.col("digits"))),
        currencies=currencies,
        blank=texts.str.contains(_NOTHING) | texts.eq(""),
    ).with_columns(pl.when(pl.col("decimal").is_not_null()).then("digits").alias("digits"))


def _ungrouped(digits: pl.Expr) -> pl.Expr:
    """Return digits without the blanks or apostrophes between thousands; null when they stand elsewhere.

    What is left as a sign is the decimal one: 1 234,567 is not a million.
    """
    return pl.when(digits.str.contains(_GROUPED)).then(digits.str.replace_all("[ ']", ""))


def _decimal(digits: pl.Expr) -> pl.Expr:
    return (
        pl.when(digits.str.contains(_WHOLE))
        .then(pl.lit("none"))
        .when(digits.str.contains(_EITHER))
        .then(pl.lit("either"))
        .when(digits.str.contains(_WITH_POINT))
        .then(pl.lit("point"))
        .when(digits.str.contains(_WITH_COMMA))
        .then(pl.lit("comma"))
    )


def _currencies(found: pl.DataFrame) -> pl.Series:
    """Return the currencies that the signs beside each number may mean, the likeliest first; null for signs unknown."""
    beside = found.select(_BESIDE).unique()
    meant = [_meant(*signs) for signs in beside.iter_rows()]
    table = beside.with_columns(currencies=pl.Series(meant, dtype=pl.List(pl.String)))
    joined = found.join(table, on=_BESIDE, how="left", nulls_equal=True, maintain_order="left")
    return joined["currencies"]


def _meant(*signs: str | None) -> tuple[str, ...] | None:
    """Return the currencies that all signs beside one number may stand for."""
    together = currencies_of("".join(sign for sign in signs[:2] if sign is not None))  # US $
    if together and signs[1] is not None and signs[0] is not None and not currencies_of(signs[0]):
        signs = ("".join((signs[0], signs[1])), *signs[2:])
    first, *others = [currencies_of(sign) for sign in signs if sign is not None] or [()]
    return tuple(code for code in first if all(code in other for other in others)) or None


def currencies_of(sign: str) -> tuple[str, ...]:
    """Return the ISO codes of the currencies a sign, word or code stands for, the likeliest first; none if unknown."""
    plain = sign.strip().casefold().removesuffix(".")
    if known := _SIGNS.get(plain):
        return tuple(known.split())
    code = plain.strip("$€£¥￥")
    return (code.upper(),) if is_currency(code.upper()) else tuple(_SIGNS.get(code, "").split())
