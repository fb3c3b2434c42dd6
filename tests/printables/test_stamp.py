import io

import numpy as np
import pikepdf
import pypdfium2
import pytest

from printables.drawing import stamp, verify
from printables.drawing.designs import DESIGNS
from printables.drawing.profiles import LABEL_203, LABEL_300, OFFICE, PRINT_SHOP, PROFILES
from retention.errors import Invalid
from tests.printables import samples


def drawn(pdf: bytes, dpi: int = 100) -> np.ndarray:
    with pypdfium2.PdfDocument(io.BytesIO(pdf)) as document:
        return verify.raster(document, 1, dpi).astype(int)


def words(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(io.BytesIO(pdf)) as document:
        return [document[page].get_textpage().get_text_range() for page in range(len(document))]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("design", ["flyer", "joint"])
def test_a_stamped_piece_looks_like_the_page_laid_out_whole(design: str, language: str) -> None:
    piece = {"flyer": samples.flyer, "joint": samples.joint}[design]()
    stamped = stamp.preview(samples.layer(design, language=language), piece, profile=OFFICE)
    laid_out = samples.whole_page(design, piece.values, language=language)
    differs = np.abs(drawn(stamped) - drawn(laid_out))
    for slot in samples.layer(design, language=language).slots.values():
        if slot.kind == "qr":  # modules are on the device's dots in one and not in the other
            box = [round(edge / 25.4 * 100) for edge in (slot.box.x, slot.box.y, slot.box.width, slot.box.height)]
            differs[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 0
    assert differs.mean() < 0.15
    assert [found.text for found in verify.decode(laid_out)] == [found.text for found in verify.decode(stamped)]


def test_pieces_come_in_order_each_with_its_own_words_and_code() -> None:
    pieces = [samples.flyer(number, greeting) for number, greeting in enumerate(["林女士，", "Anna，", "欧阳先生，"])]
    (pdf,) = stamp.make(samples.layer(), pieces, profile=OFFICE)
    for number, (text, greeting) in enumerate(zip(words(pdf), ["林女士，", "Anna，", "欧阳先生，"], strict=True)):
        assert greeting in text
        assert f"{number:04d}-9PQ-R" in text
        assert "SF…8815 · 1" in text
    assert [(found.page, found.text) for found in verify.decode(pdf)] == [
        (page, samples.address(page - 1)) for page in (1, 2, 3)
    ]


def test_files_hold_a_chunk_each() -> None:
    files = list(stamp.make(samples.layer(), map(samples.flyer, range(7)), profile=OFFICE, chunk=3))
    assert [verify.page_count(pdf) for pdf in files] == [3, 3, 1]


def test_the_same_batch_gives_the_same_bytes() -> None:
    made = [list(stamp.make(samples.layer.__wrapped__(), [samples.flyer()], profile=OFFICE)) for _ in range(2)]
    assert made[0] == made[1]


def test_the_static_layer_is_in_the_file_once() -> None:
    layer = samples.layer()
    one, many = (len(next(stamp.make(layer, map(samples.flyer, range(n)), profile=OFFICE))) for n in (1, 101))
    assert many - one < 100 * 2500


def test_a_file_is_sound_and_its_text_is_an_embedded_subset() -> None:
    pdf = stamp.preview(samples.layer(), samples.flyer(), profile=OFFICE)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        fonts = document.pages[0].Resources.Font
        embedded = [font.DescendantFonts[0].FontDescriptor.FontFile3.read_bytes() for font in fonts.values()]
    assert len(embedded) == 2
    assert max(map(len, embedded)) < 12_000


def test_bleed_lies_outside_the_trimmed_page() -> None:
    pdf = stamp.preview(samples.layer(profile=PRINT_SHOP), samples.flyer(), profile=PRINT_SHOP)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        page = document.pages[0]
        assert [float(edge) for edge in page.mediabox] == pytest.approx([0, 0, 314.6457, 436.5354])
        assert [float(edge) for edge in page.trimbox] == pytest.approx([8.5039, 8.5039, 306.1417, 428.0315])
    assert drawn(pdf)[2, 2] < 255  # the picture runs to the very edge


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_qr_modules_are_whole_dots_of_the_device(profile: stamp.Profile) -> None:
    for design in DESIGNS:
        slots = [slot for slot in samples.layer(design, profile=profile).slots.values() if slot.kind == "qr"]
        for slot in slots:
            size = 17 + 4 * stamp.version_for([samples.address(1)], profile)
            module = stamp.module_mm(slot, size, profile)
            assert module / profile.dot_mm == pytest.approx(round(module / profile.dot_mm))
            assert module * (size + 8) >= 25


def test_labels_take_more_error_correction_and_so_a_larger_symbol() -> None:
    assert [stamp.version_for([samples.address(1)], profile) for profile in (OFFICE, LABEL_203)] == [2, 3]


def test_the_module_of_a_29_mm_slot() -> None:
    slot = samples.layer().slots["qr"]
    found = [round(stamp.module_mm(slot, 25, profile), 3) for profile in (OFFICE, LABEL_300, LABEL_203)]
    assert found == [0.847, 0.847, 0.876]  # 20, 10 and 7 dots


def test_a_slot_without_a_value_stays_empty() -> None:
    pdf = stamp.preview(samples.layer("joint"), stamp.PrintRecord({"qr_2": samples.address(2)}), profile=OFFICE)
    assert [found.text for found in verify.decode(pdf)] == [samples.address(2)]


def test_a_value_without_a_slot_is_refused() -> None:
    with pytest.raises(Invalid, match="no slot colour: use greeting, code, qr, piece"):
        stamp.preview(samples.layer(), stamp.PrintRecord({"colour": "red"}), profile=OFFICE)


def test_a_long_name_shrinks_and_a_longer_one_is_refused() -> None:
    layer = samples.layer()
    slot = layer.slots["greeting"]
    assert stamp.fit("林女士，", slot)[1] == slot.size_pt
    assert stamp.fit("阿" * 20, slot)[1:] == (pytest.approx(12.898, abs=0.001), pytest.approx(91))
    assert [stamp.usable(layer, "greeting", "阿" * count) for count in (4, 20, 40)] == [True, True, False]
    with pytest.raises(Invalid, match="too long for the slot greeting"):
        stamp.preview(layer, samples.flyer(greeting="阿" * 40), profile=OFFICE)


def test_a_character_without_a_glyph_is_refused_not_printed_as_a_box() -> None:
    layer = samples.layer()
    assert not stamp.usable(layer, "greeting", "林🎉，")
    with pytest.raises(Invalid, match=r"no glyph for 🎉 \(U\+1F389\)"):
        stamp.preview(layer, samples.flyer(greeting="林🎉，"), profile=OFFICE)


def test_rare_names_have_their_characters() -> None:
    assert stamp.usable(samples.layer(), "greeting", "㛃𬭚龘女士，")


def test_a_longer_address_takes_a_larger_symbol_in_the_same_slot() -> None:
    text = samples.address(1) + "/LONGER"
    pdf = stamp.preview(samples.layer(), stamp.PrintRecord({"qr": text}), profile=LABEL_203)
    assert [found.text for found in verify.decode(pdf)] == [text]
