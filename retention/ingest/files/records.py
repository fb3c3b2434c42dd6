"""Records of delimited text, one by one; a stray quote takes only its own line with it, not those that follow.

A quote that is opened by mistake swallows lines until the next quote. A record of several lines is such a one when it
does not have the cells of the header and a line within it does, or when each of its lines has as many separators as
the header: its first line is given up, and the others are read as the rows they are.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypedDict

from retention.i18n import gettext_noop

STRAY_QUOTE = gettext_noop("a quote is opened and not closed; the lines after it are read as rows of their own")

_MOST_LINES = 500
"""Lines one record may have; whoever writes more into a cell has forgotten a quote."""


class Record(NamedTuple):
    """A record and the line it begins on; `stray` when a quote makes it more than one record."""

    line: int
    cells: list[str]
    stray: bool = False


class _Endless(Exception):
    """A record does not end."""


class _Lines:
    """Numbered lines for the csv module; remembers those of the record that is being read."""

    def __init__(self, lines: Iterable[tuple[int, str]]) -> None:
        self._lines = iter(lines)
        self._again: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MOST_LINES:
            raise _Endless
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line[1]

    def give_back(self) -> None:
        """Have all lines of the record but the first read again."""
        self._again.extendleft(reversed(self.taken[1:]))


def records(lines: Iterable[tuple[int, str]], delimiter: str, width: int, *, quote: str = '"') -> Iterator[Record]:
    """Yield the records of numbered lines; `width` is how many cells the header has."""
    source, form = _Lines(lines), _form(delimiter, quote)
    reader = csv.reader(source, **form)
    while True:
        source.taken = []
        try:
            cells = next(reader)
            stray = len(source.taken) > 1 and _swallows([text for _, text in source.taken], cells, form, width)
        except StopIteration:
            return
        except (csv.Error, _Endless):
            stray, cells = True, []
            reader = csv.reader(source, **form)
        if not source.taken:
            return
        number, text = source.taken[0]
        if stray:
            source.give_back()
            yield Record(number, [text.strip()], stray=True)
        else:
            yield Record(number, cells)


class _Form(TypedDict):
    delimiter: str
    quotechar: str
    skipinitialspace: bool


def _form(delimiter: str, quote: str) -> _Form:
    """Return how the csv module is to read; blanks before a quote are no part of the cell."""
    return {"delimiter": delimiter, "quotechar": quote, "skipinitialspace": True}


def _swallows(lines: list[str], cells: list[str], form: _Form, width: int) -> bool:
    delimiter = form["delimiter"]
    if filled(cells) != width and len(cells) != width and any(_fits(line, form, width) for line in lines[1:]):
        return True
    inside = any("\n" in cell and cell.count(delimiter) >= width - 1 for cell in cells)
    return width > 2 and inside and all(line.count(delimiter) >= width - 1 for line in lines)


def _fits(line: str, form: _Form, width: int) -> bool:
    """Tell whether a line is a row by itself."""
    try:
        found = list(csv.reader([line], **form))
    except csv.Error:
        return False
    return len(found) == 1 and width > 1 and len(found[0]) == width and line.count(form["quotechar"]) % 2 == 0


def filled(cells: list[str]) -> int:
    """Return how many cells a row has up to the last one with anything in it."""
    return max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)


def parts_of(text: str, delimiter: str, quote: str) -> list[str]:
    """Return what stands between the separators of a row that could not be taken apart, quotes aside."""
    return [part.strip(f" {quote}") for part in text.split(delimiter)]
