import io
from dataclasses import replace

import pikepdf
import pytest

from printables.drawing import preflight, stamp
from printables.drawing.designs import DESIGNS
from printables.drawing.profiles import LABEL_203, LABEL_300, OFFICE, PRINT_SHOP, PROFILES, Profile
from printables.drawing.render import SlotBox, StaticLayer, static_layer
from retention.i18n import speaking
from tests.printables import samples


def checks(layer: StaticLayer, profile: Profile = OFFICE, piece: stamp.PrintRecord | None = None) -> dict[str, str]:
    """Return the message of every check that does not hold, by name."""
    piece = piece or samples.flyer()
    pdf = stamp.preview(layer, piece, profile=profile)
    return {
        check.name: check.message for check in preflight.preflight(layer, [piece], pdf, profile=profile) if not check.ok
    }


def with_qr_of(layer: StaticLayer, side: float) -> StaticLayer:
    slot = layer.slots["qr"]
    small = replace(slot, box=replace(slot.box, width=side, height=side))
    return replace(layer, slots={**layer.slots, "qr": small})


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("design", DESIGNS)
def test_every_built_in_design_passes_on_every_device(design: str, language: str, profile: Profile) -> None:
    piece = {"flyer": samples.flyer, "joint": samples.joint}[design]()
    for paper in DESIGNS[design].formats:
        assert checks(samples.layer(design, paper=paper, language=language, profile=profile), profile, piece) == {}


def test_a_small_symbol_is_refused() -> None:
    found = checks(with_qr_of(samples.layer(), 14.9))
    assert found["qr-size"] == "qr: symbol of 14.0 mm with its quiet zone (at least 15.0, 25.0 advised)."
    assert set(found) == {"qr-size"}


def test_modules_of_few_dots_are_refused_on_a_label_printer_only() -> None:
    office, label = with_qr_of(samples.layer(), 16), with_qr_of(samples.layer(profile=LABEL_203), 16)
    assert checks(office) == {}
    assert checks(label, LABEL_203)["qr-module"] == ("qr: modules of 0.375 mm, 3 dots (at least 0.396 mm and 4 dots).")


def test_words_in_the_quiet_zone_are_named() -> None:
    layer = samples.layer()
    slot, code = layer.slots["qr"], layer.slots["code"]
    near = replace(code, box=SlotBox(slot.box.x + 1, slot.box.y + 1, 40, 4))
    assert checks(replace(layer, slots={**layer.slots, "code": near}))["qr-quiet"] == (
        "qr: code overlaps the quiet zone."
    )


def test_words_near_the_edge_are_named() -> None:
    layer = samples.layer()
    piece = replace(layer.slots["piece"], box=SlotBox(1, 140, 25, 3))
    assert checks(replace(layer, slots={**layer.slots, "piece": piece}))["safe-zone"] == (
        "Closer than 3.0 mm to the edge: piece."
    )


def test_a_small_picture_is_refused() -> None:
    layer = static_layer(
        "flyer",
        samples.FLYER["zh"],
        format="a6",
        language="zh",
        profile=OFFICE,
        images={"picture": samples.picture(400, 300)},
    )
    assert checks(layer) == {"picture-dpi": "Picture 1: 97 dpi at its printed size (at least 200)."}


def test_words_that_do_not_fit_are_reported() -> None:
    assert checks(samples.layer(headline="谢谢您第三次光临" * 20))["text-fits"] == "Text does not fit its space."


def test_rgb_is_found_in_drawings_and_pictures() -> None:
    pdf = stamp.preview(samples.layer(), samples.flyer(), profile=OFFICE)
    for profile in (LABEL_300, PRINT_SHOP):
        (_, colour) = preflight.check_file(pdf, profile)
        assert (colour.ok, colour.message) == (False, f"{profile.name} does not accept RGB; found: drawing, picture.")


def test_a_typeface_left_out_is_named() -> None:
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        document.pages[0].Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=document.make_indirect(font)))
        document.save(out)
    (fonts,) = preflight.check_file(out.getvalue(), OFFICE)
    assert (fonts.ok, fonts.message) == (False, "Not embedded: /Helvetica.")


def test_a_symbol_that_is_not_on_the_page_is_missed() -> None:
    layer, piece = samples.layer(), samples.flyer()
    blank = stamp.preview(layer, stamp.PrintRecord({}), profile=OFFICE)
    found = {check.name: check for check in preflight.preflight(layer, [piece], blank, profile=OFFICE)}
    assert (found["qr-reads"].ok, found["qr-reads"].message) == (False, "0 of 1 QR codes decode correctly.")


def test_a_stored_check_is_shown_in_another_language() -> None:
    stored = {"template": "Smallest text {size} pt.", "values": {"size": "6.5"}}
    with speaking("en"):
        assert preflight.sentence_of(stored) == "Smallest text 6.5 pt."
