"""Orders, merged as an imported file is, so that sending an order twice changes nothing."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from api.deps import Now, Writing
from api.shapes.orders import OrdersOut, RejectedOut
from api.shapes.shape import Input
from api.v1.amounts import Amount
from api.v1.callers import Caller, caller_with
from api.v1.field_types import Moment
from api.v1.routing import router_for
from retention.access import Scope
from retention.ingest.orders.order_files import OrderInput, put_orders
from retention.orders import OrderStatus

router = router_for("orders")

MOST_ORDERS = 1000


class LineIn(Input):
    """One line of an order. Without `amount` it is worth `unit_price` times `quantity`; a return is negative."""

    sku: str = Field("", max_length=100)
    title: str = Field("", max_length=500)
    category: str = Field("", max_length=200)
    line_id: str = Field("", max_length=100, description="The line's own number: a line sent twice stands once.")
    quantity: Decimal = Field(Decimal(1), ge=-1_000_000, le=1_000_000, decimal_places=3)
    unit_price: Amount | None = None
    amount: Amount | None = Field(None, description="What was paid for the line, discounts taken off.")
    refunded: Amount | None = Field(None, description="What of the line's amount went back.")


class OrderIn(Input):
    """An order as the shop knows it. Sending it again with other values changes it."""

    order_id: str = Field(min_length=1, max_length=200)
    buyer_id: str = Field("", max_length=200, description="The shop's own id of the buyer.")
    status: OrderStatus
    placed_at: Moment | None = None
    paid_at: Moment | None = None
    cancelled_at: Moment | None = None
    updated_at: Moment | None = Field(
        None, description="When the order changed last. An older state does not undo a newer one."
    )
    order_total: Amount | None = Field(
        None, description="What the order came to, shipping included. Shared among lines that have no amount."
    )
    order_discount: Amount | None = Field(None, description="What was taken off the order as a whole.")
    postage: Amount | None = None
    refunded: Amount | None = None
    refund_status: str = Field("", max_length=50, description="What went back, in words such as refunded or none.")
    country: str = Field("", max_length=100)
    region: str = Field("", max_length=100)
    city: str = Field("", max_length=100)
    phone: str = Field("", max_length=32)
    email: str = Field("", max_length=254, description="The buyer's mail address.")
    name: str = Field("", max_length=200, description="The buyer's name.")
    waybill: str = Field("", max_length=64)
    coupon: str = Field("", max_length=64, description="The code the buyer gave.")
    channel: str = Field("", max_length=50, description="The sales channel that it came by, such as app or shop.")
    currency: str = Field(
        "",
        pattern="^([A-Z]{3})?$",
        description="ISO code of the amounts. An order in another currency than the shop's is rejected.",
    )
    lines: list[LineIn] = Field(min_length=1, max_length=500)

    def rows(self) -> list[OrderInput]:
        """Return the order as the merge takes it: a row per line, the money of the order on the first.

        What the lines say of refunds goes before what the order says.
        """
        sums = {"postage", "refunded", "order_total", "order_discount"}
        order: dict[str, Any] = self.model_dump(exclude={"lines", *sums}) | {"status": self.status.value}
        once: dict[str, Any] = {name: _decimal(getattr(self, name)) for name in sums}
        if any(line.refunded is not None for line in self.lines):
            del once["refunded"]
        return [
            OrderInput(
                **order,
                **({"refunded": _decimal(line.refunded)} | (once if number == 0 else {})),
                line_id=line.line_id or None,
                sku=line.sku,
                title=line.title,
                category=line.category,
                quantity=line.quantity,
                unit_price=_decimal(line.unit_price),
                amount=_decimal(line.amount),
            )
            for number, line in enumerate(self.lines)
        ]


class OrdersIn(Input):
    """Up to a thousand orders of one source."""

    source: str = Field("api", min_length=1, max_length=50, description="Which system numbers these orders.")
    orders: list[OrderIn] = Field(min_length=1, max_length=MOST_ORDERS)


@router.post("/orders")
def upsert_orders(
    sent: OrdersIn,
    session: Writing,
    now: Now,
    caller: Annotated[Caller, caller_with(Scope.ORDERS_WRITE)],
) -> OrdersOut:
    """Add or change orders, with their lines, buyers and parcels. Scope orders:write."""
    return _put(sent, session, caller, now)


def _put(sent: OrdersIn, session: Writing, caller: Caller, now: datetime) -> OrdersOut:
    rows = [row for order in sent.orders for row in order.rows()]
    counts, refused = put_orders(session, caller.shop, rows, source=sent.source, now=now)
    rejected = [RejectedOut(order_id=rows[each.line - 1].order_id, reason=each.reason) for each in refused]
    return OrdersOut(orders=len(sent.orders), changed=counts.changed, unchanged=counts.unchanged, rejected=rejected)


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None
