"""Campaigns: the list, the draft from a recipe, the plan with its launch, the run while it lasts."""

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session, col, select

from api.console.drafts import Draft, choices, fresh_draft, read_draft, save_draft
from api.console.figures import count as whole
from api.console.lifts import lift_words
from api.console.segments import count_by_slug
from api.console.shell import Here, go, refused, show
from api.console.states import medium_name, shown
from api.deps import Now, Place, Reading, Writing, require
from campaigns.campaigns import Campaign, CampaignState, Medium, Recipe, Run
from campaigns.drafting import campaign_for, campaigns_of
from campaigns.launch import launch
from campaigns.ledger import why
from campaigns.lifecycle import possible
from campaigns.measurable import can_be_measured
from campaigns.messages import Text
from campaigns.moving import cancel, finish, pause, resume
from campaigns.offers import Offer
from campaigns.planning import plan
from campaigns.policy import read_policy
from campaigns.preview import first_of, preview
from campaigns.progress import latest_runs, progress_of
from campaigns.reasons import step_name
from campaigns.recipes import RECIPES, recipe_name
from campaigns.results import campaign_results
from retention.access import Scope
from retention.browsing import buyer_line
from retention.buyers import Buyer, buyer_for, masked_name
from retention.errors import Error, NotFound
from retention.products import Product
from retention.words import gettext_noop
from segments.segments import find_segment
from segments.words import describe

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_READ)])
for_writers = [require(Scope.CAMPAIGNS_WRITE)]

BEFORE_LAUNCH = {CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED}
OFFERED = (Recipe.ARRIVAL_ALERT, Recipe.COUPON_PUSH, Recipe.PARCEL_FLYER)
"""Recipes the form begins with; a joint flyer begins on its own page."""

WORDS: dict[str, Any] = {"shown": shown, "medium_name": medium_name, "recipe_name": recipe_name, "step_name": step_name}
"""What the templates of this noun ask for words."""

MOVES = {
    "pause": (pause, "paused"),
    "resume": (resume, "resumed"),
    "cancel": (cancel, "cancelled"),
    "finish": (finish, "saved"),
}


