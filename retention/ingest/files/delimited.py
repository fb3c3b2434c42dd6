"""CSV and its relatives (tab, semicolon, pipe), cut into blocks at the ends of records, each block parsed at once.

Blocks without quotes, or with plain ones, go through polars' parser. A block with anything odd in it (a quote inside a
bare cell, blank lines, rows of another length, undecodable lines) goes through the csv module row by row: slower, but
it can say which line is wrong.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from retention.errors import Invalid
from retention.i18n import gettext
from retention.ingest.files.chunks import (
    LONGEST_LINE,
    Chunk,
    Reject,
    blank_to_null,
    clean_header,
    rows_at_once,
    text_frame,
    without_errors,
)
from retention.ingest.files.delimiters import QUOTE, Layout, find_layout
from retention.ingest.files.headers import Known, Note, nothing_known
from retention.ingest.files.records import STRAY_QUOTE, parts_of, records
from retention.ingest.files.texts import FOREIGN, TextFile, open_text

BLOCK = 3 << 20
_ERRORS = (b"#N/A", b"#REF!", b"#VALUE!", b"#DIV/0!", b"#NAME?", b"#NUM!", b"#NULL!")


@dataclass(frozen=True)
class Delimited:
    """A delimited text file; `start` is where its rows begin, in bytes and in lines."""

    text: TextFile
    header: list[str]
    delimiter: str
    start: tuple[int, int]
    total: int
    notes: list[Note] = field(default_factory=list)
    quote: str = QUOTE
    exact: bool = False

    @property
    def encoding(self) -> str:
        """The encoding as the report names it."""
        return self.text.encoding.name

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        line = self.start[1]
        for block, done in _blocks(self.text, self.start[0], self.quote.encode()):
            after = line + block.count(b"\n")
            for chunk in self._parse(block, line, after, done):
                if chunk.frame.height or chunk.broken:
                    yield without_errors(chunk) if _has_error(block) else chunk
            line = after

    def _parse(self, block: bytes, line: int, after: int, done: int) -> Iterable[Chunk]:
        if self._is_plain(block):
            try:
                frame = self._parse_at_once(block)
            except pl.exceptions.PolarsError:
                pass  # a row of another length: the careful way names it
            else:
                quoted = self.quote.encode() in block
                lines, end = _line_numbers(frame, line, quoted=quoted)
                # else the parser passed over blank lines, or a quote swallowed some
                if end == after and not (quoted and self._swallows(frame)):
                    return [_filled(frame, lines, done)]
        return self._parse_by_row(block, line, done)

    def _is_plain(self, block: bytes) -> bool:
        if FOREIGN in block:
            return False
        if self.text.may_have_returns and b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return False
        quote = self.quote.encode()
        if quote not in block:
            return True
        return block.count(quote) % 2 == 0 and re.search(_stray(self.delimiter, self.quote), block) is None

    def _swallows(self, frame: pl.DataFrame) -> bool:
        """Tell whether any cell has line breaks and as many separators as the header."""
        least = len(self.header) - 1
        cells = pl.all()
        odd = cells.str.contains("\n", literal=True) & (cells.str.count_matches(self.delimiter, literal=True) >= least)
        return any(frame.select(odd.any()).row(0))

    def _parse_at_once(self, block: bytes) -> pl.DataFrame:
        return pl.read_csv(
            block,
            has_header=False,
            separator=self.delimiter,
            quote_char=self.quote,
            schema=dict.fromkeys(self.header, pl.String),
        )

    def _parse_by_row(self, block: bytes, line: int, done: int) -> Iterator[Chunk]:
        most = rows_at_once(self.header)  # a line of one letter is as many cells as the header has
        rows: list[list[str]] = []
        places: list[int] = []
        broken: list[Reject] = []
        width = len(self.header)
        texts = self._decode_lines(block, line, broken)
        for place, cells, stray in records(texts, self.delimiter, width, quote=self.quote):
            if stray:
                broken.append(Reject(place, gettext(STRAY_QUOTE), cells, parts=self._parts(cells[0])))
            elif any(cell.strip() for cell in cells[width:]):
                words = gettext("has {found} cells, the header has {expected}")
                reason = words.format(found=len(cells), expected=width)
                broken.append(Reject(place, reason, cells[:width], surplus=cells[width:]))
            elif any(cell.strip() for cell in cells):
                rows.append((cells + [""] * width)[:width])
                places.append(place)
            if len(rows) == most:
                yield self._chunk(rows, places, done, broken)
                rows, places = [], []
        yield self._chunk(rows, places, done, broken)

    def _chunk(self, rows: list[list[str]], places: list[int], done: int, broken: list[Reject]) -> Chunk:
        refused = sorted(broken, key=lambda reject: reject.line)
        broken.clear()
        return Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), done, refused)

    def _parts(self, text: str) -> list[str]:
        return parts_of(text, self.delimiter, self.quote)

    def _decode_lines(self, block: bytes, line: int, broken: list[Reject]) -> Iterator[tuple[int, str]]:
        reason = gettext("is not in {encoding}, the encoding of the file").format(encoding=self.encoding)
        for place, raw in enumerate(io.BytesIO(block), line):
            if FOREIGN in raw:
                seen = raw.replace(FOREIGN, b"").decode("utf-8", "replace").strip()
                broken.append(Reject(place, reason, [seen], parts=self._parts(seen)))
            else:
                yield place, raw.decode()


def open_delimited(
    path: Path,
    *,
    known: Known = nothing_known,
    encoding: str | None = None,
    header_row: int | None = None,
    country: str = "",
) -> Delimited:
    """Return the rows of a delimited text file; Invalid when it has no header or no rows."""
    text = open_text(path, encoding=encoding, known=known, country=country)
    head = text.head()
    layout = find_layout(head, known, header_row)
    if layout is None:
        raise Invalid("{file} is empty.", file=repr(path.name))
    _check_header(head, layout, text)
    source = Delimited(
        text,
        clean_header(layout.header.names),
        layout.delimiter,
        (layout.skip[0], layout.skip[1] + 1),
        text.size,
        [*layout.header.notes(layout.rows, layout.numbers), *text.encoding.notes],
        layout.quote,
    )
    if next(source.chunks(), None) is None:
        raise Invalid("{file} has a header and no rows.", file=repr(path.name))
    return source


def _check_header(head: bytes, layout: Layout, text: TextFile) -> None:
    if FOREIGN in head[: layout.skip[0]]:
        name = text.encoding.name
        raise Invalid("The header of {file} is not in {encoding}.", file=repr(text.path.name), encoding=name)


def _has_error(block: bytes) -> bool:
    return b"#" in block and any(each in block for each in _ERRORS)


@cache
def _stray(delimiter: str, quote: str) -> re.Pattern[bytes]:
    """Return what finds a quote inside a bare cell, or behind one that closes a cell."""
    sign, mark = re.escape(delimiter.encode()), quote.encode()
    inside = rb"(?:\A|[\n" + sign + rb"])[^" + mark + rb"\n\r" + sign + rb"]+" + mark
    return re.compile(inside + rb"|[^" + mark + rb"\n" + sign + rb"]" + mark + rb"[^" + mark + rb"\n\r" + sign + rb"]")


def _blocks(text: TextFile, start: int, quote: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the text from `start` in blocks that end where a record ends, with how much of the file is done."""
    rest, skip, done = b"", start, 0
    for piece, done in text.pieces(BLOCK):
        more, skip = piece[skip:], max(0, skip - len(piece))
        block = rest + more
        end = _last_end(block, quote)
        rest = block[end:]
        if end:
            yield block[:end], done
        elif len(rest) > LONGEST_LINE + BLOCK:
            raise Invalid("{file} has an unfinished record: a quote is never closed.", file=repr(text.path.name))
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n", text.size


