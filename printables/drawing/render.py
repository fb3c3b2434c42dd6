"""Rendering: a built-in layout and its content in, a laid-out static page out.

WeasyPrint lays the page out once. Slot boxes, type sizes and baselines are read from that page, so a stamp lands where
the layout would have put the same words. It reads nothing but the assets handed over: every other address ends the
rendering.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jinja2

from printables.drawing import fonts, pictures, qr
from printables.drawing.designs import DESIGNS, WORDS, Design, Format
from printables.drawing.profiles import MM, Profile
from retention.errors import Invalid
from retention.pictures import undisturbed

PX = 25.4 / 96  # millimetres in a CSS pixel
_PT = 0.75  # points in a CSS pixel
LONGEST = 400  # characters of one field: layout time grows with them, and no flyer has room for more
_SCALES = (1, 0.94, 0.88, 0.82, 0.76, 0.7)  # copy shrinks this far before it is refused
_HEX = re.compile("#[0-9a-fA-F]{6}")
_ASCII = "".join(map(chr, range(32, 127)))

Kind = Literal["qr", "text"]


@dataclass(frozen=True)
class SlotBox:
    """A rectangle in millimetres from the upper left corner of the trimmed page."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Slot:
    """One fillable place. The type fields matter to text only; `baseline` is in mm from the top of the page."""

    name: str
    kind: Kind
    box: SlotBox
    baseline: float = 0
    size_pt: float = 0
    bold: bool = False
    spacing_pt: float = 0
    align: Literal["left", "center", "right"] = "left"
    colour: tuple[float, ...] = (0, 0, 0, 1)  # three numbers are RGB, four CMYK, each 0 to 1


@dataclass(frozen=True)
class Placed:
    """Something visible on the page, for the checks: text with its size, or a picture with its resolution."""

    kind: Literal["text", "picture"]
    words: str
    box: SlotBox
    size_pt: float = 0
    dpi: float = 0


@dataclass(frozen=True)
class StaticLayer:
    """One laid-out page without its personal parts. Sizes are of the trimmed page in mm; `pdf` has one page."""

    design: str
    format: str
    language: str
    pdf: bytes
    width: float
    height: float
    bleed: float
    slots: Mapping[str, Slot]
    placed: tuple[Placed, ...] = field(repr=False, default=())
    full: bool = False  # copy did not fit even at its smallest: a failed check
    demo: bool = False  # what is stamped on it says so, across all of it


def static_layer(
    design: str,
    content: Mapping[str, str],
    *,
    format: str,  # noqa: A002 - the word of the field
    language: str,
    profile: Profile,
    images: Mapping[str, bytes],
) -> StaticLayer:
    """Lay out `design` once for a batch; the personal slots stay empty.

    `content` holds the design's fields (`DESIGNS[design].fields`), `images` its pictures as file bytes by name.
    Raises Invalid for an unknown design, format, language or field, a missing field or picture, a character without
    a glyph.
    """
    page = _page(design, content, format, language, profile, images, {})
    return _layer(page, design, format, language, profile)


@lru_cache(maxsize=1)
def _engine() -> Any:
    """Return WeasyPrint, without types. It makes Pillow fill cut-off pictures with grey, so not amid a reading."""
    with undisturbed():
        import weasyprint.text.fonts  # heavy, and it must not be imported before a worker forks
        import weasyprint.urls
    return weasyprint


def _page(
    design: str,
    content: Mapping[str, str],
    format_name: str,
    language: str,
    profile: Profile,
    images: Mapping[str, bytes],
    values: Mapping[str, str],
) -> tuple[Any, bool]:
    """Return the laid-out document and whether its copy is too long for its room."""
    shape, paper = _known(design, format_name, language)
    _refuse_unfit(content, shape)
    assets = {
        name: pictures.prepare(_given(images, name), *size, profile=profile) for name, size in paper.pictures.items()
    }
    context = {
        "content": content,
        "words": WORDS[language],
        "language": "zh-CN" if language == "zh" else language,
        "paper": paper,
        "profile": profile,
        "values": values,
        "symbols": {name: _symbol(text, profile.level) for name, text in values.items() if name.startswith("qr")},
    }
    template = _templates().get_template(f"{design}.html")
    for scale in _SCALES:
        document = _laid_out(template.render(context, scale=scale), assets)
        full = _overfull(document.pages[0])
        if not full:
            break
    if len(document.pages) > 1:
        raise Invalid("The layout {design} exceeds one page: shorten the text.", design=design)
    return document, full


