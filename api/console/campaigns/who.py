"""The step "who" of a campaign: which segments are in, which are out, and what the campaign is about.

A rule that came another way (a recipe's suggestion, the REST API) is shown in words and kept until somebody chooses
segments instead.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session
from starlette.datastructures import FormData

from api.deps import Place
from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.recipes import RECIPES, recipe_name
from campaigns.offers.offers import Offer, find_offer, offers_of
from campaigns.runs.finding import offer_of, product_of
from retention.errors import Error, Invalid
from retention.i18n import current_locale, gettext_noop
from retention.money import show as show_money
from retention.products import find_product, products_by_arrival
from retention.shops import Shop
from segments.matching import match
from segments.personal_conditions import check_using
from segments.rules import parse
from segments.segments import find_segment, list_segments

MOST_PRODUCTS = 200

SEGMENTS, OWN = "segments", "own"


@dataclass
class WhoFields:
    """The fields of the step as typed, so that a refusal keeps them. `own` and `own_out` are rules made elsewhere."""

    name: str = ""
    slug: str = ""
    source: str = SEGMENTS
    inside: list[str] = field(default_factory=list)
    join: str = "any"
    outside: list[str] = field(default_factory=list)
    keep_out: bool = True
    offer: str = ""
    product: str = ""
    own: dict[str, Any] | None = None
    own_out: dict[str, Any] | None = None

    @property
    def audience(self) -> dict[str, Any]:
        """The rule of those who are in; Invalid when nothing was chosen."""
        if self.source == OWN and self.own:
            return self.own
        if not self.inside:
            raise Invalid(gettext_noop("Choose at least one segment as the audience."))
        return rule_of(self.inside, self.join)

    @property
    def excluded(self) -> dict[str, Any] | None:
        """The rule of those who are out; None for nobody."""
        kept = self.own_out if self.keep_out else None
        chosen = rule_of(self.outside, "any") if self.outside else None
        return {"any": [kept, chosen]} if kept and chosen else kept or chosen

    def changes(self, session: Session, shop: Shop) -> dict[str, Any]:
        """Return the values of the campaign this step speaks of; NotFound for what the shop has not."""
        for slug in (*self.inside, *self.outside):
            find_segment(session, shop.id, slug)
        offer = find_offer(session, shop.id, self.offer) if self.offer else None
        product = find_product(session, shop.id, self.product) if self.product else None
        return {
            "name": self.name or self.slug,
            "audience": self.audience,
            "excluded": self.excluded,
            "offer_id": offer.id if offer else None,
            "product_id": product.id if product else None,
        }


def fresh_who(recipe: Recipe, *, at: datetime, segment: str = "", product: str = "") -> WhoFields:
    """Return the step as a recipe fills it in."""
    suggested = suggestion(recipe)
    return WhoFields(
        name=f"{recipe_name(recipe)} {at:%Y-%m-%d}",
        slug=f"{recipe.value}-{at:%m%d-%H%M}",
        source=OWN if suggested and not segment else SEGMENTS,
        inside=[segment] if segment else [],
        product=product,
        own=suggested,
    )


def suggestion(recipe: Recipe) -> dict[str, Any] | None:
    """Return the audience a recipe suggests, if it does."""
    found: dict[str, Any] | None = getattr(RECIPES[recipe], "audience", None)
    return found


def who_of(session: Session, campaign: Campaign) -> WhoFields:
    """Return the step as a campaign stands."""
    join, inside = segments_in(campaign.audience_json)
    outside = segments_in(campaign.excluded_json)[1] if campaign.excluded_json else []
    offer = offer_of(session, campaign)
    product = product_of(session, campaign)
    return WhoFields(
        name=campaign.name,
        slug=campaign.slug,
        source=SEGMENTS if inside else OWN,
        inside=inside,
        join=join,
        outside=outside,
        offer=offer.slug if offer else "",
        product=product.sku if product else "",
        own=None if inside else campaign.audience_json,
        own_out=None if outside else campaign.excluded_json,
    )


def typed_who(form: FormData, before: WhoFields) -> WhoFields:
    """Return what was typed; the rules made elsewhere come from `before`, never from the form."""

    def text(name: str) -> str:
        return str(form.get(name, "")).strip()

    return WhoFields(
        name=text("name"),
        slug=text("slug") or before.slug,
        source=text("source") or SEGMENTS,
        inside=_several(form, "segment"),
        join="all" if text("join") == "all" else "any",
        outside=_several(form, "excluded"),
        keep_out=before.own_out is None or bool(text("keep_out")),
        offer=text("offer"),
        product=text("product"),
        own=before.own,
        own_out=before.own_out,
    )


def rule_of(slugs: list[str], join: str) -> dict[str, Any]:
    """Return the rule of several segments; of one it is the plain name."""
    named = [{"segment": slug} for slug in slugs]
    return named[0] if len(named) == 1 else {join: named}


def segments_in(rule: dict[str, Any]) -> tuple[str, list[str]]:
    """Return how a rule joins which segments; no segments when it says anything else."""
    for join in ("any", "all"):
        parts = rule.get(join) if len(rule) == 1 else None
        if (
            isinstance(parts, list)
            and parts
            and all(isinstance(part, dict) and set(part) == {"segment"} for part in parts)
        ):
            return join, [part["segment"] for part in parts]
    return "any", [rule["segment"]] if set(rule) == {"segment"} else []


@dataclass(frozen=True)
class CountedAudience:
    """How many a choice means: in, of those left out, and left."""

    inside: int
    out: int

    @property
    def left(self) -> int:
        return self.inside - self.out


def count_who(session: Session, place: Place, who: WhoFields, *, now: datetime) -> CountedAudience | None:
    """Return how many the choice means now; None while nothing is chosen, or nothing that the member may choose."""
    shop = place.shop
    try:
        inside, outside = parse(who.audience), parse(who.excluded) if who.excluded else None
        check_using(session, place.member, inside, outside)
        audience = match(session, shop, inside, now=now)
    except Error:
        return None
    excluded = match(session, shop, outside, now=now) if outside else BitMap()
    return CountedAudience(len(audience), len(audience & excluded))


def choices(session: Session, shop: Shop) -> dict[str, list[tuple[str, str]]]:
    """Return what the step's lists offer, as pairs of value and words."""
    return {
        "segments": [(segment.slug, segment.name) for segment in list_segments(session, shop.id)],
        "offers": [(offer.slug, _offer_words(offer, shop)) for offer in offers_of(session, shop.id)],
        "products": [
            (each.sku, f"{each.title} · {_price(each.price, shop)}")
            for each in products_by_arrival(session, shop.id, most=MOST_PRODUCTS)
        ],
    }


def _several(form: FormData, name: str) -> list[str]:
    return list(dict.fromkeys(text for value in form.getlist(name) if (text := str(value).strip())))


def _offer_words(offer: Offer, shop: Shop) -> str:
    parts = (offer.name, offer.headline(shop.currency, current_locale()), offer.terms(shop.currency, current_locale()))
    return " · ".join(part for part in parts if part)


def _price(amount: int, shop: Shop) -> str:
    return show_money(amount, shop.currency, current_locale())