def _last_end(block: bytes, quote: bytes) -> int:
    """Return where the last whole record of `block` ends: the last line end with an even number of quotes before it."""
    end = block.rfind(b"\n") + 1
    if quote not in block:
        return end
    quotes = block.count(quote, 0, end)
    while end and quotes % 2:
        earlier = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(quote, earlier, end)
        end = earlier
        if len(block) - end > LONGEST_LINE:  # a stray quote; the careful way reads on from the last line end
            return block.rfind(b"\n") + 1
    return end


def _line_numbers(frame: pl.DataFrame, line: int, *, quoted: bool) -> tuple[pl.Series, int]:
    """Return the line each record begins on, and the line after the last; a quoted cell may span several."""
    if not quoted:
        end = line + frame.height
        return pl.int_range(line, end, eager=True).alias("line"), end
    breaks = pl.all().str.count_matches("\n", literal=True).fill_null(0)
    spans = frame.select(pl.sum_horizontal(breaks).cast(pl.Int64) + 1).to_series()
    return (spans.cum_sum() - spans + line).alias("line"), line + int(spans.sum())


def _filled(frame: pl.DataFrame, lines: pl.Series, done: int) -> Chunk:
    """Return the rows in which any cell is filled."""
    frame = blank_to_null(frame)
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return Chunk(frame.filter(~blank), lines.filter(~blank), done) if blank.any() else Chunk(frame, lines, done)
