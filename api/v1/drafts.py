"""Campaigns before launch: drafted, changed, reviewed, approved, scheduled; and the arrivals they announce."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.deps import Now, Reading, Writing
from api.shapes.arrivals import ArrivalOut, ArrivalsOut
from api.shapes.drafts import DraftOut, ReviewOut
from api.shapes.shape import Input
from api.v1.amounts import read_policy_money, write_policy_money
from api.v1.callers import Caller, caller_with
from api.v1.field_types import Moment
from api.v1.pages import Paged, Text
from api.v1.parameters import CampaignSlug
from api.v1.routing import made_at, router_for
from campaigns.campaign.audiences import readable_trigger
from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.media import Medium
from campaigns.channels.senders import find_sender
from campaigns.offers.offers import find_offer
from campaigns.plans.planning import promise
from campaigns.runs import approving, scheduling
from campaigns.runs.approvals import reviews_of
from campaigns.runs.arrivals import ArrivalStage, page_of_board
from campaigns.runs.drafting import campaign_for, create_campaign, edit_campaign
from campaigns.runs.finding import about
from retention.access import Scope
from retention.products import find_product
from segments.personal_conditions import readable_json

router = router_for("campaigns")

Reader = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]
Author = Annotated[Caller, caller_with(Scope.CAMPAIGNS_WRITE)]
Approver = Annotated[Caller, caller_with(Scope.CAMPAIGNS_APPROVE)]


class CampaignValuesIn(Input):
    """What a campaign is made of. Left out: as the recipe has it, or as it was."""

    name: str | None = Field(None, max_length=200)
    medium: Medium | None = Field(None, description="What it goes out by, such as email, sms or parcel.")
    audience: dict[str, Any] | None = Field(None, description="The rule that says who it is for.")
    excluded: dict[str, Any] | None = Field(None, description="The rule for the buyers who get nothing; null for none.")
    offer: str | None = Field(None, description="The offer's slug.")
    product: str | None = Field(None, description="The product's SKU.")
    sender: str | None = Field(None, description="The sender's slug.")
    topic: str | None = Field(
        None,
        max_length=64,
        description="The slug of the topic under which buyers can unsubscribe from it; empty for none.",
    )
    content: dict[str, Any] | None = Field(None, description="Per language (en, zh-CN): subject and body in Liquid.")
    policy: dict[str, Any] | None = Field(
        None, description="The values to set of its policy; what is left out stays, or is as the recipe has it."
    )
    trigger: dict[str, Any] | None = Field(None, description="One of once, recurring, event, waves.")
    scheduled_at: Moment | None = Field(None, description="The moment it is meant for, if it runs once.")


class DraftIn(CampaignValuesIn):
    """A campaign to draft from a recipe. `policy` changes single values of the recipe's."""

    slug: str = Field(max_length=64)
    recipe: Recipe


class ApprovalIn(Input):
    """What the approver saw, and what they say."""

    fingerprint: str | None = Field(
        None, max_length=64, description="The fingerprint of what the approver saw; left out, of what was submitted."
    )
    note: str = Field("", max_length=500, description="What the approver says to it.")


class NoteIn(Input):
    """Why it goes back."""

    note: str = Field("", max_length=500, description="Why it goes back to its author.")


class ScheduleIn(Input):
    """When to launch; left out for the moment it was drafted with, or for what its trigger says."""

    at: Moment | None = Field(None, description="The moment to launch it at, with an offset.")


@router.post("/campaigns", status_code=201)
@made_at("/campaigns/{slug}/draft")
def create(sent: DraftIn, session: Writing, at: Now, caller: Author) -> DraftOut:
    """Draft a campaign from a recipe. Scope campaigns:write."""
    values = _rows_for(_given(sent), session, caller)
    draft = Draft(values.pop("slug"), recipe=values.pop("recipe"), **values)
    made = create_campaign(session, caller.shop, draft, at=at, actor=caller.actor, member=caller.member)
    return _shown(session, caller, made)


@router.get("/campaigns/{slug}/draft")
def show_draft(slug: CampaignSlug, session: Reading, caller: Reader) -> DraftOut:
    """Show a campaign with all it is made of, and its latest review. Scope campaigns:read."""
    return _shown(session, caller, campaign_for(session, caller.member, slug))


@router.patch("/campaigns/{slug}")
def edit(slug: CampaignSlug, sent: CampaignValuesIn, session: Writing, at: Now, caller: Author) -> DraftOut:
    """Change values of a campaign that has not left; it is a draft again and unapproved. Scope campaigns:write."""
    campaign = campaign_for(session, caller.member, slug)
    changes = _rows_for(_given(sent), session, caller)
    edit_campaign(session, caller.shop, campaign, changes=changes, at=at, actor=caller.actor, member=caller.member)
    return _shown(session, caller, campaign)


