"""The form of a new campaign: what it offers to choose from, and its fields as the use case takes them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select
from starlette.datastructures import FormData

from campaigns.campaigns import Campaign, Medium, Recipe
from campaigns.drafting import create_campaign
from campaigns.offers import Offer, find_offer
from campaigns.recipes import RECIPES, recipe_name
from retention.errors import Invalid, NotFound
from retention.money import show as show_money
from retention.products import Product
from retention.shops import Shop
from retention.words import LANGUAGES, current_locale, gettext_noop
from segments.segments import list_segments

MOST_PRODUCTS = 200


@dataclass
class Draft:
    """The fields of the form as typed, so that a refusal keeps them."""

    recipe: Recipe
    name: str
    slug: str
    segment: str
    excluded: str = ""
    offer: str = ""
    product: str = ""
    control: str = "20"
    texts: dict[str, dict[str, str]] = field(default_factory=dict)


def fresh_draft(recipe: Recipe, *, segment: str, at: datetime, product: str = "") -> Draft:
    """Return the form as a recipe fills it in."""
    prefill = RECIPES[recipe]
    return Draft(
        recipe=recipe,
        name=f"{recipe_name(recipe)} {at:%Y-%m-%d}",
        slug=f"{recipe.value}-{at:%m%d-%H%M}",
        segment=segment,
        product=product,
        control=f"{prefill.policy.control_share * 100:g}",
        texts=prefill.content,
    )


def read_draft(form: FormData, recipe: Recipe) -> Draft:
    """Return what was typed into the form."""

    def text(name: str) -> str:
        return str(form.get(name, "")).strip()

    texts = {
        language: {"subject": text(f"subject_{language}"), "body": text(f"body_{language}")}
        for language in LANGUAGES
        if text(f"subject_{language}") or text(f"body_{language}")
    }
    return Draft(
        recipe=recipe,
        name=text("name"),
        slug=text("slug"),
        segment=text("segment"),
        excluded=text("excluded"),
        offer=text("offer"),
        product=text("product"),
        control=text("control"),
        texts=texts,
    )


def save_draft(session: Session, shop: Shop, draft: Draft, *, at: datetime, actor: str) -> Campaign:
    """Make the campaign. Invalid, NotFound or Conflict say what is wrong with which field."""
    if not draft.segment:
        raise Invalid(gettext_noop("Choose the segment that gets it."))
    offer = find_offer(session, shop.id, draft.offer) if draft.offer else None
    product = _find_product(session, shop, draft.product) if draft.product else None
    content: dict[str, Any] | None = draft.texts if RECIPES[draft.recipe].medium is Medium.EMAIL else None
    return create_campaign(
        session,
        shop,
        draft.slug,
        recipe=draft.recipe,
        name=draft.name,
        audience={"segment": draft.segment},
        excluded={"segment": draft.excluded} if draft.excluded else None,
        offer_id=offer.id if offer else None,
        product_id=product.id if product else None,
        content=content,
        policy={"control_share": _share(draft.control)},
        at=at,
        actor=actor,
    )


def choices(session: Session, shop: Shop) -> dict[str, list[tuple[str, str]]]:
    """Return what the form's lists offer, as pairs of value and words."""
    offers = session.exec(select(Offer).where(Offer.shop_id == shop.id).order_by(col(Offer.id).desc()))
    newest = select(Product).where(Product.shop_id == shop.id)
    products = session.exec(newest.order_by(col(Product.arrival_at).desc(), Product.sku).limit(MOST_PRODUCTS))
    return {
        "segments": [(segment.slug, segment.name) for segment in list_segments(session, shop.id)],
        "offers": [(offer.slug, _offer_words(offer, shop)) for offer in offers],
        "products": [(each.sku, f"{each.title} · {_price(each.price, shop)}") for each in products],
    }


def _offer_words(offer: Offer, shop: Shop) -> str:
    parts = (offer.name, offer.headline(shop.currency, current_locale()), offer.terms(shop.currency, current_locale()))
    return " · ".join(part for part in parts if part)


def _price(amount: int, shop: Shop) -> str:
    return show_money(amount, shop.currency, current_locale())


def _share(text: str) -> float:
    try:
        return float(text.replace(",", ".").rstrip("% ")) / 100
    except ValueError as error:
        raise Invalid(
            gettext_noop("The control group is a share in percent, such as 20, not {text}."), text=text
        ) from error


def _find_product(session: Session, shop: Shop, sku: str) -> Product:
    product = session.exec(select(Product).where(Product.shop_id == shop.id, Product.sku == sku)).first()
    if product is None:
        raise NotFound("No product has the number {number}.", number=sku)
    return product
