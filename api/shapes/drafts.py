"""A campaign with all it is made of, and its latest review."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.shapes.descriptions import CAMPAIGN_STATE
from api.shapes.shape import Shape
from campaigns.campaign.campaigns import CampaignState, Recipe
from campaigns.campaign.media import Medium
from campaigns.runs.approvals import Verdict


class ReviewOut(Shape):
    """The latest review. An approval holds for its fingerprint, and for nothing else."""

    verdict: Verdict
    fingerprint: str
    submitted_by: str
    submitted_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str


class DraftOut(Shape):
    """A campaign with all it is made of."""

    slug: str
    name: str
    recipe: Recipe
    medium: Medium
    state: CampaignState = Field(description=CAMPAIGN_STATE)
    audience: dict[str, Any] = Field(description="The rule that says who it is for.")
    excluded: dict[str, Any] | None
    offer: str | None = Field(description="The slug of the offer that it hands out; null for none.")
    product: str | None
    sender: str | None
    topic: str = Field(description="The slug of the topic under which buyers can unsubscribe from it; empty for none.")
    content: dict[str, Any]
    policy: dict[str, Any]
    trigger: dict[str, Any]
    scheduled_at: datetime | None
    fingerprint: str = Field(description="Of what is promised: an approval names it.")
    review: ReviewOut | None
