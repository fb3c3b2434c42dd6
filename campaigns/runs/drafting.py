"""Drafting: making a campaign from a recipe, changing it while it is a draft, finding it again."""

import secrets
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from campaigns.campaign.audiences import check_choosing, rules_of
from campaigns.campaign.campaigns import Campaign, CampaignState, Medium, Recipe
from campaigns.campaign.lifecycle import EDITABLE
from campaigns.campaign.policy import read_policy
from campaigns.campaign.recipes import RECIPES, Prefill, suggested_audience, suggested_trigger
from campaigns.campaign.triggers import OnEvent, read_trigger
from campaigns.channels.senders import Sender, default_sender
from campaigns.offers.offers import Offer
from campaigns.optouts.topics import Topic
from campaigns.runs.approvals import void_reviews
from campaigns.texts.messages import check_content
from campaigns.texts.wording import sample_values
from retention import audit
from retention.access import Member
from retention.database import lock
from retention.errors import Conflict, Invalid, NotFound
from retention.failures import forget_failure
from retention.products import Product
from retention.shops import Shop, check_slug
from segments.rules import parse
from segments.segments import check_rule, find_segment

_Row = TypeVar("_Row", Offer, Product, Sender)

_CHANGEABLE = frozenset(
    {
        "name",
        "medium",
        "audience",
        "excluded",
        "offer_id",
        "product_id",
        "content",
        "policy",
        "trigger",
        "sender_id",
        "topic",
        "scheduled_at",
    }
)


def create_campaign(  # noqa: PLR0913 - every value of a draft, by name
    session: Session,
    shop: Shop,
    slug: str,
    *,
    recipe: Recipe,
    at: datetime,
    actor: str,
    audience: dict[str, Any] | None = None,
    name: str = "",
    excluded: dict[str, Any] | None = None,
    offer_id: int | None = None,
    product_id: int | None = None,
    content: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    medium: Medium | None = None,
    trigger: dict[str, Any] | None = None,
    sender_id: int | None = None,
    topic: str = "",
    scheduled_at: datetime | None = None,
    member: Member | None = None,
) -> Campaign:
    """Add a draft; what is left out comes from the recipe. `policy` changes single values of the recipe's.

    `scheduled_at` is the moment it is meant for, `member` who asks where it is not the machine's owner: they may use
    the rules only as far as they may see what these ask about (`segments.asking`). Invalid for a rule, text, policy,
    trigger, offer or product that cannot work; Conflict when the slug is taken.
    """
    prefill = RECIPES[recipe]
    _check_free(session, shop, slug)
    product = _own(session, shop, Product, product_id)
    campaign = Campaign(
        shop_id=shop.id,
        slug=check_slug(slug),
        name=name or slug,
        recipe=recipe,
        medium=medium or prefill.medium,
        audience=suggested_audience(session, recipe, product) if audience is None else audience,
        excluded=excluded,
        offer_id=offer_id,
        product_id=product_id,
        content=content or prefill.content,
        policy=prefill.policy.model_dump() | (policy or {}),
        trigger=suggested_trigger(session, recipe, product) if trigger is None else trigger,
        sender_id=sender_id,
        topic=topic,
        scheduled_at=scheduled_at,
        secret=secrets.token_hex(16),
        created_by=actor,
        created_at=at,
    )
    if campaign.sender_id is None and (own := default_sender(session, shop.id, campaign.medium)):
        campaign.sender_id = own.id
    _check(session, shop, campaign, prefill)
    if member:
        check_choosing(session, member, campaign)
    session.add(campaign)
    session.flush()
    _note(session, campaign, "create", actor=actor, at=at, after=_shown(campaign))
    return campaign


def _check_free(session: Session, shop: Shop, slug: str) -> None:
    if session.exec(select(Campaign.id).where(Campaign.shop_id == shop.id, Campaign.slug == slug)).first():
        raise Conflict("This shop has a campaign called {slug} already.", slug=slug)


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

    Conflict when it runs or is over; Invalid for an unknown name or a wrong value.
    """
    lock(session, campaign)
    if campaign.state not in EDITABLE:
        raise Conflict("Only a draft can be changed; this campaign is {state}.", state=campaign.state)
    if unknown := set(changes) - _CHANGEABLE:
        raise Invalid(
            "{unknown} cannot be changed. Changeable: {known}.",
            unknown=", ".join(sorted(unknown)),
            known=", ".join(sorted(_CHANGEABLE)),
        )
    changed = Campaign(**{**campaign.model_dump(), **changes})
    _check(session, shop, changed, RECIPES[campaign.recipe])
    if member and rules_of(changed) != rules_of(campaign):
        check_choosing(session, member, changed)
    before = _shown(campaign)
    for name in changes:
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


def campaigns_of(session: Session, shop_id: int) -> list[Campaign]:
    """Return a shop's campaigns, newest first."""
    newest = select(Campaign).where(Campaign.shop_id == shop_id).order_by(col(Campaign.id).desc())
    return list(session.exec(newest))


def _check(session: Session, shop: Shop, campaign: Campaign, prefill: Prefill) -> None:
    for rule in rules_of(campaign):
        if rule is not None:
            check_rule(session, shop.id, parse(rule))
    read_policy(campaign.policy)
    trigger = read_trigger(campaign.trigger)
    if isinstance(trigger, OnEvent) and trigger.segment:
        find_segment(session, shop.id, trigger.segment)
    offer = _own(session, shop, Offer, campaign.offer_id)
    product = _own(session, shop, Product, campaign.product_id)
    _check_needs(campaign, prefill, offer, product)
    _check_sending(session, shop, campaign)
    for language, text in campaign.content.items():
        check_content({language: text}, sample_values(shop, product=product, offer=offer, language=language))


def _check_needs(campaign: Campaign, prefill: Prefill, offer: Offer | None, product: Product | None) -> None:
    if prefill.needs_offer and offer is None:
        raise Invalid("A {recipe} needs an offer.", recipe=campaign.recipe)
    if prefill.needs_product and product is None:
        raise Invalid("A {recipe} needs a product.", recipe=campaign.recipe)
    if offer and prefill.limited and (offer.most_coupons is None or not offer.is_short):
        raise Invalid(
            "A {recipe} needs an offer with a number of coupons and an end within a day.", recipe=campaign.recipe
        )
    if offer and prefill.unlocks and offer.unlock_at is None:
        raise Invalid("A {recipe} needs an offer that unlocks when some have joined.", recipe=campaign.recipe)


def _check_sending(session: Session, shop: Shop, campaign: Campaign) -> None:
    if campaign.medium is Medium.EMAIL and not campaign.content:
        raise Invalid("The message has no text in any language. Write one in en or zh-CN.")
    sender = _own(session, shop, Sender, campaign.sender_id)
    if sender and sender.medium is not campaign.medium:
        raise Invalid(
            "{sender} sends by {its}, and the campaign goes by {medium}.",
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


def _shown(campaign: Campaign) -> dict[str, Any]:
    return campaign.model_dump(mode="json", include={*_CHANGEABLE, "recipe", "medium"})


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
