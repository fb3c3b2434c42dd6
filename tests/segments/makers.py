"""A small shop and what happens in it, one call each."""

from datetime import UTC, datetime, timedelta

from pyroaring import BitMap
from sqlmodel import Session

from retention.aggregates import refresh_aggregates
from retention.buyers import Buyer
from retention.followers_and_groups import Follow
from retention.orders import Order, OrderLine, OrderStatus
from retention.shops import Shop, create_shop
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version

NOW = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)


def make_shop(session: Session, slug: str = "tea", *, currency: str = "CNY") -> Shop:
    return create_shop(session, slug, name="Tea House", timezone="Asia/Shanghai", currency=currency, at=NOW)


def add_buyers(session: Session, shop: Shop, *names: str, **fields) -> list[int]:
    buyers = [Buyer(shop_id=shop.id, external_id=name, created_at=NOW, **fields) for name in names]
    session.add_all(buyers)
    session.flush()
    refresh_aggregates(session, shop.id, BitMap(buyer.id for buyer in buyers))
    raise_version(session, shop.id, Family.BUYERS)
    return [buyer.id for buyer in buyers]


def add_order(
    session: Session,
    shop: Shop,
    buyer: int,
    *,
    at: datetime = NOW - timedelta(days=1),
    amount: int = 1000,
    sku: str = "",
) -> None:
    order = Order(
        shop_id=shop.id, source="test", external_id=f"{buyer}-{at.isoformat()}", buyer_id=buyer,
        status=OrderStatus.PAID, paid_at=at, ordered_at=at, order_day=shop.day(at), amount=amount, items=1, counts=True,
    )  # fmt: skip
    session.add(order)
    session.flush()
    session.add(OrderLine(shop_id=shop.id, order_id=order.id, number=1, sku=sku, amount=amount))
    session.flush()
    refresh_aggregates(session, shop.id, BitMap([buyer]))
    raise_version(session, shop.id, Family.ORDERS)


def add_visits(session: Session, shop: Shop, visits: list[list[int]]) -> list[int]:
    """Give buyer after buyer orders so many days ago."""
    buyers = add_buyers(session, shop, *(f"v{number}" for number in range(len(visits))))
    for buyer, days in zip(buyers, visits, strict=True):
        for ago in days:
            at = NOW - timedelta(days=ago)
            session.add(
                Order(
                    shop_id=shop.id, source="test", external_id=f"{buyer}-{ago}", buyer_id=buyer, amount=1000, items=1,
                    status=OrderStatus.PAID, ordered_at=at, order_day=shop.day(at), counts=True,
                )
            )  # fmt: skip
    session.flush()
    refresh_aggregates(session, shop.id)
    raise_version(session, shop.id, Family.ORDERS)
    return buyers


def add_follow(session: Session, shop: Shop, buyer: int) -> None:
    session.add(Follow(shop_id=shop.id, buyer_id=buyer, followed_at=NOW - timedelta(days=2)))
    session.flush()
    raise_version(session, shop.id, Family.FOLLOWERS_AND_GROUPS)


def add_touch(session: Session, shop: Shop, buyer: int, event: TouchEvent = TouchEvent.SCANNED) -> None:
    session.add(Touch(shop_id=shop.id, buyer_id=buyer, event=event, campaign="spring", at=NOW - timedelta(days=1)))
    session.flush()
    raise_version(session, shop.id, Family.TOUCHES)
