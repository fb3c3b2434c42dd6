"""Results: the campaigns side by side, and repeat rates."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.reports.lifts import lift_words
from api.console.reports.overview import overview
from api.console.shell import Here, show
from api.console.states import medium_name
from api.deps import Now, Reading, require
from campaigns.campaign.campaigns import CampaignState
from campaigns.results.results import RESULTS
from campaigns.runs.drafting import campaigns_of
from retention.access import Scope
from retention.figures import figure_of, is_counting, moment_shown
from retention.metrics import REPEAT

router = APIRouter(prefix="/shops/{slug}/results", dependencies=[require(Scope.RESULTS_READ)])

LAUNCHED = {CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}
MOST = 20


@router.get("")
def show_results(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show the latest launched campaigns with their three numbers, and the shop's repeat report."""
    campaigns = [campaign for campaign in campaigns_of(session, place.shop.id) if campaign.state in LAUNCHED][:MOST]
    found = [figure_of(session, place.shop, RESULTS, str(campaign.id), now=now) for campaign in campaigns]
    report = figure_of(session, place.shop, REPEAT, now=now)
    lines = [
        (campaign, each and each.value, each and lift_words(each.value, place.shop.currency))
        for campaign, each in zip(campaigns, found, strict=True)
    ]
    return show(
        request,
        session,
        "reports/results.html",
        lines=lines,
        report=report and report.value,
        overview=overview(session, place.shop, now=now),
        counted_at=moment_shown(session),
        counting=is_counting(session),
        medium_name=medium_name,
    )
