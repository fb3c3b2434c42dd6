"""Drafting: making a campaign from a recipe, changing it while it is a draft, finding it again."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from campaigns.campaign.audiences import check_choosing, rules_of
from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe
from campaigns.campaign.draft import CHANGEABLE, Draft, as_changed, column_of
from campaigns.campaign.lifecycle import EDITABLE
from campaigns.campaign.media import Medium
from campaigns.campaign.recipes import RECIPES, Prefill, suggested_audience, suggested_trigger
from campaigns.campaign.triggers import OnEvent
from campaigns.channels.senders import Sender, default_sender
from campaigns.offers.offers import Offer
from campaigns.optouts.topics import Topic
from campaigns.runs.approvals import void_reviews
from campaigns.texts.messages import render
from campaigns.texts.wording import sample_values
from retention import audit
from retention.access import Member
from retention.database import lock
from retention.errors import Conflict, Invalid, NotFound
from retention.failures import forget_failure
from retention.paging import Page, Wanted, page_of, where_between, where_equal, where_named
from retention.products import Product
from retention.shops import Shop, check_slug
from segments.segments import check_rule, find_segment

_Row = TypeVar("_Row", Offer, Product, Sender)


def create_campaign(
    session: Session, shop: Shop, draft: Draft, *, at: datetime, actor: str, member: Member | None = None
) -> Campaign:
    """Add a campaign as a draft says; what that leaves out comes from the recipe.

    `member` is who asks where it is not the machine's owner: they may use the rules only as far as they may see what
    these ask about (`segments.personal_conditions`). Invalid for a rule, text, policy, trigger, offer or product that
    cannot work; Conflict when the slug is taken.
    """
    _check_free(session, shop, draft.slug)
    values = _filled_in(session, shop, draft).values
    campaign = Campaign(shop_id=shop.id, secret=secrets.token_hex(16), created_by=actor, created_at=at, **values)
    _check(session, shop, campaign, RECIPES[draft.recipe])
    if member:
        check_choosing(session, member, campaign)
    session.add(campaign)
    session.flush()
    _note(session, campaign, "create", actor=actor, at=at, after=_shown(campaign))
    return campaign


def _filled_in(session: Session, shop: Shop, draft: Draft) -> Draft:
    """Return a draft with all that its recipe says where it says nothing itself, and the shop's own sender."""
    recipe, prefill = draft.recipe, RECIPES[draft.recipe]
    product = _own(session, shop, Product, draft.product_id)
    medium = draft.medium or prefill.medium
    sender = default_sender(session, shop.id, medium) if draft.sender_id is None else None
    return replace(
        draft,
        slug=check_slug(draft.slug),
        name=draft.name or draft.slug,
        medium=medium,
        audience=suggested_audience(session, recipe, product) if draft.audience is None else draft.audience,
        sender_id=sender.id if sender else draft.sender_id,
        content=draft.content or prefill.content,
        policy=prefill.policy.model_dump(mode="json") | (draft.policy or {}),
        trigger=suggested_trigger(session, recipe, product) if draft.trigger is None else draft.trigger,
    )


def _check_free(session: Session, shop: Shop, slug: str) -> None:
    if session.exec(select(Campaign.id).where(Campaign.shop_id == shop.id, Campaign.slug == slug)).first():
        raise Conflict("This shop already has a campaign called {slug}.", slug=slug)


def edit_campaign(
    session: Session,
    shop: Shop,
    campaign: Campaign,
    *,
    changes: dict[str, Any],
    at: datetime,
    actor: str,
    member: Member | None = None,
) -> None:
    """Change values of a campaign that has not left; it is a draft afterwards, and no approval of it holds any more.

    Of a policy only the values that change are given; the others stay. Conflict when it runs or is over; Invalid for an
    unknown name or a wrong value.
    """
    lock(session, campaign)
    if campaign.state not in EDITABLE:
        raise Conflict("Only a draft can be changed; this campaign is {state}.", state=campaign.state)
    if unknown := set(changes) - CHANGEABLE:
        raise Invalid(
            "{unknown} cannot be changed. You can change: {known}.",
            unknown=", ".join(sorted(unknown)),
            known=", ".join(sorted(CHANGEABLE)),
        )
    changed = as_changed(campaign, changes)
    _check(session, shop, changed, RECIPES[campaign.recipe])
    if member and _rules_in(changed) != _rules_in(campaign):
        check_choosing(session, member, changed)
    before = _shown(campaign)
    for name in map(column_of, changes):
        setattr(campaign, name, getattr(changed, name))
    if campaign.state is not CampaignState.DRAFT:
        void_reviews(session, campaign)
        campaign.state, campaign.looked_until, campaign.started_at = CampaignState.DRAFT, None, None
    session.add(campaign)
    session.flush()
    forget_failure(session, campaign.shop_id, "campaign", campaign.id)
    _note(session, campaign, "edit", actor=actor, at=at, before=before, after=_shown(campaign))


