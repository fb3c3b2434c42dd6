"""JSON lines: one object a line, its keys the columns; numbers keep the digits they were written with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from retention.errors import Invalid
from retention.i18n import gettext
from retention.ingest.chunks import LONGEST_LINE, MOST_COLUMNS, Chunk, Reject, clean_header, rows_at_once, text_frame
from retention.ingest.encodings import ENDLESS_LINE, Encoding, find_encoding


@dataclass(frozen=True)
class JsonLines:
    """A file of JSON objects; `header` holds every key that occurs, in order of appearance."""

    path: Path
    header: list[str]
    encoding_found: Encoding
    total: int

    @property
    def encoding(self) -> str:
        """The encoding as the report names it."""
        return self.encoding_found.name.upper()

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        places: list[int] = []
        rows: list[list[str | None]] = []
        broken: list[Reject] = []
        done, most = 0, rows_at_once(self.header)
        for place, size, raw in _lines(self.path):
            done += size
            cells = self._cells(raw)
            if isinstance(cells, str):
                text = raw.decode(self.encoding_found.name, "replace").strip()
                broken.append(Reject(place, cells, [text]))
            elif cells:
                places.append(place)
                rows.append(cells)
            if len(rows) + len(broken) >= most:
                yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), done, broken)
                places, rows, broken = [], [], []
        if rows or broken:
            yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), done, broken)

    def _cells(self, raw: bytes) -> list[str | None] | str:
        """Return the cells of a line, or why it has none."""
        text = self.encoding_found.decode_line(raw)
        if text is None:
            return gettext("is not in {encoding}, the encoding of the file").format(encoding=self.encoding)
        found = _object(text)
        if found is None:
            return gettext("is not a JSON object")
        if any(isinstance(value, dict | list) for value in found.values()):
            return gettext("contains a list or an object; every value must be a plain value")
        cells = [_text(found.get(name)) for name in self.header]
        if any(cell and ("\0" in cell or not _is_encodable(cell)) for cell in cells):
            return gettext("contains an invalid character")
        return cells


def open_json_lines(path: Path) -> JsonLines:
    """Return the rows of a file of JSON lines; Invalid when no line is an object."""
    encoding = find_encoding(path)
    keys: dict[str, None] = {}
    for _, _, raw in _lines(path):
        found = _object(encoding.decode_line(raw) or "")
        keys.update(dict.fromkeys(found or ()))
        if len(keys) > MOST_COLUMNS:
            break  # the header says so
    if not keys:
        raise Invalid("No line of {file} is a JSON object.", file=repr(path.name))
    header = clean_header(list(keys))
    if header != list(keys):
        raise Invalid("{file} has keys with blanks around them or no name.", file=repr(path.name))
    return JsonLines(path, header, encoding, path.stat().st_size)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    with path.open("rb", buffering=1 << 20) as file:
        for place, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            if len(raw) == LONGEST_LINE:
                raise Invalid(ENDLESS_LINE, file=repr(path.name), line=place)
            line = raw.removeprefix(b"\xef\xbb\xbf") if place == 1 else raw
            if line.strip():
                yield place, len(raw), line


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _is_encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
