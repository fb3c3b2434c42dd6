"""A joint flyer as its partners see it: each slot with what it shows, and the proofs made of it. It changes nothing."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from campaigns.offers.offers import Offer
from printables.joint.partners import JointFlyer, Partner, partners_of
from printables.proofs import Proof
from retention.errors import NotFound
from retention.products import Product
from retention.shops import Shop


@dataclass(frozen=True)
class SlotShown:
    """A slot: whose it is and what stands in it. Offer and product are None in an empty slot or one without them."""

    partner: Partner
    shop: Shop
    offer: Offer | None
    product: Product | None


def slots_of(session: Session, joint: JointFlyer) -> list[SlotShown]:
    """Return the slots of a joint flyer that have an owner, from the top of the sheet."""
    rows = session.exec(
        select(Partner, Shop, Offer, Product)
        .join(Shop, col(Shop.id) == Partner.shop_id)
        .outerjoin(Offer, col(Offer.id) == Partner.offer_id)
        .outerjoin(Product, col(Product.id) == Partner.product_id)
        .where(Partner.joint_flyer_id == joint.id)
        .order_by(Partner.slot)
    ).all()
    return [SlotShown(*row) for row in rows]


def proof_named(session: Session, joint: JointFlyer, sha256: str) -> Proof:
    """Return the newest proof of a joint flyer with these bytes; NotFound otherwise."""
    named = select(Proof).where(
        Proof.shop_id == joint.shop_id, Proof.flyer_id == joint.flyer_id, Proof.sha256 == sha256
    )
    proof = session.exec(named.order_by(col(Proof.id).desc()).limit(1)).first()
    if proof is None:
        raise NotFound("No proof of this joint flyer is named {name}.", name=sha256[:12])
    return proof


def picture_of(session: Session, joint: JointFlyer, slot: str) -> str:
    """Return the name of the stored picture in a slot; NotFound for a slot without one."""
    for partner in partners_of(session, joint):
        if partner.slot == slot and partner.picture:
            return partner.picture
    raise NotFound("Slot {slot} has no picture.", slot=slot)
