"""Flyers and their proofs: a design with its slots filled, and the exact PDF of it that people approve."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from retention.database import BigId, Json, ShopRow


class Flyer(ShopRow, table=True):
    """A design with its slots filled for one campaign. `content` maps slot name to text or a stored picture's SHA-256.

    `joint_flyer_id` is set when the slots are filled by several shops; content then comes from them.
    """

    __tablename__ = "flyers"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    design: str = Field(max_length=64)
    language: str = Field(max_length=8)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    campaign_id: int | None = Field(default=None, foreign_key="campaigns.id", sa_type=BigId)
    created_at: datetime


class Proof(ShopRow, table=True):
    """The exact PDF of a flyer, named by its SHA-256, with its checks and the QR targets it stands for."""

    __tablename__ = "proofs"
    __table_args__ = (Index(None, "shop_id", "flyer_id"), UniqueConstraint("shop_id", "flyer_id", "sha256"))

    flyer_id: int = Field(foreign_key="flyers.id", sa_type=BigId)
    sha256: str = Field(max_length=64)
    checks: list[Any] = Field(sa_type=Json)
    targets: list[Any] = Field(sa_type=Json)
    passed: bool
    made_by: str = Field(max_length=64)
    made_at: datetime
    voided_at: datetime | None = None
