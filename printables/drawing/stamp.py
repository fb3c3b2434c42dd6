"""Stamping: the static layer is drawn once and referenced by every piece, with the personal slots on top.

A piece is its values by slot name. QR symbols of a chunk are made together and each is decoded before anything is
written; text is shaped into a small subset of the typeface. Nothing here knows of buyers or batches.
"""

import io
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from printables.drawing import fonts, qr
from printables.drawing.fonts import Glyph
from printables.drawing.pdf import Parts, Writer, as_number, form_of
from printables.drawing.profiles import MM, Profile
from printables.drawing.render import Slot, StaticLayer
from retention.errors import Invalid

CHUNK = 500  # pieces made together: enough to spread the set-up, few enough to start printing early
SMALLEST_PT, LEAST_SHARE = 6.5, 0.6  # a long name shrinks this far, then it is refused
_BLACK = b"0 0 0 1 k "
_GREY = {"rgb": b"0 0 0 .4 K", "cmyk": b"0 0 0 .4 K", "black": b"0 0 0 1 K"}  # a thermal head has no grey
_DEMO_SHARE, _DEMO_RISE = 0.75, 0.37  # of the diagonal; half the height of a capital in its size


@dataclass(frozen=True)
class PrintRecord:
    """One physical insert: what stands in each slot. A slot without a value stays empty."""

    values: Mapping[str, str]


