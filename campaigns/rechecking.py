"""The last look: whether deliveries about to leave still may. Asked set-wise, in the transaction that claims them.

What was right when planned can be wrong by now: a no to the channel, an offer that is over, a product sold out.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaigns import Campaign, Delivery, Medium, Run
from campaigns.offers import Offer
from campaigns.policy import CHANNEL, needed_answer
from campaigns.reasons import Reason
from retention.buyers import Buyer
from retention.consent import Answer, Consent
from retention.orders import Order, OrderLine
from retention.products import Product


def recheck(session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime) -> dict[int, Reason]:
    """Return the deliveries that must not leave now, each with the first reason that applies."""
    if not delivery_ids:
        return {}
    rows = session.execute(_all_about(shop_id, delivery_ids)).all()
    bought = set(session.execute(_bought_meanwhile(shop_id, delivery_ids)).scalars())
    answers = {medium: _answers(session, shop_id, delivery_ids, medium) for medium in {row[2].medium for row in rows}}
    found = {}
    for delivery, buyer, campaign, run, offer, product in rows:
        answer = answers[campaign.medium].get(buyer.id)
        reason = _reason(campaign, run, offer=offer, product=product, email=buyer.email, answer=answer, at=at)
        if reason is None and delivery.id in bought:
            reason = Reason.BOUGHT_ALREADY
        if reason:
            found[delivery.id] = reason
    return found


def _reason(
    campaign: Campaign,
    run: Run,
    *,
    offer: Offer | None,
    product: Product | None,
    email: str,
    answer: Answer | None,
    at: datetime,
) -> Reason | None:
    """Return why this may not leave, from the rows as they are now."""
    needed = needed_answer(campaign.medium)
    if (answer is not Answer.IN) if needed is Answer.IN else (answer is Answer.OUT):
        return Reason.NO_CONSENT
    if campaign.medium is Medium.EMAIL and not email:
        return Reason.NO_ADDRESS
    if offer and not offer.is_open(at):
        return Reason.OFFER_OVER
    if product and product.stock is not None and product.stock <= 0:
        return Reason.SOLD_OUT
    if product and run.product_price is not None and product.price != run.product_price:
        return Reason.PRICE_CHANGED
    return None


def _all_about(
    shop_id: int, delivery_ids: Collection[int]
) -> sa.Select[Delivery, Buyer, Campaign, Run, Offer, Product]:
    return (
        sa.select(Delivery, Buyer, Campaign, Run, Offer, Product)
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .join(Run, col(Run.id) == Delivery.run_id)
        .outerjoin(Offer, col(Offer.id) == Campaign.offer_id)
        .outerjoin(Product, col(Product.id) == Campaign.product_id)
        .where(col(Delivery.shop_id) == shop_id, col(Delivery.id).in_(delivery_ids))
        .execution_options(populate_existing=True)
    )


def _answers(session: Session, shop_id: int, delivery_ids: Collection[int], medium: Medium) -> dict[int, Answer]:
    """Return the last word of each of these buyers on the medium's channel."""
    buyers = sa.select(col(Delivery.buyer_id)).where(
        col(Delivery.shop_id) == shop_id, col(Delivery.id).in_(delivery_ids)
    )
    last = (
        sa.select(sa.func.max(Consent.id))
        .where(
            col(Consent.shop_id) == shop_id,
            col(Consent.channel) == CHANNEL[medium],
            col(Consent.topic) == "",
            col(Consent.buyer_id).in_(buyers),
        )
        .group_by(col(Consent.buyer_id))
    )
    rows = session.execute(sa.select(col(Consent.buyer_id), col(Consent.answer)).where(col(Consent.id).in_(last)))
    return {buyer_id: Answer(answer) for buyer_id, answer in rows}


def _bought_meanwhile(shop_id: int, delivery_ids: Collection[int]) -> sa.Select[int]:
    """Return a SELECT of deliveries whose buyer ordered the campaign's product after the run was planned."""
    return (
        sa.select(col(Delivery.id))
        .join(Run, col(Run.id) == Delivery.run_id)
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .join(Product, col(Product.id) == Campaign.product_id)
        .join(Order, sa.and_(col(Order.shop_id) == Delivery.shop_id, col(Order.buyer_id) == Delivery.buyer_id))
        .join(OrderLine, sa.and_(col(OrderLine.shop_id) == Order.shop_id, col(OrderLine.order_id) == Order.id))
        .where(
            col(Delivery.shop_id) == shop_id,
            col(Delivery.id).in_(delivery_ids),
            col(Order.counts),
            col(Order.ordered_at) >= Run.planned_at,
            col(OrderLine.sku) == Product.sku,
        )
    )
