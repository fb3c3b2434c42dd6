"""Imposition: stamped pieces placed on sheets so that cutting and stacking leaves them in order.

Cut-and-stack: with S sheets in a stack, sheet s carries at position k the record k * S + s. Cut the stack, lay the
piles on one another in position order, and the pieces come in picking order. Nothing is laid out again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from printables.drawing.pdf import as_number
from printables.drawing.profiles import MM, Profile
from printables.drawing.render import StaticLayer
from printables.drawing.stamp import Press, PrintRecord, Stamper, batched, placed
from retention.errors import Invalid

Order = Literal["cut-and-stack", "plain"]
_A4 = (210.0, 297.0)
_MARK, _GAP = 4.0, 1.0  # mm: length of a crop mark, distance from the trimmed edge
STACK = 100  # sheets a hand guillotine takes, and how many are cut at once


@dataclass(frozen=True)
class Sheet:
    """How pieces lie on one sheet, in mm. Positions count left to right, then top to bottom."""

    width: float
    height: float
    columns: int
    rows: int
    piece_width: float
    piece_height: float

    @property
    def up(self) -> int:
        """Pieces on one sheet."""
        return self.columns * self.rows

    def corner(self, position: int) -> tuple[float, float]:
        """Return the lower left corner of a position in mm from the lower left of the sheet; the block is centred."""
        row, column = divmod(position, self.columns)
        left = (self.width - self.columns * self.piece_width) / 2
        low = (self.height - self.rows * self.piece_height) / 2
        return left + column * self.piece_width, low + (self.rows - 1 - row) * self.piece_height


def sheet_for(width: float, height: float, paper: tuple[float, float] = _A4) -> Sheet:
    """Return the sheet, upright or across, that holds most pieces of `width` x `height` mm; Invalid where none fits.

    A6 on A4 is 4, a 100 x 150 mm label is 2 side by side.
    """
    shapes = [paper, (paper[1], paper[0])]
    fits = [Sheet(w, h, int(w // width), int(h // height), width, height) for w, h in shapes]
    best = max(fits, key=lambda sheet: sheet.up)
    if not best.up:
        raise Invalid(
            "An insert of {width} x {height} mm does not fit on a sheet of {paper} mm.",
            width=width,
            height=height,
            paper=f"{paper[0]:g} x {paper[1]:g}",
        )
    return best


def imposition(count: int, up: int, order: Order = "cut-and-stack", stack: int = STACK) -> list[list[int | None]]:
    """Return, sheet by sheet, which record lies at each position; None is an empty place.

    Stacks of at most `stack` sheets follow each other, so the order holds from one stack to the next.
    """
    sheets: list[list[int | None]] = []
    for first in range(0, count, up * stack):
        records = min(count - first, up * stack)
        deep = -(-records // up)
        for number in range(deep):
            places = (
                position * deep + number if order == "cut-and-stack" else number * up + position
                for position in range(up)
            )
            sheets.append([first + place if place < records else None for place in places])
    return sheets


def stacks(sheet_count: int, stack: int = STACK) -> list[int]:
    """Return how many sheets to cut at once, one stack after another: the order holds only within each."""
    return [min(stack, sheet_count - first) for first in range(0, sheet_count, stack)]


def impose(
    layer: StaticLayer,
    pieces: Iterable[PrintRecord],
    out: BinaryIO,
    *,
    profile: Profile,
    sheet: Sheet | None = None,
    order: Order = "cut-and-stack",
    stack: int = STACK,
    marks: bool = True,
) -> int:
    """Write pieces n-up to one file and return the number of sheets; memory holds the drawings of one stack.

    Crop marks are drawn only where the sheet leaves a margin for them. Bleeds overlap at inner edges, so a layout with
    bleed needs neighbours of one background, or one piece a page (`stamp.make`).
    """
    sheet = sheet or sheet_for(layer.width, layer.height)
    frame = crop_marks(sheet) if marks else b""
    press, size, sheets = Press(Stamper(layer, profile), out), (sheet.width * MM, sheet.height * MM), 0
    for some in batched(pieces, sheet.up * stack):
        drawings = list(press.drawings(some))
        for places in imposition(len(some), sheet.up, order, stack):
            press.page(frame + b"".join(_laid(drawings, places, sheet, profile.dot_mm)), size)
            sheets += 1
    press.close()
    return sheets


def _laid(drawings: list[bytes], places: list[int | None], sheet: Sheet, dot: float) -> Iterator[bytes]:
    for position, record in enumerate(places):
        if record is not None:
            # On whole dots, so that QR modules stay on the device's grid.
            left, low = (round(edge / dot) * dot for edge in sheet.corner(position))
            yield placed(drawings[record], left * MM, low * MM)


def crop_marks(sheet: Sheet) -> bytes:
    """Return hairlines in the margins that show where to cut, 100 % black; nothing where there is no margin."""
    left, low = sheet.corner((sheet.rows - 1) * sheet.columns)
    right, top = sheet.width - left, sheet.height - low
    lines = []
    if low > _MARK + _GAP:
        for column in range(sheet.columns + 1):
            x = left + column * sheet.piece_width
            lines += [(x, low - _GAP, x, low - _GAP - _MARK), (x, top + _GAP, x, top + _GAP + _MARK)]
    if left > _MARK + _GAP:
        for row in range(sheet.rows + 1):
            y = low + row * sheet.piece_height
            lines += [(left - _GAP, y, left - _GAP - _MARK, y), (right + _GAP, y, right + _GAP + _MARK, y)]
    drawn = [b"%b %b m %b %b l" % tuple(as_number(value * MM) for value in line) for line in lines]
    return b"q 0 0 0 1 K .25 w " + b" ".join(drawn) + b" S Q\n" if drawn else b""
