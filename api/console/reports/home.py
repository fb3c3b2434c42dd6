"""The home page: the choice of the shop, and Today."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from api import pages
from api.console.reports.next_steps import next_steps
from api.console.reports.overview import overview
from api.console.shell import Here, show
from api.console.shop.failures import FailureLine, failure_lines
from api.console.states import medium_name, shown
from api.deps import CurrentUser, Now, Place, Reading
from campaigns.campaign.campaigns import CampaignState
from campaigns.campaign.recipes import recipe_name
from campaigns.deliveries.progress import PROGRESS, latest_runs
from campaigns.results.results import RESULTS
from campaigns.runs.finding import campaigns_in, last_read_out
from retention import users
from retention.access import Scope
from retention.buyers import has_buyers
from retention.failures import failures_of
from retention.figures import figure_of, is_counting, moment_shown
from retention.parcels import parcels_leaving

router = APIRouter()

MOST_FAILING, MOST_RUNNING = 5, 10
_UNDER_WAY = (CampaignState.RUNNING, CampaignState.PAUSED)


@router.get("/")
def open_front(session: Reading, user: CurrentUser) -> Response:
    """Lead to the person's shop, or to the choice between several."""
    shops = users.shops_of_user(session, user)
    return RedirectResponse(f"/shops/{shops[0][0].slug}" if len(shops) == 1 else "/shops", 303)


@router.get("/shops")
def choose_shop(request: Request, session: Reading, user: CurrentUser) -> Response:
    """Show the shops a person works in."""
    return pages.page(request, "shop/shops.html", shops=users.shops_of_user(session, user))


@dataclass(frozen=True)
class LatestLift:
    """The last campaign with a run that is read out, in incremental buyers with their interval."""

    name: str
    slug: str
    buyers: float
    low: float
    high: float
    control_share: float


@router.get("/shops/{slug}")
def show_today(request: Request, session: Reading, place: Here, now: Now) -> Response:
    """Show the day: parcels, figures, cohorts, what to do next, what is running."""
    may_look = place.member.may(Scope.CAMPAIGNS_READ)
    running = campaigns_in(session, place.shop.id, *_UNDER_WAY, most=MOST_RUNNING) if may_look else []
    runs = latest_runs(session, running)
    counted = {run.id: figure_of(session, place.shop, PROGRESS, str(run.id), now=now) for run in runs.values()}
    due, gone = parcels_leaving(session, place.shop.id, place.shop.day(now))
    return show(
        request,
        session,
        "reports/home.html",
        due=due,
        gone=gone,
        today=place.shop.day(now),
        has_buyers=has_buyers(session, place.shop.id),
        overview=overview(session, place.shop, now=now) if place.member.may(Scope.RESULTS_READ) else None,
        failing=_failing(session, place, now) if may_look else [],
        steps=next_steps(session, place, now=now),
        lift=_latest_lift(session, place, now) if place.member.may(Scope.RESULTS_READ) else None,
        campaigns=running,
        counts={campaign_id: each.value for campaign_id, run in runs.items() if (each := counted[run.id])},
        runs=runs,
        shown=shown,
        medium_name=medium_name,
        recipe_name=recipe_name,
        counted_at=moment_shown(session),
        counting=is_counting(session),
    )


def _failing(session: Session, place: Place, now: datetime) -> list[FailureLine]:
    return failure_lines(failures_of(session, place.shop.id)[:MOST_FAILING], place.shop, now, linked=True)


def _latest_lift(session: Session, place: Place, now: datetime) -> LatestLift | None:
    row = last_read_out(session, place.shop.id, at=now)
    if row is None:
        return None
    campaign, share = row
    found = figure_of(session, place.shop, RESULTS, str(campaign.id), now=now)
    lift = found.value.lift if found else None
    if lift is None or lift.buyers is None or lift.buyers_interval is None:
        return None
    return LatestLift(campaign.name, campaign.slug, lift.buyers, *lift.buyers_interval, share)
