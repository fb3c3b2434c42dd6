"""Waves: when the next part of an audience is due, and which buyers are in it."""

from datetime import datetime, timedelta

from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run, deliveries_of
from campaigns.campaign.triggers import Wave, Waves
from retention.bitmaps import read_bitmap
from retention.products import Product
from retention.shops import Shop
from segments.matching import match


def next_wave(session: Session, campaign: Campaign, trigger: Waves) -> tuple[int, datetime] | None:
    """Return the number, from 1, and the moment of the wave that comes next; None after the last.

    The first counts from the arrival of the campaign's product, or from its start when the product is here already. The
    later ones keep their distance to the one before, so that a wave that was late does not push the next one upon it.
    """
    runs = select(Run.wave, Run.planned_at).where(
        Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id, Run.wave > 0
    )
    last = session.exec(runs.order_by(col(Run.wave).desc()).limit(1)).first()
    if last is None:
        return 1, _beginning(session, campaign) + timedelta(hours=trigger.waves[0].after)
    number, planned_at = last
    if number >= len(trigger.waves):
        return None
    distance = trigger.waves[number].after - trigger.waves[number - 1].after
    return number + 1, planned_at + timedelta(hours=distance)


def people_of_wave(session: Session, shop: Shop, campaign: Campaign, wave: Wave, *, at: datetime) -> BitMap:
    """Return who matches a wave's rule; the control group of earlier waves stays out, to be measured there."""
    held_back = select(Delivery.buyer_id).where(*deliveries_of(campaign), Delivery.state == DeliveryState.CONTROL)
    return match(session, shop, wave.node, now=at) - read_bitmap(session, held_back)


def _beginning(session: Session, campaign: Campaign) -> datetime:
    assert campaign.started_at is not None  # only what was started has waves
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    arrival = product.arrival_at if product else None
    return max(arrival, campaign.started_at) if arrival else campaign.started_at
