"""Rows that tests need, one call each: the session first, then whose it is; all else has a plain value.

They go where the row would come from: through the use case where there is one, else into the table, with what is
computed from the rows (aggregates, versions) brought up to date.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pyroaring import BitMap
from sqlmodel import Session

from campaigns.campaign.media import Medium
from campaigns.channels.senders import Sender, SenderKind
from campaigns.offers.offers import Offer, OfferKind, create_offer
from campaigns.optouts.topics import Topic
from retention.aggregates import refresh_aggregates
from retention.buyers import Buyer
from retention.database import ShopRow
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.orders import Order, OrderLine, OrderStatus
from retention.parcels import Parcel
from retention.products import Product
from retention.shops import Shop, create_shop
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version

_Row = TypeVar("_Row", bound=ShopRow)

NOW = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)


def make_shop(
    session: Session,
    slug: str = "tea",
    *,
    name: str = "",
    timezone: str = "Asia/Shanghai",
    currency: str = "CNY",
    at: datetime = NOW,
) -> Shop:
    return create_shop(session, slug, name=name or slug.title(), timezone=timezone, currency=currency, at=at)


def add_buyers(session: Session, shop: Shop, *names: str, at: datetime = NOW, **fields: Any) -> list[int]:
    """Add buyers by the shop's own ids and return the numbers of their rows."""
    buyers = [Buyer(shop_id=shop.id, external_id=name, created_at=at, **fields) for name in names]
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
    number: str = "",
    at: datetime = NOW - timedelta(days=1),
    amount: int = 1000,
    sku: str = "",
    status: OrderStatus = OrderStatus.PAID,
) -> Order:
    """Add an order of one line; only a paid one counts."""
    is_paid = status is OrderStatus.PAID
    order = Order(
        shop_id=shop.id, source="test", external_id=number or f"{buyer}-{at.isoformat()}", buyer_id=buyer,
        status=status, placed_at=None if is_paid else at, paid_at=at if is_paid else None, ordered_at=at,
        order_day=shop.day(at), amount=amount, items=1, counts=is_paid,
    )  # fmt: skip
    _added(session, order)
    _added(session, OrderLine(shop_id=shop.id, order_id=order.id, number=1, sku=sku, amount=amount))
    refresh_aggregates(session, shop.id, BitMap([buyer]))
    raise_version(session, shop.id, Family.ORDERS)
    return order


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


def add_follow(session: Session, shop: Shop, buyer: int, *, at: datetime = NOW - timedelta(days=2)) -> None:
    _added(session, Follow(shop_id=shop.id, buyer_id=buyer, followed_at=at))
    raise_version(session, shop.id, Family.FOLLOWERS_AND_GROUPS)


def add_group(session: Session, shop: Shop, slug: str, *buyers: int, at: datetime = NOW) -> Group:
    group = _added(session, Group(shop_id=shop.id, slug=slug, name=slug.title(), created_at=at))
    session.add_all(GroupMember(shop_id=shop.id, group_id=group.id, buyer_id=buyer, joined_at=at) for buyer in buyers)
    session.flush()
    raise_version(session, shop.id, Family.FOLLOWERS_AND_GROUPS)
    return group


def add_touch(session: Session, shop: Shop, buyer: int, event: TouchEvent = TouchEvent.SCANNED) -> None:
    at = NOW - timedelta(days=1)
    _added(session, Touch(shop_id=shop.id, buyer_id=buyer, event=event, campaign="spring", at=at))
    raise_version(session, shop.id, Family.TOUCHES)


def add_parcel(session: Session, shop: Shop, buyer: int, waybill: str, *, day: int) -> Parcel:
    """Add a parcel that is sent on this day of the shop."""
    return _added(session, Parcel(shop_id=shop.id, waybill=waybill, buyer_id=buyer, ship_day=day))


def add_product(session: Session, shop: Shop, sku: str = "TEA-1", **values: Any) -> Product:
    plain = {"title": "Spring tea", "price": 12800, "stock": 50}
    return _added(session, Product(shop_id=shop.id, sku=sku, **plain | values))


def add_offer(session: Session, shop: Shop, slug: str = "twenty-off", *, at: datetime = NOW, **terms: Any) -> Offer:
    plain = {"name": "20 off", "kind": OfferKind.AMOUNT, "value": 2000, "minimum": 9900}
    return create_offer(session, shop.id, slug, at=at, actor="test", **plain | terms)


def add_topic(session: Session, shop: Shop, slug: str = "arrivals") -> str:
    """Add a topic and return its slug."""
    return _added(session, Topic(shop_id=shop.id, slug=slug, names={"en": slug.title()})).slug


def add_bot(session: Session, shop: Shop, group: str, *, at: datetime = NOW) -> Sender:
    """Add the bot that posts to a group."""
    bot = Sender(
        shop_id=shop.id, slug=f"robot-{group}", name="Robot", medium=Medium.BOT, kind=SenderKind.BOT,
        settings={"group": group}, created_at=at,
    )  # fmt: skip
    return _added(session, bot)


def _added(session: Session, row: _Row) -> _Row:
    session.add(row)
    session.flush()
    return row
