"""A delivery that would promise what does not hold any more: too late, an offer that is over, a product sold out."""

from campaigns.campaign.reasons import Reason
from campaigns.plans.rules.rule import Check, Leaving, Rule


def _refuse_late(check: Check, row: Leaving) -> Reason | None:
    return Reason.LATE if row.expires_at and check.at > row.expires_at else None


def _refuse_over(check: Check, row: Leaving) -> Reason | None:
    offer = row.terms.offer
    return Reason.OFFER_OVER if offer and not offer.is_open(check.at) else None


def _refuse_sold_out(_check: Check, row: Leaving) -> Reason | None:
    product, promised = row.terms.product, row.terms.promised
    if product is None:
        return None
    if product.stock is not None and product.stock <= 0:
        return Reason.SOLD_OUT
    return Reason.PRICE_CHANGED if promised is not None and product.price != promised else None


LATE = Rule(refuse=_refuse_late)
OFFER = Rule(refuse=_refuse_over)
PRODUCT = Rule(refuse=_refuse_sold_out)
