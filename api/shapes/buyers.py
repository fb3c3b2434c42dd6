"""Everything known of one buyer, and what an erasure left."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.shapes.shape import Shape


class ExportOut(Shape):
    """Every row about a buyer, by table."""

    buyer: str
    shop: str = Field(description="The shop's name.")
    exported_at: datetime
    tables: dict[str, list[dict[str, Any]]]


class ErasureOut(Shape):
    """What an erasure left: the id under which counts and money stay, and how many rows it touched."""

    left: str = Field(description="The external id under which counts and money stay.")
    blanked: int
    deleted: int
