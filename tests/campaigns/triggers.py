"""What tests of triggers put on the stage: campaigns that start themselves, and what happens to buyers."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, Recipe
from campaigns.runs.scheduling import schedule
from retention.audit import AuditEntry
from retention.followers_and_groups import Follow
from retention.orders import Order, OrderStatus
from tests.campaigns.conftest import NOON, Stage

DAILY_AT_TEN = {"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}}
FOLLOWED = {"event": {"kind": "followed"}}


def scheduled(stage: Stage, trigger: dict[str, Any], slug: str = "spring", **values: Any) -> Campaign:
    recipe = values.pop("recipe", Recipe.COUPON_PUSH)
    campaign = stage.draft(slug, recipe, trigger=trigger, **values)
    schedule(stage.session, campaign, at=NOON, actor="user:1")
    return campaign


def follow(stage: Stage, name: str, at: datetime) -> int:
    buyer_id = stage.buyer(name)
    stage.session.add(Follow(shop_id=stage.shop.id, buyer_id=buyer_id, followed_at=at))
    stage.session.flush()
    return buyer_id


def order(stage: Stage, buyer_id: int, number: str, at: datetime, status: OrderStatus = OrderStatus.PLACED) -> Order:
    row = Order(
        shop_id=stage.shop.id,
        source="test",
        external_id=number,
        buyer_id=buyer_id,
        status=status,
        placed_at=at,
        ordered_at=at,
        order_day=stage.shop.day(at),
        amount=9900,
        counts=status is OrderStatus.PAID,
    )
    stage.session.add(row)
    stage.session.flush()
    return row


def served(session: Session, campaign: Campaign) -> list[int]:
    rows = select(Delivery.buyer_id).where(Delivery.campaign_id == campaign.id).order_by(col(Delivery.id))
    return list(session.exec(rows))


def missed(session: Session) -> list[dict[str, Any] | None]:
    return list(session.exec(select(AuditEntry.after).where(AuditEntry.action == "campaign.missed")))
