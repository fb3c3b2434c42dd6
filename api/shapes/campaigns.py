"""Campaigns, as they stand, and why a buyer did or did not get one."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe
from campaigns.campaign.media import Medium
from campaigns.runs.explaining import Explanation


class CampaignOut(Shape):
    """A campaign as it stands."""

    slug: str
    name: str
    recipe: Recipe
    medium: Medium
    state: CampaignState
    scheduled_at: datetime | None

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        """Return a campaign."""
        return cls(**campaign.model_dump(include=set(cls.model_fields)))


class CampaignsOut(PageOut):
    """The shop's campaigns, newest first."""

    campaigns: list[CampaignOut]


class WhyOut(Shape):
    """Why a buyer did or did not get one run; `run` is null while there was none."""

    run: int | None
    outcome: str
    reason: str
    sentence: str = Field(description="Why, as a sentence in the language of the request.")

    @classmethod
    def of(cls, found: Explanation) -> Self:
        """Return why a buyer did or did not get one run."""
        run = found.run.number if found.run else None
        return cls(run=run, outcome=found.outcome, reason=found.reason, sentence=found.sentence)


class WhysOut(PageOut):
    """The answers, first run to last."""

    answers: list[WhyOut]


class ResentOut(Shape):
    """How many deliveries wait again."""

    resent: int
