"""A JSON document of objects, each a row: an array, an object that holds one ({"orders": [...]}), or objects written
over several lines each.

It is read piece by piece, so its size does not matter. The line of a row is its place among the objects, from 1.
"""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import ijson
import polars as pl
from ijson.common import JSONError

from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.files.chunks import (
    LONGEST_LINE,
    MOST_COLUMNS,
    Chunk,
    Reject,
    rows_at_once,
    text_frame,
)
from retention.ingest.files.encodings import MARKS, Encoding, wide_encoding
from retention.ingest.files.headers import Note
from retention.ingest.files.jsonlines import cells_of, header_of, json_object, parts_of_json

_BEGINNING = 1 << 16
_LONGEST_REFUSED = 1000  # characters shown of what is no object

DAMAGED = gettext_noop("{file} is not a complete JSON document. Export it again, or as JSON lines or CSV.")
NO_OBJECTS = gettext_noop("{file} holds no list of JSON objects, one for each row.")
SEVERAL_LISTS = gettext_noop(
    "{file} holds several lists of objects: {names}. Save the one to be imported as a file of its own."
)
PLACES = gettext_noop("The file is one JSON document: the line of a row is its place among the objects.")


@dataclass(frozen=True)
class JsonDocument:
    """A JSON document; `prefix` is where its objects stand, `header` holds every key that occurs in any of them."""

    path: Path
    codec: Encoding
    prefix: str
    header: list[str]
    total: int
    notes: list[Note] = field(default_factory=list)
    exact: bool = True

    @property
    def encoding(self) -> str:
        """The encoding as the report names it."""
        return self.codec.name

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        most = rows_at_once(self.header)
        places: list[int] = []
        rows: list[list[str | None]] = []
        broken: list[Reject] = []
        with _Utf8(self.path, self.codec) as file:
            for place, found in enumerate(_objects(file, self.prefix), 1):
                cells = cells_of(found, self.header)
                if isinstance(cells, str):
                    broken.append(self._refused(place, cells, found))
                elif any(cells):
                    places.append(place)
                    rows.append(cells)
                if len(rows) + len(broken) >= most:
                    yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), file.done, broken)
                    places, rows, broken = [], [], []
        if rows or broken:
            yield Chunk(text_frame(self.header, rows), pl.Series("line", places, pl.Int64), self.total, broken)

    def _refused(self, place: int, reason: str, found: object) -> Reject:
        text = json.dumps(found, ensure_ascii=False, default=str)
        return Reject(place, reason, [text[:_LONGEST_REFUSED]], parts=parts_of_json(text, self.header))


class _Utf8:
    """A file that is read as UTF-8, whatever encoding it is in; `done` bytes of it have been."""

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self.path = path
        self.done = 0
        self._file = path.open("rb")
        mark = next((mark for mark, _ in MARKS if self._file.peek(4).startswith(mark)), b"")
        self._file.seek(len(mark))
        self._decoder = codecs.getincrementaldecoder(encoding.codec)() if encoding.wide else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Return the next bytes; none at the end."""
        if size == 0:
            return b""
        piece = self._file.read(size)
        self.done += len(piece)
        return self._decoder.decode(piece, final=not piece).encode() if self._decoder and piece else piece


def is_document(path: Path) -> bool:
    """Tell whether a file is one JSON document, rather than a table or a JSON object on each line."""
    with path.open("rb") as file:
        raw = file.read(_BEGINNING)
        text = _text(raw)
        if text.startswith("["):
            return text[1:].lstrip()[:1] in {"{", "]"}
        if not text.startswith("{"):
            return False
        raw += file.read(LONGEST_LINE)
        ends = not file.read(1)
    first, _, rest = _text(raw).partition("\n")
    found = json_object(first)
    if found is not None:
        return ends and not rest.strip() and any(map(_is_list_of_objects, found.values()))
    return first.rstrip()[-1:] in {"{", "[", ",", ":"} or json_object(rest.lstrip().partition("\n")[0]) is None


def _text(raw: bytes) -> str:
    codec = (wide_encoding(raw) or Encoding("UTF-8")).codec
    return raw.decode(codec, "ignore").lstrip("\ufeff \t\r\n")


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def open_json_document(path: Path) -> JsonDocument:
    """Return the rows of a JSON document; Invalid when it is damaged, or has none or several lists of objects."""
    with path.open("rb") as file:
        raw = file.read(_BEGINNING)
    encoding = wide_encoding(raw) or Encoding("UTF-8")
    prefix = "item" if _text(raw).startswith("[") else _prefix(path, encoding)
    keys: dict[str, None] = {}
    with _Utf8(path, encoding) as file:
        for found in _objects(file, prefix):
            keys.update(dict.fromkeys(found if isinstance(found, dict) else ()))
            if len(keys) > MOST_COLUMNS:
                break  # the header says so
    if not keys:
        raise Invalid(NO_OBJECTS, file=repr(path.name))
    return JsonDocument(path, encoding, prefix, header_of(keys, path.name), path.stat().st_size, [(PLACES, {})])


def _objects(file: _Utf8, prefix: str) -> Iterator[Any]:
    """Yield the values at a place of the document; Invalid where it is no JSON."""
    try:
        yield from ijson.items(file, prefix, multiple_values=not prefix)
    except (JSONError, ValueError) as error:
        raise Invalid(DAMAGED, file=repr(file.path.name)) from error


def _prefix(path: Path, encoding: Encoding) -> str:
    """Return where the objects of a document stand that begins with one: in its only list of them, else it is one."""
    name, lists = "", dict[str, None]()
    try:
        with _Utf8(path, encoding) as file:
            for place, event, value in ijson.parse(file, multiple_values=True):
                if event == "map_key" and not place:
                    name = str(value)
                elif event == "start_map" and place == f"{name}.item":
                    lists[name] = None
    except (JSONError, ValueError) as error:
        raise Invalid(DAMAGED, file=repr(path.name)) from error
    if len(lists) > 1:
        raise Invalid(SEVERAL_LISTS, file=repr(path.name), names=", ".join(map(repr, lists)))
    return f"{next(iter(lists))}.item" if lists else ""
