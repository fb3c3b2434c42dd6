"""Campaigns: the list with how far each is; one campaign's own page is its check before the launch, its run after."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.campaign_check import check_page
from api.console.campaign_run import run_page
from api.console.campaign_words import campaign_when, next_moments, pace_words
from api.console.shell import Here, show
from api.console.states import medium_name, shown
from api.deps import Now, Reading, require
from campaigns.campaigns import Campaign, CampaignState
from campaigns.drafting import campaign_for, campaigns_of
from campaigns.pace import motion_of
from campaigns.progress import latest_runs
from campaigns.recipes import recipe_name
from retention.access import Scope

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_READ)])

UNDECIDED = {CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED}
"""States in which the plan is looked at, even of one that ran before it was changed."""


@router.get("")
def list_campaigns(
    request: Request, session: Reading, place: Here, now: Now, state: CampaignState | None = None
) -> HTMLResponse:
    """Show every campaign, or those of one state, with how far the latest run is and what comes next."""
    everything = campaigns_of(session, place.shop.id)
    campaigns = [campaign for campaign in everything if state in (None, campaign.state)]
    runs = latest_runs(session, campaigns)
    motions = motion_of(session, place.shop.id, list(runs.values()), now=now)
    paces = pace_words(motions, place.shop)
    counts = {campaign_id: motions[run.id].progress for campaign_id, run in runs.items()}
    context: dict[str, Any] = {
        "campaigns": campaigns,
        "counts": counts,
        "runs": runs,
        "when": {campaign.id: campaign_when(campaign, place.shop) for campaign in campaigns},
        "following": next_moments(campaigns, place.shop, now=now),
        "paces": {campaign_id: paces.get(run.id, "") for campaign_id, run in runs.items()},
        "state": state,
        "states": _states(everything),
        "total": len(everything),
        "moving": any(counts[each.id].waiting for each in campaigns if each.id in counts and _runs(each)),
        "shown": shown,
        "medium_name": medium_name,
        "recipe_name": recipe_name,
    }
    if request.headers.get("HX-Target") == "lines":
        return show(request, session, "campaign_lines.html", **context)
    return show(request, session, "campaigns.html", **context)


@router.get("/{name}")
def show_campaign(request: Request, session: Reading, place: Here, now: Now, name: str) -> HTMLResponse:
    """Show the check before the launch, the run and what it brought after."""
    campaign = campaign_for(session, place.member, name)
    ran = campaign.id in latest_runs(session, [campaign])
    if campaign.state in UNDECIDED or (campaign.state is CampaignState.SCHEDULED and not ran):
        return check_page(request, session, place, campaign, now=now)
    return run_page(request, session, place, campaign, now=now)


@router.get("/{name}/plan", dependencies=[require(Scope.CAMPAIGNS_WRITE)])
def plan_again(request: Request, session: Reading, place: Here, now: Now, name: str) -> HTMLResponse:
    """Show the plan of a campaign that has run already: each day's parcels, each occurrence is a run of its own."""
    return check_page(request, session, place, campaign_for(session, place.member, name), now=now)


def _states(campaigns: list[Campaign]) -> list[tuple[CampaignState, int]]:
    counts = Counter(campaign.state for campaign in campaigns)
    return [(state, counts[state]) for state in CampaignState if counts[state]]


def _runs(campaign: Campaign) -> bool:
    return campaign.state is CampaignState.RUNNING
