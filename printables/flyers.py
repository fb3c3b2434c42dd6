"""Flyers: a built-in design with its words and pictures filled in for one campaign."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, select

from campaigns.campaigns import Campaign
from campaigns.offers import Offer
from printables.designs import DESIGNS
from retention import audit
from retention.access import Member
from retention.database import BigId, Json, ShopRow
from retention.errors import Conflict, Invalid, NotFound
from retention.files import FileStore
from retention.money import show
from retention.products import Product
from retention.shops import Shop, check_slug
from retention.words import current_locale, speaking
from retention.words import gettext as _


class Flyer(ShopRow, table=True):
    """A design filled for one campaign. `content` holds the fields that differ from what the campaign says."""

    __tablename__ = "flyers"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    design: str = Field(max_length=64)
    language: str = Field(max_length=8)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    campaign_id: int | None = Field(default=None, foreign_key="campaigns.id", sa_type=BigId)
    created_at: datetime


@dataclass(frozen=True)
class Copy:
    """What stands on a flyer: fields, pictures by place, and where each QR slot leads. Personal slots are not in it."""

    design: str
    language: str
    fields: Mapping[str, str]
    pictures: Mapping[str, bytes]
    targets: Mapping[str, str]

    def digest(self) -> str:
        """Return the SHA-256 of all of it: two copies with one digest print alike."""
        pictures = {place: hashlib.sha256(content).hexdigest() for place, content in self.pictures.items()}
        parts = [self.design, self.language, dict(self.fields), pictures, dict(self.targets)]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def create_flyer(
    session: Session,
    shop: Shop,
    campaign: Campaign | None,
    *,
    slug: str,
    name: str,
    at: datetime,
    by: str,
    design: str = "flyer",
    language: str = "zh-CN",
    content: Mapping[str, str] | None = None,
) -> Flyer:
    """Add a flyer. Conflict when the slug is taken; Invalid for an unknown design or a field it does not have."""
    check_slug(slug)
    if design not in DESIGNS:
        raise Invalid("{design} is not a design: use one of {known}.", design=repr(design), known=", ".join(DESIGNS))
    if unknown := set(content or {}) - DESIGNS[design].fields:
        known = ", ".join(sorted(DESIGNS[design].fields))
        raise Invalid("The design has no field {unknown}: use {known}.", unknown=min(unknown), known=known)
    if session.exec(select(Flyer).where(Flyer.shop_id == shop.id, Flyer.slug == slug)).first():
        raise Conflict("This shop has a flyer called {slug} already.", slug=slug)
    flyer = Flyer(
        shop_id=shop.id,
        slug=slug,
        name=name,
        design=design,
        language=language,
        content=dict(content or {}),
        campaign_id=campaign.id if campaign else None,
        created_at=at,
    )
    session.add(flyer)
    session.flush()
    audit.record(session, shop.id, by, action="flyer.create", subject=f"flyer:{flyer.id}", after=flyer.content, at=at)
    return flyer


def flyer_for(session: Session, member: Member, slug: str) -> Flyer:
    """Return the flyer called `slug` in the member's shop; NotFound otherwise."""
    flyer = session.exec(select(Flyer).where(Flyer.shop_id == member.shop_id, Flyer.slug == slug)).first()
    if flyer is None:
        raise NotFound("No flyer is called {slug}.", slug=slug)
    return flyer


def change_flyer(session: Session, flyer: Flyer, content: Mapping[str, str], *, at: datetime, by: str) -> None:
    """Put other words on a flyer. Its proofs no longer show what it says, so they stop counting by themselves."""
    before = flyer.content
    flyer.content = dict(content)
    session.add(flyer)
    audit.record(
        session,
        flyer.shop_id,
        by,
        action="flyer.change",
        subject=f"flyer:{flyer.id}",
        before=before,
        after=flyer.content,
        at=at,
    )


def copy_of(session: Session, shop: Shop, flyer: Flyer, files: FileStore) -> Copy:
    """Return what stands on a flyer of one shop: its own words over those of its campaign, offer and product."""
    campaign = session.get(Campaign, flyer.campaign_id) if flyer.campaign_id else None
    offer = session.get(Offer, campaign.offer_id) if campaign and campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign and campaign.product_id else None
    with speaking(flyer.language):
        fields = {"shop": shop.name, "accent": "#b8440e", "headline": _("kept for those who come back")}
        fields |= offer_words(offer, shop) | product_words(product, shop) | flyer.content
    pictures = {"picture": files.get(product.picture)} if product and product.picture else {}
    return Copy(flyer.design, flyer.language, fields, pictures, {"qr": target(shop, offer, product)})


def target(shop: Shop, offer: Offer | None, product: Product | None) -> str:
    """Return in words a person can compare where a QR slot leads: shop, offer, product."""
    return " / ".join([shop.slug, offer.slug if offer else "-", product.sku if product else "-"])


def offer_words(offer: Offer | None, shop: Shop) -> dict[str, str]:
    """Return an offer's number, condition and fine print in the language being spoken."""
    if offer is None:
        return {}
    fine = [_("valid {days} days from claim").format(days=offer.days_from_claim)] if offer.days_from_claim else []
    fine += [_("one per person"), _("not with other coupons")]
    return {
        "amount": offer.headline(shop.currency, current_locale()),
        "condition": offer.terms(shop.currency, current_locale()),
        "fine_print": " · ".join(fine),
    }


def product_words(product: Product | None, shop: Shop) -> dict[str, str]:
    """Return a product's title and price in the language being spoken."""
    if product is None:
        return {}
    return {"product": product.title, "price": show(product.price, shop.currency, current_locale())}
