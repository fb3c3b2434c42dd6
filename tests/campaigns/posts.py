"""What tests of posts put on the stage: groups, their bots, campaigns that are posted, people who post."""

from typing import Any

from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery, Recipe, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import Post
from campaigns.channels.senders import Sender
from campaigns.posts import manual_posts
from campaigns.runs.launch import launch
from retention.access import ROLE_SCOPES, Member, Role
from retention.followers_and_groups import Group
from retention.touches import Touch, TouchEvent
from retention.users import User
from tests.campaigns.conftest import NOON, Stage
from tests.factories import add_bot, add_group

SITE = "https://r.example.cn"
WORDS = {"en": {"subject": "Spring tea", "body": "Fresh from the hill, says {{ shop.name }}."}}


def group(stage: Stage, slug: str, *buyers: int) -> Group:
    return add_group(stage.session, stage.shop, slug, *buyers, at=NOON)


def bot(stage: Stage, slug: str) -> Sender:
    return add_bot(stage.session, stage.shop, slug, at=NOON)


def posted(stage: Stage, medium: Medium, slug: str = "drop", *, to: str = "groups", **values: Any) -> Campaign:
    """Draft a campaign to everybody about a product, by posts; `to` says where people post."""
    policy = ({"posts_to": to} if medium is Medium.ASSISTED else {}) | values.pop("policy", {})
    product = stage.product(f"SKU-{slug}", picture="ab" * 32)
    row = stage.draft(slug, Recipe.ARRIVAL_ALERT, product_id=product.id, policy=policy, **({"content": WORDS} | values))
    row.medium = medium
    stage.session.add(row)
    stage.session.flush()
    return row


def launched(stage: Stage, row: Campaign) -> Run:
    return launch(stage.session, stage.shop, row, at=NOON, actor="user:1")


def posts_of(session: Session) -> list[Post]:
    return list(session.exec(select(Post).order_by(col(Post.id))))


def states(session: Session, *buyers: int) -> list[str]:
    """Return the states of these buyers' deliveries, with the reason where there is one."""
    session.expire_all()
    rows = session.exec(select(Delivery).where(col(Delivery.buyer_id).in_(buyers)).order_by(col(Delivery.buyer_id)))
    return [f"{row.state}:{row.reason}".rstrip(":") for row in rows]


def person(session: Session, name: str = "Lin", *, role: Role = Role.MARKETER, shop_id: int = 1) -> Member:
    user = User(email=f"{name}@shop.example", name=name, password_hash="-", created_at=NOON)
    session.add(user)
    session.flush()
    return Member(shop_id, f"user:{user.id}", ROLE_SCOPES[role], user.id, role)


def take(stage: Stage, who: Member, number: int, **values: Any) -> Any:
    at = values.pop("at", NOON)
    return manual_posts.take_post(stage.session, stage.shop, who, number, public_url=SITE, at=at)


def sent_touches(session: Session) -> int:
    return session.exec(select(func.count()).where(Touch.event == TouchEvent.SENT)).one()
