"""The calendar: runs and arrivals by day, and the effect of coming launches."""

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.campaigns import MovedOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.field_types import Moment
from api.v1.parameters import CampaignSlug
from api.v1.routing import router_for
from campaigns.runs.calendar import days, reschedule
from campaigns.runs.drafting import campaign_for
from campaigns.runs.forecasting import forecast
from retention.access import Scope

router = router_for("calendar")

Reader = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]
Mover = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]


class RescheduleIn(Input):
    """The moment a launch shall be at."""

    at: Moment = Field(description="The moment to launch it at, with an offset.")


@router.get("/calendar")
def show_calendar(
    session: Reading,
    at: Now,
    caller: Reader,
    first: Annotated[date, Query(alias="from", description="The first day, in the shop's time zone.")],
    last: Annotated[date, Query(alias="to", description="The last day, which is included.")],
) -> dict[str, Any]:
    """List the days from one to another, both included, and forecast the launches to come. Scope campaigns:read."""
    found = days(session, caller.shop, first=first, last=last, at=at)
    return {
        "days": [day.as_json() for day in found],
        "forecast": forecast(session, caller.shop, found, at=at).as_json(),
    }


@router.post("/campaigns/{slug}/reschedule")
def reschedule_launch(slug: CampaignSlug, session: Writing, at: Now, caller: Mover, sent: RescheduleIn) -> MovedOut:
    """Put a launch to come on another moment; 409 when that cannot be. Scope campaigns:write."""
    campaign = campaign_for(session, caller.member, slug)
    reschedule(session, caller.shop, campaign, launch_at=sent.at, at=at, actor=caller.actor)
    return MovedOut(slug=campaign.slug, scheduled_at=sent.at)
