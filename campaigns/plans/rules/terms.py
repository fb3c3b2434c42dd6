"""Terms: what holds for all deliveries of a run alike when they are checked before they leave, read once.

A check may be of thousands of deliveries; what the campaign, its policy, its offer and its product say is read as it is
now, but not for each of them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Recipe, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Cap, Quiet, ShopPolicy, caps_on, channel_of, needed_answer, quiet_on
from campaigns.campaign.shop_policy import shop_policy_of
from campaigns.offers.offers import Offer
from retention.consent import Answer, Channel
from retention.products import Product

_Shared = TypeVar("_Shared", Campaign, Run, Offer, Product)


@dataclass(frozen=True, slots=True)
class Terms:
    """A run's terms. `channel` and `topic` are what an answer must be about, `promised` the price its message names."""

    medium: Medium
    priority: int
    channel: Channel
    topic: str
    needs_yes: bool
    reminds: bool
    offer: Offer | None
    product: Product | None
    promised: int | None
    caps: list[Cap]
    quiets: list[Quiet]


def read_terms(
    session: Session, shop_id: int, run_ids: Collection[int]
) -> tuple[dict[int, Terms], dict[int, Campaign]]:
    """Return the terms of runs by their row numbers, from what is shared, as it is now.

    And the campaigns of those runs that have none, since what is stored of them cannot be read.
    """
    limits = shop_policy_of(session, shop_id)
    runs = _fresh(session, Run, run_ids)
    campaigns = _fresh(session, Campaign, (run.campaign_id for run in runs.values()))
    offers = _fresh(session, Offer, (campaign.offer_id for campaign in campaigns.values()))
    products = _fresh(session, Product, (campaign.product_id for campaign in campaigns.values()))
    found, damaged = {}, {}
    for run in runs.values():
        campaign = campaigns[run.campaign_id]
        if campaign.damage:
            damaged[run.id] = campaign
            continue
        offer, product = offers.get(campaign.offer_id or 0), products.get(campaign.product_id or 0)
        found[run.id] = _terms(campaign, limits, offer=offer, product=product, promised=run.product_price)
    return found, damaged


def _terms(
    campaign: Campaign, limits: ShopPolicy, *, offer: Offer | None, product: Product | None, promised: int | None
) -> Terms:
    policy, medium = campaign.policy, campaign.medium
    return Terms(
        medium=medium,
        priority=policy.priority,
        channel=channel_of(medium, policy),
        topic=campaign.topic,
        needs_yes=needed_answer(medium) is Answer.IN,
        reminds=campaign.recipe is Recipe.PAYMENT_REMINDER,
        offer=offer,
        product=product,
        promised=promised,
        caps=caps_on(policy, limits, medium),
        quiets=quiet_on(policy, limits, medium),
    )


def _fresh(session: Session, kind: type[_Shared], ids: Iterable[int | None]) -> dict[int, _Shared]:
    """Return the rows with these numbers as they are in the database now."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows = select(kind).where(col(kind.id).in_(wanted)).execution_options(populate_existing=True)
    return {row.id: row for row in session.exec(rows)}
