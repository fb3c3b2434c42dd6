"""The size of an XLSX file, checked before it is opened: its content may be a thousand times larger than the file.

A sheet is held in memory as a rectangle around every cell that has a value, so one stray cell far down and far right is
worth billions. The parts are read through once, in pieces, and nothing is believed that the file says of itself.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from retention.errors import Invalid

MOST_CELLS = 12_000_000
"""Cells of one sheet, counted as a rectangle; each takes 64 bytes while the sheet is read."""
MOST_TEXT = 256 << 20
"""Bytes of texts that cells share; they are all in memory at once."""
MOST_BYTES = 1 << 30
"""Bytes of all parts, unpacked."""

_PIECE = 1 << 20
# A cell that is closed at once, <c/> or <c></c>, has a format only and takes no memory.
_CELL = re.compile(rb"""<(?:\w+:)?c(?=[\s>])(?:[^>]*?\sr=["']([A-Z]{1,3})([0-9]{1,7})["'])?[^>]*(?<!/)>(?!</)""")


@dataclass
class Extent:
    """The rectangle around the cells of a sheet that have a value."""

    cells: int = 0
    top: int = 1 << 21
    left: int = 1 << 15
    right: int = 0
    bottom: int = 0
    errors: int = 0
    _columns: dict[bytes, int] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Cells of the rectangle, or cells counted where a file does not say where they are."""
        box = (self.right - self.left + 1) * (self.bottom - self.top + 1) if self.right else 0
        return max(box, self.cells)

    @property
    def corner(self) -> str:
        """The last cell of the rectangle, as spreadsheets name it: XFD1048576."""
        letters = max(self._columns, key=self._columns.__getitem__, default=b"")
        return f"{letters.decode()}{self.bottom or self.cells}"

    def take(self, piece: bytes) -> None:
        """Look at another stretch of the sheet, which begins and ends between tags."""
        self.errors += piece.count(b' t="e"')
        for letters, digits in _CELL.findall(piece):
            self.cells += 1
            if not letters:
                continue
            column = self._columns.get(letters) or self._columns.setdefault(letters, _number(letters))
            row = int(digits)
            self.top, self.bottom = min(self.top, row), max(self.bottom, row)
            self.left, self.right = min(self.left, column), max(self.right, column)


def check_size(path: Path) -> int:
    """Refuse a workbook whose parts or sheets are larger than one that is read may be; Invalid says which and why.

    Returns how many cells hold an error, such as #N/A.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                raise Invalid(
                    "{file} holds more than {most} MB once unpacked. Save it as CSV, which has no limit.",
                    file=repr(path.name),
                    most=MOST_BYTES >> 20,
                )
            return sum(_check_part(archive, entry, path) for entry in archive.infolist())
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise Invalid("{file} is damaged and cannot be read as XLSX.", file=repr(path.name)) from error


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> int:
    name = PurePosixPath(entry.filename.lower())
    if name.parts[:1] != ("xl",) or name.suffix not in {".xml", ".bin", ".rels"}:
        return 0
    if name.name.startswith("sharedstrings") and entry.file_size > MOST_TEXT:
        raise Invalid(
            "{file} holds more than {most} MB of texts. Save it as CSV, which has no limit.",
            file=repr(path.name),
            most=MOST_TEXT >> 20,
        )
    extent = Extent()
    for piece in _pieces(archive, entry):
        if "worksheets" in name.parts:
            extent.take(piece)
    if extent.size > MOST_CELLS:
        raise Invalid(
            "{file} extends to cell {cell}, which makes {count} cells; a sheet may have {most}. Delete the rows "
            "and columns outside the table, or save it as CSV.",
            file=repr(path.name),
            cell=extent.corner,
            count=f"{extent.size:,}",
            most=f"{MOST_CELLS:,}",
        )
    return extent.errors


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part in stretches that end before a tag opens; a part that is not as long as it says is damaged."""
    rest = b""
    with archive.open(entry) as part:
        while piece := part.read(_PIECE):
            rest += piece
            cut = max(_last_opening(rest), len(rest) - _PIECE, 0)
            yield rest[:cut]
            rest = rest[cut:]
    yield rest


def _last_opening(piece: bytes) -> int:
    """Return where the last tag that opens something begins: a cell and what is in it stay together."""
    place = piece.rfind(b"<")
    while place > 0 and piece[place + 1 : place + 2] in {b"/", b""}:
        place = piece.rfind(b"<", 0, place)
    return place


def _number(letters: bytes) -> int:
    """Return the number of a column by its letters: A is 1, XFD is 16,384."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
