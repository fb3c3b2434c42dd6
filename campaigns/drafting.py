"""Drafting: making a campaign from a recipe, changing it while it is a draft, finding it again."""

import secrets
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from campaigns.campaigns import Campaign, Medium, Recipe
from campaigns.lifecycle import EDITABLE
from campaigns.messages import check_content
from campaigns.offers import Offer
from campaigns.policy import read_policy
from campaigns.recipes import RECIPES, Prefill
from campaigns.wording import sample_values
from retention import audit
from retention.access import Member
from retention.errors import Conflict, Invalid, NotFound
from retention.products import Product
from retention.shops import Shop, check_slug
from segments.rules import parse

_Row = TypeVar("_Row", Offer, Product)

_CHANGEABLE = frozenset({"name", "audience", "excluded", "offer_id", "product_id", "content", "policy"})


def create_campaign(  # noqa: PLR0913 - every value of a draft, by name
    session: Session,
    shop: Shop,
    slug: str,
    *,
    recipe: Recipe,
    audience: dict[str, Any],
    at: datetime,
    actor: str,
    name: str = "",
    excluded: dict[str, Any] | None = None,
    offer_id: int | None = None,
    product_id: int | None = None,
    content: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
) -> Campaign:
    """Add a draft; what is left out comes from the recipe. `policy` changes single values of the recipe's.

    Invalid for a rule, text, policy, offer or product that cannot work; Conflict when the slug is taken.
    """
    prefill = RECIPES[recipe]
    if session.exec(select(Campaign.id).where(Campaign.shop_id == shop.id, Campaign.slug == slug)).first():
        raise Conflict("This shop has a campaign called {slug} already.", slug=slug)
    campaign = Campaign(
        shop_id=shop.id,
        slug=check_slug(slug),
        name=name or slug,
        recipe=recipe,
        medium=prefill.medium,
        audience=audience,
        excluded=excluded,
        offer_id=offer_id,
        product_id=product_id,
        content=content or prefill.content,
        policy=prefill.policy.model_dump() | (policy or {}),
        secret=secrets.token_hex(16),
        created_by=actor,
        created_at=at,
    )
    _check(session, shop, campaign, prefill)
    session.add(campaign)
    session.flush()
    _note(session, campaign, "create", actor=actor, at=at, after=_shown(campaign))
    return campaign


def edit_campaign(
    session: Session, shop: Shop, campaign: Campaign, *, changes: dict[str, Any], at: datetime, actor: str
) -> None:
    """Change values of a draft. Conflict when it is no draft; Invalid for an unknown name or a wrong value."""
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
    before = _shown(campaign)
    for name in changes:
        setattr(campaign, name, getattr(changed, name))
    session.add(campaign)
    session.flush()
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
    parse(campaign.audience)
    if campaign.excluded is not None:
        parse(campaign.excluded)
    read_policy(campaign.policy)
    offer = _own(session, shop, Offer, campaign.offer_id)
    product = _own(session, shop, Product, campaign.product_id)
    if prefill.needs_offer and offer is None:
        raise Invalid("A {recipe} needs an offer.", recipe=campaign.recipe)
    if prefill.needs_product and product is None:
        raise Invalid("A {recipe} needs a product.", recipe=campaign.recipe)
    if campaign.medium is Medium.EMAIL and not campaign.content:
        raise Invalid("The message has no text in any language. Write one in en or zh-CN.")
    for language, text in campaign.content.items():
        check_content({language: text}, sample_values(shop, product=product, offer=offer, language=language))


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
