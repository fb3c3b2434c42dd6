"""Waybill numbers as they stand on the label, without what platforms write around them.

`No:75300001` (Taobao), `顺丰速运:SF123`, `SF123-顺丰速运,10001-1` (Douyin) and `JDVA0001-1-1-` (the label of one
piece of a JD parcel) name one parcel each. A cell may name several parcels: `SF123;SF456`, `SF123 / YT456`.
"""

import re
import unicodedata

import polars as pl

_NAMED = re.compile(
    r"^(?:no|运单号?|快递单号|物流单号|运单号码|单号|tracking(?: number| no\.?)?|waybill)\s*[:#]\s*", re.IGNORECASE
)
_CARRIER = re.compile(r"^(?:[\u4e00-\u9fff()]+[\s:,_-]*|[a-z][a-z .&]*\s*:\s*)(?=[a-z0-9]{5,})", re.IGNORECASE)
_BEHIND = re.compile(r"[-_(\s]*[\u4e00-\u9fff].*$")
_PIECE = re.compile(r"^(JD[A-Z]*\d{6,})-\d+-\d*-?$", re.IGNORECASE)
_PLAIN = r"^[A-Za-z0-9]*$"
_BETWEEN = re.compile(r"[,;|/、\r\n&]")
_LONG = re.compile(r"(?=(?:\D*\d){8})[A-Za-z0-9]{10,}")

SEVERAL = ";"
"""Between the waybills of one cell."""

PREFIXES = ("No:", "NO:", "no:", "No：")
"""What waybills of earlier imports may begin with."""


def plain_waybill(text: str) -> str:
    """Return a waybill number as its label has it, of several the first; what is none stays as it is."""
    return waybills_in(text)[0]


def waybills_in(text: str) -> list[str]:
    """Return the waybill numbers that a text names, as their labels have them; what is none stays as it is."""
    folded = unicodedata.normalize("NFKC", text).strip()
    if "://" in folded:
        return [folded]
    parts = [_tidy(part) for part in _parts(_CARRIER.sub("", _NAMED.sub("", folded)))]
    first = parts[0] if parts else ""
    if not re.search(r"[A-Za-z0-9]{4,}|^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+$", first):
        return [folded]
    return list(dict.fromkeys([first, *(part for part in parts[1:] if _is_number(part, first))]))


def plain_waybills(cells: pl.Series) -> pl.Series:
    """Return a column of waybills as their labels have them; of several in a cell `SEVERAL` stands between them."""
    odd = ~cells.str.contains(_PLAIN)
    if not odd.any():
        return cells
    named = cells.filter(odd).unique().drop_nulls().to_list()
    return cells.replace({text: SEVERAL.join(waybills_in(text)) for text in named})


def one_waybill_a_row(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of which each names one waybill in the column `waybill`."""
    if not rows["waybill"].str.contains(SEVERAL, literal=True).any():
        return rows
    return rows.with_columns(pl.col("waybill").str.split(SEVERAL)).explode("waybill")


def longest(cells: pl.Series) -> pl.Series:
    """Return how many characters the longest waybill of each cell has."""
    return cells.str.split(SEVERAL).list.eval(pl.element().str.len_chars()).list.max()


def _parts(text: str) -> list[str]:
    """Return what may be several numbers; blanks part them only where each by itself is as long as a number is."""
    parts = [part for part in _BETWEEN.split(text) if part.strip()]
    apart = [words if len(words := part.split()) > 1 and all(map(_LONG.fullmatch, words)) else [part] for part in parts]
    return [each for words in apart for each in words]


def _tidy(part: str) -> str:
    """Return a number without a carrier's name around it, blanks in it, or the count of pieces behind it."""
    plain = _BEHIND.sub("", _CARRIER.sub("", _NAMED.sub("", part.strip())))
    return _PIECE.sub(r"\1", re.sub(r"\s", "", plain))


def _is_number(part: str, first: str) -> bool:
    """Tell whether what stands behind a waybill is another one, and no count of pieces: 10001-1."""
    if not re.fullmatch(r"(?=.*\d)(?=(?:-?[A-Za-z0-9]){4})[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", part):
        return False
    return "-" not in part or (part.count("-"), len(part)) == (first.count("-"), len(first))


def spellings(text: str) -> set[str]:
    """Return how a waybill may stand in the rows: plain, as it was typed, or as a platform wrote it."""
    tidy = re.sub(r"\s", "", text)
    plain = plain_waybill(text)
    found = {tidy, tidy.upper(), plain, plain.upper()}
    return found | {f"{prefix}{each}" for prefix in PREFIXES for each in (plain, plain.upper())}
