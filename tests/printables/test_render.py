import logging

import pytest

from printables.drawing import render
from printables.drawing.designs import DESIGNS
from printables.drawing.profiles import LABEL_203, OFFICE, PRINT_SHOP, PROFILES
from retention.errors import Invalid
from tests.printables import samples

EVERY = [(design, paper) for design in DESIGNS for paper in DESIGNS[design].formats]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("design", "paper"), EVERY)
def test_every_design_has_its_slots_within_the_safe_zone(design: str, paper: str, language: str) -> None:
    layer = samples.layer(design, paper=paper, language=language)
    assert set(layer.slots) == set(DESIGNS[design].slots)
    for slot in layer.slots.values():
        box = slot.box
        assert min(box.x, box.y, layer.width - box.x - box.width, layer.height - box.y - box.height) >= 4.9
        assert slot.kind == ("qr" if slot.name.startswith("qr") else "text")
        assert slot.kind == "qr" or box.y < slot.baseline <= box.y + box.height
    assert not layer.full


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_layout_engine_has_nothing_to_warn_about(profile: render.Profile, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        samples.layer.__wrapped__("joint", profile=profile)
    assert caplog.messages == []


def test_type_is_read_from_the_page() -> None:
    slots = samples.layer().slots
    assert (slots["greeting"].size_pt, slots["greeting"].bold, slots["greeting"].align) == (17, True, "left")
    assert (slots["code"].size_pt, slots["code"].spacing_pt) == (11.5, 0.5)
    assert (slots["piece"].size_pt, slots["piece"].bold, slots["piece"].align) == (6.5, False, "right")
    assert slots["code"].colour == (0, 0, 0, 1)


def test_words_from_outside_are_words_and_never_markup() -> None:
    layer = samples.layer(headline='<img src="x:y"> & {{ 7 * 7 }}')
    shown = " ".join(place.words for place in layer.placed)
    assert '<img src="x:y">' in shown
    assert "{{ 7 * 7 }}" in shown


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "http://127.0.0.1:9/x.png", "data:image/png;base64,AA", "x.png"]
)
def test_nothing_but_the_given_assets_is_ever_read(address: str) -> None:
    with pytest.raises(Invalid, match="A layout must not load"):
        render._laid_out(f'<img src="{address}">', {})


def test_long_words_shrink_and_endless_words_are_reported() -> None:
    longer = samples.layer(headline="谢谢您第三次光临，这一张秋茶新品优惠券只留给真正懂茶的朋友")
    endless = samples.layer(headline="谢谢您第三次光临" * 20)
    assert not longer.full
    assert longer.slots["greeting"].size_pt == pytest.approx(17 * 0.76)
    assert endless.full


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"headline": "新品🎉"}, r"no glyph for 🎉 \(U\+1F389\)"),
        ({"colour": "red"}, "The layout has no field colour: use accent, amount"),
        ({"headline": "", "amount": ""}, "The layout is missing headline, amount"),
        ({"promise": "慢" * 401}, "promise has 401 characters; the layout has space for 400"),
        ({"accent": "red;}body{display:none"}, "is not a colour"),
    ],
)
def test_content_that_cannot_print_is_refused(changed: dict[str, str], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        samples.layer(**changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"design": "poster"}, "poster is not a layout: use one of flyer, joint"),
        ({"format": "a0"}, "a0 is not a format: use one of a6, label"),
        ({"language": "fr"}, "fr is not a language"),
        ({"images": {}}, "needs a picture called picture"),
        ({"images": {"picture": b"GIF89a nonsense"}}, "The picture cannot be read"),
        ({"images": {"picture": samples.picture()[:-500]}}, "The picture is incomplete"),
    ],
)
def test_a_wrong_choice_names_the_right_ones(changed: dict[str, object], said: str) -> None:
    given = {"format": "a6", "language": "zh", "profile": OFFICE, "images": samples.PICTURES, **changed}
    design = str(given.pop("design", "flyer"))
    with pytest.raises(Invalid, match=said):
        render.static_layer(design, samples.FLYER["zh"], **given)


def test_the_same_content_gives_the_same_bytes() -> None:
    lay_out = samples.layer.__wrapped__  # past the cache
    assert lay_out("joint", paper="label").pdf == lay_out("joint", paper="label").pdf


def test_an_accent_becomes_what_the_device_has() -> None:
    found = [render.ink("#b8440e", profile.colour) for profile in (OFFICE, LABEL_203, PRINT_SHOP)]
    assert found == ["#b8440e", "device-cmyk(0 0 0 1)", "device-cmyk(0.000 0.630 0.924 0.278)"]
