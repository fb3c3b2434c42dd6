import io
import re

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.paper.shared import cutting_words
from printables.drawing import sheets, verify
from printables.drawing.profiles import LABEL_203, OFFICE
from retention.errors import Invalid
from tests.printables import samples


@given(count=st.integers(0, 700), up=st.integers(1, 8), stack=st.integers(1, 60))
def test_cutting_and_stacking_leaves_the_pieces_in_order(count: int, up: int, stack: int) -> None:
    made = sheets.imposition(count, up, stack=stack)
    order: list[int] = []
    for first in range(0, len(made), stack):
        cut = made[first : first + stack]
        order += [sheet[place] for place in range(up) for sheet in cut if sheet[place] is not None]
    assert order == list(range(count))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 396, 399, 400, 401, 402, 404, 500, 799, 800, 801, 1203, 2000])
def test_the_advice_on_the_screen_followed_to_the_letter_leaves_the_pieces_in_order(count: int) -> None:
    printed = sheets.imposition(count, 4)
    said = cutting_words(len(printed))
    if len(printed) <= 100:
        assert said == "Cut the stack, then collate from the top: upper left, upper right, lower left, lower right."
        at_once = [len(printed)]
    else:
        most, last, stacks = map(int, re.findall(r"\d+", said))
        at_once = [*[most] * (stacks - 1), last]
    pile: list[int] = []  # from the top
    for sheets_cut in at_once:
        cut, printed = printed[:sheets_cut], printed[sheets_cut:]
        for corner in range(4):  # upper left, upper right, lower left, lower right
            pile += [sheet[corner] for sheet in cut if sheet[corner] is not None]
    assert printed == []
    assert pile == list(range(count))


def test_the_formula_of_cut_and_stack() -> None:
    assert sheets.imposition(10, 4) == [[0, 3, 6, 9], [1, 4, 7, None], [2, 5, 8, None]]


def test_the_plain_order_reads_like_a_page() -> None:
    assert sheets.imposition(6, 4, "plain") == [[0, 1, 2, 3], [4, 5, None, None]]


@pytest.mark.parametrize(
    ("size", "up", "paper"),
    [((105, 148), 4, (210, 297)), ((100, 150), 2, (210, 297)), ((99, 210), 3, (297, 210)), ((74, 105), 8, (297, 210))],
)
def test_how_many_pieces_a4_holds(size: tuple[float, float], up: int, paper: tuple[float, float]) -> None:
    sheet = sheets.sheet_for(*size)
    assert (sheet.up, (sheet.width, sheet.height)) == (up, paper)


def test_a_piece_larger_than_the_paper_is_refused() -> None:
    with pytest.raises(Invalid, match="300 x 400 mm does not fit on a sheet of 210 x 297 mm"):
        sheets.sheet_for(300, 400)


def test_printed_sheets_come_in_picking_order_after_cutting() -> None:
    out = io.BytesIO()
    pieces = [samples.flyer(number) for number in range(10)]
    assert sheets.impose(samples.layer(), pieces, out, profile=OFFICE) == 3
    read = {(found.page, found.box.y > 148, found.box.x > 105): found.text for found in verify.decode(out.getvalue())}
    places = [(down, right) for down in (False, True) for right in (False, True)]
    piled = [read[page, *place] for place in places for page in (1, 2, 3) if (page, *place) in read]
    assert piled == [samples.address(number) for number in range(10)]


def test_a_joint_flyer_is_two_up_with_crop_marks_in_the_margin() -> None:
    out = io.BytesIO()
    layer = samples.layer("joint", paper="label")
    assert sheets.impose(layer, [samples.joint(number) for number in range(3)], out, profile=OFFICE) == 2
    with pikepdf.open(out) as document:
        drawn = document.pages[0].Contents.read_bytes()
        assert [float(edge) for edge in document.pages[0].mediabox] == pytest.approx([0, 0, 595.2756, 841.8898])
    marks = drawn.split(b" S Q")[0]
    assert marks.startswith(b"q 0 0 0 1 K")
    assert marks.count(b" l") == 6  # three cuts, above and below; 5 mm beside the block are too narrow for any
    assert len(verify.decode(out.getvalue())) == 6


def test_a_block_that_fills_the_sheet_has_no_crop_marks() -> None:
    assert sheets.crop_marks(sheets.sheet_for(105, 148)) == b""


def test_pieces_lie_on_whole_dots_of_the_device() -> None:
    out = io.BytesIO()
    layer = samples.layer("joint", paper="label", profile=LABEL_203)
    sheets.impose(layer, [samples.joint()], out, profile=LABEL_203)
    with pikepdf.open(out) as document:
        moves = [
            step.operands for step in pikepdf.parse_content_stream(document.pages[0]) if str(step.operator) == "cm"
        ]
    dots = [float(moves[0][at]) / 72 * 203 for at in (4, 5)]
    assert dots == pytest.approx([round(dot) for dot in dots], abs=0.001)
