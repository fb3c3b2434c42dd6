"""A small shop to look at: a year of orders of 240 buyers, followers, a group, consents, products, today's parcels.

Everything follows from the row number, so each page's figures can be written down in the tests.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from campaigns.offers import OfferKind, create_offer
from retention.access import Role
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent
from retention.database import transaction
from retention.facts import BuyerFacts
from retention.orders import Order, OrderLine, OrderStatus
from retention.parcels import Parcel
from retention.people import add_user
from retention.products import Product
from retention.relations import Follow, Group, GroupMember
from retention.shops import Shop, create_shop

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai, a Saturday
PASSWORD = "a long enough password"
BUYERS = 240
PARCELS = 12
NAMES = ("林晓", "陈佳宁", "Ada Müller", "王芳", "赵一鸣", "Noah Schmidt", "周雨桐", "孙悦")
CITIES = (("中国", "广东", "深圳"), ("中国", "上海", "上海"), ("Germany", "Bavaria", "München"))


def fill(engine: Engine) -> None:
    """Make the shop `camellia` with one person of each role, and the empty shop `teahouse` of another owner."""
    with transaction(engine) as session:
        shop = create_shop(session, "camellia", name="山茶小铺", timezone="Asia/Shanghai", currency="CNY", at=NOW)
        other = create_shop(session, "teahouse", name="Teahouse", timezone="Europe/Berlin", currency="EUR", at=NOW)
        for role in Role:
            add_user(session, f"{role}@camellia.example", shop=shop, role=role, password=PASSWORD, at=NOW, name=role)
        add_user(session, "owner@teahouse.example", shop=other, role=Role.OWNER, password=PASSWORD, at=NOW)
        _add_products(session, shop)
        _add_buyers(session, shop)
        create_offer(
            session, shop.id, "autumn-20", name="秋茶券", kind=OfferKind.AMOUNT, value=2000, minimum=9900,
            days_from_claim=14, at=NOW, actor="user:1",
        )  # fmt: skip


def order_times(number: int) -> list[datetime]:
    """Return when buyer `number` ordered: one to four times, the first up to eleven months ago."""
    times = 1 if number % 3 else 2 + number % 9 // 3
    first = NOW - timedelta(days=20 + number * 17 % 320)
    return [at for turn in range(times) if (at := first + timedelta(days=turn * (23 + number % 20))) < NOW]


def orders_of_everybody() -> int:
    return sum(len(order_times(number)) for number in range(BUYERS))


def repeat_buyers() -> int:
    return sum(len(order_times(number)) > 1 for number in range(BUYERS))


def _add_products(session: Session, shop: Shop) -> None:
    for sku, title, price in (("TEA-1", "凤凰单丛 秋茶 100 g", 12800), ("TEA-2", "Oolong sampler", 4900)):
        session.add(
            Product(shop_id=shop.id, sku=sku, title=title, category="茶", price=price, stock=80, arrival_at=NOW)
        )


def _add_buyers(session: Session, shop: Shop) -> None:
    group = Group(shop_id=shop.id, slug="tea-friends", name="茶友群", created_at=NOW)
    session.add(group)
    session.flush()
    for number in range(BUYERS):
        _add_buyer(session, shop, group, number)


def _add_buyer(session: Session, shop: Shop, group: Group, number: int) -> None:
    country, region, city = CITIES[number % len(CITIES)]
    buyer = Buyer(
        shop_id=shop.id, external_id=f"B{number:04}", name=NAMES[number % len(NAMES)],
        email=f"buyer{number}@mail.example" if number % 10 else "", phone=f"1380000{number:04}",
        country=country, region=region, city=city, created_at=NOW,
    )  # fmt: skip
    session.add(buyer)
    session.flush()
    _add_orders(session, shop, buyer, number)
    if number % 4:
        session.add(
            Consent(shop_id=shop.id, buyer_id=buyer.id, channel=Channel.EMAIL, source="checkout", at=NOW,
                    answer=Answer.OUT if number % 8 == 1 else Answer.IN)
        )  # fmt: skip
    if number % 2:
        session.add(Follow(shop_id=shop.id, buyer_id=buyer.id, followed_at=NOW - timedelta(days=number)))
    if number % 5 == 0:
        session.add(
            GroupMember(shop_id=shop.id, group_id=group.id, buyer_id=buyer.id, joined_at=NOW - timedelta(days=3))
        )


def _add_orders(session: Session, shop: Shop, buyer: Buyer, number: int) -> None:
    times = order_times(number)
    amounts = [4900 + 700 * ((number + turn) % 11) for turn in range(len(times))]
    for turn, (at, amount) in enumerate(zip(times, amounts, strict=True)):
        order = Order(
            shop_id=shop.id, source="taobao", external_id=f"{number}-{turn}", buyer_id=buyer.id,
            status=OrderStatus.PAID, paid_at=at, ordered_at=at, order_day=shop.day(at), amount=amount, items=1,
            counts=True, country=buyer.country, region=buyer.region, city=buyer.city,
        )  # fmt: skip
        session.add(order)
        session.flush()
        session.add(
            OrderLine(shop_id=shop.id, order_id=order.id, number=1, sku="TEA-2", title="Oolong sampler", category="茶",
                      quantity=1, unit_price=amount, amount=amount)
        )  # fmt: skip
    if number < PARCELS * 2 and number % 2:
        session.add(
            Parcel(shop_id=shop.id, waybill=f"SF13872046{number:04}", buyer_id=buyer.id, ship_day=shop.day(NOW),
                   pick_position=number // 2 + 1)
        )  # fmt: skip
    session.add(
        BuyerFacts(
            shop_id=shop.id, buyer_id=buyer.id, orders=len(times), order_days=len(times), spend=sum(amounts),
            items=len(times), first_at=times[0], last_at=times[-1], first_day=shop.day(times[0]),
            last_day=shop.day(times[-1]),
        )
    )  # fmt: skip
