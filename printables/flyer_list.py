"""The list of flyers: each with its campaign and its newest proofs. It changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign
from printables.flyers import Copy, Flyer
from printables.proofs import FORMATS, Proof, counting_proof
from retention.access import Member, Scope
from retention.errors import NotFound

OWN_DESIGNS = ("flyer",)
"""Designs a shop fills alone; joint flyers stand on pages of their own."""


@dataclass(frozen=True)
class ShelfLine:
    """A flyer, the campaign it belongs to, and the last proof made of it for any device."""

    flyer: Flyer
    campaign: Campaign | None
    proof: Proof | None


def flyers_of(session: Session, member: Member) -> list[ShelfLine]:
    """Return the flyers the member's shop made for itself, newest first."""
    member.require(Scope.BATCHES_READ)
    newest = (
        select(Proof.flyer_id, func.max(Proof.id).label("proof_id"))
        .where(Proof.shop_id == member.shop_id)
        .group_by(col(Proof.flyer_id))
        .subquery()
    )
    rows = session.exec(
        select(Flyer, Campaign, Proof)
        .outerjoin(Campaign, col(Campaign.id) == Flyer.campaign_id)
        .outerjoin(newest, newest.c.flyer_id == col(Flyer.id))
        .outerjoin(Proof, col(Proof.id) == newest.c.proof_id)
        .where(Flyer.shop_id == member.shop_id, col(Flyer.design).in_(OWN_DESIGNS))
        .order_by(col(Flyer.id).desc())
    ).all()
    return [ShelfLine(flyer, campaign, proof) for flyer, campaign, proof in rows]


def flyers_for(session: Session, member: Member, campaign_id: int) -> list[Flyer]:
    """Return the flyers of one campaign, newest first."""
    member.require(Scope.BATCHES_READ)
    of_campaign = select(Flyer).where(Flyer.shop_id == member.shop_id, Flyer.campaign_id == campaign_id)
    return list(session.exec(of_campaign.where(col(Flyer.design).in_(OWN_DESIGNS)).order_by(col(Flyer.id).desc())))


def proofs_by_device(session: Session, flyer: Flyer, copy: Copy) -> Mapping[str, Proof | None]:
    """Return by device the proof that shows what the flyer says now, None where there is none."""
    return {profile: counting_proof(session, flyer, copy, profile=profile) for profile in FORMATS}


def proof_for(session: Session, member: Member, proof_id: int) -> Proof:
    """Return a proof of the member's shop; NotFound otherwise."""
    proof = session.exec(select(Proof).where(Proof.shop_id == member.shop_id, Proof.id == proof_id)).first()
    if proof is None:
        raise NotFound("No proof has the number {number}.", number=proof_id)
    return proof
