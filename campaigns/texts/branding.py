"""Branding: a shop's logo and colour, as its mail shows them, with the shades that stay readable on light and dark."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.database import ShopRow
from retention.errors import Invalid, NotFound
from retention.files import FileStore
from retention.shops import Shop

ACCENT = "#b8440e"
LIGHT = "#ffffff"
DARK = "#2f2a24"
MOST_LOGO = 500_000  # bytes; a mail program loads it over a phone's line

_PICTURE_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_READABLE = 4.5  # contrast of text, WCAG 2.2 success criterion 1.4.3


class Branding(ShopRow, table=True):
    """A shop's brand style: `logo` is the SHA-256 of a stored PNG or JPEG, `accent` a colour as #rrggbb."""

    __tablename__ = "brandings"
    __table_args__ = (UniqueConstraint("shop_id"),)

    logo: str = Field(default="", max_length=64, index=True)
    accent: str = Field(default=ACCENT, max_length=7)


@dataclass(frozen=True, slots=True)
class BrandStyle:
    """What a page is painted with. `logo` is a stored file's name or empty; the rest are colours as #rrggbb."""

    logo: str = ""
    accent: str = ACCENT

    @property
    def on_accent(self) -> str:
        """Text on the accent colour: white or black, whichever is easier to read; one of them always is."""
        return max("#ffffff", "#000000", key=lambda ink: contrast(ink, self.accent))

    @property
    def on_light(self) -> str:
        """The accent as text on white, darkened as far as it takes to be read."""
        return readable(self.accent, LIGHT)

    @property
    def on_dark(self) -> str:
        """The accent as text on a dark page, lightened as far as it takes to be read."""
        return readable(self.accent, DARK)


PLAIN = BrandStyle()
"""The product's own style."""


def brand_style_of(session: Session, shop_id: int) -> BrandStyle:
    """Return a shop's brand style; the product's own where it has set none."""
    row = session.exec(select(Branding).where(Branding.shop_id == shop_id)).first()
    return BrandStyle(row.logo, row.accent) if row else PLAIN


def set_branding(
    session: Session,
    shop: Shop,
    files: FileStore,
    *,
    at: datetime,
    actor: str,
    logo: bytes | None = None,
    accent: str | None = None,
) -> BrandStyle:
    """Change a shop's logo (empty bytes take it away) or colour; None leaves it. Invalid for what cannot be one."""
    row = session.exec(select(Branding).where(Branding.shop_id == shop.id)).first() or Branding(shop_id=shop.id)
    before = {"logo": row.logo, "accent": row.accent}
    if accent is not None:
        row.accent = read_colour(accent)
    if logo is not None:
        row.logo = files.put(_checked(logo)) if logo else ""
    session.add(row)
    session.flush()
    after = {"logo": row.logo, "accent": row.accent}
    audit.record(session, shop.id, actor, action="branding.set", subject="branding", before=before, after=after, at=at)
    return BrandStyle(row.logo, row.accent)


def read_logo(session: Session, files: FileStore, name: str) -> tuple[bytes, str]:
    """Return a logo's bytes and media type; NotFound for any file that is no shop's logo."""
    if session.exec(select(Branding.id).where(col(Branding.logo) == name).limit(1)).first() is None or not name:
        raise NotFound("This link does not exist.")
    content = files.get(name)
    return content, picture_type(content)


def picture_type(content: bytes) -> str:
    """Return the media type of a PNG or JPEG by its first bytes; Invalid for anything else."""
    for start, kind in _PICTURE_TYPES.items():
        if content.startswith(start):
            return kind
    raise Invalid("A logo is a PNG or a JPEG picture; mail programs show no other kind everywhere.")


def read_colour(text: str) -> str:
    """Return a colour as #rrggbb in lower case; Invalid for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text.strip()):
        raise Invalid("{text} is not a colour. Write it like #b8440e.", text=repr(text))
    return text.strip().lower()


@lru_cache(maxsize=256)
def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21, as WCAG 2.2 defines contrast ratio."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(maxsize=256)
def readable(colour: str, ground: str) -> str:
    """Return `colour`, moved away from `ground` in the least step of twenty that can be read on it."""
    end = 0 if _luminance(ground) > 0.18 else 255
    for step in range(21):
        mixed = "#" + "".join(f"{round(part + (end - part) * step / 20):02x}" for part in _parts(colour))
        if contrast(mixed, ground) >= _READABLE:
            return mixed
    return "#000000" if end == 0 else "#ffffff"


def _checked(logo: bytes) -> bytes:
    if len(logo) > MOST_LOGO:
        raise Invalid("A logo has at most {most} bytes, this one {found}.", most=MOST_LOGO, found=len(logo))
    picture_type(logo)
    return logo


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Return relative luminance, 0 to 1, as WCAG 2.2 defines it for sRGB."""
    shares = [part / 255 for part in _parts(colour)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
