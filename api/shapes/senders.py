"""Senders, without their secrets."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from campaigns.campaign.media import Medium
from campaigns.channels.senders import Sender, SenderKind, SenderState
from retention import money
from retention.shops import Shop


class SenderOut(Shape):
    """A sender as it is; its secrets are shown to nobody."""

    slug: str
    name: str
    medium: Medium
    kind: SenderKind = Field(
        description="What takes the messages: a mail server, one of the SMS gateways, a webhook, a bot."
    )
    settings: dict[str, Any]
    per_second: float | None
    price: str = Field(description='What a message, or a part of a text message, costs, such as "0.0450".')
    state: SenderState = Field(
        description="`active`: it sends. `paused`: a user paused it. `broken`: several messages failed in a row; it "
        "is tried again after `broken_until`."
    )
    failures: int = Field(description="Failures in a row.")
    broken_until: datetime | None = Field(description="When a broken sender is tried with one message.")
    last_error: str

    @classmethod
    def of(cls, sender: Sender, shop: Shop) -> Self:
        """Return a sender, its price in money."""
        values = sender.model_dump(include=set(cls.model_fields))
        return cls(**values | {"price": money.write_price(sender.price, shop.currency)})


class SendersOut(PageOut):
    """The shop's senders by slug."""

    senders: list[SenderOut]


class SenderTestOut(Shape):
    """The test was taken."""

    reference: str = Field(description="The receiver's reference for the message; empty where it gives none.")
