"""Preflight checks of a layout before it is approved or printed: each compares a value with its minimum.

PDF/X is not certified here; what these checks say is measured on the page that will print.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf

from printables.drawing import qr, verify
from printables.drawing.profiles import Profile
from printables.drawing.render import Slot, SlotBox, StaticLayer
from printables.drawing.stamp import PrintRecord, module_mm, version_for
from retention.i18n import gettext, gettext_noop

# Floors in mm, points and dots per inch. Module: GS1 General Specifications 5.12.3.1; dots a module: Denso Wave, cell
# size guide; the others are what print shops and Lob ask for.
LEAST_MODULE, LEAST_DOTS, LEAST_SYMBOL, BEST_SYMBOL = 0.396, 4, 15.0, 25.0
LEAST_TEXT, LEAST_CHINESE = 6.0, 6.5
SAFE_ZONE = 3.0
LEAST_PICTURE = {"rgb": 200, "cmyk": 300, "black": 150}  # an office printer and a thermal head resolve no more
_RGB_OPERATORS = frozenset({"rg", "RG"})
_TOUCH = 0.05  # mm: neighbours that share an edge do not overlap


@dataclass(frozen=True)
class PreflightCheck:
    """One thing looked at: a stable name, whether it holds, and a sentence with its figures.

    `message` is in the language spoken when it was made; `template` and `values` let `sentence_of` say it in another.
    """

    name: str
    ok: bool
    message: str
    template: str
    values: Mapping[str, Any]


def preflight(
    layer: StaticLayer, pieces: Sequence[PrintRecord], pdf: bytes, *, profile: Profile
) -> list[PreflightCheck]:
    """Return every check of a layout for a device, on the worst `pieces` and `pdf`, which shows them one a page."""
    return [
        *_symbols(layer, pieces, profile),
        _reads(pieces, pdf, layer),
        *_type(layer),
        *_zones(layer),
        *_pictures(layer, profile),
        *check_file(pdf, profile),
    ]


def sentence_of(check: Mapping[str, Any]) -> str:
    """Return the sentence of a stored check in the language being spoken."""
    template = check["template"]
    return gettext(template).format(**check["values"])


def _as_check(name: str, ok: bool, template: str, **values: object) -> PreflightCheck:  # noqa: FBT001 - the answer itself
    return PreflightCheck(name, ok, gettext(template).format(**values), template, values)


def check_file(pdf: bytes, profile: Profile) -> list[PreflightCheck]:
    """Return the checks that need only a PDF: fonts embedded, and no RGB where the device takes none."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        loose = sorted(_loose_fonts(document))
        fonts = gettext_noop("Every typeface is embedded.") if not loose else gettext_noop("Not embedded: {names}.")
        checks = [_as_check("fonts", not loose, fonts, names=", ".join(loose))]
        if profile.colour != "rgb":
            found = sorted(_rgb(document))
            clean = gettext_noop("No RGB colour.")
            words = clean if not found else gettext_noop("{device} does not accept RGB; found: {found}.")
            checks.append(_as_check("colour", not found, words, device=profile.name, found=", ".join(found)))
        return checks


def _symbols(layer: StaticLayer, pieces: Sequence[PrintRecord], profile: Profile) -> Iterator[PreflightCheck]:
    for slot in (slot for slot in layer.slots.values() if slot.kind == "qr"):
        texts = [text for piece in pieces if (text := piece.values.get(slot.name))]
        version = version_for(texts, profile)
        module = module_mm(slot, 17 + 4 * version, profile)
        side, dots = module * (17 + 4 * version + 2 * qr.QUIET), round(module / profile.dot_mm)
        yield _as_check(
            "qr-module",
            module >= LEAST_MODULE and dots >= LEAST_DOTS,
            gettext_noop("{slot}: modules of {module} mm, {dots} dots (at least {least} mm and {least_dots} dots)."),
            slot=slot.name,
            module=f"{module:.3f}",
            dots=dots,
            least=LEAST_MODULE,
            least_dots=LEAST_DOTS,
        )
        words = gettext_noop("{slot}: symbol of {side} mm with its quiet zone (at least {least}, {best} advised).")
        values = {"slot": slot.name, "side": f"{side:.1f}", "least": LEAST_SYMBOL, "best": BEST_SYMBOL}
        yield _as_check("qr-size", side >= LEAST_SYMBOL, words, **values)
        yield _quiet(layer, slot, SlotBox(*_middle(slot, side)))


