"""What tests of triggers put on the stage: campaigns that start themselves, and what happens to buyers."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, Recipe
from campaigns.runs.scheduling import schedule
from retention.audit import AuditEntry
from retention.orders import Order, OrderStatus
from tests.campaigns.conftest import NOON, Stage
from tests.factories import add_follow, add_order

DAILY_AT_TEN = {"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}}
FOLLOWED = {"event": {"kind": "followed"}}


def scheduled(stage: Stage, trigger: dict[str, Any], slug: str = "spring", **values: Any) -> Campaign:
    recipe = values.pop("recipe", Recipe.COUPON_PUSH)
    campaign = stage.draft(slug, recipe, trigger=trigger, **values)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    return campaign


def follow(stage: Stage, name: str, at: datetime) -> int:
    buyer_id = stage.buyer(name)
    add_follow(stage.session, stage.shop, buyer_id, at=at)
    return buyer_id


def order(stage: Stage, buyer_id: int, number: str, at: datetime, status: OrderStatus = OrderStatus.PLACED) -> Order:
    return add_order(stage.session, stage.shop, buyer_id, number=number, at=at, amount=9900, status=status)


def served(session: Session, campaign: Campaign) -> list[int]:
    rows = select(Delivery.buyer_id).where(Delivery.campaign_id == campaign.id).order_by(col(Delivery.id))
    return list(session.exec(rows))


def missed(session: Session) -> list[dict[str, Any] | None]:
    return list(session.exec(select(AuditEntry.after).where(AuditEntry.action == "campaign.missed")))
