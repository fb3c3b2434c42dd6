"""What we print looks the same whoever draws it, and reads as meant there too."""

import io
from collections.abc import Iterator

import pikepdf
from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTFont

from printables.drawing import fonts, sheets, stamp
from printables.drawing.designs import DESIGNS
from printables.drawing.profiles import OFFICE, PROFILES
from printables.proofs import FORMATS
from tests.printables import engines, samples

ODD = "林㐂𠮷，¥€·…“”（）"
"""Rare Chinese, a sign of the second plane, both currencies, and marks that are shaped by language."""


def every_kind() -> Iterator[tuple[str, bytes]]:
    """Yield each design on each device in each language, and a sheet of several pieces."""
    for design in DESIGNS:
        for device, paper in FORMATS.items():
            for language in ("zh", "en"):
                layer = samples.layer(design, paper=paper, language=language, profile=PROFILES[device])
                piece = samples.flyer(greeting=ODD) if design == "flyer" else samples.joint()
                yield f"{design} {device} {language}", stamp.preview(layer, piece, profile=PROFILES[device])
    out = io.BytesIO()
    sheets.impose(samples.layer(promise=ODD), [samples.flyer(number) for number in range(4)], out, profile=OFFICE)
    yield "a sheet", out.getvalue()


def test_ghostscript_and_pdfium_draw_the_same_words_and_codes() -> None:
    whole = pikepdf.new()
    kinds = dict(every_kind())
    for pdf in kinds.values():
        with pikepdf.open(io.BytesIO(pdf)) as part:
            whole.pages.extend(part.pages)
    out = io.BytesIO()
    whole.save(out)
    printed, shown = engines.by_ghostscript(out.getvalue()), engines.by_pdfium(out.getvalue())
    differs = {name: engines.apart(*pages) for name, *pages in zip(kinds, printed, shown, strict=True)}
    assert {name: share for name, share in differs.items() if share >= 0.001} == {}
    meant = {
        name: [samples.address(1)] if "flyer" in name else [samples.address(n) for n in (1, 10_001)] for name in kinds
    }
    meant["a sheet"] = [samples.address(number) for number in range(4)]
    assert {name: engines.codes(page) for name, page in zip(kinds, printed, strict=True)} == meant


def test_the_typeface_of_a_page_numbers_its_glyphs_as_its_cids_which_a_plain_subset_does_not() -> None:
    face, words = fonts.face(bold=False), samples.FLYER["zh"]["promise"]
    kept, ours = (TTFont(io.BytesIO(data)) for data in (face.subset(characters=words), face.page_font(words)))
    numbers = [f"cid{number:05d}" for number in range(1, ours["maxp"].numGlyphs)]
    assert ours["CFF "].cff[0].charset[1:] == numbers
    assert kept["CFF "].cff[0].charset[1:] != numbers
    assert {ord(word) for word in words} <= set(ours.getBestCmap())


def test_stamped_glyphs_keep_the_numbers_of_the_whole_typeface() -> None:
    glyphs = fonts.face(bold=True).shape(ODD[:4])
    embedded = CFFFontSet()
    embedded.decompile(io.BytesIO(fonts.face(bold=True).outlines(glyph.number for glyph in glyphs)), TTFont())
    assert {f"cid{glyph.number:05d}" for glyph in glyphs} <= set(embedded[0].charset)
