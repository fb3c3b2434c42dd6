"""Product pictures for the sample shops, drawn by us: tea tins, jars, porcelain, cloth. 1200 x 900 JPEG."""

from collections.abc import Callable

import numpy as np

from api.demo.canvas import Canvas, Colour, Plane, Texture

CREAM, SAND, CLAY = (243, 233, 216), (214, 186, 150), (232, 196, 160)
PERSIMMON, TEA_GREEN, RED, OCHRE = (196, 84, 30), (92, 122, 78), (142, 42, 38), (206, 150, 62)
CELADON, PORCELAIN, PAPER = (160, 194, 176), (246, 243, 236), (244, 235, 214)
SAGE, BLUSH, MIST = (222, 230, 214), (246, 222, 206), (216, 228, 228)
LEAF, DRY = (104, 134, 70), (84, 66, 46)


def draw(name: str) -> bytes:
    """The picture of that name as JPEG bytes; the same bytes every time."""
    return PICTURES[name]().jpeg()


def _label(top: float, bottom: float, half: float, colour: Colour) -> Texture:
    """A paper label round the front, `half` radians to either side."""

    def texture(angle: Plane, height: Plane) -> tuple[Plane, Colour]:
        inside = np.minimum(np.minimum(height - top, bottom - height), (half - np.abs(angle)) * 120)
        return np.clip(inside + 0.5, 0, 1), colour

    return texture


def _rings(*heights: float, colour: Colour, thick: float = 5) -> Texture:
    """Painted lines round the body."""

    def texture(_angle: Plane, height: Plane) -> tuple[Plane, Colour]:
        inside = np.max([thick - np.abs(height - at) for at in heights], axis=0)
        return np.clip(inside, 0, 1) * 0.9, colour

    return texture


def _speckles(colour: Colour, *, share: float = 0.5, grain: float = 9) -> Texture:
    """Leaves seen through glass, or grit in a glaze: smooth noise made of a few waves."""

    def texture(angle: Plane, height: Plane) -> tuple[Plane, Colour]:
        a, h = angle * 150 / grain, height / grain
        waves = np.sin(a * 1.7 + 2 * np.sin(h)) + np.sin(h * 2.3 + 1.5 * np.sin(a * 1.3)) + np.sin(a * 0.9 - h * 1.9)
        return np.clip((waves / 3 + share - 0.5) * 2.4, 0, 1).astype(np.float32), colour

    return texture


def _tin(canvas: Canvas, x: float, colour: Colour, *, height: float = 330, radius: float = 135) -> None:
    foot, top = 735.0, 735.0 - height
    lid = top + height * 0.2
    canvas.shadow(x, foot, radius)
    middle = (lid + foot) / 2
    side = [(lid, radius), (foot - 6, radius), (foot, radius - 4)]
    canvas.turned(x, side, colour, texture=_label(middle - 78, middle + 78, 0.72, PAPER))
    canvas.turned(x, [(lid - 1, radius + 3), (lid + 5, radius + 3)], _darker(colour, 0.6))
    canvas.turned(x, [(top, radius - 1), (top + 8, radius + 3), (lid, radius + 3)], colour, gloss=0.5)
    canvas.disc(x, top, radius - 1, _darker(colour, 1.16))
    canvas.disc(x, top, radius - 16, _darker(colour, 1.06))
    for turn, length in ((-2.2, 62), (-1.57, 78), (-0.94, 62)):
        canvas.leaf(x, middle + 56, length, turn, colour)
    canvas.polygon([(x + 34, middle + 52), (x + 56, middle + 50), (x + 56, middle + 72), (x + 34, middle + 74)], RED)


def _leaves(canvas: Canvas, x: float, y: float, colour: Colour = DRY, *, count: int = 16) -> None:
    """A small heap of tea on the table."""
    rng = np.random.default_rng(int(x))
    canvas.shadow(x, y + 4, 52)
    for _ in range(count):
        along, down = rng.normal(0, 34), abs(rng.normal(0, 9))
        tone = _darker(colour, float(rng.uniform(0.8, 1.35)))
        canvas.leaf(x + along, y - 12 + down, float(rng.uniform(26, 44)), float(rng.uniform(-3.1, 3.1)), tone)


