"""Pictures prepared for print: decoded, rotated, cropped to their box, re-encoded for the device.

What comes from outside is never passed through: the bytes that reach the page are ours.
"""

import io
from functools import lru_cache

from PIL import Image, ImageOps

from printables.drawing.profiles import Profile
from retention.pictures import read_picture

# Lifted midtones, because a thermal dot spreads and a dark print hides its subject; nearly white becomes white, because
# lone dots in a bright background look like dirt.
_FOR_THERMAL = [min(255, round(255 * (value / 232) ** 0.75)) for value in range(256)]


@lru_cache(maxsize=32)
def prepare(data: bytes, width: float, height: float, *, profile: Profile) -> bytes:
    """Return `data` covering `width` x `height` mm (plus bleed) at the device's resolution.

    JPEG in RGB or CMYK, or a dithered black-and-white PNG. Raises Invalid for what `read_picture` refuses.
    """
    scale = profile.picture_dpi / 25.4
    size = (round((width + 2 * profile.bleed_mm) * scale), round((height + profile.bleed_mm) * scale))
    picture = _on_white(read_picture(data, covering=size))
    # Never enlarged: missing detail is for the checks to see, not to hide.
    shrink = min(1.0, picture.width / size[0], picture.height / size[1]) if profile.colour != "black" else 1.0
    size = (max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink)))
    return _encoded(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), profile)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _encoded(picture: Image.Image, profile: Profile) -> bytes:
    out = io.BytesIO()
    if profile.colour == "black":
        grey = ImageOps.autocontrast(picture.convert("L"), cutoff=1).point(_FOR_THERMAL)
        grey.convert("1").convert("L").save(out, "PNG", optimize=True)
    elif profile.colour == "cmyk":
        picture.convert("CMYK").save(out, "JPEG", quality=90)
    else:
        picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def cleaned(data: bytes, largest: int = 2400) -> bytes:
    """Return a picture from outside as a JPEG of our own, at most `largest` pixels on a side and without its metadata.

    Raises Invalid for what `read_picture` refuses.
    """
    picture = _on_white(read_picture(data, within=largest))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()