def _reads(pieces: Sequence[PrintRecord], pdf: bytes, layer: StaticLayer) -> PreflightCheck:
    """Compare what a reader sees on the rasterised pages with what each piece should say."""
    codes = [slot.name for slot in layer.slots.values() if slot.kind == "qr"]
    meant = [
        (page, piece.values[name]) for page, piece in enumerate(pieces, 1) for name in codes if name in piece.values
    ]
    read = [(found.page, found.text) for found in verify.decode(pdf)]
    right = sorted(meant) == sorted(read)
    words = gettext_noop("{read} of {meant} QR codes decode correctly.")
    return _as_check("qr-reads", right, words, read=len(set(meant) & set(read)), meant=len(set(meant)))


def _middle(slot: Slot, side: float) -> tuple[float, float, float, float]:
    box = slot.box
    return box.x + (box.width - side) / 2, box.y + (box.height - side) / 2, side, side


def _quiet(layer: StaticLayer, slot: Slot, square: SlotBox) -> PreflightCheck:
    other = [(place.words or place.kind, place.box) for place in layer.placed]
    other += [(name, near.box) for name, near in layer.slots.items() if name != slot.name]
    inside = [name for name, box in other if _overlap(square, box)]
    clean = gettext_noop("{slot}: the quiet zone of 4 modules is clean.")
    words = gettext_noop("{slot}: {names} overlaps the quiet zone.") if inside else clean
    return _as_check("qr-quiet", not inside, words, slot=slot.name, names=", ".join(inside))


def _overlap(one: SlotBox, two: SlotBox) -> bool:
    across = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
    down = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
    return across > _TOUCH and down > _TOUCH


def _type(layer: StaticLayer) -> Iterator[PreflightCheck]:
    texts = [place for place in layer.placed if place.kind == "text"]
    small = [place.words for place in texts if place.size_pt < _least(place.words) - 0.01]
    least = min((place.size_pt for place in texts), default=LEAST_TEXT)
    words = gettext_noop("Smallest text {size} pt.") if not small else gettext_noop("Too small to read: {names}.")
    yield _as_check("text-size", not small, words, size=f"{least:.1f}", names=", ".join(small))
    room = gettext_noop("Text does not fit its space.") if layer.full else gettext_noop("All text fits.")
    yield _as_check("text-fits", not layer.full, room)


def _least(words: str) -> float:
    return LEAST_TEXT if words.isascii() else LEAST_CHINESE


def _zones(layer: StaticLayer) -> Iterator[PreflightCheck]:
    places = [(place.words, place.box) for place in layer.placed if place.kind == "text"]
    places += [(name, slot.box) for name, slot in layer.slots.items()]
    outside = [name for name, box in places if _margin(box, layer) < SAFE_ZONE - _TOUCH]
    clean = gettext_noop("Text and codes keep a margin of {least} mm.")
    words = gettext_noop("Closer than {least} mm to the edge: {names}.") if outside else clean
    yield _as_check("safe-zone", not outside, words, least=SAFE_ZONE, names=", ".join(outside))


def _margin(box: SlotBox, layer: StaticLayer) -> float:
    return min(box.x, box.y, layer.width - box.x - box.width, layer.height - box.y - box.height)


def _pictures(layer: StaticLayer, profile: Profile) -> Iterator[PreflightCheck]:
    least = LEAST_PICTURE[profile.colour]
    for number, place in enumerate((place for place in layer.placed if place.kind == "picture"), 1):
        words = gettext_noop("Picture {number}: {dpi} dpi at its printed size (at least {least}).")
        dpi = round(place.dpi)
        yield _as_check("picture-dpi", dpi >= least, words, number=number, dpi=dpi, least=least)


def _loose_fonts(document: pikepdf.Pdf) -> Iterator[str]:
    for thing in document.objects:
        if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor":
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(thing.keys()):
                yield str(thing.get("/FontName", "?"))
        elif isinstance(thing, pikepdf.Dictionary) and _is_standard_font(thing):
            yield str(thing.get("/BaseFont", "?"))


def _is_standard_font(thing: Any) -> bool:
    plain = thing.get("/Type") == "/Font" and thing.get("/Subtype") not in ("/Type0", "/Type3")
    return plain and "/FontDescriptor" not in thing


def _rgb(document: pikepdf.Pdf) -> set[str]:
    found = {"picture" for thing in document.objects if _is_rgb_picture(thing)}
    forms: list[Any] = [page.obj for page in document.pages]
    forms += [
        thing for thing in document.objects if isinstance(thing, pikepdf.Stream) and thing.get("/Subtype") == "/Form"
    ]
    for form in forms:
        operators = {str(step.operator) for step in pikepdf.parse_content_stream(form)}
        found |= {"drawing"} if operators & _RGB_OPERATORS else set()
    return found


def _is_rgb_picture(thing: Any) -> bool:
    if not isinstance(thing, pikepdf.Stream) or thing.get("/Subtype") != "/Image":
        return False
    return "RGB" in str(thing.get("/ColorSpace", ""))
