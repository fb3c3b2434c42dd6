"""Slots of a joint flyer: a shop creates it, others join, and each edits its own slot only."""

from datetime import datetime

from sqlmodel import Session

from campaigns.offers.offers import find_offer
from printables.drawing.pictures import cleaned
from printables.flyers import check_words, create_flyer
from printables.joint.partners import SLOTS, JointFlyer, Partner, check_open, partner_for, partners_of
from retention import audit
from retention.access import Member, Scope
from retention.errors import Conflict, Forbidden, Invalid
from retention.files import FileStore
from retention.products import find_product
from retention.shops import Shop

LONGEST = {"title": 40, "words": 120, "accent": 7}
"""Characters a slot's texts may have; the proof says whether they fit where they are to stand."""

ACCENTS = ("#b8440e", "#2f6f5e")


def open_joint(session: Session, member: Member, slug: str, *, theme: str, language: str, at: datetime) -> JointFlyer:
    """Open a joint flyer in the member's shop, which takes the first slot. Conflict when the slug is taken."""
    member.require(Scope.CAMPAIGNS_WRITE)
    shop = session.get_one(Shop, member.shop_id)
    check_words({"theme": theme}, {"theme"})
    flyer = create_flyer(
        session, shop, None, slug=slug, name=theme, design="joint", language=language, at=at, by=member.actor
    )
    joint = JointFlyer(
        shop_id=shop.id, slug=slug, theme=theme, flyer_id=flyer.id, created_by=member.actor, created_at=at
    )
    session.add(joint)
    session.flush()
    _join(session, member, joint, shop, at)
    return joint


def add_partner(session: Session, member: Member, joint: JointFlyer, shop: Shop, *, at: datetime) -> Partner:
    """Take another shop in; it gets the next free slot.

    Forbidden to anyone but the shop that opened the flyer; Conflict when the shop is in already or no slot is free.
    """
    member.require(Scope.CAMPAIGNS_WRITE)
    partner_for(session, member, joint)
    if member.shop_id != joint.shop_id:
        raise Forbidden("Only the shop that created the joint flyer can add partners.")
    check_open(joint)
    return _join(session, member, joint, shop, at)


def fill_slot(  # noqa: PLR0913 - what a slot holds, by name
    session: Session,
    member: Member,
    joint: JointFlyer,
    *,
    title: str,
    offer_slug: str,
    files: FileStore,
    at: datetime,
    words: str = "",
    accent: str = "",
    sku: str = "",
    picture: bytes | None = None,
) -> Partner:
    """Fill the slot of the member's own shop. Whatever was proved and approved before no longer counts.

    `picture` (JPEG, PNG or WebP) is re-encoded and stored; without it the product's own is printed. Invalid for texts
    that are too long, a broken picture, or none at all; NotFound for an offer or product the shop does not have.
    """
    member.require(Scope.CAMPAIGNS_WRITE)
    partner = partner_for(session, member, joint)
    check_open(joint)
    content = {"title": title.strip(), "words": words.strip(), "accent": accent or ACCENTS[SLOTS.index(partner.slot)]}
    _check_texts(content)
    product = find_product(session, member.shop_id, sku) if sku else None
    name = files.put(cleaned(picture)) if picture else product.picture if product else ""
    if not name:
        raise Invalid("A slot needs a picture: upload one, or choose a product with one.")
    before = _shown(partner)
    partner.content, partner.picture = content, name
    partner.offer_id = find_offer(session, member.shop_id, offer_slug).id
    partner.product_id = product.id if product else None
    partner.filled_at = at
    session.add(partner)
    session.flush()
    subject = f"joint:{joint.id}"
    audit.record(
        session,
        member.shop_id,
        member.actor,
        action="joint.fill",
        subject=subject,
        before=before,
        after=_shown(partner),
        at=at,
    )
    return partner


def close_joint(session: Session, member: Member, joint: JointFlyer, *, at: datetime) -> None:
    """Say that nothing more is printed of a joint flyer; what is printed goes on being packed and scanned."""
    member.require(Scope.CAMPAIGNS_WRITE)
    if member.shop_id != joint.shop_id:
        raise Forbidden("Only the shop that created the joint flyer can close it.")
    if joint.closed_at is None:
        joint.closed_at = at
        session.add(joint)
        audit.record(session, member.shop_id, member.actor, action="joint.close", subject=f"joint:{joint.id}", at=at)


def _join(session: Session, member: Member, joint: JointFlyer, shop: Shop, at: datetime) -> Partner:
    partners = partners_of(session, joint)
    if shop.id in {partner.shop_id for partner in partners}:
        raise Conflict("{shop} is already a partner.", shop=shop.name)
    free = [slot for slot in SLOTS if slot not in {partner.slot for partner in partners}]
    if not free:
        raise Conflict("Every slot of {theme} is taken.", theme=joint.theme)
    partner = Partner(shop_id=shop.id, joint_flyer_id=joint.id, slot=free[0])
    session.add(partner)
    session.flush()
    subject, joined = f"joint:{joint.id}", {"shop": shop.slug, "slot": partner.slot}
    # In both logs: the shop that is taken in must be able to see by whom.
    for shop_id in {shop.id, member.shop_id}:
        audit.record(session, shop_id, member.actor, action="joint.join", subject=subject, after=joined, at=at)
    return partner


def _check_texts(content: dict[str, str]) -> None:
    if not content["title"]:
        raise Invalid("A slot needs a title.")
    for name, text in content.items():
        if len(text) > LONGEST[name]:
            raise Invalid("{field} takes up to {most} characters of plain text.", field=name, most=LONGEST[name])
    check_words(content, LONGEST)


def _shown(partner: Partner) -> dict[str, object]:
    return partner.model_dump(include={"content", "picture", "offer_id", "product_id"})
