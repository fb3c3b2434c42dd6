"""Topics: what messages are about, so that a buyer can leave one kind alone and keep the rest."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from retention.database import Json, ShopRow


class Topic(ShopRow, table=True):
    """A topic with its name per language, as the leaving page lists it."""

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    names: dict[str, Any] = Field(sa_type=Json)
    position: int = 0