def _cup(
    canvas: Canvas, x: float, foot: float, colour: Colour, *, size: float = 1.0, tea: Colour | None = None
) -> None:
    top, wide = foot - 96 * size, 84 * size
    canvas.shadow(x, foot, 46 * size)
    profile = [(top, wide), (top + 40 * size, wide * 0.86), (foot - 14 * size, wide * 0.5), (foot, wide * 0.46)]
    canvas.turned(x, profile, colour, gloss=0.6)
    canvas.disc(x, top, wide, _darker(colour, 1.08))
    canvas.disc(x, top + 3, wide - 6 * size, _darker(colour, 0.84), light=-0.2)
    if tea:
        canvas.disc(x, top + 7, wide - 11 * size, tea, light=-0.16)


def _jar(canvas: Canvas, x: float, glass: Colour, texture: Texture, lid: Colour) -> None:
    """A glass jar, its content showing, a wooden lid on top."""
    foot, top, wide = 735.0, 430.0, 145.0
    canvas.shadow(x, foot, wide)
    side = [(top, wide * 0.82), (top + 40, wide), (foot - 30, wide), (foot, wide * 0.92)]
    canvas.turned(x, side, (238, 240, 232), alpha=0.55)
    canvas.turned(
        x, [(top + 70, wide - 8), (foot - 30, wide - 8), (foot - 8, wide - 16)], glass, texture=texture, gloss=0.1
    )
    canvas.disc(x, top + 70, wide - 8, _darker(glass, 1.12))
    canvas.turned(x, side, (255, 255, 255), alpha=0.16, gloss=3.0)
    canvas.turned(
        x,
        [(top - 52, wide * 0.84), (top - 4, wide * 0.86)],
        lid,
        texture=_rings(top - 30, colour=_darker(lid, 0.85), thick=2),
    )
    canvas.disc(x, top - 52, wide * 0.84, _darker(lid, 1.1))


def _darker(colour: Colour, tone: float) -> Colour:
    red, green, blue = (max(0, min(255, int(part * tone))) for part in colour)
    return red, green, blue


def _dancong() -> Canvas:
    canvas = Canvas(BLUSH, SAND, (250, 236, 222))
    _tin(canvas, 545, PERSIMMON)
    _cup(canvas, 805, 765, PORCELAIN, size=0.95, tea=(204, 126, 44))
    _leaves(canvas, 330, 790)
    return canvas


def _longjing() -> Canvas:
    canvas = Canvas(SAGE, (206, 190, 156), (236, 240, 226))
    _tin(canvas, 640, TEA_GREEN, height=300, radius=145)
    _cup(canvas, 385, 768, CELADON, size=0.95, tea=(196, 190, 92))
    _leaves(canvas, 870, 795, LEAF)
    return canvas


def _lychee() -> Canvas:
    canvas = Canvas((244, 220, 208), CLAY, (250, 234, 222))
    _tin(canvas, 610, RED, height=370, radius=122)
    for x, y in ((372, 770), (442, 792), (850, 786)):
        canvas.shadow(x, y, 38)
        profile = [(y - 76, 6), (y - 66, 26), (y - 38, 40), (y - 10, 28), (y - 1, 10)]
        canvas.turned(x, profile, (196, 62, 60), texture=_speckles((150, 34, 44), share=0.55, grain=5), gloss=0.15)
        canvas.leaf(x, y - 74, 52, -0.6, LEAF)
    return canvas