def campaign_for(session: Session, member: Member, slug: str) -> Campaign:
    """Return the campaign of this name in the member's shop; NotFound otherwise."""
    return find_campaign(session, member.shop_id, slug)


def find_campaign(session: Session, shop_id: int, slug: str) -> Campaign:
    """Return a shop's campaign; NotFound otherwise."""
    found = session.exec(select(Campaign).where(Campaign.shop_id == shop_id, Campaign.slug == slug)).first()
    if found is None:
        raise NotFound("No campaign is called {slug}.", slug=slug)
    return found


def page_of_campaigns(
    session: Session,
    shop_id: int,
    wanted: Wanted,
    *,
    state: CampaignState | None = None,
    recipe: Recipe | None = None,
    medium: Medium | None = None,
    text: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Campaign]:
    """Return a page of a shop's campaigns, newest first; `text` is in their slug or name, the moments when made."""
    found = select(Campaign).where(Campaign.shop_id == shop_id)
    found = where_equal(found, {col(Campaign.state): state, col(Campaign.recipe): recipe, col(Campaign.medium): medium})
    found = where_named(found, text, col(Campaign.slug), col(Campaign.name))
    found = where_between(found, col(Campaign.created_at), since, until)
    return page_of(session, found, wanted, col(Campaign.id), latest_first=True)


def campaigns_of(session: Session, shop_id: int) -> list[Campaign]:
    """Return a shop's campaigns, newest first."""
    newest = select(Campaign).where(Campaign.shop_id == shop_id).order_by(col(Campaign.id).desc())
    return list(session.exec(newest))


def _check(session: Session, shop: Shop, campaign: Campaign, prefill: Prefill) -> None:
    for node in rules_of(campaign):
        if node is not None:
            check_rule(session, shop.id, node)
    if campaign.damage:
        raise campaign.damage
    trigger = campaign.trigger
    if isinstance(trigger, OnEvent) and trigger.segment:
        find_segment(session, shop.id, trigger.segment)
    offer = _own(session, shop, Offer, campaign.offer_id)
    product = _own(session, shop, Product, campaign.product_id)
    _check_needs(campaign, prefill, offer, product)
    _check_sending(session, shop, campaign)
    for language in campaign.content:
        values = sample_values(shop, product=product, offer=offer, language=language)
        render(campaign.content, values, language=language)


def _check_needs(campaign: Campaign, prefill: Prefill, offer: Offer | None, product: Product | None) -> None:
    if prefill.needs_offer and offer is None:
        raise Invalid("A {recipe} needs an offer.", recipe=campaign.recipe)
    if prefill.needs_product and product is None:
        raise Invalid("A {recipe} needs a product.", recipe=campaign.recipe)
    if offer and prefill.limited and (offer.most_coupons is None or not offer.is_short):
        raise Invalid(
            "A {recipe} needs an offer with a limited number of coupons that ends within a day.", recipe=campaign.recipe
        )
    if offer and prefill.unlocks and offer.unlock_at is None:
        raise Invalid("A {recipe} needs an offer that unlocks once enough people have joined.", recipe=campaign.recipe)


def _check_sending(session: Session, shop: Shop, campaign: Campaign) -> None:
    if campaign.medium is Medium.EMAIL and not campaign.content:
        raise Invalid("The message has no text. Write it in English or Chinese.")
    sender = _own(session, shop, Sender, campaign.sender_id)
    if sender and sender.medium is not campaign.medium:
        raise Invalid(
            "The sender {sender} is for {its}, but the channel of the campaign is {medium}.",
            sender=sender.name,
            its=sender.medium,
            medium=campaign.medium,
        )
    known = select(Topic.id).where(Topic.shop_id == shop.id, Topic.slug == campaign.topic)
    if campaign.topic and session.exec(known).first() is None:
        raise NotFound("No topic is called {slug}.", slug=campaign.topic)


def _own(session: Session, shop: Shop, kind: type[_Row], row_id: int | None) -> _Row | None:
    """Return a row by its number when it belongs to the shop; another shop's is unknown here."""
    if row_id is None:
        return None
    row = session.get(kind, row_id)
    if row is None or row.shop_id != shop.id:
        raise NotFound("No {kind} has the number {number}.", kind=kind.__name__.lower(), number=row_id)
    return row


def _rules_in(campaign: Campaign) -> tuple[object, ...]:
    """Return what a campaign's rules are written in, which may be damaged: mending it must not need to read it."""
    return campaign.audience_json, campaign.excluded_json, campaign.trigger_json


def _shown(campaign: Campaign) -> dict[str, Any]:
    names = {*map(column_of, CHANGEABLE), "recipe", "medium"}
    return campaign.model_dump(mode="json", by_alias=True, include=names, warnings=False)  # damaged or not


def _note(
    session: Session,
    campaign: Campaign,
    action: str,
    *,
    actor: str,
    at: datetime,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        campaign.shop_id,
        actor,
        action=f"campaign.{action}",
        subject=f"campaign:{campaign.slug}",
        before=before,
        after=after,
        at=at,
    )
