"""Verification: the QR codes of a finished PDF, read back by rasterising its pages.

It knows nothing of how the file was made, so it can be held against any file.
"""

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2
import zxingcpp

from printables.drawing.render import SlotBox
from retention.errors import Invalid

_Document: Any = pypdfium2.PdfDocument  # without types
DPI = 200  # a 0.5 mm module is four dots: enough for the reader, and what a poor camera sees

ONE_AT_A_TIME = threading.RLock()
"""PDFium keeps state of its own: two threads inside it at once bring the process down."""


@dataclass(frozen=True)
class FoundCode:
    """One code: its page counted from 1, its text, its outline in mm from the page's upper left corner."""

    page: int
    text: str
    box: SlotBox


def decode(pdf: bytes | Path, *, pages: Iterable[int] | None = None, dpi: int = DPI) -> list[FoundCode]:
    """Return the QR codes of a PDF in reading order, page by page; `pages` count from 1, all without it.

    Raises Invalid for a file that is not a PDF or is locked, and for a page it does not have.
    """
    found = []
    with _opened(pdf) as document:
        for number in pages or range(1, len(document) + 1):
            if not 1 <= number <= len(document):
                raise Invalid("The file has pages 1 to {last}, not {page}.", last=len(document), page=number)
            found += _on_page(raster(document, number, dpi), number, dpi)
    return found


def sample(pdf: bytes | Path, *, every: int = 50) -> list[int]:
    """Return the pages to rasterise before release, counted from 1: first, last and one in `every`."""
    count = page_count(pdf)
    return sorted({1, count, *range(1, count + 1, every)})


def page_count(pdf: bytes | Path) -> int:
    """Return how many pages a PDF has."""
    with _opened(pdf) as document:
        return len(document)


def raster(document: Any, number: int, dpi: int) -> npt.NDArray[np.uint8]:
    """Return one page of an open document in grey, shape (height, width)."""
    page = document[number - 1]
    try:
        picture = page.render(scale=dpi / 72, grayscale=True)
        return np.array(picture.to_numpy(), dtype=np.uint8).reshape(picture.height, picture.width)
    finally:
        page.close()


@contextmanager
def _opened(pdf: bytes | Path) -> Iterator[Any]:
    with ONE_AT_A_TIME:
        try:
            document = _Document(io.BytesIO(pdf) if isinstance(pdf, bytes) else pdf)
        except (pypdfium2.PdfiumError, OSError) as wrong:
            name = "The file" if isinstance(pdf, bytes) else str(pdf)
            raise Invalid("{name} cannot be opened as a PDF.", name=name) from wrong
        with document:
            yield document


def _on_page(picture: npt.NDArray[np.uint8], number: int, dpi: int) -> list[FoundCode]:
    read = zxingcpp.read_barcodes(picture, try_downscale=True)
    found = [FoundCode(number, code.text, _box(code.position, 25.4 / dpi)) for code in read if "QR" in str(code.format)]
    return sorted(found, key=lambda code: (round(code.box.y / 10), code.box.x))


def _box(corners: Any, mm: float) -> SlotBox:
    points = (corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left)
    across, down = [point.x * mm for point in points], [point.y * mm for point in points]
    return SlotBox(min(across), min(down), max(across) - min(across), max(down) - min(down))
