"""Segments: a rule that a shop saved under a name."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from retention.database import Json, ShopRow


class Segment(ShopRow, table=True):
    """A named, saved rule of the rule language."""

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    rule: dict[str, Any] = Field(sa_type=Json)
    created_by: str = Field(max_length=64)
    created_at: datetime
    changed_at: datetime
