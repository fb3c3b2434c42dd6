"""Topics, bounces, and addresses that have opted out."""

from datetime import datetime

from pydantic import Field

from api.shapes.shape import PageOut, RowShape, Shape
from campaigns.optouts.bounces import BounceKind
from retention.consent import Channel


class TopicOut(RowShape):
    """A topic buyers can leave alone."""

    slug: str
    names: dict[str, str]


class TopicsOut(PageOut):
    """The shop's topics in their order."""

    topics: list[TopicOut]


class BounceOut(RowShape):
    """One report about one address."""

    kind: BounceKind = Field(
        description="What the report says: the address bounces, for now or for good, or the buyer complained."
    )
    address: str = Field(description="The mail address or phone number that the report is about.")
    detail: str = Field(description="The response or report of the mail server or gateway.")
    at: datetime


class BouncesOut(PageOut):
    """The newest reports first."""

    bounces: list[BounceOut]


class LiftedOut(Shape):
    """How many reports no longer count."""

    address: str = Field(description="The mail address or phone number, as it was sent.")
    lifted: int


class SuppressionOut(RowShape):
    """An address that has opted out, in normalised form."""

    channel: Channel = Field(description="The channel by which nothing is sent to the address.")
    topic: str = Field(description="The slug of the topic that it is about; empty for everything.")
    address: str
    source: str = Field(description="Where the opt-out was said, such as a link in a mail, phone or checkout.")
    at: datetime


class SuppressionsOut(PageOut):
    """The latest first."""

    suppressions: list[SuppressionOut]
