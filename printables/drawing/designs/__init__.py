"""The built-in layouts: which formats they come in, which fields and pictures they take, their fixed words."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Format:
    """A paper size in mm and the size in mm at which each picture prints on it."""

    width: float
    height: float
    pictures: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Design:
    """A built-in layout: `fields` are content of the whole batch, some `required`; `slots` are filled per piece."""

    name: str
    fields: frozenset[str]
    required: tuple[str, ...]
    slots: tuple[str, ...]
    formats: Mapping[str, Format]


_FLYER_FIELDS = "shop headline promise amount condition product price instruction fine_print accent"
_SIDE_FIELDS = "shop title words amount condition accent"

DESIGNS: Mapping[str, Design] = MappingProxyType(
    {
        # One picture, one promise, one number, one QR.
        "flyer": Design(
            "flyer",
            fields=frozenset(_FLYER_FIELDS.split()),
            required=("shop", "headline", "amount"),
            slots=("greeting", "qr", "code", "piece"),
            formats={
                "a6": Format(105, 148, {"picture": (105, 64)}),
                "label": Format(100, 150, {"picture": (100, 64)}),
            },
        ),
        # Two shops, each with its own product, offer, QR and code.
        "joint": Design(
            "joint",
            fields=frozenset(
                {"theme", "instruction", "fine_print"} | {f"{f}_{n}" for f in _SIDE_FIELDS.split() for n in (1, 2)}
            ),
            required=("theme", "shop_1", "title_1", "amount_1", "shop_2", "title_2", "amount_2"),
            slots=("greeting", "qr_1", "code_1", "qr_2", "code_2", "piece"),
            formats={
                "a6": Format(105, 148, {"picture_1": (40, 61), "picture_2": (40, 61)}),
                "label": Format(100, 150, {"picture_1": (37, 62), "picture_2": (37, 62)}),
            },
        ),
    }
)

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh": {"code": "券码", "instruction": "微信扫一扫 领取", "greeting": "老朋友，"},
        "en": {"code": "Code", "instruction": "Scan to claim", "greeting": "Dear friend,"},
    }
)