_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Paper def /CMapType 2 def 1 begincodespacerange <0000> <ffff> endcodespacerange
%b
endcmap CMapName currentdict /CMap defineresource pop end end"""


@dataclass
class Typeface:
    """The glyphs one weight has drawn in one file, so that it is embedded with no others."""

    bold: bool
    used: dict[int, str] = field(default_factory=dict)

    def show(self, glyphs: Sequence[Glyph]) -> bytes:
        """Return the operand of TJ for shaped glyphs; they count as used."""
        shown = []
        for glyph in glyphs:
            if glyph.number not in self.used:
                self.used[glyph.number] = glyph.text
            shown.append(f"{glyph.number:04x}")
            if glyph.advance != glyph.alone:
                shown.append(f">{glyph.alone - glyph.advance:.0f}<")
        return f"[<{''.join(shown)}>]".encode()

    def embed(self, writer: Writer) -> int:
        """Append the used glyphs as a font and return its number.

        The faces are CID-keyed with CID = glyph number, and a subset keeps the CIDs: codes need no translation.
        """
        face = fonts.face(bold=self.bold)
        name = b"/REGULR+NotoSansCJKsc-" + (b"Bold" if self.bold else b"Regular")
        outlines = writer.put_stream(face.outlines(self.used), b"/Subtype/CIDFontType0C")
        descriptor = writer.put(
            b"<</Type/FontDescriptor/FontName%b/Flags 4/FontBBox[-1000 -1050 2930 1810]/ItalicAngle 0/Ascent 880"
            b"/Descent -120/CapHeight 733/StemV %d/FontFile3 %d 0 R>>" % (name, 140 if self.bold else 80, outlines)
        )
        widths = b"".join(b"%d[%b]" % (glyph, as_number(face.advance(glyph))) for glyph in sorted(self.used))
        descendant = writer.put(
            b"<</Type/Font/Subtype/CIDFontType0/BaseFont%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            b"/Supplement 0>>/DW 1000/W[%b]/FontDescriptor %d 0 R>>" % (name, widths, descriptor)
        )
        return writer.put(
            b"<</Type/Font/Subtype/Type0/BaseFont%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
            % (name, descendant, writer.put_stream(_TO_UNICODE % self._readable()))
        )

    def _readable(self) -> bytes:
        """Return what each glyph says, a hundred a block as the format demands, so that text can be searched."""
        entries = [
            b"<%04x> <%b>" % (glyph, text.encode("utf-16-be").hex().encode()) for glyph, text in self.used.items()
        ]
        blocks = [entries[at : at + 100] for at in range(0, len(entries), 100)]
        return b"\n".join(b"%d beginbfchar %b endbfchar" % (len(block), b" ".join(block)) for block in blocks)


class Stamper:
    """A static layer ready to be stamped into one file after another."""

    def __init__(self, layer: StaticLayer, profile: Profile) -> None:
        self.layer, self.profile = layer, profile
        edge, (width, height) = layer.bleed * MM, (layer.width * MM, layer.height * MM)
        self.parts: Parts = form_of(layer.pdf, (-edge, -edge, width + edge, height + edge))
        self.codes = [slot for slot in layer.slots.values() if slot.kind == "qr"]
        self.texts = [slot for slot in layer.slots.values() if slot.kind == "text"]

    def contents(self, pieces: Iterable[PrintRecord], typefaces: Mapping[bool, Typeface]) -> Iterator[bytes]:
        """Yield the drawing of each piece, its trimmed lower left corner at (0, 0), in points.

        Raises Invalid for a value without a slot, an unfit QR text, a text too long or without glyphs (ask `usable`),
        Conflict for a symbol that does not read as meant.
        """
        for chunk in batched(pieces, CHUNK):
            self._refuse_unknown(chunk)
            symbols = {slot.name: self._symbols(slot, chunk) for slot in self.codes}
            across = self._across(typefaces) if self.layer.demo else b""
            for at, piece in enumerate(chunk):
                drawn = [b"/Layer Do\n", across, *(symbols[slot.name][at] for slot in self.codes)]
                drawn += [self._text(slot, piece.values.get(slot.name, ""), typefaces) for slot in self.texts]
                yield b"".join(drawn)

    def _refuse_unknown(self, chunk: Sequence[PrintRecord]) -> None:
        for piece in chunk:
            if unknown := piece.values.keys() - self.layer.slots.keys():
                known = ", ".join(self.layer.slots)
                raise Invalid("The layout has no slot {slot}: use {known}.", slot=min(unknown), known=known)

    def _symbols(self, slot: Slot, chunk: Sequence[PrintRecord]) -> list[bytes]:
        """Return the drawn symbol of every piece, empty where it has none; each has been decoded."""
        texts = {at: text for at, piece in enumerate(chunk) if (text := piece.values.get(slot.name))}
        drawn = [b""] * len(chunk)
        if not texts:
            return drawn
        level, version = self.profile.level, version_for(texts.values(), self.profile)
        made = qr.matrices(list(texts.values()), version=version, level=level)
        qr.check(made, list(texts.values()))
        module = module_mm(slot, 17 + 4 * version, self.profile)
        place = self._place(slot, module * (17 + 4 * version), module)
        for at, path in zip(texts, qr.paths(made), strict=True):
            drawn[at] = b"q %b%b%b Q\n" % (_BLACK, place, path)
        return drawn

    def _across(self, typefaces: Mapping[bool, Typeface]) -> bytes:
        """Return DEMO in outline from corner to corner, with white where codes stand, so that they still read."""
        glyphs = fonts.face(bold=True).shape("DEMO")
        width, height = self.layer.width * MM, self.layer.height * MM
        natural, turn = sum(glyph.advance for glyph in glyphs) / 1000, math.atan2(height, width)
        size = _DEMO_SHARE * math.hypot(width, height) / natural
        along, cos, sin = size * natural / 2, math.cos(turn), math.sin(turn)
        left = width / 2 - along * cos + size * _DEMO_RISE * sin
        low = height / 2 - along * sin - size * _DEMO_RISE * cos
        place = b" ".join(map(as_number, (cos, sin, -sin, cos, left, low)))
        word = b"q %b 1 w BT 1 Tr /Bold %b Tf %b Tm %b TJ ET Q\n" % (
            _GREY[self.profile.colour],
            as_number(size),
            place,
            typefaces[True].show(glyphs),
        )
        return word + b"".join(b"q 0 0 0 0 k %b re f Q\n" % self._room(slot) for slot in self.codes)

    def _room(self, slot: Slot) -> bytes:
        box = slot.box
        corner = (box.x, self.layer.height - box.y - box.height, box.width, box.height)
        return b" ".join(as_number(edge * MM) for edge in corner)

    def _place(self, slot: Slot, side: float, module: float) -> bytes:
        """Return the matrix that puts a symbol of `side` mm in the middle of its slot, on the device's dots."""
        dot = self.profile.dot_mm
        left = round((slot.box.x + (slot.box.width - side) / 2) / dot) * dot
        low = round((self.layer.height - slot.box.y - (slot.box.height + side) / 2) / dot) * dot
        return b"%b 0 0 %b %b %b cm " % tuple(f"{value * MM:.5f}".encode() for value in (module, module, left, low))

    def _text(self, slot: Slot, text: str, typefaces: Mapping[bool, Typeface]) -> bytes:
        if not text:
            return b""
        glyphs, size, width = fit(text, slot)
        left = slot.box.x + {"left": 0, "center": 0.5, "right": 1}[slot.align] * (slot.box.width - width)
        place = b" ".join(map(as_number, (left * MM, (self.layer.height - slot.baseline) * MM)))
        type_ = b"%b %b Tf %b Tc" % (
            b"/Bold" if slot.bold else b"/Regular",
            as_number(size),
            as_number(slot.spacing_pt),
        )
        return b"BT %b%b %b Td %b TJ ET\n" % (_colour(slot.colour), type_, place, typefaces[slot.bold].show(glyphs))


