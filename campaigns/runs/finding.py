"""Queries for campaigns, their runs and what they refer to, always of one shop."""

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe, Run
from campaigns.channels.senders import Sender
from campaigns.offers.offers import Offer
from retention.errors import NotFound
from retention.products import Product

OVER = (CampaignState.CANCELLED, CampaignState.FINISHED)
"""States in which nothing more comes of a campaign."""


class About(NamedTuple):
    """What a campaign is about and who sends it, where it names any."""

    offer: Offer | None
    product: Product | None
    sender: Sender | None


def about(session: Session, campaign: Campaign) -> About:
    """Return the rows a campaign names."""
    return About(
        offer_of(session, campaign),
        product_of(session, campaign),
        session.get(Sender, campaign.sender_id) if campaign.sender_id else None,
    )


def offer_of(session: Session, campaign: Campaign) -> Offer | None:
    """Return the offer of a campaign, if it has one."""
    return session.get(Offer, campaign.offer_id) if campaign.offer_id else None


def product_of(session: Session, campaign: Campaign) -> Product | None:
    """Return the product of a campaign, if it has one."""
    return session.get(Product, campaign.product_id) if campaign.product_id else None


def campaigns_in(
    session: Session, shop_id: int, *states: CampaignState, most: int, oldest_first: bool = False
) -> list[Campaign]:
    """Return a shop's campaigns in some states, the newest first unless asked otherwise."""
    found = select(Campaign).where(Campaign.shop_id == shop_id, col(Campaign.state).in_(states))
    order = col(Campaign.id).asc() if oldest_first else col(Campaign.id).desc()
    return list(session.exec(found.order_by(order).limit(most)))


def count_campaigns(session: Session, shop_id: int, state: CampaignState) -> int:
    """Return how many of a shop's campaigns are in a state."""
    return session.exec(
        select(func.count()).select_from(Campaign).where(Campaign.shop_id == shop_id, Campaign.state == state)
    ).one()


def campaign_names(session: Session, shop_id: int) -> list[tuple[str, str]]:
    """Return slug and name of every campaign of a shop, by name."""
    found = select(Campaign.slug, Campaign.name).where(Campaign.shop_id == shop_id).order_by(Campaign.name)
    return [(slug, name) for slug, name in session.exec(found)]


def flyer_campaigns(session: Session, shop_id: int) -> list[Campaign]:
    """Return the campaigns that may still print a flyer of the shop alone, the newest first."""
    found = select(Campaign).where(
        Campaign.shop_id == shop_id, Campaign.recipe == Recipe.PARCEL_FLYER, col(Campaign.state).not_in(OVER)
    )
    return list(session.exec(found.order_by(col(Campaign.id).desc())))


def campaign_numbered(session: Session, shop_id: int, number: int | None) -> Campaign | None:
    """Return a shop's campaign by its row number; None for none, and for another shop's."""
    found = session.get(Campaign, number) if number is not None else None
    return found if found and found.shop_id == shop_id else None


def runs_of(session: Session, campaign: Campaign, *, most: int) -> list[Run]:
    """Return the runs of a campaign, the latest first."""
    found = select(Run).where(Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id)
    return list(session.exec(found.order_by(col(Run.id).desc()).limit(most)))


def find_run(session: Session, shop_id: int, campaign_id: int | None, number: int | None = None) -> Run:
    """Return a run of a campaign by its number, the latest without one; NotFound otherwise."""
    found = select(Run).where(Run.shop_id == shop_id, Run.campaign_id == campaign_id)
    if number is not None:
        found = found.where(Run.number == number)
    run = session.exec(found.order_by(col(Run.number).desc())).first()
    if run is None:
        raise NotFound("The campaign of this flyer has no such run. Launch it first.")
    return run


def last_read_out(session: Session, shop_id: int, *, at: datetime) -> tuple[Campaign, float] | None:
    """Return the campaign whose result was read last, and the share of its control group; None before the first."""
    read_out = select(Campaign, Run.control_share).join(Run, col(Run.campaign_id) == Campaign.id)
    latest = read_out.where(Run.shop_id == shop_id, Run.read_out_at <= at)
    return session.exec(latest.order_by(col(Run.read_out_at).desc(), col(Run.id).desc()).limit(1)).first()


def untold_arrivals(session: Session, shop_id: int, *, since: datetime, at: datetime, most: int) -> list[Product]:
    """Return the products that arrived after `since` and that no campaign tells of, the latest first."""
    announced = select(Campaign.product_id).where(Campaign.shop_id == shop_id, col(Campaign.product_id).is_not(None))
    fresh = select(Product).where(
        Product.shop_id == shop_id,
        col(Product.arrival_at) <= at,
        col(Product.arrival_at) > since,
        col(Product.id).not_in(announced),
    )
    return list(session.exec(fresh.order_by(col(Product.arrival_at).desc()).limit(most)))
