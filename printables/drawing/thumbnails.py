"""Thumbnails: pictures of finished pages for the screen."""

import io
from functools import lru_cache
from typing import Any

import pypdfium2

from printables.drawing.verify import ONE_AT_A_TIME
from retention.errors import NotFound

_Document: Any = pypdfium2.PdfDocument  # without types


@lru_cache(maxsize=64)
def thumbnail(pdf: bytes, *, page: int = 1, width: int = 640) -> bytes:
    """Return a page of a PDF, counted from 1, as a PNG of `width` pixels; NotFound for a page it does not have."""
    with ONE_AT_A_TIME:
        document = _Document(io.BytesIO(pdf))
        try:
            if not 1 <= page <= len(document):
                raise NotFound("The file has pages 1 to {last}, not {page}.", last=len(document), page=page)
            seen = document[page - 1]
            picture = seen.render(scale=width / seen.get_width()).to_pil().convert("RGB")
        finally:
            document.close()
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
