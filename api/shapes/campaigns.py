"""Campaigns, as they stand, and why a buyer did or did not get one."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.shapes.descriptions import CAMPAIGN_STATE
from api.shapes.shape import PageOut, RowShape, Shape
from campaigns.campaign.campaigns import CampaignState, Recipe
from campaigns.campaign.media import Medium
from campaigns.runs.explaining import Explanation


class CampaignOut(RowShape):
    """A campaign as it stands."""

    slug: str
    name: str
    recipe: Recipe
    medium: Medium
    state: CampaignState = Field(description=CAMPAIGN_STATE)
    scheduled_at: datetime | None


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


class MovedOut(Shape):
    """When the campaign is launched now."""

    slug: str
    scheduled_at: datetime = Field(description="The moment that the campaign is launched at now, in UTC.")


class PlanOut(Shape):
    """What a launch now would do. Give `fingerprint` to the launch and it does this or nothing."""

    funnel: list[tuple[str, int]]
    audience: int
    skipped: dict[str, int]
    control: int
    final: int
    coupons: int = Field(description="Codes it would make.")
    coupons_left: int | None = Field(description="What the offer still allows; null for no limit.")
    transactional: bool = Field(description="About the buyers' own orders: no cap holds it.")
    due_at: datetime = Field(description="When what is sent by the shop's clock leaves.")
    last_due_at: datetime = Field(description="When the last of it leaves.")
    delayed: int = Field(description="Deliveries that wait until their cap allows them.")
    cost: str = Field(description="What the messages cost.")
    cost_ceiling: str | None = Field(description="What they may cost; null for no limit.")
    over_ceiling: bool = Field(description="Whether the launch will be refused for its cost.")
    read_out_at: datetime = Field(description="When its results will be final.")
    fingerprint: str


class LaunchedOut(Shape):
    """The run that was made."""

    run: int
    audience: int = Field(description="How many buyers were in the segment.")
    funnel: list[tuple[str, int]]
    fingerprint: str
