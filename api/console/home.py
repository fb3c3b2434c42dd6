"""The front door: which shop, and what matters in it today."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session, col, select

from api import pages
from api.console.overview import overview
from api.console.shell import Here, show
from api.console.states import medium_name, shown
from api.deps import CurrentUser, Now, Place, Reading
from campaigns.campaigns import Campaign, CampaignState
from campaigns.progress import latest_runs, progress_of
from campaigns.recipes import recipe_name
from printables.batches import Batch, BatchState
from retention import people
from retention.access import Scope
from retention.buyers import Buyer
from retention.parcels import parcels_leaving
from retention.words import gettext as _
from retention.words import ngettext

router = APIRouter()


@router.get("/")
def open_front(session: Reading, user: CurrentUser) -> Response:
    """Lead to the person's shop, or to the choice between several."""
    shops = people.shops_of_user(session, user)
    return RedirectResponse(f"/shops/{shops[0][0].slug}" if len(shops) == 1 else "/shops", 303)


@router.get("/shops")
def choose_shop(request: Request, session: Reading, user: CurrentUser) -> Response:
    """Show the shops a person works in."""
    return pages.page(request, "shops.html", shops=people.shops_of_user(session, user))


@dataclass(frozen=True)
class NextStep:
    """One thing worth doing now: what, why, and the word that leads there."""

    what: str
    why: str
    label: str
    address: str


@router.get("/shops/{slug}")
def show_today(request: Request, session: Reading, place: Here, now: Now) -> Response:
    """Show the day: parcels, figures, cohorts, what to do next, what is running."""
    running = _running(session, place) if place.member.may(Scope.CAMPAIGNS_READ) else []
    runs = latest_runs(session, running)
    counted = progress_of(session, place.shop.id, list(runs.values()))
    due, gone = parcels_leaving(session, place.shop.id, place.shop.day(now))
    return show(
        request,
        session,
        "home.html",
        due=due,
        gone=gone,
        today=place.shop.day(now),
        has_buyers=_has_buyers(session, place),
        overview=overview(session, place.shop, now=now) if place.member.may(Scope.RESULTS_READ) else None,
        steps=_next_steps(session, place),
        lift=None,
        campaigns=running,
        counts={campaign_id: counted[run.id] for campaign_id, run in runs.items()},
        shown=shown,
        medium_name=medium_name,
        recipe_name=recipe_name,
    )


def _running(session: Session, place: Place) -> list[Campaign]:
    states = [CampaignState.RUNNING, CampaignState.PAUSED]
    found = select(Campaign).where(Campaign.shop_id == place.shop.id, col(Campaign.state).in_(states))
    return list(session.exec(found.order_by(col(Campaign.id).desc()).limit(10)))


def _has_buyers(session: Session, place: Place) -> bool:
    return session.exec(select(Buyer.id).where(Buyer.shop_id == place.shop.id).limit(1)).first() is not None


def _next_steps(session: Session, place: Place) -> list[NextStep]:
    """Return what waits for somebody, as far as this member may do it."""
    home = f"/shops/{place.shop.slug}"
    steps: list[NextStep] = []
    if place.member.may(Scope.CAMPAIGNS_WRITE):
        steps += [
            NextStep(
                _("“{campaign}” is still a draft").format(campaign=campaign.name),
                recipe_name(campaign.recipe),
                _("Check the plan"),
                f"{home}/campaigns/{campaign.slug}",
            )
            for campaign in _drafts(session, place.shop.id)
        ]
    if place.member.may(Scope.BATCHES_WRITE):
        steps += [
            NextStep(
                _("Batch {number} is ready to print").format(number=batch.number),
                ngettext("{count} piece", "{count} pieces", batch.pieces).format(count=batch.pieces),
                _("Print it"),
                f"{home}/print-room/{batch.number}",
            )
            for batch in _unprinted(session, place.shop.id)
        ]
    return steps


def _drafts(session: Session, shop_id: int) -> list[Campaign]:
    drafts = select(Campaign).where(Campaign.shop_id == shop_id, Campaign.state == CampaignState.DRAFT)
    return list(session.exec(drafts.order_by(col(Campaign.id).desc()).limit(3)))


def _unprinted(session: Session, shop_id: int) -> list[Batch]:
    rendered = select(Batch).where(Batch.shop_id == shop_id, Batch.state == BatchState.RENDERED)
    return list(session.exec(rendered.order_by(col(Batch.id).desc()).limit(3)))
