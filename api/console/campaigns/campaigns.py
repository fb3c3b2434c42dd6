"""Campaigns: the list with how far each is; one campaign's own page is its check before the launch, its run after."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.console.campaigns.check import check_page
from api.console.campaigns.run import run_page
from api.console.campaigns.wording import campaign_when, next_moments, throughput_words
from api.console.shell import Here, show
from api.console.states import medium_name, shown
from api.deps import Now, Place, Reading, require
from campaigns.campaign.campaigns import Campaign, CampaignState
from campaigns.campaign.recipes import recipe_name
from campaigns.deliveries.progress import Progress, latest_runs
from campaigns.deliveries.throughput import run_progress_of
from campaigns.runs.drafting import campaign_for, campaigns_of
from retention.access import Scope

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_READ)])

UNDECIDED = {CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED}
"""States in which the plan is looked at, even of one that ran before it was changed."""


@router.get("")
def list_campaigns(
    request: Request,
    session: Reading,
    place: Here,
    now: Now,
    state: CampaignState | None = None,
    moving: Annotated[str, Query(max_length=10_000)] = "",
) -> HTMLResponse:
    """Show every campaign, or those of one state, with how far the latest run is and what comes next.

    HTMX asks for the lines of `moving` alone, slugs with commas between: counting what has ended would cost the most.
    """
    everything = campaigns_of(session, place.shop.id)
    if moving:
        return _moved(request, session, place, [each for each in everything if each.slug in moving.split(",")], now=now)
    campaigns = [campaign for campaign in everything if state in (None, campaign.state)]
    lines = _lines(session, place, campaigns, now=now)
    return show(
        request,
        session,
        "campaigns/campaigns.html",
        state=state,
        states=_states(everything),
        total=len(everything),
        moving=_moving(campaigns, lines["counts"]),
        **lines,
    )


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


def _lines(session: Session, place: Place, campaigns: list[Campaign], *, now: datetime) -> dict[str, Any]:
    runs = latest_runs(session, campaigns)
    run_progress = run_progress_of(session, place.shop.id, list(runs.values()), now=now)
    throughputs = throughput_words(run_progress, place.shop)
    return {
        "campaigns": campaigns,
        "counts": {campaign_id: run_progress[run.id].progress for campaign_id, run in runs.items()},
        "throughput": {campaign_id: throughputs.get(run.id, "") for campaign_id, run in runs.items()},
        "when": {campaign.id: campaign_when(campaign, place.shop) for campaign in campaigns},
        "following": next_moments(campaigns, place.shop, now=now),
        "shown": shown,
        "medium_name": medium_name,
        "recipe_name": recipe_name,
    }


def _moved(
    request: Request, session: Session, place: Place, campaigns: list[Campaign], *, now: datetime
) -> HTMLResponse:
    """Return the lines that move; once none of them does any more the whole page is asked for, with its title."""
    lines = _lines(session, place, campaigns, now=now)
    part = show(request, session, "campaigns/campaign_moved.html", moved=True, **lines)
    if not _moving(campaigns, lines["counts"]):
        part.headers["HX-Refresh"] = "true"
    return part


def _moving(campaigns: list[Campaign], counts: dict[int, Progress]) -> list[str]:
    running = [each for each in campaigns if each.state is CampaignState.RUNNING and each.id in counts]
    return [each.slug for each in running if counts[each.id].waiting]


def _states(campaigns: list[Campaign]) -> list[tuple[CampaignState, int]]:
    counts = Counter(campaign.state for campaign in campaigns)
    return [(state, counts[state]) for state in CampaignState if counts[state]]
