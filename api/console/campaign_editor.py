"""The editor of a campaign in steps: who, what, when, rules. Each step has its own address and saves on its own.

A refusal shows the step again with all that was typed. What a step holds stands in the module of its name; the last
step, the check, is the campaign's own page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from api.console.campaign_reading import here_of, preview_context
from api.console.campaign_rules import rule_choices, rules_of, typed_rules
from api.console.campaign_what import typed_what, what_choices, what_of
from api.console.campaign_when import typed_when, when_choices, when_of
from api.console.campaign_who import Who, choices, count_who, fresh_who, typed_who, who_of
from api.console.campaign_words import campaign_when, shop_rules_words
from api.console.figures import count as shown_count
from api.console.recipe_cards import recipe_families
from api.console.segments import count_by_slug
from api.console.shell import Here, go, refused, show
from api.console.states import medium_name, shown
from api.deps import Now, Place, Reading, Writing, require
from campaigns.campaigns import Campaign, Medium, Recipe
from campaigns.content import variables
from campaigns.drafting import campaign_for, create_campaign, edit_campaign
from campaigns.policy import quiet_on, read_policy
from campaigns.recipes import RECIPES, recipe_name
from campaigns.shop_policy import shop_policy
from campaigns.triggers import Waves, next_moment, read_trigger
from retention.access import Scope
from retention.errors import Error, NotFound
from retention.words import gettext as _
from retention.words import gettext_noop
from segments.words import describe

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_WRITE)])


async def typed_form(request: Request) -> FormData:
    """Read the form; several of its fields are named by language or repeat, so they are not fixed."""
    return await request.form()


Typed = Annotated[FormData, Depends(typed_form)]


@dataclass(frozen=True)
class Asked:
    """What a step works on."""

    session: Session
    place: Place
    campaign: Campaign
    now: datetime
    here: str


@dataclass(frozen=True)
class Step:
    """One page of the editor: its name, how it reads a campaign and a form, what it changes, what its page needs."""

    name: str
    title: str
    template: str
    read: Callable[[Asked], Any]
    typed: Callable[[Asked, FormData], Any]
    changes: Callable[[Asked, Any], dict[str, Any]]
    context: Callable[[Asked, Any], dict[str, Any]]


@router.get("/new")
def choose_recipe(request: Request, session: Reading, segment: str = "", product: str = "") -> HTMLResponse:
    """Ask what kind of campaign it shall be."""
    return show(request, session, "recipes.html", families=recipe_families(), segment=segment, product=product)


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
def make_campaign(request: Request, session: Writing, place: Here, now: Now, recipe: Recipe, form: Typed) -> Response:
    """Save the draft and lead to its next step; a refusal shows the form again with what was typed."""
    typed = typed_who(form, fresh_who(recipe, at=now))
    try:
        with session.begin_nested():
            campaign = create_campaign(
                session,
                place.shop,
                typed.slug,
                recipe=recipe,
                **typed.changes(session, place.shop),
                at=now,
                actor=place.member.actor,
            )
    except Error as error:
        return _new_page(request, session, place, recipe, typed, now=now, error=error)
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
    """Save a step and lead to the next; a refusal shows it again with what was typed."""
    asked = Asked(session, place, campaign_for(session, place.member, name), now, here_of(request))
    found = step_called(step)
    typed = found.typed(asked, form)
    try:
        with session.begin_nested():
            edit_campaign(
                session,
                place.shop,
                asked.campaign,
                changes=found.changes(asked, typed),
                at=now,
                actor=place.member.actor,
            )
    except Error as error:
        session.refresh(asked.campaign)
        return _page(request, asked, found, typed, error=error)
    return _next(place, name, step, form)


@router.post("/{name}/edit/who/count")
def count_step(request: Request, session: Reading, place: Here, now: Now, name: str, form: Typed) -> HTMLResponse:
    """Say how many the chosen segments mean, before they are saved."""
    campaign = campaign_for(session, place.member, name)
    return _count(request, session, place, typed_who(form, who_of(session, campaign)), now=now)


def step_called(name: str) -> Step:
    """Return a step by its name in addresses; NotFound when there is none."""
    for step in STEPS:
        if step.name == name:
            return step
    raise NotFound(gettext_noop("A campaign has no step called {step}."), step=name)


def step_links(place: Place, campaign: Campaign | None) -> list[tuple[str, str, str]]:
    """Return name, title and address of every step; no addresses before the draft is saved."""
    home = f"/shops/{place.shop.slug}/campaigns/{campaign.slug}" if campaign else ""
    links = [(step.name, _(step.title), f"{home}/edit/{step.name}" if home else "") for step in STEPS]
    return [*links, ("check", _("Check"), home)]


def _who_context(asked: Asked, typed: Who) -> dict[str, Any]:
    return who_context(asked.session, asked.place, typed, now=asked.now)


def who_context(session: Session, place: Place, typed: Who, *, now: datetime) -> dict[str, Any]:
    """Return what the page of the first step needs, for a draft there is and for one there will be."""
    offered = choices(session, place.shop)
    counts = count_by_slug(session, place.shop, now=now)
    currency = place.shop.currency
    return {
        "choices": offered,
        "segments": [(slug, name, shown_count(counts[slug])) for slug, name in offered["segments"]],
        "counted": count_who(session, place.shop, typed, now=now),
        "own_words": describe(typed.own, currency=currency) if typed.own else "",
        "own_out_words": describe(typed.own_out, currency=currency) if typed.own_out else "",
    }


def _what_context(asked: Asked, _typed: Any) -> dict[str, Any]:
    session, place, campaign = asked.session, asked.place, asked.campaign
    offered: dict[str, Any] = {"choices": what_choices(session, place.shop)}
    if campaign.medium is Medium.PARCEL:
        return offered
    offered["variables"] = variables(session, place.shop, campaign)
    return offered | preview_context(session, place, campaign, here=asked.here, now=asked.now)


def _when_context(asked: Asked, _typed: Any) -> dict[str, Any]:
    campaign, shop = asked.campaign, asked.place.shop
    trigger = read_trigger(campaign.trigger)
    limits = shop_policy(asked.session, shop)
    return {
        "choices": when_choices(asked.session, shop),
        "when": campaign_when(campaign, shop),
        "following": next_moment(trigger, after=asked.now, zone=shop.timezone),
        "is_waves": isinstance(trigger, Waves),
        "quiets": list(dict.fromkeys(quiet_on(read_policy(campaign.policy), limits, campaign.medium))),
    }


STEPS = (
    Step(
        "who",
        gettext_noop("Who"),
        "campaign_who.html",
        read=lambda asked: who_of(asked.session, asked.campaign),
        typed=lambda asked, form: typed_who(form, who_of(asked.session, asked.campaign)),
        changes=lambda asked, typed: typed.changes(asked.session, asked.place.shop),
        context=_who_context,
    ),
    Step(
        "what",
        gettext_noop("What"),
        "campaign_what.html",
        read=lambda asked: what_of(asked.session, asked.place.shop, asked.campaign),
        typed=lambda _asked, form: typed_what(form),
        changes=lambda asked, typed: typed.changes(asked.session, asked.place.shop, asked.campaign),
        context=_what_context,
    ),
    Step(
        "when",
        gettext_noop("When"),
        "campaign_when.html",
        read=lambda asked: when_of(asked.place.shop, asked.campaign, now=asked.now),
        typed=lambda _asked, form: typed_when(form),
        changes=lambda asked, typed: typed.changes(asked.place.shop, asked.campaign),
        context=_when_context,
    ),
    Step(
        "rules",
        gettext_noop("Rules"),
        "campaign_rules.html",
        read=lambda asked: rules_of(asked.place.shop, asked.campaign),
        typed=lambda _asked, form: typed_rules(form),
        changes=lambda asked, typed: typed.changes(asked.place.shop, asked.campaign),
        context=lambda asked, _typed: {
            "options": rule_choices(),
            "held": shop_rules_words(shop_policy(asked.session, asked.place.shop), asked.campaign.medium),
        },
    ),
)


def _page(request: Request, asked: Asked, step: Step, typed: Any, *, error: Error | None = None) -> HTMLResponse:
    campaign = asked.campaign
    return show(
        request,
        asked.session,
        step.template,
        status=error.status if error else 200,
        notice=refused(error) if error else None,
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
    typed: Who,
    *,
    now: datetime,
    error: Error | None = None,
) -> HTMLResponse:
    return show(
        request,
        session,
        "campaign_who.html",
        status=error.status if error else 200,
        notice=refused(error) if error else None,
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


def _count(request: Request, session: Session, place: Place, typed: Who, *, now: datetime) -> HTMLResponse:
    counted = count_who(session, place.shop, typed, now=now)
    return show(request, session, "campaign_count.html", counted=counted)


def _next(place: Place, name: str, step: str, form: FormData) -> Response:
    """Lead to where the pressed button says: the step after this one, the check, or the same page again."""
    home = f"/shops/{place.shop.slug}/campaigns/{name}"
    to = str(form.get("to", "next"))
    names = [each.name for each in STEPS]
    following = names[names.index(step) + 1 :]
    if to == "check" or (to == "next" and not following):
        return go(home, done="saved")
    return go(f"{home}/edit/{following[0] if to == 'next' else step}", done="saved")
