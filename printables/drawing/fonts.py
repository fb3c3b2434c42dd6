"""Fonts for print: found on the system, shaped and subset by HarfBuzz.

One family covers both languages (Noto Sans CJK SC). The file is mapped, never loaded whole. A character without a
glyph is reported, never printed as an empty box.
"""

import io
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import uharfbuzz
from fontTools.ttLib import TTFont

from retention.errors import Invalid

hb: Any = uharfbuzz  # compiled, without types
FAMILY = "Noto Sans CJK SC"
_HAN = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_SPACES = frozenset("\n\r\t\u2028\u2029\u200b")


class Glyph(NamedTuple):
    """One shaped glyph: its number in the face, the text it stands for, and in 1/1000 em its advance here and alone."""

    number: int
    text: str
    advance: float
    alone: float


class Face:
    """One weight of the family, open for as long as the process lives."""

    def __init__(self, path: str, index: int) -> None:
        self.path, self.index = path, index
        self.face: Any = hb.Face(hb.Blob.from_file_path(path), index)
        self.font: Any = hb.Font(self.face)
        self.covered = frozenset(self.face.unicodes)
        self.scale = 1000 / self.face.upem
        self._simple: dict[str, Glyph] = {}
        self._widths: dict[int, float] = {}

    def missing(self, text: str) -> list[str]:
        """Return the characters this face cannot draw, in order of appearance."""
        return [sign for sign in dict.fromkeys(text) if ord(sign) not in self.covered and sign not in _SPACES]

    def shape(self, text: str) -> Sequence[Glyph]:
        """Return the glyphs of one line of text, left to right; Invalid names characters without a glyph."""
        if text.isascii():  # codes and numbers: no shaping needed, and even spacing is easier to type from
            return [self._simple.get(sign) or self._shape_one(sign) for sign in text]
        return self._shaped(text)

    def _shape_one(self, sign: str) -> Glyph:
        (glyph,) = self._shaped(sign)
        self._simple[sign] = glyph
        return glyph

    def _shaped(self, text: str) -> list[Glyph]:
        refuse_missing(text, self)
        buffer: Any = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        # Chinese centres the ellipsis and other marks that Latin text keeps on the baseline.
        buffer.language = "zh-Hans" if _HAN.search(text) else "en"
        hb.shape(self.font, buffer, {})
        numbers, starts = zip(*((info.codepoint, info.cluster) for info in buffer.glyph_infos), strict=True)
        advances = [place.x_advance * self.scale for place in buffer.glyph_positions]
        clusters = [text[start:end] for start, end in zip(starts, (*starts[1:], len(text)), strict=True)]
        return [Glyph(*parts, self.advance(parts[0])) for parts in zip(numbers, clusters, advances, strict=True)]

    def advance(self, number: int) -> float:
        """Return the width of a glyph alone in 1/1000 em."""
        if number not in self._widths:
            self._widths[number] = float(self.font.get_glyph_h_advance(number) * self.scale)
        return self._widths[number]

    def subset(self, *, characters: Iterable[str] = (), glyphs: Iterable[int] = ()) -> bytes:
        """Return an OpenType font with only these characters and glyphs; glyphs keep their CID."""
        wanted: Any = hb.SubsetInput()
        wanted.unicode_set.update(ord(sign) for sign in characters)
        wanted.glyph_set.update(glyphs)
        return bytes(wanted.subset(self.face).blob.data)

    def page_font(self, characters: Iterable[str]) -> bytes:
        """Return an OpenType font for the layout engine: only these characters, each glyph's CID its number.

        The engine writes glyph numbers where PDF means CIDs. PDFium and Poppler forgive a difference; Ghostscript,
        which CUPS prints through, then draws empty boxes, and MuPDF nothing.
        """
        font: Any = TTFont(io.BytesIO(self.subset(characters=characters)), recalcBBoxes=False, recalcTimestamp=False)
        top = font["CFF "].cff[0]
        names = [".notdef", *(f"cid{number:05d}" for number in range(1, len(top.charset)))]
        top.CharStrings.charStrings = {name: number for number, name in enumerate(names)}
        top.charset = names
        font.setGlyphOrder(names)
        out = io.BytesIO()
        font.save(out)
        return out.getvalue()

    def outlines(self, glyphs: Iterable[int]) -> bytes:
        """Return the bare CFF outlines of `glyphs`, as PDF embeds them."""
        small: Any = hb.Face(hb.Blob(self.subset(glyphs=glyphs)))
        return bytes(small.reference_table("CFF ").data)


def refuse_missing(text: str, face: Face) -> None:
    """Raise Invalid naming the characters of `text` that would print as empty boxes."""
    if missing := face.missing(text):
        shown = ", ".join(f"{sign} (U+{ord(sign):04X})" for sign in missing[:5])
        raise Invalid("The typeface has no glyph for {signs}: use other characters.", signs=shown)


def missing(text: str) -> list[str]:
    """Return the characters paper cannot show, for example in a buyer's name."""
    return face(bold=False).missing(text)


@lru_cache(maxsize=2)
def face(*, bold: bool) -> Face:
    """Return the regular or bold face; Invalid says what to install where the family is absent."""
    path, index = _find(FAMILY + (":bold" if bold else ":regular"))
    return Face(path, index)


def _find(pattern: str) -> tuple[str, int]:
    finder = shutil.which("fc-match")
    found = ""
    if finder:
        command = [finder, "--format=%{family}\t%{file}\t%{index}", pattern]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed words
    family, _, place = found.partition("\t")
    if FAMILY not in family.split(","):
        raise Invalid("The typeface {family} is not installed: install fonts-noto-cjk.", family=FAMILY)
    path, _, index = place.partition("\t")
    return path, int(index)
