"""Answers of buyers, with their evidence."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent


class AnswerOut(Shape):
    """An answer in the ledger. `counts`: it was the latest valid answer when it was recorded."""

    buyer: str
    channel: Channel
    topic: str
    answer: Answer
    counts: bool
    source: str
    evidence: str
    address: str = Field(description="The mail address or phone number that it was about, normalised; empty for none.")
    at: datetime = Field(description="When the buyer said it, in UTC.")
    undated: bool = Field(description="A file told it without saying when; `at` is the import.")
    recorded_by: str

    @classmethod
    def of(cls, row: Consent, buyer: Buyer) -> Self:
        """Return an answer of a buyer."""
        values = row.model_dump(include=set(cls.model_fields))
        return cls(**values, buyer=buyer.external_id, evidence=row.wording)


class RecordedOut(Shape):
    """The rows an answer made, one for each buyer and channel; a no of an address may have none yet."""

    recorded: list[AnswerOut]


class NowOut(Shape):
    """What holds for one channel now. `held`: the buyer's address has said no, whoever said it."""

    channel: Channel = Field(description="The channel that this is about.")
    answer: Answer | None = Field(description="The buyer's answer that holds; null where they were never asked.")
    held: bool
    topics_out: list[str]


class HistoryOut(PageOut):
    """What a buyer said, the last recorded first, and what holds now."""

    buyer: str
    now: list[NowOut]
    paused_until: datetime | None
    history: list[AnswerOut]


class PauseOut(Shape):
    """Until when a buyer hears nothing."""

    buyer: str
    paused_until: datetime | None