def _white_tea() -> Canvas:
    """A pressed cake in its paper, with a broken corner beside it."""
    canvas = Canvas(CREAM, SAND, (250, 244, 230))
    canvas.shadow(600, 722, 260)
    cake = [(632, 258), (640, 262), (684, 262), (704, 250)]
    canvas.turned(600, cake, PAPER, texture=_speckles((226, 208, 176), share=0.3, grain=14), gloss=0.05, tilt=0.34)
    canvas.disc(600, 632, 258, (247, 240, 222), tilt=0.34, light=0.06)
    canvas.disc(600, 630, 122, (124, 138, 92), tilt=0.34)
    canvas.disc(600, 630, 110, (236, 230, 208), tilt=0.34)
    for turn in np.linspace(0, 2 * np.pi, 9)[:-1]:
        canvas.leaf(
            600 + 14 * np.cos(turn), 630 + 5 * np.sin(turn), 64 - 22 * abs(np.sin(turn)), float(turn), TEA_GREEN
        )
    _leaves(canvas, 905, 800, (126, 122, 88), count=22)
    return canvas


def _jasmine() -> Canvas:
    canvas = Canvas(MIST, (212, 196, 166), (236, 242, 238))
    _jar(canvas, 600, (122, 128, 78), _speckles((82, 92, 54)), (196, 152, 104))
    for x, y, size in ((520, 560, 30), (585, 610, 34), (650, 565, 30), (690, 640, 30), (545, 680, 32), (625, 690, 28)):
        canvas.blossom(x, y, size)
    for x, y in ((345, 790), (410, 812), (842, 800)):
        canvas.shadow(x, y + 8, 30)
        canvas.leaf(x, y, 70, 0.5, LEAF)
        canvas.blossom(x, y - 8, 42)
    return canvas


def _osmanthus() -> Canvas:
    """A glazed jar tied with cloth."""
    canvas = Canvas((246, 230, 200), CLAY, (252, 242, 220))
    canvas.shadow(600, 738, 150)
    belly = [(440, 104), (475, 132), (560, 172), (650, 166), (720, 118), (738, 112)]
    canvas.turned(600, belly, OCHRE, gloss=0.55, texture=_speckles((180, 116, 40), share=0.22, grain=12))
    canvas.turned(600, [(376, 114), (386, 120), (420, 122), (440, 108)], PAPER, gloss=0.05)
    canvas.disc(600, 376, 114, (250, 242, 224))
    canvas.turned(600, [(440, 110), (470, 150), (478, 152)], (236, 224, 198), gloss=0.05)
    canvas.turned(600, [(430, 112), (444, 112)], RED, gloss=0.1)
    canvas.stroke([(676, 458), (700, 500), (690, 556)], [5, 4, 3], RED)
    canvas.stroke([(668, 460), (676, 510), (662, 548)], [5, 4, 3], RED)
    canvas.stroke([(250, 772), (340, 740), (430, 752)], [5, 4, 2], DRY)
    for x, y in ((268, 756), (312, 772), (322, 730), (372, 764), (396, 734), (428, 760)):
        canvas.leaf(x, y, 62, -0.9 if y < 750 else 0.8, LEAF)
        canvas.blossom(x, y, 18, (246, 196, 84))
    return canvas


def _gaiwan(colour: Colour = PORCELAIN, ink: Colour = (66, 104, 150)) -> Canvas:
    canvas = Canvas((220, 228, 232), (206, 190, 164), (238, 242, 242))
    canvas.shadow(600, 742, 190)
    canvas.turned(600, [(700, 196), (716, 186), (736, 120), (744, 100)], colour, gloss=0.5)
    canvas.disc(600, 700, 196, _darker(colour, 1.04))
    canvas.disc(600, 704, 128, _darker(colour, 0.88))
    bowl = [(492, 176), (506, 164), (600, 138), (676, 84), (704, 80)]
    canvas.turned(600, bowl, colour, gloss=0.6, texture=_rings(528, 546, colour=ink))
    canvas.disc(600, 492, 176, _darker(colour, 1.05))
    canvas.disc(600, 496, 164, _darker(colour, 0.8), light=-0.2)
    lid = [(404, 44), (424, 92), (460, 140), (486, 150)]
    canvas.turned(600, lid, colour, gloss=0.6, texture=_rings(462, colour=ink, thick=4))
    canvas.turned(600, [(376, 40), (388, 30), (408, 34)], colour, gloss=0.5)
    canvas.disc(600, 376, 40, _darker(colour, 1.04))
    for turn, length in ((-2.1, 46), (-1.57, 58), (-1.04, 46)):
        canvas.leaf(600, 660, length, turn, ink)
    _leaves(canvas, 900, 802)
    return canvas


