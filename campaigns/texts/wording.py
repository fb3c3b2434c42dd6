"""Wording: the values a message template may use, for one buyer, in one language."""

from datetime import datetime
from typing import Any, Protocol

from campaigns.offers.offers import Offer
from retention import i18n, money
from retention.buyers import Buyer
from retention.moments import show_end
from retention.products import Product
from retention.salutations import salutation
from retention.shops import Shop
from retention.tokens import spaced

NAMES = (
    "shop.name",
    "buyer.name",
    "product.title",
    "product.price",
    "product.category",
    "product.brand",
    "offer.name",
    "offer.headline",
    "offer.terms",
    "coupon.code",
    "coupon.ends",
    "link",
)
"""What a template may ask for; `product`, `offer` and `coupon` only where the campaign has them."""


class NamedBuyer(Protocol):
    """A buyer, as far as a template goes."""

    @property
    def name(self) -> str: ...


def message_values(
    shop: Shop,
    buyer: NamedBuyer,
    *,
    product: Product | None,
    offer: Offer | None,
    code: str,
    ends: datetime | None,
    link: str,
    language: str,
    at: datetime,
) -> dict[str, Any]:
    """Return the values in `language` as of `at`; plain texts only: a template can reach nothing behind them."""
    locale = language.replace("-", "_")
    values: dict[str, Any] = {"shop": {"name": shop.name}, "buyer": {"name": salutation(buyer.name)}, "link": link}
    with i18n.speaking(language):
        if product:
            price = money.show(product.price, shop.currency, locale)
            values["product"] = {
                "title": product.title,
                "price": price,
                "category": product.category,
                "brand": product.brand,
            }
        if offer:
            values["offer"] = {
                "name": offer.name,
                "headline": offer.headline(shop.currency, locale),
                "terms": offer.terms(shop.currency, locale),
            }
        if code:
            end = show_end(ends, shop.timezone, at=at, form="medium") if ends else ""
            values["coupon"] = {"code": spaced(code), "ends": end}
    return values


def sample_values(shop: Shop, *, product: Product | None, offer: Offer | None, language: str) -> dict[str, Any]:
    """Return values for a buyer nobody is, to check a template before it has an audience."""
    someone = Buyer(shop_id=shop.id, external_id="sample", name="Ada", created_at=shop.created_at)
    return message_values(
        shop,
        someone,
        product=product,
        offer=offer,
        code="00000000" if offer else "",
        ends=offer.ends_at if offer else None,
        link="https://shop.example/Q/0",
        language=language,
        at=shop.created_at,
    )
