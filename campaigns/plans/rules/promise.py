"""A delivery that would promise what does not hold any more: too late, an offer that is over, a product sold out."""

from campaigns.campaign.reasons import Reason
from campaigns.offers.offers import Offer
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule


def _refuse_late(check: Check, row: PendingDelivery) -> Reason | None:
    return Reason.LATE if row.expires_at and check.at > row.expires_at else None


def _drop_over(funnel: Funnel) -> Dropped:
    """Yield everybody where the offer is over at the first moment one of them is due; a later start may be waited for.

    Of whoever is due after that moment only the check before sending can tell.
    """
    campaign = funnel.campaign
    offer = funnel.session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    if offer and offer.ends_at and offer.ends_at <= funnel.send_times.first:
        yield Reason.OFFER_OVER, funnel.left.copy()


def _refuse_over(check: Check, row: PendingDelivery) -> Reason | None:
    offer = row.terms.offer
    return Reason.OFFER_OVER if offer and not offer.is_open(check.at) else None


def _refuse_sold_out(_check: Check, row: PendingDelivery) -> Reason | None:
    product, promised = row.terms.product, row.terms.promised
    if product is None:
        return None
    if product.stock is not None and product.stock <= 0:
        return Reason.SOLD_OUT
    return Reason.PRICE_CHANGED if promised is not None and product.price != promised else None


LATE = Rule("late", refuse=_refuse_late, one_form="The plan sets when a delivery expires, always after it is due.")
OFFER = Rule("offer", drop=_drop_over, refuse=_refuse_over)
PRODUCT = Rule(
    "product",
    refuse=_refuse_sold_out,
    one_form="Stock and price count when a message leaves: a plan may be made before the goods arrive.",
)
