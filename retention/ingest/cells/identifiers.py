"""Identifiers: what spreadsheets and exports put around them is taken off, and what they destroyed is recognised.

An identifier is a number or a name that must be the same in every file: of an order, a buyer, an article, a parcel.
`="1234"`, `'1234`, `No:1234`, full-width digits, invisible letters and foreign blanks are one identifier.
`1.38E+10` is none any more: its digits are gone.
"""

import polars as pl

IDENTIFIERS = frozenset(
    {"order_id", "line_id", "buyer_id", "sku", "waybill", "phone", "email", "coupon", "group", "group_id"}
)
"""The fields that hold identifiers, in every kind of file."""

_INVISIBLE = r"\x{ad}\x{34f}\x{61c}\x{180e}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2064}\x{2066}-\x{206f}\x{feff}"
_JOINERS = r"\x{200c}\x{200d}"  # they hold letters and emoji of a name together
_NO_JOINERS = _INVISIBLE.replace(r"\x{200b}-\x{200f}", r"\x{200b}\x{200e}\x{200f}")
_BLANKS = r"\x{00}-\x{20}\x{7f}-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_QUOTES = '"“”„＂'
_APOSTROPHES = "'’‘`´＇"

_FORMULA = rf"(?s)^[=＝]\s*(?:[Tt]\(\s*)?[{_QUOTES}](.*?)[{_QUOTES}]\s*\)?\s*(?:&\s*\"\")?$"
_AROUND = rf"^[{_BLANKS}{_INVISIBLE}]+|[{_BLANKS}{_INVISIBLE}]+$"

_NULL = r"^(?:NULL|null|\(null\)|\\N|#N/A|nan|NaN|NaT|None|<NA>|undefined)$"  # what programs write for nothing

ODD_TEXT = rf"^[=＝{_INVISIBLE}]|[{_INVISIBLE}]$|{_NULL}"
"""What a text has that something stands around."""
ODD = (
    rf"[\x{{00}}-\x{{1f}}\x{{7f}}-\x{{a0}}{_INVISIBLE}\x{{1680}}\x{{2000}}-\x{{200a}}\x{{2028}}\x{{2029}}\x{{202f}}"
    rf"\x{{205f}}\x{{3000}}\x{{ff01}}-\x{{ff5e}}]|^[=#{_QUOTES}{_APOSTROPHES}]|^[nN][oO]\.?\s*:"
    rf"|^\d[\d.,]*\s*[eE]|^\+?\d+[.,]0+$|^\d{{1,3}}(?:,\d{{3}}){{2,}}|{_NULL}"
)

"""What an identifier has that is not written as usual."""

_SHORTENED = r"^[+-]?(?:\d{1,3}[.,]\d+\s*[eE]\s*[+-]?\d{1,3}|\d{1,3}\s*[eE]\s*\+\d{1,3})$"
_BROKEN = r"^(?:#{3,}|#(?:VALUE|REF|NUM|NULL|ERROR)!|#DIV/0!|#NAME\?)$"

_WIDE = [chr(code) for code in range(0xFF01, 0xFF5F)]
_NARROW = [chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)]
_WIDE_LETTERS = [letter for letter, plain in zip(_WIDE, _NARROW, strict=True) if plain.isalnum()]
_NARROW_LETTERS = [plain for plain in _NARROW if plain.isalnum()]


def bare_texts(cells: pl.Series) -> pl.Series:
    """Return texts of any kind without the formula that holds them and without invisible letters around them."""
    odd = cells.str.contains(ODD_TEXT)
    if not odd.any():
        return cells
    texts = cells.str.replace_all(_AROUND, "")
    return _filled(_taken_out(texts).str.replace_all(_AROUND, "")).alias(cells.name)


def bare_identifiers(cells: pl.Series, *, whole: bool = True) -> pl.Series:
    """Return identifiers as they are written everywhere; `whole` ones of digits alone have no .0 at the end."""
    odd = cells.str.contains(ODD)
    if not odd.any():
        return cells
    texts = _folded(cells.filter(odd))
    for _ in range(2):  # ="'1234", 'No:1234
        texts = _unwrapped(texts)
    if whole:
        texts = texts.str.replace(r"^(\+?\d+)(?:\.0+|,0)$", "$1")
        thousands = texts.str.contains(r"^\d{1,3}(?:,\d{3}){2,}(?:\.0+)?$")
        digits = texts.str.replace(r"\.0+$", "").str.replace_all(",", "")
        texts = pl.select(pl.when(thousands).then(digits).otherwise(texts)).to_series()
    return _filled(cells.clone().scatter(odd.arg_true(), texts)).alias(cells.name)


def are_shortened(cells: pl.Series) -> pl.Series:
    """Return which cells a spreadsheet wrote as 1.38E+10, or as an error of its own."""
    return (cells.str.contains(_SHORTENED) | cells.str.contains(_BROKEN)).fill_null(value=False)


def end_in_zeros(cells: pl.Series) -> pl.Series:
    """Return which cells are numbers of more than 15 digits of which 15 are left, as a spreadsheet keeps them."""
    return cells.str.contains(r"^\d{15}0+$").fill_null(value=False)


def are_rounded(cells: pl.Series) -> pl.Series:
    """Return which cells are long numbers that may have been rounded, to 15 digits or to what a double holds."""
    long = cells.str.contains(r"^\d{17,19}$").fill_null(value=False)
    if not long.any():
        return end_in_zeros(cells)
    numbers = pl.select(pl.when(long).then(cells)).to_series().cast(pl.Int64, strict=False)
    exact = (numbers.cast(pl.Float64).cast(pl.Int64, strict=False) == numbers).fill_null(value=False)
    return exact | end_in_zeros(cells)


def _folded(texts: pl.Series) -> pl.Series:
    """Return texts with usual blanks and without invisible letters; wide letters and digits are narrow.

    What joins the letters of a name, and wide signs in it, stays, as long as the rest is not plain ASCII.
    """
    texts = texts.str.replace_all(rf"[{_NO_JOINERS}]+|^[{_JOINERS}]+|[{_JOINERS}]+$", "")
    texts = texts.str.replace_all(rf"[{_BLANKS}]+", " ")
    narrow = texts.str.replace_all(f"[{_JOINERS}]", "").str.replace_many(_WIDE, _NARROW)
    named = texts.str.replace_many(_WIDE_LETTERS, _NARROW_LETTERS)
    return pl.select(pl.when(narrow.str.contains("[^ -~]")).then(named).otherwise(narrow)).to_series()


def _unwrapped(texts: pl.Series) -> pl.Series:
    texts = _taken_out(texts.str.strip_chars())
    texts = texts.str.replace(rf"^=\s*(\+?\d+|[{_APOSTROPHES}].*)$", "$1")
    texts = texts.str.replace(rf"(?s)^[{_QUOTES}](.+)[{_QUOTES}]$", "$1")
    texts = texts.str.replace(rf"(?s)^[{_APOSTROPHES}]+(.*?)[{_APOSTROPHES}]*$", "$1")
    return texts.str.replace(r"^[nN][oO]\.?\s*[:：]\s*(\S)", "$1").str.strip_chars()


def _taken_out(texts: pl.Series) -> pl.Series:
    """Return texts without the formula that holds them: ="red", =T("red")."""
    inner = texts.str.replace(_FORMULA, "$1").str.replace_all('""', '"')
    return pl.select(pl.when(texts.str.contains(_FORMULA)).then(inner).otherwise(texts)).to_series()


def _filled(texts: pl.Series) -> pl.Series:
    return pl.select(pl.when((texts != "") & ~texts.str.contains(_NULL)).then(texts)).to_series()
