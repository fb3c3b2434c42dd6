"""What the buyer did since the plan: paid the order they were to be reminded of, or bought the product themselves."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import col

from campaigns.campaign.campaigns import Campaign, Delivery, Recipe, Run
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule
from retention.bitmaps import read_bitmap
from retention.orders import Order, OrderLine, OrderStatus
from retention.products import Product


def _drop_paid(funnel: Funnel) -> Dropped:
    if funnel.campaign.recipe is Recipe.PAYMENT_REMINDER:
        unpaid = sa.select(col(Order.buyer_id)).where(
            col(Order.shop_id) == funnel.shop.id,
            col(Order.buyer_id).is_not(None),
            col(Order.status) == OrderStatus.PLACED,
            col(Order.ordered_at) <= funnel.at,
        )
        yield Reason.PAID_ALREADY, funnel.left - read_bitmap(funnel.session, unpaid)


def _refuse_paid(check: Check, row: PendingDelivery) -> Reason | None:
    if not row.terms.reminds:
        return None
    unpaid = check.deliveries("unpaid", lambda: [_still_unpaid(check.shop.id, check.rows)])
    return None if row.id in unpaid else Reason.PAID_ALREADY


def _still_unpaid(shop_id: int, delivery_ids: Collection[int]) -> sa.Select[int]:
    """Return a SELECT of those of these deliveries whose buyer still has an order to be reminded of."""
    return (
        sa.select(col(Delivery.id))
        .join(Run, col(Run.id) == Delivery.run_id)
        .join(Order, sa.and_(col(Order.shop_id) == Delivery.shop_id, col(Order.buyer_id) == Delivery.buyer_id))
        .where(
            with_ids(shop_id, delivery_ids),
            col(Order.status) == OrderStatus.PLACED,
            col(Order.ordered_at) <= Run.planned_at,
        )
    )


def _refuse_bought(check: Check, row: PendingDelivery) -> Reason | None:
    if row.terms.product is None:
        return None
    bought = check.deliveries("bought", lambda: [_bought_meanwhile(check.shop.id, check.rows)])
    return Reason.BOUGHT_ALREADY if row.id in bought else None


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
            with_ids(shop_id, delivery_ids),
            col(Order.counts),
            col(Order.ordered_at) >= Run.planned_at,
            col(OrderLine.sku) == Product.sku,
        )
    )


PAID = Rule("paid", drop=_drop_paid, refuse=_refuse_paid)
BOUGHT = Rule(
    "bought",
    refuse=_refuse_bought,
    one_form="It is about purchases after the plan; whom earlier ones leave out, the audience says.",
)
