"""CSV and its relatives (tab, semicolon), cut into blocks at the ends of records, each block parsed at once.

Blocks without quotes, or with plain ones, go through polars' parser. A block with anything odd in it (a quote inside a
bare cell, blank lines, rows of another length, undecodable lines) goes through the csv module row by row: slower, but
it can say which line is wrong.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from retention.errors import Invalid
from retention.i18n import gettext
from retention.ingest.chunks import (
    LONGEST_LINE,
    Chunk,
    Reject,
    blank_to_null,
    clean_header,
    rows_at_once,
    text_frame,
)
from retention.ingest.encodings import Encoding, find_encoding

BLOCK = 2 << 20
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Delimited:
    """A delimited text file; `start` is where its rows begin, in bytes and in lines."""

    path: Path
    header: list[str]
    encoding_found: Encoding
    delimiter: str
    start: tuple[int, int]
    total: int

    @property
    def encoding(self) -> str:
        """The encoding as the report names it."""
        return self.encoding_found.name.upper()

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        line, done = self.start[1], self.start[0]
        for block in _blocks(self.path, self.start[0]):
            done += len(block)
            for chunk in self._parse(block, line, done):
                if chunk.frame.height or chunk.broken:
                    yield chunk
            line += _count_lines(block)

    def _parse(self, block: bytes, line: int, done: int) -> Iterable[Chunk]:
        if self._is_plain(block):
            try:
                frame = self._parse_at_once(block)
            except (pl.exceptions.PolarsError, UnicodeDecodeError):
                pass  # a row of another length or a foreign byte: the careful way names it
            else:
                lines, end = _line_numbers(frame, line, quoted=b'"' in block)
                if end == line + _count_lines(block):  # else the parser passed over blank lines
                    return [_filled(frame, lines, done)]
        return self._parse_by_row(block, line, done)

    def _is_plain(self, block: bytes) -> bool:
        if self.encoding_found.mixed:
            return False
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return False
        if b'"' not in block:
            return True
        mark = re.escape(self.delimiter.encode())
        stray = rb"(?:\A|[\n" + mark + rb'])[^"\n\r' + mark + rb']+"|[^"\n' + mark + rb']"[^"\n\r' + mark + rb"]"
        return block.count(b'"') % 2 == 0 and re.search(stray, block) is None

    def _parse_at_once(self, block: bytes) -> pl.DataFrame:
        text = block if self.encoding_found.name == "utf-8" else block.decode(self.encoding_found.name).encode()
        return pl.read_csv(
            text,
            has_header=False,
            separator=self.delimiter,
            schema=dict.fromkeys(self.header, pl.String),
        )

    def _parse_by_row(self, block: bytes, line: int, done: int) -> Iterator[Chunk]:
        most = rows_at_once(self.header)  # a line of one letter is as many cells as the header has
        rows: list[list[str]] = []
        places: list[int] = []
        broken: list[Reject] = []
        texts = self._decode_lines(block, line, broken)
        for place, cells in _records(texts, self.delimiter, self.path):
            if any(cell.strip() for cell in cells[len(self.header) :]):
                words = gettext("has {found} cells, the header has {expected}")
                reason = words.format(found=len(cells), expected=len(self.header))
                broken.append(Reject(place, reason, cells[: len(self.header)]))
            elif any(cell.strip() for cell in cells):
                rows.append((cells + [""] * len(self.header))[: len(self.header)])
                places.append(place)
            if len(rows) == most:
                yield self._chunk(rows, places, done, broken)
                rows, places = [], []
        yield self._chunk(rows, places, done, broken)

    def _chunk(self, rows: list[list[str]], places: list[int], done: int, broken: list[Reject]) -> Chunk:
        refused = sorted(broken, key=lambda reject: reject.line)
        broken.clear()
        return Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), done, refused)

    def _decode_lines(self, block: bytes, line: int, broken: list[Reject]) -> Iterator[tuple[int, str]]:
        for place, raw in enumerate(io.BytesIO(block), line):
            text = self.encoding_found.decode_line(raw)
            if text is None:
                reason = gettext("is not in {encoding}, the encoding of the file").format(encoding=self.encoding)
                broken.append(Reject(place, reason, [raw.decode("utf-8", "replace").strip()]))
            else:
                yield place, text


def open_delimited(path: Path) -> Delimited:
    """Return the rows of a delimited text file; Invalid when it has no header or no rows."""
    encoding = find_encoding(path)
    with path.open("rb") as file:
        raw, skipped = file.readline(1 << 20), 1
        while raw and not raw.strip(_MARK + b" \t\r\n"):
            raw, skipped = file.readline(1 << 20), skipped + 1
        begin = file.tell()
        size = file.seek(0, io.SEEK_END)
    head = encoding.decode_line(raw.removeprefix(_MARK))
    if head is None:
        raise Invalid("The header of {file} is neither UTF-8 nor GB18030.", file=repr(path.name))
    delimiter = max(",\t;", key=head.count)
    cells = next(csv.reader([head], delimiter=delimiter))
    source = Delimited(path, clean_header(cells), encoding, delimiter, (begin, skipped + 1), size)
    if next(source.chunks(), None) is None:
        raise Invalid("{file} has a header and no rows.", file=repr(path.name))
    return source


def _blocks(path: Path, start: int) -> Iterator[bytes]:
    """Yield the file from `start` in blocks that end where a record ends."""
    rest = b""
    with path.open("rb") as file:
        file.seek(start)
        while more := file.read(BLOCK):
            block = rest + more
            end = _last_end(block)
            rest = block[end:]
            if end:
                yield block[:end]
            elif len(rest) > LONGEST_LINE + BLOCK:
                raise Invalid("{file} has an unfinished record: a quote is never closed.", file=repr(path.name))
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _last_end(block: bytes) -> int:
    """Return where the last whole record of `block` ends: the last line end with an even number of quotes before it."""
    end = block.rfind(b"\n") + 1
    if b'"' not in block:
        return end
    quotes = block.count(b'"', 0, end)
    while end and quotes % 2:
        earlier = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', earlier, end)
        end = earlier
        if len(block) - end > LONGEST_LINE:  # a stray quote; the careful way reads on from the last line end
            return block.rfind(b"\n") + 1
    return end


def _count_lines(block: bytes) -> int:
    return block.count(b"\n")


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


def _records(texts: Iterator[tuple[int, str]], delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of the csv module with the line each begins on."""
    place = 0

    def lines() -> Iterator[str]:
        nonlocal place
        for number, text in texts:
            place = place or number
            latest[0] = number
            yield text

    latest = [0]
    reader = csv.reader(lines(), delimiter=delimiter)
    try:
        for cells in reader:
            yield place, cells
            place = 0
    except csv.Error as error:
        raise Invalid(
            "{file} cannot be read at line {line}: a cell does not end. Is a quote never closed?",
            file=repr(path.name),
            line=latest[0],
        ) from error