def _known(design: str, format_name: str, language: str) -> tuple[Design, Format]:
    if design not in DESIGNS:
        raise Invalid("{design} is not a layout: use one of {known}.", design=design, known=", ".join(DESIGNS))
    formats = DESIGNS[design].formats
    if format_name not in formats:
        raise Invalid("{format} is not a format: use one of {known}.", format=format_name, known=", ".join(formats))
    if language not in WORDS:
        raise Invalid("{language} is not a language: use one of {known}.", language=language, known=", ".join(WORDS))
    return DESIGNS[design], formats[format_name]


def _refuse_unfit(content: Mapping[str, str], design: Design) -> None:
    known = ", ".join(sorted(design.fields))
    if unknown := sorted(set(content) - design.fields):
        raise Invalid("The layout has no field {unknown}: use {known}.", unknown=", ".join(unknown), known=known)
    if lacking := [name for name in design.required if not content.get(name)]:
        raise Invalid("The layout is missing {lacking}.", lacking=", ".join(lacking))
    for name, words in content.items():
        if len(words) > LONGEST:
            raise Invalid(
                "{field} has {length} characters; the layout has space for {most}.",
                field=name,
                length=len(words),
                most=LONGEST,
            )


def _given(images: Mapping[str, bytes], name: str) -> bytes:
    if name not in images:
        raise Invalid("The layout needs a picture called {name}.", name=name)
    return images[name]


def _symbol(text: str, level: str) -> Mapping[str, Any]:
    version = max(2, qr.smallest_version(text, level=level))
    return {"path": qr.svg_path(qr.matrices([text], version=version, level=level)[0]), "modules": 17 + 4 * version}


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    folder = Path(__file__).parent / "designs"
    loader = jinja2.FileSystemLoader(folder)
    templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    templates.globals.update(fitted=fitted, measured=measured, ink=ink)
    return templates


def measured(text: str, size_pt: float, *, bold: bool = False) -> float:
    """Return the width in mm of one line of text."""
    return sum(glyph.advance for glyph in fonts.face(bold=bold).shape(text)) / 1000 * size_pt / MM


def fitted(text: str, room: float, largest: float, smallest: float) -> float:
    """Return the type size in points, within bounds, at which a bold line fills at most `room` mm."""
    width = measured(text, largest, bold=True)
    return round(max(smallest, largest * min(1, room / width)), 2) if width else largest


def ink(accent: str, colour: str) -> str:
    """Return the CSS colour of a `#rrggbb` accent for a device: itself, its four inks, or black."""
    if not _HEX.fullmatch(accent):
        raise Invalid("{colour} is not a colour: write it as #b8440e.", colour=repr(accent))
    if colour == "rgb":
        return accent
    if colour == "black":
        return "device-cmyk(0 0 0 1)"
    red, green, blue = (int(accent[at : at + 2], 16) / 255 for at in (1, 3, 5))
    key = 1 - max(red, green, blue)
    cyan, magenta, yellow = (0 if key == 1 else (1 - part - key) / (1 - key) for part in (red, green, blue))
    return f"device-cmyk({cyan:.3f} {magenta:.3f} {yellow:.3f} {key:.3f})"


