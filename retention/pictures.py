"""Pictures from outside: read whole or not at all, within a bound of memory, one at a time.

A file says how many pixels it has before any of them is decoded; too many are refused then. JPEG is decoded at a
fraction of its size where that is enough. Of a moving picture or a file of several pages the first is read. What else
a file carries (places, profiles, programs) is left behind.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile

from retention.errors import Invalid
from retention.i18n import gettext_noop

LARGEST_PIXELS = 60_000_000
_LARGEST_WEBP = 30_000_000  # its decoder keeps four copies of a picture
LARGEST_BYTES = 60_000_000
COMMON = ("JPEG", "PNG", "WEBP")
NO_PICTURE = gettext_noop("The picture cannot be read: use {known}.")

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = tuple(_TURNS[noted] for noted in (5, 6, 7, 8))
_ALONE = threading.RLock()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Run the body while no picture is read, for what changes how Pillow reads: the import of WeasyPrint does."""
    with _ALONE:
        yield


def read_picture(
    data: bytes, *, within: int = 0, covering: tuple[int, int] | None = None, formats: tuple[str, ...] = COMMON
) -> Image.Image:
    """Return a picture upright, in RGB, or RGBA where it is see-through.

    It is made smaller to at most `within` pixels on its longer side, or about as far as it still covers `covering`
    (width, height). Raises Invalid for what is no picture, is cut off, or has more pixels or bytes than are read.
    """
    if len(data) > LARGEST_BYTES:
        raise _too_large(LARGEST_PIXELS)
    with _ALONE:  # one large picture in memory, not one a thread
        # Pillow would fill what a cut-off file lacks with grey once WeasyPrint was imported.
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            with Image.open(io.BytesIO(data), formats=formats) as opened:
                _refuse_large(opened)
                return _drawn(opened, within, covering)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as wrong:
            raise _too_large(LARGEST_PIXELS) from wrong
        except Invalid:
            raise
        except Exception as wrong:  # a decoder given hostile bytes may raise anything
            if "truncated" in str(wrong).lower():
                raise Invalid("The picture is incomplete: its end is missing. Send the whole file.") from wrong
            raise Invalid(NO_PICTURE, known=_listed(formats)) from wrong


def _drawn(opened: ImageFile.ImageFile, within: int, covering: tuple[int, int] | None) -> Image.Image:
    turn = _turn(opened)
    covered = covering[::-1] if covering and turn in _SIDEWAYS else covering
    enough = _enough(opened.size, within, covered)
    opened.draft("RGB", enough)  # JPEG only: decoded at a half, a quarter or an eighth, still no smaller than enough
    mode = "RGBA" if opened.has_transparency_data else "RGB"
    picture: Image.Image = opened
    if picture.mode not in ("RGB", "RGBA"):
        picture = picture.convert(mode)
    # Made smaller before anything else: every further step copies all of it.
    picture.thumbnail(enough, Image.Resampling.LANCZOS)
    picture = picture.convert(mode) if turn is None else picture.transpose(turn).convert(mode)
    picture.info = {}
    return picture


def _turn(opened: Image.Image) -> Image.Transpose | None:
    """Return how a picture is to be turned, as its camera noted; a damaged note says nothing."""
    try:
        return _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - whatever the bytes make of it
        return None


def _enough(size: tuple[int, int], within: int, covered: tuple[int, int] | None) -> tuple[int, int]:
    """Return the size to shrink to: within a square, or twice what is covered."""
    share = 1.0
    if within:
        share = min(share, within / max(size))
    if covered:
        share = min(share, max(2 * side / own for side, own in zip(covered, size, strict=True)))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _refuse_large(opened: Image.Image) -> None:
    most = _LARGEST_WEBP if opened.format == "WEBP" else LARGEST_PIXELS
    if opened.width * opened.height > most:
        raise _too_large(most)


def _too_large(most: int) -> Invalid:
    return Invalid(
        "The picture is too large: at most {pixels} million pixels and {bytes} MB are allowed. Make it smaller.",
        pixels=most // 1_000_000,
        bytes=LARGEST_BYTES // 1_000_000,
    )


def _listed(formats: tuple[str, ...]) -> str:
    return ", ".join({"WEBP": "WebP"}.get(name, name) for name in formats)
