"""Products that are coming, live and sold out, with the campaigns that announce them."""

from datetime import datetime
from typing import Self

from api.shapes.shape import PageOut, Shape
from campaigns.runs.arrivals import Arrival, ArrivalStage


class ArrivalOut(Shape):
    """A product on the board, with the campaigns that tell of it."""

    sku: str
    title: str
    stage: ArrivalStage
    arrival_at: datetime | None
    stock: int | None
    sales: int
    seconds_to_first_sale: int | None
    alerts: list[str]

    @classmethod
    def of(cls, item: Arrival) -> Self:
        """Return a product on the board."""
        first_after = item.sales.first_after
        return cls(
            sku=item.product.sku,
            title=item.product.title,
            stage=item.stage,
            arrival_at=item.product.arrival_at,
            stock=item.product.stock,
            sales=item.sales.orders,
            seconds_to_first_sale=None if first_after is None else int(first_after.total_seconds()),
            alerts=[each.campaign.slug for each in item.alerts],
        )


class ArrivalsOut(PageOut):
    """The products that are coming, the next first, and those that arrived in the last 90 days, the latest first."""

    coming: list[ArrivalOut]
    live: list[ArrivalOut]
    sold_out: list[ArrivalOut]
