"""Recipes: the campaigns a shop starts from, each with medium, policy and texts filled in for the shop to change."""

from dataclasses import dataclass
from typing import Any

from campaigns.campaigns import Medium, Recipe
from campaigns.policy import Cap, Policy
from retention.words import gettext as _
from retention.words import gettext_noop as n_

_ARRIVAL = {
    "en": {
        "subject": "New at {{ shop.name }}: {{ product.title }}",
        "body": (
            "Hello{% if buyer.name != blank %} {{ buyer.name }}{% endif %},\n\n"
            "{{ product.title }} has just arrived, at {{ product.price }}. "
            "You bought from us before, so you hear of it first."
        ),
    },
    "zh-CN": {
        "subject": "{{ shop.name }}上新：{{ product.title }}",
        "body": (
            "{% if buyer.name != blank %}{{ buyer.name }}，{% endif %}您好！\n\n"
            "新品{{ product.title }}今日到店，{{ product.price }}。您是我们的老朋友，先让您知道。"
        ),
    },
}

_COUPON = {
    "en": {
        "subject": "{{ offer.headline }} for you at {{ shop.name }}",
        "body": (
            "Hello{% if buyer.name != blank %} {{ buyer.name }}{% endif %},\n\n"
            "thank you for shopping with us. Your next order comes with {{ offer.headline }}"
            "{% if offer.terms != blank %} ({{ offer.terms }}){% endif %}. The code below is yours alone."
        ),
    },
    "zh-CN": {
        "subject": "{{ shop.name }}送您{{ offer.headline }}",
        "body": (
            "{% if buyer.name != blank %}{{ buyer.name }}，{% endif %}您好！\n\n"
            "感谢您的支持。下次下单可享{{ offer.headline }}"
            "{% if offer.terms != blank %}（{{ offer.terms }}）{% endif %}，券码仅供您本人使用。"
        ),
    },
}

MESSAGE_DAYS = 7
PARCEL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Prefill:
    """What a recipe fills in, and what it cannot go without."""

    title: str
    medium: Medium
    policy: Policy
    content: dict[str, Any]
    needs_offer: bool = False
    needs_product: bool = False


RECIPES: dict[Recipe, Prefill] = {
    Recipe.ARRIVAL_ALERT: Prefill(
        n_("New-arrival alert"),
        Medium.EMAIL,
        Policy(control_share=0.2, caps=[Cap(messages=3, days=7)], read_out_days=MESSAGE_DAYS),
        _ARRIVAL,
        needs_product=True,
    ),
    Recipe.COUPON_PUSH: Prefill(
        n_("Coupon push"),
        Medium.EMAIL,
        Policy(control_share=0.2, caps=[Cap(messages=3, days=7)], read_out_days=MESSAGE_DAYS),
        _COUPON,
        needs_offer=True,
    ),
    # A parcel goes anyway, so its cap counts parcels with an insert and not messages.
    Recipe.PARCEL_FLYER: Prefill(
        n_("Parcel flyer"),
        Medium.PARCEL,
        Policy(control_share=0.2, caps=[Cap(messages=2, days=30)], read_out_days=PARCEL_DAYS),
        {},
        needs_offer=True,
    ),
    Recipe.JOINT_FLYER: Prefill(
        n_("Joint flyer"),
        Medium.PARCEL,
        Policy(control_share=0.2, caps=[Cap(messages=2, days=30)], read_out_days=PARCEL_DAYS),
        {},
    ),
}


def recipe_name(recipe: Recipe) -> str:
    """Return a recipe's name in the language being spoken."""
    return _(RECIPES[recipe].title)
