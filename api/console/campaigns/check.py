"""The check before launch: funnel, measurability, cost and findings; then launch or review.

The page shows what `campaigns.plans.planning.plan` returns, and the launch is given its fingerprint: it does exactly
this, or nothing and says what changed.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.campaigns.reading import found_in, here_of, read_as
from api.console.campaigns.review import review_of
from api.console.campaigns.steps import step_links
from api.console.campaigns.wording import audience_name, campaign_when, excluded_words, moves_of, rules_words
from api.console.shell import Here, go, show
from api.console.states import medium_name, shown
from api.deps import Now, Place, Writing, require
from campaigns.campaign.audiences import may_see
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import step_name
from campaigns.campaign.recipes import recipe_name
from campaigns.campaign.shop_policy import shop_policy
from campaigns.campaign.triggers import Recurring, starts_itself
from campaigns.plans.measurable import can_be_measured
from campaigns.plans.planning import plan
from campaigns.runs.approving import approve, send_back, submit
from campaigns.runs.drafting import campaign_for
from campaigns.runs.finding import offer_of, product_of
from campaigns.runs.launch import launch
from campaigns.runs.scheduling import schedule
from campaigns.texts.preview import first_of
from retention.access import Scope
from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.users import people_of

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_READ)])
for_writers = [require(Scope.CAMPAIGNS_WRITE)]


@router.post("/{name}/launch", dependencies=for_writers)
def launch_campaign(
    session: Writing,
    place: Here,
    now: Now,
    name: str,
    fingerprint: Annotated[str, Form()],
    funnel: Annotated[str, Form()] = "[]",
) -> Response:
    """Launch exactly the plan that was shown; when it is another by now, show the new one and what changed."""
    campaign = campaign_for(session, place.member, name)
    seen = _seen(funnel)
    launch(session, place.shop, campaign, at=now, actor=place.member.actor, fingerprint=fingerprint, funnel=seen)
    return _moved(place, campaign, done="launched")


@router.post("/{name}/schedule", dependencies=for_writers)
def schedule_campaign(session: Writing, place: Here, now: Now, name: str) -> Response:
    """Let the clock do the rest: the launch at the moment that was chosen, or whatever sets it off from now on."""
    campaign = campaign_for(session, place.member, name)
    schedule(session, campaign, at=now, actor=place.member.actor)
    return _moved(place, campaign, done="scheduled")


@router.post("/{name}/review/submit", dependencies=for_writers)
def submit_campaign(session: Writing, place: Here, now: Now, name: str) -> Response:
    """Put it up for review as it is."""
    campaign = campaign_for(session, place.member, name)
    submit(session, place.shop, campaign, at=now, actor=place.member.actor)
    return _moved(place, campaign, done="submitted")


@router.post("/{name}/review/{verdict}", dependencies=[require(Scope.CAMPAIGNS_APPROVE)])
def review_campaign(
    session: Writing,
    place: Here,
    now: Now,
    name: str,
    verdict: Literal["approve", "send-back"],
    note: Annotated[str, Form(max_length=500)] = "",
    fingerprint: Annotated[str, Form()] = "",
) -> Response:
    """Approve exactly what was shown, or send it back with a note."""
    campaign, actor = campaign_for(session, place.member, name), place.member.actor
    if verdict == "approve":
        approve(session, place.shop, campaign, at=now, actor=actor, fingerprint=fingerprint, note=note)
    else:
        send_back(session, place.shop, campaign, at=now, actor=actor, note=note)
    return _moved(place, campaign, done=_DECIDED[verdict])


_DECIDED = {"approve": "campaign-approved", "send-back": "sent-back"}


def _moved(place: Place, campaign: Campaign, *, done: str) -> Response:
    return go(f"/shops/{place.shop.slug}/campaigns/{campaign.slug}", done=done)


def check_page(request: Request, session: Session, place: Place, campaign: Campaign, *, now: datetime) -> HTMLResponse:
    """Return the plan of a campaign as a page."""
    planned = plan(session, place.shop, campaign, at=now)
    reader = first_of(session, planned.final) if may_see(session, place.member, campaign) else None
    by_message = campaign.medium is not Medium.PARCEL
    return show(
        request,
        session,
        "campaigns/plan.html",
        campaign=campaign,
        plan=planned,
        funnel_json=json.dumps([list(step) for step in planned.funnel]),
        measurable=can_be_measured(session, place.shop, planned),
        reader=reader,
        read=read_as(session, place, campaign, reader, here=here_of(request)) if reader and by_message else None,
        findings=found_in(session, place, campaign, now=now) if by_message else None,
        people=_people(session, place),
        review=review_of(session, place, campaign),
        **_facts(session, place, campaign),
    )


def _facts(session: Session, place: Place, campaign: Campaign) -> dict[str, Any]:
    """Return what the page says about the campaign itself."""
    trigger = campaign.trigger
    return {
        "offer": offer_of(session, campaign),
        "product": product_of(session, campaign),
        "segment_name": audience_name(session, place, campaign),
        "excluded_name": excluded_words(place, campaign),
        "when": campaign_when(campaign, place.shop),
        "rules": rules_words(campaign, shop_policy(session, place.shop)),
        "moves": moves_of(campaign),
        "by_itself": starts_itself(trigger),
        "by_calendar": isinstance(trigger, Recurring),
        "step": "check",
        "steps": step_links(place, campaign),
        "shown": shown,
        "medium_name": medium_name,
        "recipe_name": recipe_name,
        "step_name": step_name,
    }


def _people(session: Session, place: Place) -> list[tuple[str, str]]:
    """Return whom of the shop a test mail can go to, the member first."""
    people = people_of(session, place.shop)
    own = [user for user, _role in people if user.id == place.member.user_id]
    return [(user.email, user.name or user.email) for user in (*own, *(user for user, _ in people if user not in own))]


def _seen(funnel: str) -> list[tuple[str, int]]:
    """Return the steps of the plan that was shown; Invalid when the form no longer says what we wrote into it."""
    try:
        return [(str(step), int(count)) for step, count in json.loads(funnel)]
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(gettext_noop("This form is damaged or incomplete. Reload the page.")) from error
