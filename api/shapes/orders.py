"""The result of sending orders."""

from pydantic import Field

from api.shapes.shape import Shape


class RejectedOut(Shape):
    """An order line that was not taken, and why."""

    order_id: str
    reason: str = Field(description="Why it was not taken, as a sentence.")


class OrdersOut(Shape):
    """What came of it. What is not rejected stands."""

    orders: int = Field(description="How many orders the request had.")
    changed: int = Field(description="Orders that are new or different now.")
    unchanged: int
    rejected: list[RejectedOut]
