from pathlib import Path

import pytest

from printables.drawing import stamp, verify
from printables.drawing.profiles import OFFICE
from retention.errors import Invalid
from tests.printables import samples


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return next(stamp.make(samples.layer("joint"), map(samples.joint, range(3)), profile=OFFICE))


def test_codes_are_found_in_reading_order_where_they_are(pdf: bytes) -> None:
    found = verify.decode(pdf, pages=[2])
    assert [(code.page, code.text) for code in found] == [(2, samples.address(1)), (2, samples.address(10_001))]
    side = 25 * stamp.module_mm(samples.layer("joint").slots["qr_1"], 25, OFFICE)
    assert (found[0].box.width, found[0].box.height) == (pytest.approx(side, abs=0.4), pytest.approx(side, abs=0.4))


def test_a_file_is_read_from_disk_too(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "joint.pdf").write_bytes(pdf)
    assert len(verify.decode(tmp_path / "joint.pdf")) == 6


def test_first_last_and_every_nth_page_are_sampled(pdf: bytes) -> None:
    assert verify.sample(pdf) == [1, 3]
    assert verify.sample(pdf, every=1) == [1, 2, 3]


def test_what_is_not_a_pdf_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="The file cannot be opened as a PDF"):
        verify.decode(b"hello")
    with pytest.raises(Invalid, match=r"missing\.pdf cannot be opened as a PDF"):
        verify.decode(tmp_path / "missing.pdf")


def test_a_page_that_is_not_there_is_refused(pdf: bytes) -> None:
    with pytest.raises(Invalid, match="pages 1 to 3, not 4"):
        verify.decode(pdf, pages=[4])
