"""Waybill numbers as they stand on the label, without what platforms write around them.

`No:75300001` (Taobao), `顺丰速运:SF123`, `SF123-顺丰速运,10001-1` (Douyin) and `JDVA0001-1-1-` (the label of one
piece of a JD parcel) name one parcel each. Of several waybills in a cell the first is meant.
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

PREFIXES = ("No:", "NO:", "no:", "No：")
"""What waybills of earlier imports may begin with."""


def plain_waybill(text: str) -> str:
    """Return a waybill number as its label has it; what is none stays as it is."""
    folded = unicodedata.normalize("NFKC", text).strip()
    plain = _CARRIER.sub("", _NAMED.sub("", folded))
    plain = next((part for part in re.split(r"[,;|/、\n]", plain) if part.strip()), plain)
    plain = _BEHIND.sub("", _NAMED.sub("", plain.strip()))
    plain = _PIECE.sub(r"\1", re.sub(r"\s", "", plain))
    return plain if re.search(r"[A-Za-z0-9]{4,}", plain) else folded


def plain_waybills(cells: pl.Series) -> pl.Series:
    """Return a column of waybills as their labels have them."""
    odd = ~cells.str.contains(_PLAIN)
    if not odd.any():
        return cells
    plain = {text: plain_waybill(text) for text in cells.filter(odd).unique().drop_nulls().to_list()}
    return cells.replace(plain)


def spellings(text: str) -> set[str]:
    """Return how a waybill may stand in the rows: plain, as it was typed, or as a platform wrote it."""
    tidy = re.sub(r"\s", "", text)
    plain = plain_waybill(text)
    found = {tidy, tidy.upper(), plain, plain.upper()}
    return found | {f"{prefix}{each}" for prefix in PREFIXES for each in (plain, plain.upper())}