def _laid_out(html: str, assets: Mapping[str, bytes]) -> Any:
    """Return the WeasyPrint document of `html`; Invalid where it asks for anything but `assets`."""
    engine = _engine()
    served = {**assets, **_typefaces(html)}

    class OnlyOurs(engine.urls.URLFetcher):  # type: ignore[misc,name-defined]
        def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ARG002
            name = url.removeprefix("asset:")
            if name not in served:
                raise engine.urls.FatalURLFetchingError(url)
            return engine.urls.URLFetcherResponse(url, served[name])

    fetcher: Any = OnlyOurs
    try:
        page = engine.HTML(string=html, base_url="asset:", url_fetcher=fetcher())
        return page.render(font_config=engine.text.fonts.FontConfiguration())
    except engine.urls.FatalURLFetchingError as refused:  # a BaseException: nothing else would stop it
        raise Invalid("A layout must not load {address}.", address=str(refused)) from None


def _typefaces(html: str) -> dict[str, bytes]:
    text = "".join(sorted(set(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)) | set(_ASCII)))
    fonts.refuse_missing(text, fonts.face(bold=False))
    return {"regular": _subset(text, bold=False), "bold": _subset(text, bold=True)}


@lru_cache(maxsize=64)
def _subset(characters: str, *, bold: bool) -> bytes:
    return fonts.face(bold=bold).page_font(characters)


def _overfull(page: Any) -> bool:
    """Say whether any `fit:NAME` box is taller than the `room:NAME` box around it."""
    heights = {name: bottom - top for name, (_, top, _, bottom) in page.anchors.items()}
    inner = [name for name in heights if name.startswith("fit:")]
    return any(heights[name] > heights["room:" + name.removeprefix("fit:")] + 0.01 for name in inner)


def _layer(page: tuple[Any, bool], design: str, format_name: str, language: str, profile: Profile) -> StaticLayer:
    document, full = page
    paper = DESIGNS[design].formats[format_name]
    # The box tree is WeasyPrint's own; its public anchors give boxes without type size, colour and baseline.
    boxes = list(_descendants(document.pages[0]._page_box))  # noqa: SLF001
    slots = [_slot(box) for box in boxes if ":" in (box.style["anchor"] or "")]
    return StaticLayer(
        design=design,
        format=format_name,
        language=language,
        pdf=bytes(document.write_pdf()),
        width=paper.width,
        height=paper.height,
        bleed=profile.bleed_mm,
        slots={slot.name: slot for slot in slots if slot},
        placed=tuple(_placed(boxes)),
        full=full,
    )


def _descendants(box: Any) -> Iterator[Any]:
    yield box
    for child in getattr(box, "children", ()):
        yield from _descendants(child)


def _slot(box: Any) -> Slot | None:
    kind, _, name = box.style["anchor"].partition(":")
    if kind == "qr":
        return Slot(name, "qr", _box(box))
    if kind != "text":
        return None
    line = next(child for child in _descendants(box) if _is_text(child))
    style = line.style
    return Slot(
        name,
        "text",
        _box(box),
        baseline=(line.position_y + line.baseline) * PX,
        size_pt=style["font_size"] * _PT,
        bold=style["font_weight"] >= 600,
        spacing_pt=0 if style["letter_spacing"] == "normal" else style["letter_spacing"] * _PT,
        align={"center": "center", "right": "right", "end": "right"}.get(style["text_align_all"], "left"),  # type: ignore[arg-type]
        colour=tuple(style["color"].coordinates),
    )


def _box(box: Any) -> SlotBox:
    return SlotBox(box.content_box_x() * PX, box.content_box_y() * PX, box.width * PX, box.height * PX)


def _is_text(box: Any) -> bool:
    return hasattr(box, "text") and hasattr(box, "baseline") and bool(box.text.strip())


def _placed(boxes: list[Any]) -> Iterator[Placed]:
    for box in boxes:
        if _is_text(box):
            where = SlotBox(box.position_x * PX, box.position_y * PX, box.width * PX, box.height * PX)
            yield Placed("text", box.text, where, size_pt=box.style["font_size"] * _PT)
        elif isinstance(getattr(getattr(box, "replacement", None), "width", None), int):
            where = _box(box)
            dots = min(box.replacement.width / where.width, box.replacement.height / where.height)
            yield Placed("picture", "", where, dpi=dots * 25.4)
