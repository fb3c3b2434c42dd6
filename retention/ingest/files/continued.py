"""A worksheet that goes on with the rows of another and has no header: evident by its columns.

It has as many columns as the first sheet's rows, no name of a column, and in each column the kinds of cells (numbers,
times, texts) that stand there in the first sheet. At least one column must hold numbers or times alone: where all is
text, any sheet would fit.
"""

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[-+]?[¥￥$€£]?\s*[-+]?\d[\d.,\s']*%?")
_TIME = re.compile(r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*|\d{1,2}:\d{2}.*")

Table = Sequence[Sequence[str]]


def continues(rows: Table, first: Table, names: Sequence[str], width: int) -> bool:
    """Tell whether rows go on with those of the first sheet, whose header has `width` names."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    first = [row for row in first if any(cell.strip() for cell in row)]
    if not rows or not first or _width(rows) not in {width, _width(first)}:
        return False
    if {cell.strip() for cell in rows[0]} & set(filter(None, names)):
        return False
    evident = False
    for place in range(width):
        known, found = _kinds(first, place), _kinds(rows, place)
        if known and "text" not in known:
            if not found <= known:
                return False
            evident = evident or bool(found)
    return evident


def _width(rows: Table) -> int:
    return max((place for row in rows for place, cell in enumerate(row, 1) if cell.strip()), default=0)


def _kinds(rows: Table, place: int) -> set[str]:
    cells = (row[place].strip() for row in rows if place < len(row))
    return {_kind(cell) for cell in cells if cell}


def _kind(cell: str) -> str:
    if _TIME.fullmatch(cell):
        return "time"
    return "number" if _NUMBER.fullmatch(cell) else "text"