def _teapot(colour: Colour = (138, 74, 50), wall: Colour = CREAM) -> Canvas:
    canvas = Canvas(wall, SAND, (252, 246, 234))
    canvas.shadow(590, 742, 190)
    canvas.stroke([(742, 530), (852, 520), (868, 610), (800, 690), (738, 688)], [17, 17, 15, 15, 17], colour)
    canvas.stroke([(450, 650), (372, 620), (330, 540), (296, 508)], [40, 28, 19, 15], colour)
    body = [(500, 120), (530, 158), (610, 192), (690, 168), (736, 118), (742, 116)]
    canvas.turned(590, body, colour, gloss=0.22)
    canvas.turned(590, [(494, 122), (504, 122)], _darker(colour, 0.8))
    canvas.turned(590, [(446, 30), (462, 84), (494, 116)], colour, gloss=0.25)
    canvas.turned(590, [(404, 8), (412, 24), (432, 27), (448, 16)], colour, gloss=0.3)
    _cup(canvas, 905, 800, colour, size=0.72, tea=(176, 96, 36))
    return canvas


def _cups(colour: Colour = CELADON) -> Canvas:
    canvas = Canvas(SAGE, (212, 194, 162), (238, 242, 230))
    _cup(canvas, 470, 705, colour, size=1.55, tea=(206, 170, 80))
    _cup(canvas, 740, 770, _darker(colour, 1.1), size=1.45)
    canvas.stroke([(880, 812), (960, 780), (1040, 790)], [5, 4, 2], DRY)
    for x, turn in ((905, -1.1), (940, 0.7), (975, -0.9), (1010, 0.6), (1035, -0.2)):
        canvas.leaf(x, 792, 62, turn, LEAF)
    return canvas


def _cloth() -> Canvas:
    """Folded linen, three on a pile."""
    canvas = Canvas(BLUSH, CLAY, (250, 238, 226))
    canvas.shadow(610, 742, 300)
    for level, tone in enumerate([(188, 112, 74), (236, 226, 204), (122, 142, 118)]):
        y, shift = 740 - level * 58, 14 * (-1) ** level
        left, right = 340 + shift + 8 * level, 860 + shift - 8 * level
        for fold in range(2):
            edge = y - 27 * fold
            canvas.stroke([(left, edge - 12), ((left + right) / 2, edge - 8), (right, edge - 13)], [15, 16, 15], tone)
    top = [(362, 576), (838, 574), (792, 500), (410, 500)]
    canvas.polygon(top, (136, 156, 130), soft=2)
    for at in (0.16, 0.22, 0.78, 0.84):
        low, high = 362 + at * 476, 410 + at * 382
        canvas.polygon([(low, 574), (low + 9, 574), (high + 8, 502), (high, 502)], (236, 230, 210))
    _cup(canvas, 600, 548, PORCELAIN, size=0.9, tea=(204, 140, 58))
    return canvas


def _honey() -> Canvas:
    canvas = Canvas((248, 232, 196), CLAY, (253, 243, 218))
    _jar(canvas, 600, (214, 138, 32), _label(560, 668, 0.66, PAPER), (150, 104, 66))
    for turn in np.linspace(0, 2 * np.pi, 7)[:-1]:
        canvas.leaf(600 + 6 * np.cos(turn), 640 + 6 * np.sin(turn), 40, float(turn), OCHRE)
    canvas.stroke([(330, 640), (390, 720), (430, 780)], [8, 8, 9], (176, 128, 82))
    canvas.turned(
        452,
        [(770, 20), (786, 34), (806, 34), (822, 18)],
        (176, 128, 82),
        texture=_rings(782, 796, 810, colour=(112, 74, 42), thick=3),
    )
    return canvas


