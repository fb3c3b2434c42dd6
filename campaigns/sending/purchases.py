"""What buyers bought or paid since a run was planned, asked for deliveries about to leave."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import col

from campaigns.campaigns import Campaign, Delivery, Run
from campaigns.sending.numbered import by_number
from retention.orders import Order, OrderLine, OrderStatus
from retention.products import Product


def still_unpaid(shop_id: int, delivery_ids: Collection[int]) -> sa.Select[int]:
    """Return a SELECT of those of these deliveries whose buyer still has an order to be reminded of."""
    return (
        sa.select(col(Delivery.id))
        .join(Run, col(Run.id) == Delivery.run_id)
        .join(Order, sa.and_(col(Order.shop_id) == Delivery.shop_id, col(Order.buyer_id) == Delivery.buyer_id))
        .where(
            by_number(shop_id, delivery_ids),
            col(Order.status) == OrderStatus.PLACED,
            col(Order.ordered_at) <= Run.planned_at,
        )
    )


def bought_meanwhile(shop_id: int, delivery_ids: Collection[int]) -> sa.Select[int]:
    """Return a SELECT of deliveries whose buyer ordered the campaign's product after the run was planned."""
    return (
        sa.select(col(Delivery.id))
        .join(Run, col(Run.id) == Delivery.run_id)
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .join(Product, col(Product.id) == Campaign.product_id)
        .join(Order, sa.and_(col(Order.shop_id) == Delivery.shop_id, col(Order.buyer_id) == Delivery.buyer_id))
        .join(OrderLine, sa.and_(col(OrderLine.shop_id) == Order.shop_id, col(OrderLine.order_id) == Order.id))
        .where(
            by_number(shop_id, delivery_ids),
            col(Order.counts),
            col(Order.ordered_at) >= Run.planned_at,
            col(OrderLine.sku) == Product.sku,
        )
    )
