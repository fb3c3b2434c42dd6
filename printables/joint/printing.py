"""Printing a joint flyer for the parcels of one partner, the host shop. Each slot of a piece has a link of its owner's.

The other partners' links carry an anonymous coupon: they will know whose parcel a scan came from, never whose buyer.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, Run
from campaigns.offers.issuing import issue_many_anonymous
from campaigns.offers.linking import LinkSlot, link_slot, show_in_slot, unlink_other
from campaigns.offers.links import Link, check_paper_url
from campaigns.offers.offers import Offer
from printables.batches import Batch
from printables.flyers import Flyer
from printables.joint.approving import standing
from printables.joint.partners import JointFlyer, Partner, check_open, partners_of
from printables.make_batch import RENDER, render_batch, reserve_batch, take_turns, waiting_for_paper
from printables.proofs import Proof
from retention.database import transaction
from retention.errors import Conflict, NotFound
from retention.files import FileStore
from retention.queue import send
from retention.shops import Shop


def make_joint_batch(
    engine: Engine,
    joint_id: int,
    run_id: int,
    *,
    profile: str,
    files: FileStore,
    public_url: str,
    at: datetime,
    by: str,
    demo: bool = False,
) -> Batch:
    """Reserve, render and release a batch of the joint flyer for the parcels of a run of one partner.

    Conflict unless every partner approved the proof, when the campaign gives another offer than the slot shows, and
    when a partner's offer has too few coupons left; NotFound for the run of a shop that is no partner.
    """
    check_paper_url(public_url, demo=demo)
    with transaction(engine) as session:
        joint, run = session.get_one(JointFlyer, joint_id), session.get_one(Run, run_id)
        batch = reserve_joint_batch(session, joint, run, profile=profile, at=at, by=by)
    return render_batch(engine, batch.id, files=files, public_url=public_url, demo=demo)


def reserve_joint_batch(session: Session, joint: JointFlyer, run: Run, *, profile: str, at: datetime, by: str) -> Batch:
    """Write the rows of `make_joint_batch`: the partners' links and coupons, the batch and its pieces."""
    check_open(joint)
    proof = _approved(session, joint, profile)
    host, others = _host_and_others(session, joint, run)
    take_turns(session, run.shop_id)
    show_in_slot(session, _slot_of(host), waiting_for_paper(run))
    for partner in others:
        _add_links(session, partner, run, at)
    flyer = session.get_one(Flyer, joint.flyer_id)
    return reserve_batch(session, flyer, run, proof, at=at, by=by, partners=[partner.shop_id for partner in others])


def order_joint_batch(session: Session, joint: JointFlyer, run: Run, *, profile: str, at: datetime, by: str) -> Batch:
    """Reserve the same batch and let a worker render it, so that a page need not wait."""
    batch = reserve_joint_batch(session, joint, run, profile=profile, at=at, by=by)
    send(session, RENDER, batch.id)
    return batch


def _approved(session: Session, joint: JointFlyer, profile: str) -> Proof:
    stands = standing(session, joint, profile=profile)
    if stands.proof is None or not stands.may_print:
        raise Conflict("{theme} cannot be printed: {why}", theme=joint.theme, why=stands.message)
    return stands.proof


def _host_and_others(session: Session, joint: JointFlyer, run: Run) -> tuple[Partner, list[Partner]]:
    """Return the partner whose parcels these are, and the others; its slot must show what its campaign gives."""
    partners = partners_of(session, joint)
    host = next((partner for partner in partners if partner.shop_id == run.shop_id), None)
    if host is None:
        raise NotFound("No joint flyer has the number {number}.", number=joint.id)
    campaign = session.get_one(Campaign, run.campaign_id)
    if campaign.offer_id != host.offer_id:
        raise Conflict(
            "The campaign {campaign} gives another offer than the shop's slot shows.", campaign=campaign.name
        )
    return host, [partner for partner in partners if partner is not host]


def _slot_of(partner: Partner) -> LinkSlot:
    return LinkSlot(partner.shop_id, partner.slot, partner.offer_id, partner.product_id)


def _add_links(session: Session, partner: Partner, run: Run, at: datetime) -> None:
    """Give each delivery that waits for paper one link of the partner's; those that have the right one keep it."""
    slot = _slot_of(partner)
    unlink_other(session, slot, waiting_for_paper(run), at=at)  # of earlier paper that was never packed
    has_link = select(Link.id).where(Link.shop_id == partner.shop_id, Link.delivery_id == Delivery.id).exists()
    deliveries = session.scalars(waiting_for_paper(run).where(~has_link).order_by(col(Delivery.id))).all()
    if not deliveries:
        return
    coupons = _issue(session, session.get_one(Offer, partner.offer_id), len(deliveries), at)
    pairs = list(zip(deliveries, coupons, strict=True))
    link_slot(session, slot, pairs, host_shop_id=run.shop_id, at=at)


def _issue(session: Session, offer: Offer, count: int, at: datetime) -> Sequence[int]:
    """Make `count` coupons for buyers of another shop, and return their numbers."""
    if coupons := issue_many_anonymous(session, offer, count, at=at):
        return coupons
    shop = session.get_one(Shop, offer.shop_id)
    raise Conflict(
        "The offer {offer} of {shop} has too few coupons left: {count} are needed.",
        offer=offer.name,
        shop=shop.name,
        count=count,
    )