def _gift_box() -> Canvas:
    """A lidded box with a ribbon, two small tins before it."""
    canvas = Canvas((240, 226, 206), SAND, (250, 240, 224))
    canvas.shadow(620, 742, 270)
    front, lid = (170, 62, 40), (186, 76, 50)
    canvas.polygon([(390, 500), (840, 500), (840, 740), (390, 740)], front)
    canvas.polygon([(840, 500), (910, 452), (910, 686), (840, 740)], _darker(front, 0.72))
    canvas.polygon([(378, 452), (852, 452), (852, 528), (378, 528)], lid)
    canvas.polygon([(852, 452), (924, 404), (924, 476), (852, 528)], _darker(lid, 0.74))
    canvas.polygon([(378, 452), (852, 452), (924, 404), (458, 404)], _darker(lid, 1.16))
    canvas.polygon([(588, 452), (642, 452), (642, 740), (588, 740)], (240, 214, 160))
    canvas.polygon([(588, 452), (642, 452), (716, 404), (668, 404)], (250, 230, 184))
    for turn, length in ((-2.75, 118), (-0.35, 118)):
        canvas.leaf(652, 426, length, turn, (240, 214, 160))
    canvas.leaf(650, 428, 84, 2.3, (226, 196, 138))
    canvas.leaf(654, 428, 84, 0.9, (226, 196, 138))
    _cup(canvas, 300, 792, PORCELAIN, size=0.85, tea=(190, 112, 40))
    return canvas


def _vase() -> Canvas:
    canvas = Canvas((228, 232, 222), (206, 188, 156), (242, 244, 236))
    canvas.stroke([(600, 400), (612, 290), (690, 200), (800, 150)], [7, 6, 5, 3], DRY)
    canvas.stroke([(606, 330), (560, 250), (500, 190)], [5, 4, 3], DRY)
    for x, y, size in ((800, 150, 34), (735, 178, 40), (672, 226, 34), (500, 190, 36), (548, 240, 32), (620, 282, 30)):
        canvas.blossom(x, y, size, (244, 196, 190))
    canvas.shadow(600, 742, 150)
    canvas.disc(600, 392, 54, _darker(CELADON, 0.62))
    body = [(392, 56), (412, 44), (470, 48), (560, 138), (640, 152), (720, 100), (742, 92)]
    canvas.turned(600, body, CELADON, gloss=0.6)
    canvas.leaf(388, 800, 50, 0.2, (244, 196, 190))
    canvas.leaf(830, 812, 44, -0.4, (244, 196, 190))
    return canvas


def _plate() -> Canvas:
    canvas = Canvas(MIST, (212, 196, 168), (238, 242, 240))
    canvas.shadow(600, 736, 280)
    canvas.turned(600, [(650, 300), (672, 290), (722, 170), (738, 150)], CELADON, gloss=0.5, tilt=0.3)
    canvas.disc(600, 650, 302, _darker(CELADON, 1.16), tilt=0.3)
    canvas.disc(600, 656, 288, _darker(CELADON, 0.96), tilt=0.3, light=-0.1)
    canvas.disc(600, 664, 200, _darker(CELADON, 1.05), tilt=0.3)
    for x, y in ((520, 655), (600, 640), (672, 660), (585, 690)):
        canvas.turned(x, [(y - 50, 20), (y - 38, 40), (y - 8, 44), (y + 4, 34)], (236, 214, 170), gloss=0.15)
        canvas.disc(x, y - 50, 22, (244, 226, 190))
    return canvas


PICTURES: dict[str, Callable[[], Canvas]] = {
    "dancong": _dancong, "longjing": _longjing, "lychee": _lychee, "white-tea": _white_tea, "jasmine": _jasmine,
    "osmanthus": _osmanthus, "gaiwan": _gaiwan, "teapot": _teapot, "cups": _cups, "cloth": _cloth, "honey": _honey,
    "gift-box": _gift_box, "vase": _vase, "plate": _plate,
    "celadon-gaiwan": lambda: _gaiwan(CELADON, (96, 140, 122)),
    "celadon-teapot": lambda: _teapot((140, 178, 160), SAGE),
}  # fmt: skip
