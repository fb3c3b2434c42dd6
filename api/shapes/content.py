"""Variables, findings and previews of a text."""

from dataclasses import asdict
from typing import Any, Self

from pydantic import Field

from api.shapes.shape import Shape
from campaigns.texts.checks import Finding, Severity
from campaigns.texts.content import Variable


class VariableOut(Shape):
    """A name a text may use."""

    name: str = Field(description="The variable, as a text writes it.")
    sentence: str = Field(description="What the variable stands for, in the language of the request.")
    example: str

    @classmethod
    def of(cls, variable: Variable) -> Self:
        """Return a variable."""
        return cls(**asdict(variable))


class FindingOut(Shape):
    """One thing found in a text; red will go wrong, amber wants a second look."""

    severity: Severity
    kind: str = Field(description="What was found, as a word for programs.")
    sentence: str = Field(description="What was found and what to do about it, in the language of the request.")
    language: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return what was found."""
        return cls(**asdict(finding))


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
