"""Campaigns: plans, launching, stopping, and results."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.deps import Now, Reading, Writing
from api.shapes.campaigns import CampaignOut, CampaignsOut, LaunchedOut, PlanOut, ResentOut, WhyOut, WhysOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged, Since, Text, Until
from api.v1.parameters import OF_MEDIUM, OF_STATE, CampaignSlug, ExternalId
from api.v1.routing import router_for
from campaigns.campaign.audiences import check_seeing
from campaigns.campaign.campaigns import CampaignState, DeliveryState, Recipe
from campaigns.campaign.media import Medium
from campaigns.channels.senders import find_sender
from campaigns.deliveries import campaign_moves
from campaigns.plans.planning import plan as plan_campaign
from campaigns.results.results import campaign_results
from campaigns.runs.drafting import campaign_for, page_of_campaigns
from campaigns.runs.explaining import page_of_why
from campaigns.runs.launch import launch as launch_campaign
from campaigns.sending.blocked import change_sender
from campaigns.sending.sending import resend_all
from retention.access import Scope
from retention.buyers import buyer_for

router = router_for("campaigns")

Reader = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]
Mover = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]


class LaunchIn(Input):
    """The plan that was agreed to."""

    fingerprint: str | None = Field(
        None,
        max_length=64,
        description="The fingerprint of the plan that was agreed to; left out, any plan is launched.",
    )


class ResendIn(Input):
    """What to send again: `unknown`, which may have arrived, or `failed`."""

    state: DeliveryState = Field(description="Which deliveries: `unknown`, which may have arrived, or `failed`.")


@router.get("/campaigns")
def list_all(
    session: Reading,
    caller: Reader,
    wanted: Paged,
    state: Annotated[CampaignState | None, OF_STATE] = None,
    recipe: Annotated[Recipe | None, Query(description="Only campaigns made from this recipe.")] = None,
    medium: Annotated[Medium | None, OF_MEDIUM] = None,
    q: Text = "",
    since: Since = None,
    until: Until = None,
) -> CampaignsOut:
    """List the shop's campaigns; `since` and `until` are about when they were made. Scope campaigns:read."""
    page = page_of_campaigns(
        session, caller.shop.id, wanted, state=state, recipe=recipe, medium=medium, text=q, since=since, until=until
    )
    return CampaignsOut(campaigns=[CampaignOut.of(each) for each in page.rows], next=page.next)


@router.get("/campaigns/{slug}")
def show(slug: CampaignSlug, session: Reading, caller: Reader) -> CampaignOut:
    """Show a campaign. Scope campaigns:read."""
    return CampaignOut.of(campaign_for(session, caller.member, slug))


@router.get("/campaigns/{slug}/results")
def show_results(
    slug: CampaignSlug, session: Reading, at: Now, caller: Annotated[Caller, caller_with(Scope.RESULTS_READ)]
) -> dict[str, Any]:
    """Show what came of a campaign: sent, scanned, claimed, ordered, and the difference to the control group.

    Scope results:read.
    """
    campaign = campaign_for(session, caller.member, slug)
    return campaign_results(session, caller.shop, campaign, at=at).as_json()


@router.get("/campaigns/{slug}/why/{external_id:path}")
def explain(
    slug: CampaignSlug,
    external_id: ExternalId,
    session: Reading,
    at: Now,
    caller: Annotated[Caller, caller_with(Scope.BUYERS_READ)],
    wanted: Paged,
) -> WhysOut:
    """Say why a buyer did or did not get a campaign, run by run. Scope buyers:read."""
    campaign, buyer = campaign_for(session, caller.member, slug), buyer_for(session, caller.member, external_id)
    check_seeing(session, caller.member, campaign)
    page = page_of_why(session, caller.shop, campaign, buyer, wanted, at=at)
    return WhysOut(
        answers=[WhyOut.of(each) for each in page.rows],
        next=page.next,
    )


@router.post("/campaigns/{slug}/plan")
def plan(slug: CampaignSlug, session: Reading, at: Now, caller: Reader) -> PlanOut:
    """Plan a run; nothing is written. Scope campaigns:read."""
    planned = plan_campaign(session, caller.shop, campaign_for(session, caller.member, slug), at=at)
    return PlanOut.model_validate(planned.as_json(caller.shop.currency))


@router.post("/campaigns/{slug}/launch", status_code=202)
def launch(slug: CampaignSlug, session: Writing, at: Now, caller: Mover, sent: LaunchIn | None = None) -> LaunchedOut:
    """Launch a campaign; 409 when the plan is another than the fingerprint says. Scope campaigns:write."""
    fingerprint = sent.fingerprint if sent else None
    campaign = campaign_for(session, caller.member, slug)
    run = launch_campaign(session, caller.shop, campaign, at=at, actor=caller.actor, fingerprint=fingerprint)
    return LaunchedOut(run=run.number, audience=run.audience, funnel=run.funnel, fingerprint=run.fingerprint)


@router.post("/campaigns/{slug}/pause")
def pause(slug: CampaignSlug, session: Writing, at: Now, caller: Mover) -> CampaignOut:
    """Stop handing over at once. Scope campaigns:write."""
    return _move(slug, campaign_moves.pause, session, at, caller)


@router.post("/campaigns/{slug}/resume")
def resume(slug: CampaignSlug, session: Writing, at: Now, caller: Mover) -> CampaignOut:
    """Go on where it was paused. Scope campaigns:write."""
    return _move(slug, campaign_moves.resume, session, at, caller)


@router.post("/campaigns/{slug}/resend", status_code=202)
def resend(slug: CampaignSlug, sent: ResendIn, session: Writing, at: Now, caller: Mover) -> ResentOut:
    """Have what failed or is unknown tried once more, a thousand at a time. Scope campaigns:write."""
    campaign = campaign_for(session, caller.member, slug)
    again = resend_all(session, caller.shop, campaign, state=sent.state, at=at, actor=caller.actor)
    return ResentOut(resent=again)


class ChosenSenderIn(Input):
    """Which sender takes it from now on."""

    sender: str | None = Field(description="The sender's slug; null for this installation's own mail server.")


@router.post("/campaigns/{slug}/sender")
def choose_sender(slug: CampaignSlug, sent: ChosenSenderIn, session: Writing, at: Now, caller: Mover) -> CampaignOut:
    """Have another sender take what waits, while nothing has left. Scope campaigns:write."""
    campaign = campaign_for(session, caller.member, slug)
    sender = find_sender(session, caller.shop.id, sent.sender) if sent.sender else None
    change_sender(session, caller.shop, campaign, sender, at=at, actor=caller.actor)
    return CampaignOut.of(campaign)


@router.post("/campaigns/{slug}/cancel")
def cancel(slug: CampaignSlug, session: Writing, at: Now, caller: Mover) -> CampaignOut:
    """End a campaign for good; what has not left is skipped. Scope campaigns:write."""
    return _move(slug, campaign_moves.cancel, session, at, caller)


def _move(slug: str, move: Callable[..., object], session: Session, at: datetime, caller: Caller) -> CampaignOut:
    campaign = campaign_for(session, caller.member, slug)
    move(session, campaign, at=at, actor=caller.actor)
    return CampaignOut.of(campaign)
