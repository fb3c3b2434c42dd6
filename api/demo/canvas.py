"""A small still-life painter: a wall, a table, soft light, and things turned on a lathe.

Everything is drawn by formula at the final size, with coverage instead of supersampling, so a picture takes a tenth
of a second and comes out the same every time. Coordinates are pixels of a 1200 x 900 picture, y downwards.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.interpolate import PchipInterpolator

Plane = NDArray[np.float32]
Colour = tuple[int, int, int]
Texture = Callable[[Plane, Plane], tuple[Plane, Colour]]  # (angle, height) -> (how much, of which colour)

WIDTH, HEIGHT = 1200, 900
VIEW = (120, 112, 1100, 847)  # what the frame shows of it: close enough to fill a flyer
TABLE = 585  # where the wall meets the table
TILT = 0.17  # a circle seen from a little above is this flat
LIGHT = np.array([-0.55, 0.52, 0.65], dtype=np.float32)  # from the left, above, in front
EYE = np.array([0, TILT, 1], dtype=np.float32)
HALFWAY = (LIGHT + EYE) / np.linalg.norm(LIGHT + EYE)


class Canvas:
    """A picture in the making; each method paints over what is there."""

    def __init__(self, wall: Colour, table: Colour, moon: Colour) -> None:
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        glow = 1.08 - 0.22 * np.hypot((x - 330) / 1200, (y - 180) / 900)
        self.pixels: Plane = np.multiply.outer(glow, np.array(wall, np.float32)).astype(np.float32)
        self._blend(0, 0, _edge(285 - np.hypot(x - 600, y - 400)), np.multiply.outer(glow, np.array(moon, np.float32)))
        self.shade(_window_leaves(), 0.10, blur=9)
        wood = np.multiply.outer(1.04 - 0.16 * (y - TABLE) / (HEIGHT - TABLE), np.array(table, np.float32))
        self._blend(0, 0, _edge((y - TABLE) / 3), wood)
        self.shade(_band(TABLE - 30, TABLE + 8), 0.10, blur=16)

    def jpeg(self) -> bytes:
        """The picture as JPEG bytes."""
        out = io.BytesIO()
        picture = Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8))
        picture.resize((WIDTH, HEIGHT), box=VIEW).save(out, "JPEG", quality=88)
        return out.getvalue()

    def turned(
        self, x: float, profile: Sequence[tuple[float, float]], colour: Colour, *, gloss: float = 0.35,
        texture: Texture | None = None, alpha: float = 1.0, tilt: float = TILT,
    ) -> None:  # fmt: skip
        """A body of revolution standing at `x`: `profile` gives (y, radius) from top to bottom."""
        heights, radii = (np.array(values, np.float32) for values in zip(*profile, strict=True))
        curve = PchipInterpolator(heights, radii)  # type: ignore[no-untyped-call]
        steps = np.linspace(heights[0], heights[-1], 400, dtype=np.float32)
        radius, slope = curve(steps).astype(np.float32), curve(steps, 1).astype(np.float32)
        wide = float(radii.max()) + 2
        left, top = int(x - wide), int(heights[0]) - 1
        ys, xs = np.mgrid[top : int(heights[-1] + tilt * wide) + 3, left : int(x + wide) + 2].astype(np.float32)
        across = xs - np.float32(x)
        level = ys
        for _ in range(3):  # the front of a ring at this level shows further down; settles in three rounds
            ring = np.interp(level, steps, radius).astype(np.float32)
            level = ys - np.float32(tilt) * np.sqrt(np.maximum(ring * ring - across * across, 0))
        ring = np.interp(level, steps, radius).astype(np.float32)
        turn = np.clip(across / np.maximum(ring, 1), -1, 1)
        covered = _edge(ring - np.abs(across)) * _edge(level - heights[0]) * _edge(heights[-1] - level)
        body = np.broadcast_to(np.array(colour, np.float32), (*ys.shape, 3))
        if texture:
            amount, ink = texture(np.arcsin(turn), level)
            body = body + amount[..., None] * (np.array(ink, np.float32) - body)
        lit = _lit(body, turn, np.interp(level, steps, slope).astype(np.float32), gloss)
        self._blend(left, top, covered * alpha, lit)

    def disc(
        self, x: float, y: float, radius: float, colour: Colour, *, tilt: float = TILT, light: float = 0.12
    ) -> None:
        """A flat round thing seen from a little above: a lid, an opening, tea in a cup."""
        left, top, right, bottom = (
            int(v) for v in (x - radius - 2, y - radius * tilt - 2, x + radius + 3, y + radius * tilt + 3)
        )
        ys, xs = np.mgrid[top:bottom, left:right].astype(np.float32)
        across, along = xs - np.float32(x), (ys - np.float32(y)) / np.float32(tilt)
        away = np.maximum(np.hypot(across, along), 1)
        inside = (
            (radius - away) * away / np.hypot(across, along / tilt).clip(1)
        )  # in pixels, whichever way the rim runs
        sheen = 1 + light * (x - xs) / radius
        self._blend(left, top, _edge(inside), np.multiply.outer(sheen, np.array(colour, np.float32)))

    def shadow(self, x: float, y: float, radius: float) -> None:
        """The soft shadow of something standing at (x, y), to its right, with a dark line where it touches."""
        away = Image.new("L", (WIDTH // 4, HEIGHT // 4))
        pen = ImageDraw.Draw(away)
        pen.ellipse(_quarter(x - radius * 0.9, y - radius * 0.16, x + radius * 1.75, y + radius * 0.26), fill=255)
        self.shade(away, 0.34, blur=radius * 0.13)
        near = Image.new("L", (WIDTH // 4, HEIGHT // 4))
        ImageDraw.Draw(near).ellipse(
            _quarter(x - radius, y - radius * 0.15, x + radius * 1.06, y + radius * 0.23), fill=255
        )
        self.shade(near, 0.38, blur=8)

    def shade(self, mask: Image.Image, depth: float, *, blur: float) -> None:
        """Darken where the mask (a quarter of the size) is white, softened by `blur` pixels."""
        left, top, right, bottom = mask.getbbox() or (0, 0, 1, 1)
        reach = int(blur) + 2  # three blurs wide, in quarter pixels
        left, top = max(left - reach, 0), max(top - reach, 0)
        part = mask.crop((left, top, min(right + reach, mask.width), min(bottom + reach, mask.height)))
        soft = part.filter(ImageFilter.GaussianBlur(blur / 4)).resize((part.width * 4, part.height * 4))
        dark = np.asarray(soft, np.float32)[..., None] * np.float32(depth / 255)
        under = self.pixels[top * 4 : (top + part.height) * 4, left * 4 : (left + part.width) * 4]
        under *= 1 - dark * np.array([0.82, 0.95, 1.0], np.float32)  # shadows stay warm

    def stroke(self, points: Sequence[tuple[float, float]], widths: Sequence[float], colour: Colour) -> None:
        """A round, shaded tube along a smooth line: a handle, a spout, a twig."""
        at = np.linspace(0, 1, len(points))
        fine = np.linspace(0, 1, 90)
        curve = PchipInterpolator(at, np.array(points))  # type: ignore[no-untyped-call]
        line = np.asarray(curve(fine), np.float64)
        thick = np.interp(fine, np.linspace(0, 1, len(widths)), widths)
        for shift, tone in ((0.0, 0.66), (0.16, 0.92), (0.34, 1.12)):
            self._dots(line - shift * thick[:, None] * [0.5, 0.9], thick * (1 - 2 * shift), _scaled(colour, tone))

    def _dots(self, centres: NDArray[np.float64], radii: NDArray[np.float64], colour: Colour) -> None:
        left, top = (centres.min(0) - radii.max() - 2).astype(int)
        right, bottom = (centres.max(0) + radii.max() + 3).astype(int)
        mask = Image.new("L", ((right - left) * 2, (bottom - top) * 2))
        pen = ImageDraw.Draw(mask)
        for (x, y), r in zip((centres - [left, top]) * 2, radii * 2, strict=True):
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
        self._mask(int(left), int(top), mask, colour)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour, *, soft: float = 0.0) -> None:
        """A filled shape with straight edges; `soft` rounds and blurs its border by so many pixels."""
        xs, ys = zip(*points, strict=True)
        left, top = int(min(xs)) - 4 - int(2 * soft), int(min(ys)) - 4 - int(2 * soft)
        size = (int(max(xs)) + 5 + int(2 * soft) - left, int(max(ys)) + 5 + int(2 * soft) - top)
        mask = Image.new("L", (size[0] * 2, size[1] * 2))
        ImageDraw.Draw(mask).polygon([((x - left) * 2, (y - top) * 2) for x, y in points], fill=255)
        self._mask(left, top, mask.filter(ImageFilter.GaussianBlur(2 * soft)) if soft else mask, colour)

    def leaf(self, x: float, y: float, length: float, angle: float, colour: Colour) -> None:
        """A leaf from its stem at (x, y), pointing along `angle` (radians, 0 to the right), one half in the light."""
        for side, tone in ((1, 0.86), (-1, 1.1)):
            edge = [(t, side * 0.24 * np.sin(np.pi * t**0.8)) for t in np.linspace(0, 1, 14)]
            turn = [(np.cos(angle) * a - np.sin(angle) * b, np.sin(angle) * a + np.cos(angle) * b) for a, b in edge]
            self.polygon([(x + length * a, y + length * b) for a, b in turn], _scaled(colour, tone))

    def blossom(self, x: float, y: float, size: float, petal: Colour = (255, 250, 240)) -> None:
        """Five petals round a yellow heart."""
        for turn in np.linspace(0, 2 * np.pi, 6)[:-1]:
            self.leaf(x, y, size, float(turn) - 0.5, petal)
        self._dots(np.array([[x, y]]), np.array([size * 0.2]), (226, 172, 62))

    def _mask(self, left: int, top: int, mask: Image.Image, colour: Colour) -> None:
        small = mask.resize((mask.width // 2, mask.height // 2), Image.Resampling.BOX)
        covered = np.asarray(small, np.float32) / np.float32(255)
        self._blend(left, top, covered, np.broadcast_to(np.array(colour, np.float32), (*covered.shape, 3)))

    def _blend(self, left: int, top: int, covered: Plane, colours: Plane) -> None:
        """Lay colours over the picture where they cover it, clipped to its border."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + covered.shape[1], WIDTH), min(top + covered.shape[0], HEIGHT)
        if x0 >= x1 or y0 >= y1:
            return
        inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        under = self.pixels[y0:y1, x0:x1]
        under += covered[inside][..., None].astype(np.float32) * (colours[inside] - under)


