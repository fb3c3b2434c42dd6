"""Joint flyers and their partners: who shares a sheet, what each puts in its slot, and what each approved."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from retention.database import BigId, Json, ShopRow, choice


class JointState(StrEnum):
    """Where a joint flyer stands."""

    OPEN = "open"  # partners fill their slots
    IN_REVIEW = "in_review"  # a proof waits for approvals
    APPROVED = "approved"  # every partner approved the same proof
    CLOSED = "closed"


class JointFlyer(ShopRow, table=True):
    """A sheet several shops share, opened by `shop_id`. `flyer_id` holds its design; the slots are the partners'."""

    __tablename__ = "joint_flyers"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    theme: str = Field(max_length=200)
    flyer_id: int = Field(foreign_key="flyers.id", sa_type=BigId)
    state: JointState = Field(default=JointState.OPEN, sa_type=choice(JointState))
    created_by: str = Field(max_length=64)
    created_at: datetime


class Partner(ShopRow, table=True):
    """A shop in a joint flyer and the slot it owns. `shop_id` is the partner, the opener being one of them."""

    __tablename__ = "partners"
    __table_args__ = (UniqueConstraint("shop_id", "joint_flyer_id"), UniqueConstraint("joint_flyer_id", "slot"))

    joint_flyer_id: int = Field(foreign_key="joint_flyers.id", sa_type=BigId)
    slot: str = Field(max_length=32)
    offer_id: int | None = Field(default=None, foreign_key="offers.id", sa_type=BigId)
    product_id: int | None = Field(default=None, foreign_key="products.id", sa_type=BigId)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    filled_by: str = Field(default="", max_length=64)
    filled_at: datetime | None = None


class Approval(ShopRow, table=True):
    """A shop's yes to the exact bytes of a proof, named by their SHA-256. A change of any slot voids it."""

    __tablename__ = "approvals"
    __table_args__ = (UniqueConstraint("shop_id", "proof_id"),)

    proof_id: int = Field(foreign_key="proofs.id", sa_type=BigId)
    joint_flyer_id: int = Field(foreign_key="joint_flyers.id", sa_type=BigId)
    sha256: str = Field(max_length=64)
    approved_by: str = Field(max_length=64)
    approved_at: datetime
    voided_at: datetime | None = None
