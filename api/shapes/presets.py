"""Presets of segments, and their parameters."""

from typing import Any

from pydantic import Field

from api.shapes.shape import PageOut, Shape


class PresetOut(Shape):
    """A ready-made rule. One that `asks` for something has its rule once that is given."""

    slug: str
    name: str = Field(description="What it is called, in the language of the request.")
    asks: list[str]
    words: str = ""
    rule: dict[str, Any] | None = None


class PresetsOut(PageOut):
    """The ready-made rules."""

    presets: list[PresetOut]
