"""The editor of a campaign in steps: who, what, when, rules. Each step has its own address and saves on its own.

The steps themselves stand in `campaign_steps`.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from api.console.campaigns.reading import here_of
from api.console.campaigns.recipe_cards import recipe_families
from api.console.campaigns.steps import STEPS, Asked, Step, step_called, step_links, who_context
from api.console.campaigns.who import WhoFields, count_who, fresh_who, typed_who, who_of
from api.console.shell import Here, go, show
from api.console.states import medium_name, shown
from api.deps import Now, Place, Reading, Writing, require
from api.forms import read_texts
from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.recipes import RECIPES, recipe_name
from campaigns.runs.drafting import campaign_for, create_campaign, edit_campaign
from retention.access import Scope

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_WRITE)])


async def typed_form(request: Request) -> FormData:
    """Read the form; several of its fields are named by language or repeat, so they are not fixed."""
    return await read_texts(request)


Typed = Annotated[FormData, Depends(typed_form)]


@router.get("/new")
def choose_recipe(request: Request, session: Reading, segment: str = "", product: str = "") -> HTMLResponse:
    """Ask what kind of campaign it shall be."""
    return show(
        request, session, "campaigns/recipes.html", families=recipe_families(), segment=segment, product=product
    )


@router.get("/new/{recipe}")
def new_campaign(
    request: Request,
    session: Reading,
    place: Here,
    now: Now,
    recipe: Recipe,
    segment: str = "",
    product: str = "",
) -> HTMLResponse:
    """Show the first step as the recipe fills it in."""
    typed = fresh_who(recipe, at=now, segment=segment, product=product)
    return _new_page(request, session, place, recipe, typed, now=now)


@router.post("/new/{recipe}")
def make_campaign(session: Writing, place: Here, now: Now, recipe: Recipe, form: Typed) -> Response:
    """Save the draft and lead to its next step."""
    typed = typed_who(form, fresh_who(recipe, at=now))
    campaign = create_campaign(
        session,
        place.shop,
        Draft(typed.slug, recipe=recipe, **typed.changes(session, place.shop)),
        at=now,
        actor=place.member.actor,
        member=place.member,
    )
    return _next(place, campaign.slug, "who", form)


@router.post("/new/{recipe}/count")
def count_new(request: Request, session: Reading, place: Here, now: Now, recipe: Recipe, form: Typed) -> HTMLResponse:
    """Say how many the chosen segments mean, before there is a draft."""
    return _count(request, session, place, typed_who(form, fresh_who(recipe, at=now)), now=now)


@router.get("/{name}/edit/{step}")
def show_step(request: Request, session: Reading, place: Here, now: Now, name: str, step: str) -> HTMLResponse:
    """Show a step of a campaign as it stands."""
    asked = Asked(session, place, campaign_for(session, place.member, name), now, here_of(request))
    found = step_called(step)
    return _page(request, asked, found, found.read(asked))


@router.post("/{name}/edit/{step}")
def save_step(request: Request, session: Writing, place: Here, now: Now, name: str, step: str, form: Typed) -> Response:
    """Save a step and lead to the next."""
    asked = Asked(session, place, campaign_for(session, place.member, name), now, here_of(request))
    found = step_called(step)
    typed = found.typed(asked, form)
    edit_campaign(
        session,
        place.shop,
        asked.campaign,
        changes=found.changes(asked, typed),
        at=now,
        actor=place.member.actor,
        member=place.member,
    )
    return _next(place, name, step, form)


@router.post("/{name}/edit/who/count")
def count_step(request: Request, session: Reading, place: Here, now: Now, name: str, form: Typed) -> HTMLResponse:
    """Say how many the chosen segments mean, before they are saved."""
    campaign = campaign_for(session, place.member, name)
    return _count(request, session, place, typed_who(form, who_of(session, campaign)), now=now)


def _page(request: Request, asked: Asked, step: Step, typed: Any) -> HTMLResponse:
    campaign = asked.campaign
    return show(
        request,
        asked.session,
        step.template,
        campaign=campaign,
        recipe=campaign.recipe,
        prefill=RECIPES[campaign.recipe],
        step=step.name,
        steps=step_links(asked.place, campaign),
        action=f"/shops/{asked.place.shop.slug}/campaigns/{campaign.slug}/edit/{step.name}",
        typed=typed,
        state=shown(campaign.state),
        recipe_name=recipe_name,
        medium_name=medium_name,
        **step.context(asked, typed),
    )


def _new_page(
    request: Request,
    session: Session,
    place: Place,
    recipe: Recipe,
    typed: WhoFields,
    *,
    now: datetime,
) -> HTMLResponse:
    return show(
        request,
        session,
        "campaigns/campaign_who.html",
        campaign=None,
        recipe=recipe,
        prefill=RECIPES[recipe],
        step="who",
        steps=step_links(place, None),
        action=f"/shops/{place.shop.slug}/campaigns/new/{recipe.value}",
        typed=typed,
        state=None,
        recipe_name=recipe_name,
        medium_name=medium_name,
        **who_context(session, place, typed, now=now),
    )


def _count(request: Request, session: Session, place: Place, typed: WhoFields, *, now: datetime) -> HTMLResponse:
    counted = count_who(session, place, typed, now=now)
    return show(request, session, "campaigns/campaign_count.html", counted=counted)


def _next(place: Place, name: str, step: str, form: FormData) -> Response:
    """Lead to where the pressed button says: the step after this one, the check, or the same page again."""
    home = f"/shops/{place.shop.slug}/campaigns/{name}"
    to = str(form.get("to", "next"))
    names = [each.name for each in STEPS]
    following = names[names.index(step) + 1 :]
    if to == "check" or (to == "next" and not following):
        return go(home, done="saved")
    return go(f"{home}/edit/{following[0] if to == 'next' else step}", done="saved")
