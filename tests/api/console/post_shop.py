"""The sample shop with manual posts and arrivals."""

import io
from datetime import timedelta
from typing import Any

from PIL import Image
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import Post
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from retention.buyers import Buyer
from retention.database import transaction
from retention.files import FileStore
from retention.followers_and_groups import Group, GroupMember
from retention.orders import Order, OrderLine, OrderStatus
from retention.products import Product
from retention.shops import Shop, find_shop
from tests.api.console import sample

HOME = "/shops/camellia"
TEXT = {
    "en": {"subject": "The autumn Dancong is here", "body": "100 g at {{ product.price }}, picked in October."},
    "zh-CN": {"subject": "凤凰单丛秋茶到店", "body": "十月新采，100 克 {{ product.price }}，群友先得。"},
}


def picture(colour: str = "#b8410f", size: tuple[int, int] = (640, 480)) -> bytes:
    """Return a JPEG of one colour with a note in its metadata, as phones leave one."""
    drawn, kept = Image.new("RGB", size, colour), Image.Exif()
    kept[0x010E] = "taken at home"
    out = io.BytesIO()
    drawn.save(out, "JPEG", exif=kept)
    return out.getvalue()


def fill(engine: Engine, files: FileStore) -> None:
    """Add to the sample shop: a second group, pictures, what is coming and sold out, and sales of what is here."""
    sample.fill(engine)
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        tea = session.exec(select(Product).where(Product.sku == "TEA-1")).one()
        tea.picture = files.put(picture())
        tea.arrival_at = sample.NOW - timedelta(hours=30)
        vips = Group(shop_id=shop.id, slug="vips", name="单丛品鉴群", created_at=sample.NOW)
        session.add_all([vips, *_more_products(shop)])
        session.flush()
        buyers = session.exec(select(Buyer).where(col(Buyer.external_id).in_(["B0001", "B0002", "B0003"]))).all()
        for buyer in buyers:
            member = GroupMember(shop_id=shop.id, group_id=vips.id, buyer_id=buyer.id, joined_at=sample.NOW)
            session.add_all([member, _sale(shop, buyer)])
        session.flush()
        for order in session.exec(select(Order).where(Order.source == "today")).all():
            line = {"sku": "TEA-1", "title": tea.title, "category": "茶", "quantity": 1}
            session.add(OrderLine(shop_id=shop.id, order_id=order.id, number=1, unit_price=12800, amount=12800, **line))


def _more_products(shop: Shop) -> list[Product]:
    day = timedelta(days=1)
    rows = (("TEA-3", "大红袍 冬至限定礼盒", 26800, 60, 5 * day), ("TEA-4", "Osmanthus oolong 50 g", 5900, 0, -9 * day))
    return [
        Product(shop_id=shop.id, sku=sku, title=title, category="茶", brand="山茶", price=price, stock=stock,
                arrival_at=sample.NOW + delay)
        for sku, title, price, stock, delay in rows
    ]  # fmt: skip


def _sale(shop: Shop, buyer: Buyer) -> Order:
    at = sample.NOW - timedelta(hours=26)
    return Order(
        shop_id=shop.id, source="today", external_id=buyer.external_id, buyer_id=buyer.id, status=OrderStatus.PAID,
        paid_at=at, ordered_at=at, order_day=shop.day(at), amount=12800, items=1, counts=True,
    )  # fmt: skip


def post_campaign(
    session: Session, slug: str = "dancong", *, to: str = "groups", name: str = "单丛上新", **values: Any
) -> Campaign:
    """Launch an alert about the first tea that people post, to everybody in the two groups unless said otherwise."""
    shop = find_shop(session, "camellia")
    tea = session.exec(select(Product).where(Product.sku == "TEA-1")).one()
    audience = {"any": [{"group": {"slug": "tea-friends"}}, {"group": {"slug": "vips"}}]}
    row = create_campaign(
        session,
        shop,
        Draft(
            slug,
            recipe=Recipe.ARRIVAL_ALERT,
            name=name,
            product_id=tea.id,
            content=TEXT,
            policy={"control_share": 0.0, "caps": [], "posts_to": to},
            **{"audience": audience} | values,
        ),
        at=sample.NOW,
        actor="user:1",
    )
    row.medium = Medium.ASSISTED
    session.add(row)
    session.flush()
    launch(session, shop, row, at=sample.NOW, actor="user:1")
    return row


def posts_of(session: Session) -> list[Post]:
    return list(session.exec(select(Post).order_by(col(Post.id))))
