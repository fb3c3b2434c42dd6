"""Flyers: a built-in design with its words and pictures filled in for one campaign."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, select

from campaigns.campaign.campaigns import Campaign
from campaigns.offers.offers import Offer
from printables.drawing.designs import DESIGNS
from retention import audit
from retention.access import Member
from retention.database import BigId, Json, ShopRow
from retention.errors import Conflict, Invalid, NotFound
from retention.i18n import LANGUAGES, current_locale, speaking
from retention.i18n import gettext as _
from retention.moments import show_end
from retention.money import show
from retention.products import Product
from retention.shops import Shop, check_slug

LONGEST_WORDS = 200


class Flyer(ShopRow, table=True):
    """A layout filled in for one campaign.

    `content` holds the fields that differ from what the campaign says; `picture` is the SHA-256 of a stored picture of
    its own, empty for the product's.
    """

    __tablename__ = "flyers"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    design: str = Field(max_length=64)
    language: str = Field(max_length=8)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    picture: str = Field(default="", max_length=64)
    campaign_id: int | None = Field(default=None, foreign_key="campaigns.id", sa_type=BigId)
    created_at: datetime


@dataclass(frozen=True)
class Copy:
    """What stands on a flyer. Personal slots are not in it.

    `pictures` are SHA-256 of stored files by place; `targets` say in words where each QR slot leads.
    """

    design: str
    language: str
    fields: Mapping[str, str]
    pictures: Mapping[str, str]
    targets: Mapping[str, str]

    def digest(self) -> str:
        """Return the SHA-256 of all of it: two copies with one digest print alike and lead to the same places."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def create_flyer(  # noqa: PLR0913 - what a flyer is, by name
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
    picture: str = "",
) -> Flyer:
    """Add a flyer; `picture` is the name of a stored file.

    Conflict when the slug is taken; NotFound for another shop's campaign; Invalid for an unknown design or language, a
    field it does not have, and words that are too long.
    """
    check_slug(slug)
    if design not in DESIGNS:
        raise Invalid("{design} is not a layout: use one of {known}.", design=repr(design), known=", ".join(DESIGNS))
    if language not in LANGUAGES:
        raise Invalid("{language} is not a supported language. Use en or zh-CN.", language=repr(language))
    check_words(content or {}, DESIGNS[design].fields)
    if campaign and campaign.shop_id != shop.id:
        raise NotFound("No campaign is called {slug}.", slug=campaign.slug)
    if session.exec(select(Flyer).where(Flyer.shop_id == shop.id, Flyer.slug == slug)).first():
        raise Conflict("This shop already has a flyer called {slug}.", slug=slug)
    flyer = Flyer(
        shop_id=shop.id,
        slug=slug,
        name=name,
        design=design,
        language=language,
        content=dict(content or {}),
        picture=picture,
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


def change_flyer(
    session: Session, flyer: Flyer, content: Mapping[str, str], *, at: datetime, by: str, picture: str | None = None
) -> None:
    """Put other words, and with `picture` another picture, on a flyer.

    Its proofs no longer show what it says, so they stop counting by themselves. Invalid as in `create_flyer`.
    """
    check_words(content, DESIGNS[flyer.design].fields)
    before = flyer.content
    flyer.content = dict(content)
    flyer.picture = flyer.picture if picture is None else picture
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


def check_words(content: Mapping[str, str], fields: Collection[str]) -> None:
    """Refuse (Invalid) an unknown field, words too long for any design, an accent that is no colour."""
    for name, words in content.items():
        if name not in fields:
            raise Invalid("The layout has no field {unknown}: use {known}.", unknown=name, known=sorted(fields))
        if len(words) > LONGEST_WORDS or any(ord(letter) < 32 and letter != "\n" for letter in words):
            raise Invalid("{field} takes up to {most} characters of plain text.", field=name, most=LONGEST_WORDS)
        if name.startswith("accent") and not re.fullmatch("#[0-9a-fA-F]{6}", words):
            raise Invalid("{colour} is not a colour: write it as #b8440e.", colour=repr(words))


def copy_of(session: Session, shop: Shop, flyer: Flyer) -> Copy:
    """Return what stands on a flyer of one shop: its own words over those of its campaign, offer and product."""
    campaign = session.get(Campaign, flyer.campaign_id) if flyer.campaign_id else None
    offer = session.get(Offer, campaign.offer_id) if campaign and campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign and campaign.product_id else None
    with speaking(flyer.language):
        fields = {
            "shop": shop.name,
            "accent": "#b8440e",
            "headline": _("reserved for returning customers"),
            "promise": _("Thank you for this order. Here is a gift for your next one."),
        }
        fields |= offer_words(offer, shop) | product_words(product, shop) | flyer.content
    picture = flyer.picture or (product.picture if product else "")
    pictures = {"picture": picture} if picture else {}
    return Copy(flyer.design, flyer.language, fields, pictures, {"qr": target(shop, offer, product)})


def target(shop: Shop, offer: Offer | None, product: Product | None) -> str:
    """Return in words a person can compare where a QR slot leads: shop, offer, product."""
    return " / ".join([shop.slug, offer.slug if offer else "-", product.sku if product else "-"])


def offer_words(offer: Offer | None, shop: Shop) -> dict[str, str]:
    """Return an offer's number, condition and fine print in the language being spoken."""
    if offer is None:
        return {}
    fine = [_("valid {days} days from claim").format(days=offer.days_from_claim)] if offer.days_from_claim else []
    if offer.ends_at:
        begins = offer.starts_at or offer.created_at  # a drop of hours says its hour, however early it is printed
        day = show_end(offer.ends_at, shop.timezone, at=begins, form="medium")
        fine.append(_("valid until {day}").format(day=day))
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
