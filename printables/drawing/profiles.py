"""Profiles of printing devices: resolution, colours, bleed, in millimetres and points."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

MM = 72 / 25.4  # points in a millimetre


@dataclass(frozen=True)
class Profile:
    """One kind of device.

    `colour` is what the page may carry: RGB pictures, black only, or CMYK only. `level` is the error correction of its
    QR codes: labels are folded, rubbed and printed hot, so they take more.
    """

    name: str
    dpi: int
    colour: Literal["rgb", "black", "cmyk"]
    bleed_mm: float = 0
    picture_dpi: int = 300
    level: Literal["M", "Q"] = "M"

    @property
    def dot_mm(self) -> float:
        return 25.4 / self.dpi


OFFICE = Profile("office", dpi=600, colour="rgb")
# A thermal head has no greys: pictures are dithered to its own dots.
LABEL_203 = Profile("label-203", dpi=203, colour="black", picture_dpi=203, level="Q")
LABEL_300 = Profile("label-300", dpi=300, colour="black", level="Q")
PRINT_SHOP = Profile("print-shop", dpi=2400, colour="cmyk", bleed_mm=3)

PROFILES = MappingProxyType({profile.name: profile for profile in (OFFICE, LABEL_203, LABEL_300, PRINT_SHOP)})
