"""Topics: subjects of messages from which buyers can unsubscribe separately."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from retention import audit
from retention.database import Json, ShopRow
from retention.errors import Conflict, Invalid, NotFound
from retention.i18n import LANGUAGES
from retention.paging import Page, Wanted, page_of, where_named
from retention.shops import Shop, check_slug

LONGEST_NAME = 60


class Topic(ShopRow, table=True):
    """A topic with its name per language, as the unsubscribe page lists it."""

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    names: dict[str, Any] = Field(sa_type=Json)
    position: int = 0

    def name(self, language: str) -> str:
        """Return its name in a language, else in the first it has."""
        found = self.names.get(language) or next(iter(self.names.values()), self.slug)
        return str(found)


def create_topic(
    session: Session, shop: Shop, slug: str, *, names: Mapping[str, str], at: datetime, actor: str
) -> Topic:
    """Add a topic at the end of the list. Conflict when the slug is taken; Invalid for a name that cannot be shown."""
    if session.exec(select(Topic.id).where(Topic.shop_id == shop.id, Topic.slug == slug)).first():
        raise Conflict("This shop already has a topic called {slug}.", slug=slug)
    last = session.exec(select(func.max(Topic.position)).where(Topic.shop_id == shop.id)).one()
    topic = Topic(shop_id=shop.id, slug=check_slug(slug), names=_checked(names), position=(last or 0) + 1)
    session.add(topic)
    session.flush()
    audit.record(session, shop.id, actor, action="topic.create", subject=f"topic:{slug}", after=topic.names, at=at)
    return topic


def rename_topic(session: Session, topic: Topic, *, names: Mapping[str, str], at: datetime, actor: str) -> None:
    """Give a topic other names; its slug, and with it what buyers said about it, stays."""
    before, topic.names = topic.names, _checked(names)
    session.add(topic)
    session.flush()
    audit.record(
        session,
        topic.shop_id,
        actor,
        action="topic.rename",
        subject=f"topic:{topic.slug}",
        before=before,
        after=topic.names,
        at=at,
    )


def find_topic(session: Session, shop_id: int, slug: str) -> Topic:
    """Return a shop's topic; NotFound otherwise."""
    found = session.exec(select(Topic).where(Topic.shop_id == shop_id, Topic.slug == slug)).first()
    if found is None:
        raise NotFound("No topic is called {slug}.", slug=slug)
    return found


def page_of_topics(session: Session, shop_id: int, wanted: Wanted, *, text: str = "") -> Page[Topic]:
    """Return a page of a shop's topics in their order; `text` is in their slug."""
    found = where_named(select(Topic).where(Topic.shop_id == shop_id), text, col(Topic.slug))
    return page_of(session, found, wanted, col(Topic.position), col(Topic.id))


def topics_of(session: Session, shop_id: int) -> list[Topic]:
    """Return a shop's topics in their order."""
    return list(
        session.exec(select(Topic).where(Topic.shop_id == shop_id).order_by(col(Topic.position), col(Topic.id)))
    )


def _checked(names: Mapping[str, str]) -> dict[str, str]:
    kept = {language: " ".join(name.split()) for language, name in names.items() if name.strip()}
    if not kept or not set(kept) <= set(LANGUAGES) or any(len(name) > LONGEST_NAME for name in kept.values()):
        raise Invalid(
            "A topic needs a name of up to {most} characters in English, Chinese or both.",
            most=LONGEST_NAME,
            field="en",
        )
    return kept
