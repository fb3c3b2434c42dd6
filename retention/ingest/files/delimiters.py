"""What separates and quotes the cells of a text file, told by its header and by how alike the rows are."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from retention.ingest.files.headers import SEARCHED, Header, Known, find_header

DELIMITERS = (",", "\t", ";", "|")
QUOTE, APOSTROPHE = '"', "'"
_LOOKED_AT = 100
_SEP_LINE = re.compile(rb'^"?sep=(.)"?\s*$', re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How a text file is divided. `skip`: bytes and lines before its first row; `header` as the file has it.

    `quote` stands around cells with a separator in them.
    """

    delimiter: str
    quote: str
    header: Header
    rows: list[list[str]]
    numbers: list[int]
    skip: tuple[int, int]


def find_layout(head: bytes, known: Known, asked: int | None) -> Layout | None:
    """Return how the text that begins like this is divided, None when it has no rows at all."""
    lines = head.splitlines(keepends=True)
    stated = _SEP_LINE.match(lines[0]) if lines else None
    signs = (stated[1].decode("latin-1"),) if stated else DELIMITERS
    found = [_divided(lines, sign, 1 if stated else 0, known, asked) for sign in signs]
    divided = [each for each in found if each is not None]
    return max(divided, key=lambda each: each[0])[1] if divided else None


def _divided(
    lines: Sequence[bytes], sign: str, skipped: int, known: Known, asked: int | None
) -> tuple[tuple[int, float, float, int], Layout] | None:
    """Return the layout with one delimiter, and how much speaks for it."""
    rows, numbers, ends = [], [], []
    quote = APOSTROPHE if _has_apostrophes(lines[skipped : skipped + _LOOKED_AT], sign) else QUOTE
    for number, end, cells in islice(_records(lines[skipped:], sign, quote), _LOOKED_AT):
        if any(cell.strip() for cell in cells):
            rows.append(cells)
            numbers.append(number + skipped)
            ends.append(end + skipped)
    if not rows:
        return None
    header = find_header(rows, numbers, known, asked)
    end = ends[header.last]
    skip = (sum(map(len, lines[:end])), end)
    width = _width(rows[header.last])
    after = rows[header.last + 1 : header.last + 1 + SEARCHED]
    fits = sum(_width(row) <= width for row in after) / len(after) if after else 1.0
    alike = sum(len(row) >= width > 1 for row in after) / len(after) if after else 1.0
    return (header.known, round(fits, 1), round(alike, 1), width), Layout(sign, quote, header, rows, numbers, skip)


def _has_apostrophes(lines: Sequence[bytes], sign: str) -> bool:
    """Tell whether apostrophes stand around cells: every one that opens a cell closes one, or a header's cells all have
    them. One that only opens, as in '1234, is what a spreadsheet writes before a text.
    """
    between = re.escape(sign.encode())
    opens, closes = (rb"(?:^|" + between + rb") *'(?!')", rb"(?<!')' *(?=" + between + rb"|\r?$)")
    found = [(len(re.findall(opens, line)), len(re.findall(closes, line)), line.count(sign.encode())) for line in lines]
    if any(opened == closed == signs + 1 > 1 for opened, closed, signs in found):
        return True
    opened, closed = (sum(each[place] for each in found) for place in (0, 1))
    return opened == closed >= max(1, len(lines) // 2)


def _records(lines: Sequence[bytes], sign: str, quote: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield records with the line they begin on, from 1, and the line they end on."""
    texts = (line.decode("utf-8", "replace") for line in lines)
    reader = csv.reader(texts, delimiter=sign, quotechar=quote, skipinitialspace=True)
    begin = 1
    try:
        for cells in reader:
            yield begin, reader.line_num, cells
            begin = reader.line_num + 1
    except csv.Error:
        return


def _width(row: Sequence[str]) -> int:
    return max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)
