"""Arrivals: products coming, here and sold out, with the alerts about them; and alerts that stop by themselves.

A sale is an order that counts and has the product on a line that is no return, at or after the product's arrival.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe, Run
from campaigns.deliveries.progress import Progress, latest_runs, progress_of
from campaigns.deliveries.stopping import skip_sold
from retention import audit
from retention.orders import Order, OrderLine
from retention.paging import Part, Wanted, page_through, where_named
from retention.products import Product
from retention.shops import Shop

SHOWN_FOR = timedelta(days=90)
"""How long after its arrival a product stays on the board."""

_MAY_STILL_SEND = (CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED)


class ArrivalStage(StrEnum):
    """Where a product stands on the board."""

    COMING = "coming"
    LIVE = "live"
    SOLD_OUT = "sold_out"


@dataclass(frozen=True, slots=True)
class Sales:
    """How often a product was sold since it arrived, and how long the first sale took (None: none yet)."""

    orders: int = 0
    first_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert about a product, with its latest run."""

    campaign: Campaign
    run: Run | None
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A product on the board."""

    product: Product
    stage: ArrivalStage
    sales: Sales
    alerts: list[Alert] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Board:
    """The products of a shop by where they stand: the next to come first, then the latest."""

    coming: list[Arrival]
    live: list[Arrival]
    sold_out: list[Arrival]


def board(session: Session, shop: Shop, *, at: datetime) -> Board:
    """Return the products that are coming, and those that arrived in the last 90 days; always the same few SELECTs."""
    found = select(Product).where(Product.shop_id == shop.id, col(Product.arrival_at) > at - SHOWN_FOR)
    products = session.exec(found.order_by(col(Product.arrival_at), col(Product.id))).all()
    shelves = _shelves(_arrivals(session, shop, products, at=at))
    return Board(shelves[ArrivalStage.COMING], shelves[ArrivalStage.LIVE][::-1], shelves[ArrivalStage.SOLD_OUT][::-1])


def page_of_board(
    session: Session, shop: Shop, wanted: Wanted, *, at: datetime, stage: ArrivalStage | None = None, text: str = ""
) -> tuple[Board, str | None]:
    """Return a page of the board and the cursor for the next: what is coming, the next first, then the latest first."""
    shown = where_named(select(Product).where(Product.shop_id == shop.id), text, col(Product.sku), col(Product.title))
    arrival, keys = col(Product.arrival_at), (col(Product.arrival_at), col(Product.id))
    coming = shown.where(arrival > at) if stage in {None, ArrivalStage.COMING} else shown.where(sa.false())
    here = shown.where(arrival > at - SHOWN_FOR, arrival <= at, *_in_stage(stage))
    page = page_through(session, [Part(coming, keys), Part(here, keys, latest_first=True)], wanted)
    shelves = _shelves(_arrivals(session, shop, page.rows, at=at))
    return Board(shelves[ArrivalStage.COMING], shelves[ArrivalStage.LIVE], shelves[ArrivalStage.SOLD_OUT]), page.next


def _in_stage(stage: ArrivalStage | None) -> list[sa.ColumnElement[bool]]:
    """Return what narrows products that have arrived to a stage, as `_stage_of` tells it."""
    if stage is None:
        return []
    if stage is ArrivalStage.COMING:
        return [sa.false()]
    gone = sa.func.coalesce(Product.stock, 1) <= 0
    return [gone if stage is ArrivalStage.SOLD_OUT else ~gone]


def _arrivals(session: Session, shop: Shop, products: Sequence[Product], *, at: datetime) -> list[Arrival]:
    ids = [product.id for product in products]
    sales, alerts = sales_since_arrival(session, shop.id, ids), _alerts_on(session, shop.id, ids)
    return [Arrival(each, _stage_of(each, at), sales.get(each.id, Sales()), alerts[each.id]) for each in products]


def _shelves(arrivals: list[Arrival]) -> dict[ArrivalStage, list[Arrival]]:
    return {stage: [each for each in arrivals if each.stage is stage] for stage in ArrivalStage}


def sales_since_arrival(session: Session, shop_id: int, product_ids: Collection[int]) -> dict[int, Sales]:
    """Return the sales of products by their row number; products without an arrival or a sale are missing."""
    first = sa.func.min(col(Order.ordered_at))
    query = (
        sa.select(col(Product.id), col(Product.arrival_at), sa.func.count(col(Order.id).distinct()), first)
        .join(OrderLine, sa.and_(col(OrderLine.shop_id) == Product.shop_id, col(OrderLine.sku) == Product.sku))
        .join(Order, sa.and_(col(Order.shop_id) == Product.shop_id, col(Order.id) == OrderLine.order_id))
        .where(
            col(Product.shop_id) == shop_id,
            col(Product.id).in_(product_ids),
            col(OrderLine.quantity) > 0,
            col(Order.counts),
            col(Order.ordered_at) >= Product.arrival_at,
        )
        .group_by(col(Product.id), col(Product.arrival_at))
    )
    if not product_ids:
        return {}
    rows: Sequence[Any] = session.execute(query).all()
    return {product_id: Sales(orders, sold_at - arrival_at) for product_id, arrival_at, orders, sold_at in rows}


def alerts_with_a_goal(session: Session) -> list[int]:
    """Return the alerts that stop by themselves once their product has sold as often as their policy says."""
    active = select(Campaign).where(col(Campaign.state).in_(_MAY_STILL_SEND), col(Campaign.product_id).is_not(None))
    found = session.exec(active.order_by(col(Campaign.id)))
    return [each.id for each in found if each.damage or each.policy.stop_after_sales]  # its own check says the damage


def stop_if_sold(session: Session, campaign_id: int, *, at: datetime) -> bool:
    """Stop an alert whose product had as many sales as its policy asks for; tell whether it was stopped.

    What has not left is skipped as sold enough, and no further wave comes.
    """
    campaign = session.get_one(Campaign, campaign_id)
    goal, product = campaign.policy.stop_after_sales, campaign.product_id or 0
    if not goal or campaign.state not in _MAY_STILL_SEND:
        return False
    found = sales_since_arrival(session, campaign.shop_id, [product]).get(product, Sales())
    return found.orders >= goal and _stop(session, campaign, found, at=at)


def _stop(session: Session, campaign: Campaign, sales: Sales, *, at: datetime) -> bool:
    """Stop a campaign; False when there was nothing left to stop."""
    skipped = skip_sold(session, campaign)
    if campaign.state is CampaignState.RUNNING and not skipped and not campaign.awaits_more:
        return False
    campaign.stop_waiting()
    if campaign.state is not CampaignState.RUNNING:  # one that runs is finished by its rows
        campaign.state = CampaignState.FINISHED
    session.add(campaign)
    first_after = int(sales.first_after.total_seconds()) if sales.first_after is not None else None
    audit.record(
        session,
        campaign.shop_id,
        "system",
        action="campaign.sold_enough",
        subject=f"campaign:{campaign.slug}",
        after={"sales": sales.orders, "seconds_to_first_sale": first_after, "skipped": skipped},
        at=at,
    )
    session.flush()
    return True


def _stage_of(product: Product, at: datetime) -> ArrivalStage:
    if product.arrival_at and product.arrival_at > at:
        return ArrivalStage.COMING
    return ArrivalStage.SOLD_OUT if product.stock is not None and product.stock <= 0 else ArrivalStage.LIVE


def _alerts_on(session: Session, shop_id: int, product_ids: Collection[int]) -> dict[int, list[Alert]]:
    found = select(Campaign).where(
        Campaign.shop_id == shop_id,
        Campaign.recipe == Recipe.ARRIVAL_ALERT,
        col(Campaign.product_id).in_(product_ids),
        Campaign.state != CampaignState.CANCELLED,
    )
    campaigns = session.exec(found.order_by(col(Campaign.id))).all() if product_ids else []
    runs = latest_runs(session, campaigns)
    progress = progress_of(session, shop_id, list(runs.values())) if runs else {}
    alerts: dict[int, list[Alert]] = defaultdict(list)
    for campaign in campaigns:
        run = runs.get(campaign.id)
        alerts[campaign.product_id or 0].append(Alert(campaign, run, progress.get(run.id) if run else None))
    return alerts
