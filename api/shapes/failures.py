"""Failures of background work."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from retention.failures import Failure, is_given_up


class FailureOut(Shape):
    """One thing that fails."""

    id: int
    work: str = Field(description="What was being done: launch, sender, hook, refresh, batch, import ...")
    kind: str = Field(description="What it happened to: campaign, sender, hook, segment, batch, job, post, shop.")
    name: str = Field(description="The thing's slug or number; empty where it has none.")
    why: str = Field(description="What went wrong, in the shop's language.")
    tries: int = Field(description="Tries in a row.")
    given_up: bool = Field(description="Retries are exhausted.")
    since: datetime
    tried_at: datetime
    next_at: datetime | None = Field(description="When it is tried again by itself; null: never.")

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Return a failure."""
        values = failure.model_dump(include=set(cls.model_fields) - {"given_up"})
        return cls(**values, given_up=is_given_up(failure))


class FailuresOut(PageOut):
    """What fails in the shop, what failed last of all first."""

    failures: list[FailureOut]
