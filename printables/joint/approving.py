"""Approving a joint flyer: each partner approves the same PDF, and no user approves for two partners.

Nothing here is switched on or off. A proof counts while its digest is that of the slots as they are now, an approval
while its proof counts; so a change of any slot voids them all by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.offers.offers import Offer
from printables import proofs
from printables.drawing.preflight import sentence_of
from printables.flyers import Copy, Flyer, offer_words, target
from printables.joint.partners import Approval, JointFlyer, Partner, check_open, partner_for, partners_of
from printables.proofs import Proof
from retention import audit
from retention.access import Member, Scope
from retention.errors import Conflict, Forbidden
from retention.files import FileStore
from retention.i18n import gettext as _
from retention.i18n import speaking
from retention.products import Product
from retention.shops import Shop


@dataclass(frozen=True)
class Standing:
    """Where a joint flyer stands for one device.

    `proof` is the one that counts, None without; `approvals` are those of that proof by shop; `missing` are the shops
    that have not approved it.
    """

    proof: Proof | None
    approvals: Mapping[int, Approval]
    missing: tuple[Shop, ...]
    unfilled: tuple[Shop, ...]

    @property
    def may_print(self) -> bool:
        """Whether every partner approved the same passed proof."""
        return self.proof is not None and self.proof.passed and not self.missing

    @property
    def message(self) -> str:
        """What is to be done next, in the language being spoken."""
        if self.unfilled:
            return _("{shops} has not filled its slot yet.").format(shops=_names(self.unfilled))
        if self.proof is None:
            return _("There is no proof of the current slots. Make one.")
        if not self.proof.passed:
            wrong = "; ".join(sentence_of(check) for check in self.proof.checks if not check["ok"])
            return _("The proof failed preflight: {wrong}").format(wrong=wrong)
        if self.missing:
            return _("{shops} has not approved this proof yet.").format(shops=_names(self.missing))
        return _("Every partner approved the same proof. It can be printed.")


def standing(session: Session, joint: JointFlyer, *, profile: str) -> Standing:
    """Return where a joint flyer stands for a device."""
    partners = partners_of(session, joint)
    wanted = select(Shop).where(col(Shop.id).in_([partner.shop_id for partner in partners]))
    found = {shop.id: shop for shop in session.exec(wanted)}
    shops = {partner.shop_id: found[partner.shop_id] for partner in partners}  # in the order of their slots
    unfilled = tuple(shops[partner.shop_id] for partner in partners if partner.filled_at is None)
    proof = None
    if not unfilled and len(partners) > 1:
        flyer = session.get_one(Flyer, joint.flyer_id)
        proof = proofs.counting_proof(session, flyer, copy_of_joint(session, joint), profile=profile)
    approvals = _approvals(session, proof) if proof else {}
    missing = tuple(shop for shop_id, shop in shops.items() if shop_id not in approvals)
    return Standing(proof, approvals, missing, unfilled)


def copy_of_joint(session: Session, joint: JointFlyer) -> Copy:
    """Return what the slots say now; Conflict while a slot is empty or there is only one partner."""
    partners = partners_of(session, joint)
    if len(partners) < 2:
        raise Conflict("A joint flyer needs a partner shop. Add one first.")
    flyer = session.get_one(Flyer, joint.flyer_id)
    pictures, targets = {}, {}
    with speaking(flyer.language):
        fields = {
            "theme": joint.theme,
            "fine_print": _("each coupon is valid only in the shop named next to it"),
            **flyer.content,
        }
        for partner in partners:
            shop, offer, product = _of(session, partner)
            words = {"shop": shop.name, **offer_words(offer, shop), **partner.content}
            fields |= {f"{name}_{partner.slot}": text for name, text in words.items() if name != "fine_print"}
            pictures[f"picture_{partner.slot}"] = partner.picture
            targets[f"qr_{partner.slot}"] = target(shop, offer, product)
    return Copy(flyer.design, flyer.language, fields, pictures, targets)


def draw_joint(
    session: Session,
    member: Member,
    joint: JointFlyer,
    *,
    profile: str,
    public_url: str,
    files: FileStore,
    demo: bool = False,
) -> proofs.Drawn:
    """Draw the proof of what the slots say now; any partner may. It shows an invented name, nobody's buyer.

    Give it a session that only reads, and keep what it returns by `printables.proofs.keep_after`.
    """
    member.require(Scope.CAMPAIGNS_WRITE)
    partner_for(session, member, joint)
    check_open(joint)
    flyer, shop = session.get_one(Flyer, joint.flyer_id), session.get_one(Shop, joint.shop_id)
    name = "欧阳女士" if flyer.language.startswith("zh") else "Wilhelmina"
    copy = copy_of_joint(session, joint)
    return proofs.draw_proof(
        session, shop, copy, profile=profile, public_url=public_url, files=files, name=name, demo=demo
    )


def prove_joint(
    session: Session,
    member: Member,
    joint: JointFlyer,
    *,
    profile: str,
    public_url: str,
    files: FileStore,
    at: datetime,
    demo: bool = False,
) -> Proof:
    """Draw the proof of what the slots say now and keep it, in one transaction: for scripts."""
    drawn = draw_joint(session, member, joint, profile=profile, public_url=public_url, files=files, demo=demo)
    return proofs.keep_proof(session, joint.flyer_id, drawn, at=at, by=member.actor)


def approve(session: Session, member: Member, joint: JointFlyer, sha256: str, *, at: datetime) -> Approval:
    """Say yes, for the member's shop, to exactly these bytes; a second yes changes nothing.

    Conflict when they are not what the slots say now, or failed their checks; Forbidden to whoever made the proof, and
    to whoever approved it for another shop.
    """
    member.require(Scope.JOINT_APPROVE)
    partner_for(session, member, joint)
    check_open(joint)
    proof = _approvable(session, joint, sha256)
    approvals = _approvals(session, proof, all_of_them=True)
    if member.shop_id in approvals:
        return approvals[member.shop_id]
    if proof.made_by == member.actor:
        raise Forbidden("You cannot approve your own proof: another user must approve it.")
    if member.actor in {approval.approved_by for approval in approvals.values()}:
        raise Forbidden("You approved this proof for another shop: another user must approve it for this one.")
    approval = Approval(
        shop_id=member.shop_id,
        proof_id=proof.id,
        joint_flyer_id=joint.id,
        sha256=sha256,
        approved_by=member.actor,
        approved_at=at,
    )
    session.add(approval)
    session.flush()
    subject, after = f"joint:{joint.id}", {"sha256": sha256, "targets": proof.targets}
    audit.record(session, member.shop_id, member.actor, action="joint.approve", subject=subject, after=after, at=at)
    return approval


def _approvable(session: Session, joint: JointFlyer, sha256: str) -> Proof:
    copy = copy_of_joint(session, joint)
    proof = session.exec(
        select(Proof)
        .where(
            Proof.shop_id == joint.shop_id,
            Proof.flyer_id == joint.flyer_id,
            Proof.sha256 == sha256,
            Proof.digest == copy.digest(),
        )
        .order_by(col(Proof.id).desc())
    ).first()
    if proof is None:
        raise Conflict("The joint flyer has changed since this proof was made. Make a new proof and review it.")
    if not proof.passed:
        raise Conflict("This proof failed preflight and cannot be approved.")
    return proof


def _approvals(session: Session, proof: Proof, *, all_of_them: bool = False) -> dict[int, Approval]:
    """Return the approvals of a proof by shop; unless all are asked for, those that count."""
    found = session.exec(select(Approval).where(Approval.proof_id == proof.id, Approval.sha256 == proof.sha256))
    return {each.shop_id: each for each in found if all_of_them or each.approved_by != proof.made_by}


def _of(session: Session, partner: Partner) -> tuple[Shop, Offer | None, Product | None]:
    shop = session.get_one(Shop, partner.shop_id)
    if partner.filled_at is None:
        raise Conflict("{shop} has not filled its slot yet.", shop=shop.name)
    offer = session.get(Offer, partner.offer_id) if partner.offer_id else None
    product = session.get(Product, partner.product_id) if partner.product_id else None
    return shop, offer, product


def _names(shops: tuple[Shop, ...]) -> str:
    return ", ".join(shop.name for shop in shops)
