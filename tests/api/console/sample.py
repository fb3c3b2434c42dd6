"""A small shop to look at: a year of orders of 240 buyers, followers, a group, consents, products, today's parcels.

Everything follows from the row number, so each page's figures can be written down in the tests.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, SQLModel

from campaigns.offers.offers import OfferKind, create_offer
from retention.access import Role
from retention.aggregates import BuyerAggregates
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent
from retention.database import transaction
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.orders import Order, OrderLine, OrderStatus
from retention.parcels import Parcel
from retention.products import Product
from retention.shops import Shop
from retention.users import Membership, User
from tests.databases import filled_once
from tests.factories import make_shop
from tests.sign_in import CHEAP_HASHES

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai, a Saturday
PASSWORD = "a long enough password"
SIGNING_KEY = "for the tests only, of 32 bytes or more"
BUYERS = 240
PARCELS = 12
NAMES = ("林晓", "陈佳宁", "Ada Müller", "王芳", "赵一鸣", "Noah Schmidt", "周雨桐", "孙悦")
CITIES = (("中国", "广东", "深圳"), ("中国", "上海", "上海"), ("Germany", "Bavaria", "München"))


@filled_once
def fill(engine: Engine) -> None:
    """Make the shop `camellia` with one person of each role, and the empty shop `teahouse` of another owner."""
    with transaction(engine) as session:
        shop = make_shop(session, "camellia", name="山茶小铺", at=NOW)
        other = make_shop(session, "teahouse", timezone="Europe/Berlin", currency="EUR", at=NOW)
        for role in Role:
            _add_person(session, shop, role)
        _add_person(session, other, Role.OWNER)
        session.add_all(_products(shop))
        group = Group(shop_id=shop.id, slug="tea-friends", name="茶友群", created_at=NOW)
        buyers = [_buyer(shop, number) for number in range(BUYERS)]
        session.add_all([group, *buyers])
        session.flush()
        orders = [order for number, buyer in enumerate(buyers) for order in _orders(shop, buyer, number)]
        session.add_all(orders)
        session.flush()
        session.add_all(_line(shop, order) for order in orders)
        for number, buyer in enumerate(buyers):
            session.add_all(_about(shop, group, buyer, number))
        create_offer(
            session, shop.id, "autumn-20", name="秋茶券", kind=OfferKind.AMOUNT, value=2000, minimum=9900,
            days_from_claim=14, at=NOW, actor="user:1",
        )  # fmt: skip


def order_times(number: int) -> list[datetime]:
    """Return when buyer `number` ordered: one to four times, the first up to eleven months ago."""
    times = 1 if number % 3 else 2 + number % 9 // 3
    first = NOW - timedelta(days=20 + number * 17 % 320)
    return [at for turn in range(times) if (at := first + timedelta(days=turn * (23 + number % 20))) < NOW]


def repeat_buyers() -> int:
    return sum(len(order_times(number)) > 1 for number in range(BUYERS))


def _add_person(session: Session, shop: Shop, role: Role) -> None:
    email, kept = f"{role}@{shop.slug}.example", CHEAP_HASHES.hash(PASSWORD)
    user = User(email=email, name=role, password_hash=kept, created_at=NOW)
    session.add(user)
    session.flush()
    session.add(Membership(shop_id=shop.id, user_id=user.id, role=role))


def _products(shop: Shop) -> list[Product]:
    return [
        Product(shop_id=shop.id, sku=sku, title=title, category="茶", price=price, stock=80, arrival_at=NOW)
        for sku, title, price in (("TEA-1", "凤凰单丛 秋茶 100 g", 12800), ("TEA-2", "Oolong sampler", 4900))
    ]


def _buyer(shop: Shop, number: int) -> Buyer:
    country, region, city = CITIES[number % len(CITIES)]
    return Buyer(
        shop_id=shop.id, external_id=f"B{number:04}", name=NAMES[number % len(NAMES)],
        email=f"buyer{number}@mail.example" if number % 10 else "", phone=f"1380000{number:04}",
        country=country, region=region, city=city, created_at=NOW,
    )  # fmt: skip


def _amounts(number: int) -> list[int]:
    return [4900 + 700 * ((number + turn) % 11) for turn in range(len(order_times(number)))]


def _orders(shop: Shop, buyer: Buyer, number: int) -> list[Order]:
    return [
        Order(
            shop_id=shop.id, source="taobao", external_id=f"{number}-{turn}", buyer_id=buyer.id,
            status=OrderStatus.PAID, paid_at=at, ordered_at=at, order_day=shop.day(at), amount=amount, items=1,
            counts=True, country=buyer.country, region=buyer.region, city=buyer.city,
        )
        for turn, (at, amount) in enumerate(zip(order_times(number), _amounts(number), strict=True))
    ]  # fmt: skip


def _line(shop: Shop, order: Order) -> OrderLine:
    return OrderLine(
        shop_id=shop.id, order_id=order.id, number=1, sku="TEA-2", title="Oolong sampler", category="茶",
        quantity=1, unit_price=order.amount, amount=order.amount,
    )  # fmt: skip


def _about(shop: Shop, group: Group, buyer: Buyer, number: int) -> list[SQLModel]:
    """Return what else is known of a buyer: the sums of the orders, consent, follow, group, today's parcel."""
    times = order_times(number)
    rows: list[SQLModel] = [
        BuyerAggregates(
            shop_id=shop.id, buyer_id=buyer.id, orders=len(times), order_days=len(times), spend=sum(_amounts(number)),
            items=len(times), first_at=times[0], last_at=times[-1], first_day=shop.day(times[0]),
            last_day=shop.day(times[-1]),
        )
    ]  # fmt: skip
    if number % 4:
        answer = Answer.OUT if number % 8 == 1 else Answer.IN
        rows.append(
            Consent(shop_id=shop.id, buyer_id=buyer.id, channel=Channel.EMAIL, source="checkout", at=NOW, answer=answer)
        )
    if number % 2:
        rows.append(Follow(shop_id=shop.id, buyer_id=buyer.id, followed_at=NOW - timedelta(days=number)))
    if number % 5 == 0:
        joined = NOW - timedelta(days=3)
        rows.append(GroupMember(shop_id=shop.id, group_id=group.id, buyer_id=buyer.id, joined_at=joined))
    if number < PARCELS * 2 and number % 2:
        rows.append(
            Parcel(
                shop_id=shop.id, waybill=f"SF13872046{number:04}", buyer_id=buyer.id, ship_day=shop.day(NOW),
                pick_position=number // 2 + 1,
            )
        )  # fmt: skip
    return rows
