"""Joint flyers and their partners: who shares a sheet, what each puts in its slot, and what each approved.

Where a joint flyer stands is not stored: it follows from the slots, the proofs and the approvals (`approving`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention.access import Member
from retention.database import BigId, Json, ShopRow
from retention.errors import Conflict, NotFound

SLOTS = ("1", "2")
"""The slots of the design `joint`, from the top of the sheet."""


class JointFlyer(ShopRow, table=True):
    """A flyer of several shops, created by `shop_id`. `flyer_id` holds its layout; the partners own the slots."""

    __tablename__ = "joint_flyers"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    theme: str = Field(max_length=200)
    flyer_id: int = Field(foreign_key="flyers.id", sa_type=BigId)
    created_by: str = Field(max_length=64)
    created_at: datetime
    closed_at: datetime | None = None


class Partner(ShopRow, table=True):
    """A shop in a joint flyer and the slot it owns. `shop_id` is the partner, the opener being one of them.

    `content` holds the slot's title, words and accent; `picture` is the SHA-256 of a stored file. Without `filled_at`
    the slot is empty.
    """

    __tablename__ = "partners"
    __table_args__ = (UniqueConstraint("shop_id", "joint_flyer_id"), UniqueConstraint("joint_flyer_id", "slot"))

    joint_flyer_id: int = Field(foreign_key="joint_flyers.id", sa_type=BigId)
    slot: str = Field(max_length=32)
    offer_id: int | None = Field(default=None, foreign_key="offers.id", sa_type=BigId)
    product_id: int | None = Field(default=None, foreign_key="products.id", sa_type=BigId)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    picture: str = Field(default="", max_length=64)
    filled_at: datetime | None = None


class Approval(ShopRow, table=True):
    """A shop's approval of the exact bytes of a proof, identified by their SHA-256.

    It counts as long as that proof shows what the slots say; a change of any slot voids it by itself.
    """

    __tablename__ = "approvals"
    __table_args__ = (UniqueConstraint("shop_id", "proof_id"),)

    proof_id: int = Field(foreign_key="proofs.id", sa_type=BigId)
    joint_flyer_id: int = Field(foreign_key="joint_flyers.id", sa_type=BigId)
    sha256: str = Field(max_length=64)
    approved_by: str = Field(max_length=64)
    approved_at: datetime


def joint_for(session: Session, member: Member, joint_id: int) -> JointFlyer:
    """Return a joint flyer that the member's shop is a partner of; NotFound otherwise."""
    mine = select(JointFlyer).join(Partner, col(Partner.joint_flyer_id) == JointFlyer.id)
    joint = session.exec(mine.where(JointFlyer.id == joint_id, Partner.shop_id == member.shop_id)).first()
    if joint is None:
        raise NotFound("No joint flyer has the number {number}.", number=joint_id)
    return joint


def joint_flyers_of(session: Session, member: Member) -> list[JointFlyer]:
    """Return the joint flyers the member's shop takes part in, newest first."""
    mine = select(JointFlyer).join(Partner, col(Partner.joint_flyer_id) == JointFlyer.id)
    return list(session.exec(mine.where(Partner.shop_id == member.shop_id).order_by(col(JointFlyer.id).desc())))


def partners_of(session: Session, joint: JointFlyer) -> list[Partner]:
    """Return the partners of a joint flyer by slot."""
    return list(session.exec(select(Partner).where(Partner.joint_flyer_id == joint.id).order_by(Partner.slot)))


def partner_for(session: Session, member: Member, joint: JointFlyer) -> Partner:
    """Return the member's shop as a partner of a joint flyer; NotFound otherwise."""
    own = select(Partner).where(Partner.shop_id == member.shop_id, Partner.joint_flyer_id == joint.id)
    partner = session.exec(own).first()
    if partner is None:
        raise NotFound("No joint flyer has the number {number}.", number=joint.id)
    return partner


def check_open(joint: JointFlyer) -> None:
    """Refuse (Conflict) to go on with a joint flyer that is closed."""
    if joint.closed_at:
        raise Conflict("The joint flyer {theme} is closed.", theme=joint.theme)
