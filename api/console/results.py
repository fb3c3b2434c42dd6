"""Results: what each campaign brought, side by side, and who comes back at all."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.lifts import lift_words
from api.console.overview import overview
from api.console.shell import Here, show
from api.console.states import medium_name
from api.deps import Now, Reading, require
from campaigns.campaigns import CampaignState
from campaigns.drafting import campaigns_of
from campaigns.measuring.results import campaign_results
from retention.access import Scope
from retention.metrics import repeat_report

router = APIRouter(prefix="/shops/{slug}/results", dependencies=[require(Scope.RESULTS_READ)])

LAUNCHED = {CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}
MOST = 20


@router.get("")
def show_results(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show the latest launched campaigns with their three numbers, and the shop's repeat report."""
    campaigns = [campaign for campaign in campaigns_of(session, place.shop.id) if campaign.state in LAUNCHED][:MOST]
    found = [(campaign, campaign_results(session, place.shop, campaign, at=now)) for campaign in campaigns]
    lines = [(campaign, results, lift_words(results, place.shop.currency)) for campaign, results in found]
    return show(
        request,
        session,
        "results.html",
        lines=lines,
        report=repeat_report(session, place.shop, as_of=now),
        overview=overview(session, place.shop, now=now),
        medium_name=medium_name,
    )