def _lit(body: Plane, turn: Plane, slope: Plane, gloss: float) -> Plane:
    """Colours under our light: diffuse, a highlight, a little warmth thrown back from the right."""
    bent = np.sqrt(1 + slope * slope)
    normal = np.stack([turn, slope, np.sqrt(1 - turn * turn)], -1) / bent[..., None]
    diffuse = np.maximum(normal @ LIGHT, 0)
    highlight = np.maximum(normal @ HALFWAY, 0) ** 40
    tone = 0.46 + 0.62 * diffuse + 0.10 * np.maximum(turn, 0) ** 3
    return np.asarray(body * tone[..., None] + 255 * gloss * highlight[..., None], np.float32)


def _edge(distance: Plane) -> Plane:
    """Coverage of a pixel that lies `distance` pixels inside a border."""
    return np.asarray(np.clip(distance + 0.5, 0, 1), np.float32)


def _scaled(colour: Colour, tone: float) -> Colour:
    red, green, blue = (min(255, int(part * tone)) for part in colour)
    return red, green, blue


def _quarter(*box: float) -> tuple[float, ...]:
    return tuple(value / 4 for value in box)


def _band(top: int, bottom: int) -> Image.Image:
    mask = Image.new("L", (WIDTH // 4, HEIGHT // 4))
    ImageDraw.Draw(mask).rectangle((0, top / 4, WIDTH / 4, bottom / 4), fill=255)
    return mask


def _window_leaves() -> Image.Image:
    """The shadow of bamboo leaves in a window, on the wall."""
    mask = Image.new("L", (WIDTH // 4, HEIGHT // 4))
    pen = ImageDraw.Draw(mask)
    for stem, (x, y) in enumerate([(30, -8), (62, 6), (262, -12), (236, 10), (286, 24), (14, 40)]):
        for twig in range(4):
            angle = 0.55 + 0.42 * twig + 0.25 * (stem % 3) + (0.5 if x > 150 else 0)
            tip = (x + 46 * np.cos(angle), y + 46 * np.sin(angle))
            side = (4.5 * np.sin(angle), -4.5 * np.cos(angle))
            middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
            pen.polygon(
                [(x, y), (middle[0] + side[0], middle[1] + side[1]), tip, (middle[0] - side[0], middle[1] - side[1])],
                fill=255,
            )
    return mask