@router.get("")
def list_campaigns(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show every campaign with its state and how far its latest run is."""
    campaigns = campaigns_of(session, place.shop.id)
    runs = latest_runs(session, campaigns)
    counted = progress_of(session, place.shop.id, list(runs.values()))
    counts = {campaign_id: counted[run.id] for campaign_id, run in runs.items()}
    return show(request, session, "campaigns.html", campaigns=campaigns, counts=counts, **WORDS)


@router.get("/new", dependencies=for_writers)
def choose_recipe(request: Request, session: Reading, segment: str = "") -> HTMLResponse:
    """Ask what kind of campaign it shall be."""
    recipes = [(recipe, recipe_name(recipe)) for recipe in OFFERED]
    return show(request, session, "recipes.html", recipes=recipes, segment=segment)


@router.get("/new/{recipe}", dependencies=for_writers)
def new_campaign(
    request: Request,
    session: Reading,
    place: Here,
    now: Now,
    recipe: Recipe,
    segment: str = "",
    product: str = "",
) -> HTMLResponse:
    """Show the form as the recipe fills it in."""
    draft = fresh_draft(recipe, segment=segment, product=product, at=now)
    return _form(request, session, place, draft, now=now)


async def typed_draft(request: Request, recipe: Recipe) -> Draft:
    """Read the form; its texts are named by language, so its fields are not fixed."""
    return read_draft(await request.form(), recipe)


@router.post("/new/{recipe}", dependencies=for_writers)
def make_campaign(
    request: Request, session: Writing, place: Here, now: Now, draft: Annotated[Draft, Depends(typed_draft)]
) -> Response:
    """Save the draft and show its plan; a refusal shows the form again with what was typed."""
    try:
        with session.begin_nested():
            campaign = save_draft(session, place.shop, draft, at=now, actor=place.member.actor)
    except Error as error:
        return _form(request, session, place, draft, now=now, error=error)
    return go(_address(place, campaign.slug))


@router.get("/{name}")
def show_campaign(request: Request, session: Reading, place: Here, now: Now, name: str) -> HTMLResponse:
    """Show the plan before the launch, the run and what it brought after."""
    campaign = campaign_for(session, place.member, name)
    if campaign.state in BEFORE_LAUNCH:
        return _show_plan(request, session, place, campaign, now=now)
    return _show_run(request, session, place, campaign, now=now)


@router.get("/{name}/plan", dependencies=for_writers)
def plan_again(request: Request, session: Reading, place: Here, now: Now, name: str) -> HTMLResponse:
    """Show the plan of a campaign by parcel that runs already: each day's parcels are a run of their own."""
    return _show_plan(request, session, place, campaign_for(session, place.member, name), now=now)


@router.post("/{name}/launch", dependencies=for_writers)
def launch_campaign(
    request: Request,
    session: Writing,
    place: Here,
    now: Now,
    name: str,
    fingerprint: Annotated[str, Form()],
    funnel: Annotated[str, Form()] = "[]",
) -> Response:
    """Launch exactly the plan that was shown; when it is another by now, show the new one and what changed."""
    campaign = campaign_for(session, place.member, name)
    seen = [(str(step), int(count)) for step, count in json.loads(funnel)]
    try:
        with session.begin_nested():
            launch(
                session, place.shop, campaign, at=now, actor=place.member.actor, fingerprint=fingerprint, funnel=seen
            )
    except Error as error:
        session.refresh(campaign)
        return _show_plan(request, session, place, campaign, now=now, error=error)
    return go(_address(place, name), done="launched")


@router.post("/{name}/moves/{move}", dependencies=for_writers)
def move_campaign(session: Writing, place: Here, now: Now, name: str, move: str) -> Response:
    """Pause, resume, cancel or finish."""
    if move not in MOVES:
        raise NotFound(gettext_noop("A campaign cannot {move}."), move=move)
    do, done = MOVES[move]
    do(session, campaign_for(session, place.member, name), at=now, actor=place.member.actor)
    return go(_address(place, name), done=done)


@router.get("/{name}/why/{buyer_id:path}")
def show_why(request: Request, session: Reading, place: Here, name: str, buyer_id: str) -> HTMLResponse:
    """Say why one buyer did or did not get a campaign."""
    campaign, buyer = campaign_for(session, place.member, name), buyer_for(session, place.member, buyer_id)
    answers = why(session, place.shop, campaign, buyer)
    return show(
        request, session, "why.html", campaign=campaign, buyer=buyer_line(place.member, buyer, None), answers=answers
    )


def _form(
    request: Request, session: Session, place: Place, draft: Draft, *, now: datetime, error: Error | None = None
) -> HTMLResponse:
    offered = choices(session, place.shop)
    counts = count_by_slug(session, place.shop, now=now)
    offered["segments_counted"] = [(slug, f"{name} · {whole(counts[slug])}") for slug, name in offered["segments"]]
    return show(
        request,
        session,
        "campaign_new.html",
        status=error.status if error else 200,
        notice=refused(error) if error else None,
        draft=draft,
        prefill=RECIPES[draft.recipe],
        name=recipe_name(draft.recipe),
        choices=offered,
    )


def _show_plan(
    request: Request, session: Session, place: Place, campaign: Campaign, *, now: datetime, error: Error | None = None
) -> HTMLResponse:
    planned = plan(session, place.shop, campaign, at=now)
    reader = first_of(session, planned.final)
    return show(
        request,
        session,
        "plan.html",
        status=error.status if error else 200,
        notice=refused(error) if error else None,
        campaign=campaign,
        plan=planned,
        funnel_json=json.dumps([list(step) for step in planned.funnel]),
        measurable=can_be_measured(session, place.shop, planned),
        offer=session.get(Offer, campaign.offer_id) if campaign.offer_id else None,
        product=session.get(Product, campaign.product_id) if campaign.product_id else None,
        segment_name=_segment_name(session, place, campaign),
        reader=buyer_line(place.member, reader, None) if reader else None,
        text=_text(session, place, campaign, reader),
        **WORDS,
    )


def _show_run(request: Request, session: Session, place: Place, campaign: Campaign, *, now: datetime) -> HTMLResponse:
    runs = _runs(session, campaign)
    counts = progress_of(session, place.shop.id, runs)
    if request.headers.get("HX-Target") == "live":
        return show(request, session, "run_live.html", campaign=campaign, runs=runs, counts=counts, **WORDS)
    results = campaign_results(session, place.shop, campaign, at=now)
    return show(
        request,
        session,
        "run.html",
        campaign=campaign,
        runs=runs,
        counts=counts,
        results=results,
        lift=lift_words(results, place.shop.currency),
        control_share=read_policy(campaign.policy).control_share,
        offer=session.get(Offer, campaign.offer_id) if campaign.offer_id else None,
        segment_name=_segment_name(session, place, campaign),
        moves={move.value for move in possible(campaign.state, medium=campaign.medium)},
        **WORDS,
    )


def _text(session: Session, place: Place, campaign: Campaign, reader: Buyer | None) -> Text | None:
    """Return the message as the first of the audience will read it; for paper there is none."""
    if reader is None or campaign.medium is not Medium.EMAIL:
        return None
    masked = (
        reader
        if place.member.may(Scope.BUYERS_PERSONAL)
        else Buyer(**{**reader.model_dump(), "name": masked_name(reader.name)})
    )
    return preview(session, place.shop, campaign, masked)


def _segment_name(session: Session, place: Place, campaign: Campaign) -> str:
    """Return the audience in words: a segment by its name, any other rule by what it says."""
    slug = campaign.audience.get("segment")
    if slug:
        return find_segment(session, place.shop.id, slug).name
    return describe(campaign.audience, currency=place.shop.currency)


def _runs(session: Session, campaign: Campaign) -> list[Run]:
    found = select(Run).where(Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id)
    return list(session.exec(found.order_by(col(Run.id).desc())))


def _address(place: Place, name: str) -> str:
    return f"/shops/{place.shop.slug}/campaigns/{name}"