@router.post("/campaigns/{slug}/submit")
def submit(slug: CampaignSlug, session: Writing, at: Now, caller: Author) -> DraftOut:
    """Put a draft up for review. Scope campaigns:write."""
    return _move(slug, approving.submit, session, at, caller)


@router.post("/campaigns/{slug}/approve")
def approve(
    slug: CampaignSlug, session: Writing, at: Now, caller: Approver, sent: ApprovalIn | None = None
) -> DraftOut:
    """Approve what was submitted; 409 when that has changed, 403 for its author. Scope campaigns:approve."""
    given = sent or ApprovalIn(fingerprint=None, note="")
    return _move(slug, approving.approve, session, at, caller, fingerprint=given.fingerprint, note=given.note)


@router.post("/campaigns/{slug}/send-back")
def send_back(slug: CampaignSlug, session: Writing, at: Now, caller: Approver, sent: NoteIn | None = None) -> DraftOut:
    """Make it a draft again, saying why. Scope campaigns:approve."""
    return _move(slug, approving.send_back, session, at, caller, note=sent.note if sent else "")


@router.post("/campaigns/{slug}/schedule")
def schedule(slug: CampaignSlug, session: Writing, at: Now, caller: Author, sent: ScheduleIn | None = None) -> DraftOut:
    """Let the clock, or what it waits for, launch the campaign. Scope campaigns:write."""
    campaign = campaign_for(session, caller.member, slug)
    launch_at = sent.at if sent else None
    scheduling.schedule(session, campaign, launch_at=launch_at, at=at, actor=caller.actor)
    return _shown(session, caller, campaign)


@router.get("/arrivals")
def show_arrivals(
    session: Reading,
    at: Now,
    caller: Reader,
    wanted: Paged,
    stage: Annotated[ArrivalStage | None, Query(description="Only products at this stage.")] = None,
    q: Text = "",
) -> ArrivalsOut:
    """Show which products are coming, here and sold out, with the alerts about them. Scope campaigns:read."""
    shown, following = page_of_board(session, caller.shop, wanted, at=at, stage=stage, text=q)
    return ArrivalsOut(
        coming=[ArrivalOut.of(each) for each in shown.coming],
        live=[ArrivalOut.of(each) for each in shown.live],
        sold_out=[ArrivalOut.of(each) for each in shown.sold_out],
        next=following,
    )


def _move(
    slug: str, move: Callable[..., object], session: Session, at: datetime, caller: Caller, **given: Any
) -> DraftOut:
    campaign = campaign_for(session, caller.member, slug)
    move(session, caller.shop, campaign, at=at, actor=caller.actor, **given)
    return _shown(session, caller, campaign)


def _given(sent: CampaignValuesIn) -> dict[str, Any]:
    return {name: getattr(sent, name) for name in sent.model_fields_set}


def _rows_for(values: dict[str, Any], session: Session, caller: Caller) -> dict[str, Any]:
    """Return the values with row numbers in place of an offer's slug, a product's SKU and a sender's slug."""
    found = dict(values)
    if found.get("policy"):
        found["policy"] = read_policy_money(found["policy"], caller.shop)
    if "offer" in found:
        slug = found.pop("offer")
        found["offer_id"] = find_offer(session, caller.shop.id, slug).id if slug else None
    if "product" in found:
        sku = found.pop("product")
        found["product_id"] = find_product(session, caller.shop.id, sku).id if sku else None
    if "sender" in found:
        slug = found.pop("sender")
        found["sender_id"] = find_sender(session, caller.shop.id, slug).id if slug else None
    return found


def _shown(session: Session, caller: Caller, campaign: Campaign) -> DraftOut:
    offer, product, sender = about(session, campaign)
    review = next(iter(reviews_of(session, campaign)), None)
    own = campaign.model_dump(
        by_alias=True, warnings=False, include={*DraftOut.model_fields, "content_json", "policy_json", "trigger_json"}
    ) | {
        "audience": readable_json(caller.member, campaign.audience_json),
        "excluded": readable_json(caller.member, campaign.excluded_json) if campaign.excluded_json else None,
        "trigger": readable_trigger(caller.member, campaign.trigger_json),
    }
    return DraftOut(
        **own | {"policy": write_policy_money(own["policy"], caller.shop)},
        offer=offer.slug if offer else None,
        product=product.sku if product else None,
        sender=sender.slug if sender else None,
        fingerprint=promise(session, campaign),
        review=ReviewOut(**review.model_dump(include=set(ReviewOut.model_fields))) if review else None,
    )
