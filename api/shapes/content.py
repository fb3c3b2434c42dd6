"""Variables, findings and previews of a text."""

from typing import Any

from pydantic import Field

from api.shapes.shape import RowShape, Shape
from campaigns.texts.checks import Severity


class VariableOut(RowShape):
    """A name a text may use."""

    name: str = Field(description="The variable, as a text writes it.")
    sentence: str = Field(description="What the variable stands for, in the language of the request.")
    example: str


class FindingOut(RowShape):
    """One thing found in a text; red will go wrong, amber wants a second look."""

    severity: Severity
    kind: str = Field(description="What was found, as a word for programs.")
    sentence: str = Field(description="What was found and what to do about it, in the language of the request.")
    language: str


class ContentOut(Shape):
    """What a text may use and what is found in it."""

    variables: list[VariableOut]
    findings: list[FindingOut]


class ShownOut(Shape):
    """A message as one buyer would get it."""

    buyer: str
    medium: str
    language: str = Field(description="The language that the message is rendered in, such as en or zh-CN.")
    subject: str
    preheader: str
    text: str
    html: str
    sms: dict[str, Any] | None = Field(description="Encoding, characters and parts of a text message.")
    cost: str | None = Field(description='What it costs, such as "0.0450"; null where the sender states no price.')
    call: dict[str, Any] | None = Field(description="The data of a webhook's call.")


class ShownListOut(Shape):
    """Messages: of the buyer asked for, else of the shortest and the longest case."""

    messages: list[ShownOut]


class MessageTestOut(Shape):
    """A test that was sent."""

    to: str
    subject: str
