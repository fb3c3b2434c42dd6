"""Which rows of a table are its header, told by the names of columns that are known.

Above the header may stand a title, a period, a logo's empty rows; the header itself may have two rows: headings of
groups over the names, or the names in two languages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.notes import Sentence

Known = Callable[[str], bool]
"""Tells whether a name is that of a column one looks for."""

SEARCHED = 30
"""Rows among which the header is looked for."""

ROWS_ABOVE = gettext_noop("The header is row {row}. The rows above it are not read: {above}.")
SECOND_ROW = gettext_noop("Rows {first} and {second} are read together as the header.")

Note = tuple[Sentence, dict[str, object]]


@dataclass(frozen=True)
class Header:
    """The names of the columns; `first` and `last` are places of header rows among the rows that were searched."""

    names: list[str]
    first: int
    last: int
    known: int

    def notes(self, rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> list[Note]:
        """Return what is to be said of it; `numbers` are the rows' places in the file."""
        notes: list[Note] = []
        above = ["; ".join(cell.strip() for cell in row if cell.strip()) for row in rows[: self.first]]
        if any(above):
            texts = " | ".join(text for text in above if text)
            notes.append((ROWS_ABOVE, {"row": numbers[self.first], "above": texts[:200]}))
        if self.last > self.first:
            notes.append((SECOND_ROW, {"first": numbers[self.first], "second": numbers[self.last]}))
        return notes


def nothing_known(name: str) -> bool:
    """Know no name: the first row with anything in it is the header."""
    del name
    return False


def find_header(rows: Sequence[Sequence[str]], numbers: Sequence[int], known: Known, asked: int | None) -> Header:
    """Return the header among the first rows of a table, or the one in row `asked` of the file.

    Invalid when there is no such row.
    """
    hits = [len({cell.strip() for cell in row if cell.strip() and known(cell)}) for row in rows[:SEARCHED]]
    if asked is not None:
        place = next((place for place in reversed(range(len(rows))) if numbers[place] <= asked), None)
        if place is None or (place == len(rows) - 1 and numbers[place] < asked):
            raise Invalid("The file has no row {row} that could be its header.", row=asked)
        hits = [len({cell.strip() for cell in row if cell.strip() and known(cell)}) for row in rows[: place + 2]]
    else:
        place = _likeliest(rows, hits)
    names, first, last = [cell.strip() for cell in rows[place]], place, place
    alone = asked is not None and not hits[place]  # who names such a row means this one
    if place + 1 < len(rows) and not alone and _goes_on(rows[place], rows[place + 1], hits[place + 1 : place + 2]):
        names, last = _joined(rows[place], rows[place + 1], known), place + 1
    elif place and _is_group(rows[place - 1], rows[place]) and asked is None:
        grouped = _grouped(rows[place - 1], rows[place], known)
        if grouped != names:
            names, first = grouped, place - 1
    return Header(names, first, last, sum(map(known, filter(None, names))))


def _likeliest(rows: Sequence[Sequence[str]], hits: Sequence[int]) -> int:
    best = max(range(len(hits)), key=lambda place: (hits[place], -place))
    if hits[0] == hits[best] or hits[best] == 0:
        return 0
    fuller = 2 * _filled(rows[0]) <= _filled(rows[best])
    return best if hits[0] == 0 or fuller or hits[best] >= hits[0] + 2 else 0


def _goes_on(header: Sequence[str], row: Sequence[str], hits: Sequence[int]) -> bool:
    """Tell whether the row below is part of the header: the same names again, or names under headings."""
    cells = [cell.strip() for cell in row]
    filled = _filled(row)
    if not hits or not hits[0] or any(letter.isdigit() for cell in cells for letter in cell):
        return False
    again = hits[0] >= 2 and 2 * hits[0] >= filled
    under = any(cell and not (place < len(header) and header[place].strip()) for place, cell in enumerate(cells))
    return again or (under and filled < len(header))


def _is_group(above: Sequence[str], row: Sequence[str]) -> bool:
    return _filled(above) >= 2 and len(above) >= _filled(row) and not any(c.isdigit() for cell in above for c in cell)


def _joined(upper: Sequence[str], lower: Sequence[str], known: Known) -> list[str]:
    """Return the names of two header rows, the known one of each column."""
    names = []
    columns = _columns(upper, lower)
    for place, (own, group, name) in enumerate(columns):
        under = (f"{group} {name}" if name and group else "", f"{group}{name}" if name else "")
        heads = bool(name) and place + 1 < len(columns) and not columns[place + 1][0] and bool(columns[place + 1][2])
        choices = (*under, own, name) if heads else (own, *under, name)
        names.append(next((choice for choice in choices if choice and known(choice)), own or name))
    return names


def _grouped(above: Sequence[str], row: Sequence[str], known: Known) -> list[str]:
    """Return the names of a header row; a blank or unknown one may stand in, or begin in, the row above."""
    names = []
    for own, group, name in _columns(above, row):
        choices = (name, f"{group} {name}" if name else own, f"{group}{name}" if name else own)
        names.append(next((choice for choice in choices if choice and known(choice)), name or own))
    return names


def _columns(upper: Sequence[str], lower: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return for each column its cell above, the heading it stands under, and its cell below."""
    width = max(len(upper), len(lower))
    above = [cell.strip() for cell in (*upper, *[""] * width)][:width]
    below = [cell.strip() for cell in (*lower, *[""] * width)][:width]
    groups = accumulate(above, _cell_or_before)
    return list(zip(above, groups, below, strict=True))


def _cell_or_before(before: str, cell: str) -> str:
    return cell or before


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell.strip())