class Press:
    """One file being printed: pages of stamped pieces go in, `close` embeds the glyphs they used."""

    def __init__(self, stamper: Stamper, out: BinaryIO) -> None:
        self._stamper = stamper
        self._writer = Writer(out, stamper.parts)
        self._resources = self._writer.reserve()
        self._typefaces = {bold: Typeface(bold) for bold in (False, True)}

    def drawings(self, pieces: Iterable[PrintRecord]) -> Iterator[bytes]:
        """Yield the drawing of each piece, for use on the pages of this file only."""
        return self._stamper.contents(pieces, self._typefaces)

    def page(self, content: bytes, size: tuple[float, float], boxes: bytes = b"") -> None:
        """Add a page of `size` points."""
        self._writer.page(content, size=size, boxes=boxes, resources=self._resources)

    def close(self) -> None:
        names = {False: b"Regular", True: b"Bold"}
        embedded = [(names[bold], face.embed(self._writer)) for bold, face in self._typefaces.items() if face.used]
        listed = b"".join(b"/%b %d 0 R" % entry for entry in embedded)
        self._writer.put(
            b"<</XObject<</Layer %d 0 R>>/Font<<%b>>>>" % (self._stamper.parts.form, listed), self._resources
        )
        self._writer.close()


def make(layer: StaticLayer, pieces: Iterable[PrintRecord], *, profile: Profile, chunk: int = CHUNK) -> Iterator[bytes]:
    """Yield PDF files of up to `chunk` pieces, one piece a page of its own size, in order."""
    stamper = Stamper(layer, profile)
    for some in batched(pieces, chunk):
        out = io.BytesIO()
        write(stamper, some, out)
        yield out.getvalue()


def write(stamper: Stamper, pieces: Iterable[PrintRecord], out: BinaryIO) -> int:
    """Write all pieces to one file, one a page, and return how many; memory does not grow with their drawings."""
    layer, edge = stamper.layer, stamper.layer.bleed * MM
    size = (layer.width * MM + 2 * edge, layer.height * MM + 2 * edge)
    trim = b" ".join(map(as_number, (edge, edge, size[0] - edge, size[1] - edge)))
    press, count = Press(stamper, out), 0
    for drawing in press.drawings(pieces):
        press.page(
            placed(drawing, edge, edge), size, b"/TrimBox[%b]/BleedBox[0 0 %b %b]" % (trim, *map(as_number, size))
        )
        count += 1
    press.close()
    return count


def preview(layer: StaticLayer, piece: PrintRecord, *, profile: Profile) -> bytes:
    """Return one piece as a PDF of one page."""
    return next(make(layer, [piece], profile=profile))


def placed(drawing: bytes, left: float, low: float) -> bytes:
    """Return a drawing moved to (left, low) in points."""
    return b"q 1 0 0 1 %b %b cm\n%bQ\n" % (as_number(left), as_number(low), drawing)


def version_for(texts: Iterable[str], profile: Profile) -> int:
    """Return the version, 2 or more, that holds every text at the device's error correction."""
    return max([2, *(qr.smallest_version(text, level=profile.level) for text in texts)])


def module_mm(slot: Slot, size: int, profile: Profile) -> float:
    """Return the module side in mm of a symbol of `size` modules in its slot: whole dots, quiet zone included."""
    return int(min(slot.box.width, slot.box.height) / (size + 2 * qr.QUIET) / profile.dot_mm + 1e-6) * profile.dot_mm


def fit(text: str, slot: Slot) -> tuple[Sequence[Glyph], float, float]:
    """Return the glyphs of `text`, the size in points at which it fits its slot, and its width there in mm.

    Raises Invalid where it would be too small to read or a character has no glyph.
    """
    glyphs = fonts.face(bold=slot.bold).shape(text)
    natural, spaces = sum([glyph.advance for glyph in glyphs]) / 1000, slot.spacing_pt * (len(glyphs) - 1)
    room = slot.box.width * MM
    size = min(slot.size_pt, (room - spaces) / natural) if natural else slot.size_pt
    if size < max(SMALLEST_PT, LEAST_SHARE * slot.size_pt) - 0.01 and size < slot.size_pt:
        raise Invalid("{text} is too long for the slot {slot}.", text=repr(text), slot=slot.name)
    return glyphs, size, (natural * size + spaces) / MM


def usable(layer: StaticLayer, slot: str, text: str) -> bool:
    """Say whether `text` can be printed in a text slot: every character has a glyph, and it fits."""
    try:
        fit(text, layer.slots[slot])
    except Invalid:
        return False
    return True


def batched(pieces: Iterable[PrintRecord], size: int) -> Iterator[list[PrintRecord]]:
    """Yield lists of up to `size`; itertools has it from Python 3.12 on."""
    source = iter(pieces)
    while some := list(itertools.islice(source, size)):
        yield some


def _colour(parts: Sequence[float]) -> bytes:
    return b" ".join(map(as_number, parts)) + (b" k " if len(parts) == 4 else b" rg ")
