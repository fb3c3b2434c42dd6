"""What the paper tests print: a drawn picture, words in both languages, and pieces."""

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from PIL import Image, ImageDraw

from printables.drawing import render
from printables.drawing.profiles import OFFICE, Profile
from printables.drawing.render import StaticLayer, static_layer
from printables.drawing.stamp import PrintRecord

FLYER = {
    "zh": {
        "shop": "山茶小铺",
        "headline": "这张留给回头客",
        "promise": "您上次带走的凤凰单丛，秋采的到了。先给老朋友一张券，慢慢喝。",
        "amount": "¥20",
        "condition": "满 99 可用",
        "product": "凤凰单丛 秋茶 50 g",
        "price": "¥68",
        "fine_print": "领取后 14 天有效 · 一人一张",
    },
    "en": {
        "shop": "Camellia & Sons Tea",
        "headline": "this one is for people who come back",
        "promise": "The autumn picking of the oolong you took home last time is here.",
        "amount": "¥20 off",
        "condition": "over ¥99",
        "fine_print": "Valid 14 days after claiming · one per person",
    },
}
JOINT = {
    "zh": {
        "theme": "两家小铺，一份心意",
        "shop_1": "山茶小铺",
        "title_1": "凤凰单丛 秋茶到了",
        "amount_1": "¥20",
        "shop_2": "青瓷小铺",
        "title_2": "雨过天青 盖碗一只",
        "amount_2": "8 折",
    },
    "en": {
        "theme": "Two small shops, one good evening",
        "shop_1": "Camellia & Sons Tea",
        "title_1": "The autumn oolong has arrived",
        "amount_1": "¥20 off",
        "shop_2": "Celadon Studio",
        "title_2": "A gaiwan the colour of rain",
        "amount_2": "20 % off",
    },
}
CONTENT: dict[str, dict[str, Any]] = {"flyer": FLYER, "joint": JOINT}


def picture(width: int = 1400, height: int = 1000) -> bytes:
    """Return a drawn JPEG: a cup on a table."""
    drawn = Image.new("RGB", (width, height), "#e9dfcc")
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((0, height * 2 // 3, width, height), fill="#b98a5a")
    pen.ellipse((width // 3, height // 4, width * 2 // 3, height * 3 // 4), fill="#2f6f5e")
    out = io.BytesIO()
    drawn.save(out, "JPEG", quality=90)
    return out.getvalue()


PICTURES = {name: picture() for name in ("picture", "picture_1", "picture_2")}


@lru_cache(maxsize=64)
def layer(
    design: str = "flyer", *, paper: str = "a6", language: str = "zh", profile: Profile = OFFICE, **changed: Any
) -> StaticLayer:
    """Return the sample content of a design, some fields changed, laid out."""
    content = {**CONTENT[design][language], **changed}
    return static_layer(design, content, format=paper, language=language, profile=profile, images=PICTURES)


def address(number: int) -> str:
    """Return a QR text of 38 characters."""
    return f"HTTPS://R.EXAMPLE.CN/Q/{number:015d}"


def flyer(number: int = 1, greeting: str = "林女士，") -> PrintRecord:
    """Return a flyer with its number in everything that identifies it."""
    code = f"{number:04d}-9PQ-R"
    return PrintRecord({"greeting": greeting, "qr": address(number), "code": code, "piece": "SF…8815 · 1"})


def joint(number: int = 1) -> PrintRecord:
    """Return a joint flyer: two codes, two symbols."""
    first, second = address(number), address(10_000 + number)
    return PrintRecord(
        {"greeting": "林女士，", "qr_1": first, "code_1": "7K3M", "qr_2": second, "code_2": "8H2N", "piece": "1"}
    )


def whole_page(design: str, values: Mapping[str, str], *, language: str = "zh", paper: str = "a6") -> bytes:
    """Lay one complete piece out without stamping: slow, and what a stamped piece has to look like."""
    content = CONTENT[design][language]
    document, _ = render._page(design, content, paper, language, OFFICE, PICTURES, values)
    return bytes(document.write_pdf())
