"""JSON lines: one object a line, its keys the columns; numbers keep the digits they were written with."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from retention.errors import Invalid
from retention.i18n import gettext
from retention.ingest.files.chunks import MOST_COLUMNS, Chunk, Reject, clean_header, rows_at_once, text_frame
from retention.ingest.files.headers import Note
from retention.ingest.files.texts import FOREIGN, TextFile, open_text


@dataclass(frozen=True)
class JsonLines:
    """A file of JSON objects; `header` holds every key that occurs, in order of appearance."""

    text: TextFile
    header: list[str]
    total: int
    notes: list[Note] = field(default_factory=list)
    exact: bool = True

    @property
    def encoding(self) -> str:
        """The encoding as the report names it."""
        return self.text.encoding.name

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        places: list[int] = []
        rows: list[list[str | None]] = []
        broken: list[Reject] = []
        done, most = 0, rows_at_once(self.header)
        for place, done, raw in _lines(self.text):
            cells = self._cells(raw)
            if isinstance(cells, str):
                text = raw.replace(FOREIGN, b"").decode("utf-8", "replace").strip()
                broken.append(Reject(place, cells, [text], parts=parts_of_json(text, self.header)))
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
        if FOREIGN in raw:
            return gettext("is not in {encoding}, the encoding of the file").format(encoding=self.encoding)
        return cells_of(json_object(raw.decode()), self.header)


def cells_of(found: object, header: Sequence[str]) -> list[str | None] | str:
    """Return the cells of a JSON object under a header, or why it has none."""
    if not isinstance(found, dict):
        return gettext("is not a JSON object")
    if any(isinstance(value, dict | list) for value in found.values()):
        return gettext("contains a list or an object; every value must be a plain value")
    cells = [_text(found.get(name)) for name in header]
    if any(cell and ("\0" in cell or not _is_encodable(cell)) for cell in cells):
        return gettext("contains an invalid character")
    return cells


def header_of(keys: Iterable[str], file: str) -> list[str]:
    """Return the header that the keys of objects make; Invalid where a name is blank or has blanks around it."""
    names = list(keys)
    header = clean_header(names)
    if header != names:
        raise Invalid("{file} has keys with blanks around them or no name.", file=repr(file))
    return header


def open_json_lines(path: Path, *, encoding: str | None = None, country: str = "") -> JsonLines:
    """Return the rows of a file of JSON lines; Invalid when no line is an object."""
    text = open_text(path, encoding=encoding, country=country)
    keys: dict[str, None] = {}
    for _, _, raw in _lines(text):
        found = None if FOREIGN in raw else json_object(raw.decode())
        keys.update(dict.fromkeys(found or ()))
        if len(keys) > MOST_COLUMNS:
            break  # the header says so
    if not keys:
        raise Invalid("No line of {file} is a JSON object.", file=repr(path.name))
    return JsonLines(text, header_of(keys, path.name), text.size, [*text.encoding.notes])


def _lines(text: TextFile) -> Iterator[tuple[int, int, bytes]]:
    return ((place, done, line) for place, done, line in text.lines() if line.strip())


def json_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text is, its numbers as they are written; None where it is none."""
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


def parts_of_json(text: str, header: Sequence[str]) -> list[str]:
    """Return the plain values that a text which is no object may have for each name of a header."""
    found = (re.search(rf'"{re.escape(name)}"\s*:\s*(?:"([^"]*)|([^",{{}}\[\]\s]+))', text) for name in header)
    return [(each[1] or each[2] or "") if each else "" for each in found]
