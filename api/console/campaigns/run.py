"""A campaign that runs or has run: deliveries by state, errors, actions and results."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.campaigns.wording import audience_name, campaign_when, moves_of, sender_trouble, throughput_words
from api.console.reports.lifts import lift_words
from api.console.shell import Here, go, show
from api.console.shop.failures import failure_lines
from api.console.states import medium_name, shown
from api.deps import Now, Place, Writing, require
from campaigns.campaign.campaigns import Campaign, CampaignState, DeliveryState, Run
from campaigns.campaign.reasons import step_name
from campaigns.campaign.recipes import recipe_name
from campaigns.channels.outages import translated
from campaigns.channels.senders import find_sender, senders_of
from campaigns.deliveries.campaign_moves import cancel, finish, pause, resume
from campaigns.deliveries.throughput import LATELY, RunProgress, delivery_errors_of, run_progress_of
from campaigns.results.results import campaign_results
from campaigns.runs.drafting import campaign_for
from campaigns.runs.finding import offer_of, runs_of
from campaigns.sending.blocked import change_sender, may_change_sender
from campaigns.sending.sending import resend_all
from retention.access import Scope
from retention.errors import NotFound
from retention.failures import Failure, failures_of
from retention.i18n import gettext_noop

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_WRITE)])

MOVES = {
    "pause": (pause, "paused"),
    "resume": (resume, "resumed"),
    "cancel": (cancel, "cancelled"),
    "finish": (finish, "saved"),
}

SOON, SELDOM = 2, 15
"""So many seconds between two looks: at a run that leaves, and at one that waits for its hour, a parcel or a sender."""

MOST_RUNS = 50
"""So many runs are listed and counted, the latest; a flyer of every day has hundreds."""


@router.post("/{name}/moves/{move}")
def move_campaign(session: Writing, place: Here, now: Now, name: str, move: str) -> Response:
    """Pause, resume, cancel or finish."""
    if move not in MOVES:
        raise NotFound(gettext_noop("A campaign cannot {move}."), move=move)
    do, done = MOVES[move]
    campaign = campaign_for(session, place.member, name)
    do(session, campaign, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/campaigns/{name}", done=done)


@router.post("/{name}/resend/{state}")
def resend_some(session: Writing, place: Here, now: Now, name: str, state: DeliveryState) -> Response:
    """Have those that are unknown, or that failed, tried once more."""
    campaign = campaign_for(session, place.member, name)
    resend_all(session, place.shop, campaign, state=state, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/campaigns/{name}", done="resent")


@router.post("/{name}/sender")
def choose_sender(session: Writing, place: Here, now: Now, name: str, sender: Annotated[str, Form()] = "") -> Response:
    """Have another sender take what waits, while nothing has left."""
    campaign = campaign_for(session, place.member, name)
    found = find_sender(session, place.shop.id, sender) if sender else None
    change_sender(session, place.shop, campaign, found, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/campaigns/{name}", done="saved")


def _failing(session: Session, campaign: Campaign) -> list[Failure]:
    """Return what goes wrong with a campaign or its posts."""
    of_posts = [each for each in failures_of(session, campaign.shop_id, kind="post") if each.name == campaign.slug]
    return [*failures_of(session, campaign.shop_id, kind="campaign", thing_id=campaign.id), *of_posts]


def run_page(request: Request, session: Session, place: Place, campaign: Campaign, *, now: datetime) -> HTMLResponse:
    """Return the runs of a campaign as a page; HTMX asks for the moving part alone."""
    runs = runs_of(session, campaign, most=MOST_RUNS)
    run_progress = run_progress_of(session, place.shop.id, runs, now=now)
    live: dict[str, Any] = {
        "campaign": campaign,
        "runs": runs,
        "counts": {number: each.progress for number, each in run_progress.items()},
        "throughput": throughput_words(run_progress, place.shop),
        "reasons": delivery_errors_of(session, campaign)
        if any(each.progress.with_errors for each in run_progress.values())
        else [],
        "every": _every(campaign, runs, run_progress, now=now),
        "failing": failure_lines(_failing(session, campaign), place.shop, now),
        "may_change": may_change_sender(session, campaign),
        "own_senders": [each for each in senders_of(session, place.shop.id) if each.medium is campaign.medium],
        "trouble": sender_trouble(session, place.shop, campaign, now=now),
        "shown": shown,
        "in_words": translated,
        "step_name": step_name,
    }
    if request.headers.get("HX-Target") == "live":
        return _part(show(request, session, "campaigns/run_live.html", **live), live)
    results = campaign_results(session, place.shop, campaign, at=now)
    return show(
        request,
        session,
        "campaigns/run.html",
        results=results,
        lift=lift_words(results, place.shop.currency),
        control_share=0.0 if campaign.damage else campaign.policy.control_share,
        offer=offer_of(session, campaign),
        segment_name=audience_name(session, place, campaign),
        when=campaign_when(campaign, place.shop),
        moves=moves_of(campaign),
        by_itself=campaign.repeats,
        sends=campaign.state in (CampaignState.RUNNING, CampaignState.PAUSED),
        medium_name=medium_name,
        recipe_name=recipe_name,
        **live,
    )


def _part(part: HTMLResponse, live: dict[str, Any]) -> HTMLResponse:
    """Return the moving part; once nothing moves any more the whole page is asked for, with its title and moves."""
    if not live["every"]:
        part.headers["HX-Refresh"] = "true"
    return part


def _every(campaign: Campaign, runs: list[Run], run_progress: dict[int, RunProgress], *, now: datetime) -> int:
    """Return after how many seconds the moving part is asked for again; 0 for never, since nothing will move."""
    throughputs = [(run, throughput) for run in runs if (throughput := run_progress[run.id].throughput)]
    if campaign.state is not CampaignState.RUNNING or not throughputs:
        return 0
    leaving = any(
        throughput.due and (throughput.per_minute or now - run.planned_at < LATELY) for run, throughput in throughputs
    )
    return SOON if leaving else SELDOM
