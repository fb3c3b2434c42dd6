import re

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import MODE_ALPHA_NUM, QRData

from printables.drawing import qr
from retention.errors import Conflict, Invalid

ADDRESS = "HTTPS://R.EXAMPLE.CN/Q/7K3M9PQR2H4J6T8"


def one_by_one(text: str, mask: int) -> np.ndarray:
    symbol = QRCode(version=2, error_correction=ERROR_CORRECT_M, mask_pattern=mask, border=0)
    symbol.add_data(QRData(text, mode=MODE_ALPHA_NUM), optimize=0)
    symbol.make(fit=False)
    return np.array(symbol.modules, dtype=bool)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(qr.ALPHABET, min_size=1, max_size=38), min_size=1, max_size=4), st.integers(0, 7))
def test_a_batch_has_the_symbols_that_qrcode_makes_one_by_one(texts: list[str], mask: int) -> None:
    made = qr.matrices(texts * 21, mask=mask)  # enough of each length to be made together
    meant = [one_by_one(text, mask) for text in texts] * 21
    assert np.array_equal(made, meant)


def test_a_few_symbols_are_the_same_as_among_many() -> None:
    texts = [f"{ADDRESS[:-2]}{number:02d}" for number in range(50)]
    assert np.array_equal(qr.matrices(texts[:3]), qr.matrices(texts)[:3])


def test_every_length_decodes_to_its_text() -> None:
    texts = [(ADDRESS * 2)[:length] for length in range(1, 39)] * 21
    qr.check(qr.matrices(texts), texts)


@pytest.mark.parametrize(("version", "level"), [(1, "M"), (2, "Q"), (3, "H"), (4, "L"), (4, "M")])
def test_every_version_and_level_decodes_at_its_capacity(version: int, level: str) -> None:
    texts = [(ADDRESS * 4)[: qr.CAPACITY[version][level]]] * 21
    made = qr.matrices(texts, version=version, level=level)
    assert made.shape == (21, 17 + 4 * version, 17 + 4 * version)
    qr.check(made, texts)


def test_a_batch_of_nothing_is_empty() -> None:
    assert qr.matrices([]).shape == (0, 25, 25)


@pytest.mark.parametrize("text", ["https://R.EXAMPLE.CN", "山茶", "A_B", "É"])
def test_a_character_outside_the_alphabet_is_named(text: str) -> None:
    with pytest.raises(Invalid, match="does not fit alphanumeric QR mode"):
        qr.matrices(["FINE", text])


@pytest.mark.parametrize("text", ["", "A" * 39])
def test_a_text_without_room_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="1 to 38 characters"):
        qr.matrices([text])


def test_the_smallest_version_that_holds_a_text() -> None:
    assert [qr.smallest_version("A" * length) for length in (20, 21, 38, 39, 61, 62, 90)] == [1, 2, 2, 3, 3, 4, 4]
    with pytest.raises(Invalid, match="1 to 90 characters"):
        qr.smallest_version("A" * 91)


def test_a_symbol_that_reads_otherwise_is_not_released() -> None:
    with pytest.raises(Conflict, match="instead of 'B'"):
        qr.check(qr.matrices(["A"]), ["B"])


def test_a_spoiled_symbol_is_not_released() -> None:
    made = qr.matrices([ADDRESS])
    made[0, 8:, 8:] = False
    with pytest.raises(Conflict):
        qr.check(made, [ADDRESS])


def test_the_path_fills_exactly_the_dark_modules() -> None:
    made = qr.matrices([ADDRESS, "HELLO"])
    for matrix, path in zip(made, qr.paths(made), strict=True):
        filled = np.zeros_like(matrix)
        for x, y, width in re.findall(rb"(\d+) (\d+) (\d+) 1 re", path):
            filled[24 - int(y), int(x) : int(x) + int(width)] ^= True
        assert np.array_equal(filled, matrix)
        assert path.endswith(b"f")


def test_the_svg_path_fills_exactly_the_dark_modules() -> None:
    matrix = qr.matrices([ADDRESS])[0]
    filled = np.zeros_like(matrix)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1", qr.svg_path(matrix)):
        filled[int(y), int(x) : int(x) + int(width)] ^= True
    assert np.array_equal(filled, matrix)


def test_a_reader_that_expects_nothing_finds_a_qr_code() -> None:
    picture = np.where(np.pad(qr.matrices([ADDRESS])[0], 4), 0, 255).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    (found,) = zxingcpp.read_barcodes(picture)
    assert (found.text, found.format) == (ADDRESS, zxingcpp.BarcodeFormat.QRCode)
