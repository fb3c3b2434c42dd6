"""Shops: the tenants. Everything else belongs to exactly one."""

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import event
from sqlmodel import Field, Session, SQLModel, select

from retention import clock
from retention.addresses import country_of
from retention.database import BigId
from retention.errors import Conflict, Invalid, NotFound
from retention.i18n import LANGUAGES
from retention.money import check_currency


class Shop(SQLModel, table=True):
    """A shop with the zone its days are counted in and the currency its money is in.

    `phones_of` is the country whose numbers the kept keys of telephones belong to (`retention.phone_renormalizing`).
    """

    __tablename__ = "shops"

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=200)
    timezone: str = Field(max_length=64)
    currency: str = Field(max_length=3)
    language: str = Field(default="zh-CN", max_length=8)
    phones_of: str = Field(default="", max_length=2, sa_column_kwargs={"server_default": sa.text("''")})
    created_at: datetime

    def day(self, at: datetime) -> int:
        """Return the calendar day of a moment in this shop's zone, as days since 1970-01-01."""
        return clock.local_day(at, self.timezone)


@event.listens_for(Shop, "before_insert")
def _spell_phones(_mapper: object, _connection: object, shop: Shop) -> None:
    shop.phones_of = country_of(shop.timezone)


def create_shop(
    session: Session, slug: str, *, name: str, timezone: str, currency: str, at: datetime, language: str = "zh-CN"
) -> Shop:
    """Add a shop. Conflict when the slug is taken; Invalid for a bad slug, zone, currency or language."""
    check_slug(slug)
    clock.zone(timezone)
    if language not in LANGUAGES:
        raise Invalid("{language} is not a supported language. Use en or zh-CN.", language=repr(language))
    if session.exec(select(Shop).where(Shop.slug == slug)).first():
        raise Conflict("A shop called {slug} already exists.", slug=slug)
    shop = Shop(
        slug=slug, name=name, timezone=timezone, currency=check_currency(currency), language=language, created_at=at
    )
    session.add(shop)
    session.flush()
    return shop


def find_shop(session: Session, slug: str) -> Shop:
    """Return the shop called `slug`; NotFound otherwise."""
    shop = session.exec(select(Shop).where(Shop.slug == slug)).first()
    if shop is None:
        raise NotFound("No shop is called {slug}. Create it with: regulars shop create {slug}", slug=slug)
    return shop


def get_shop(session: Session, shop_id: int) -> Shop:
    """Return the shop with this row number, which a row of the shop names."""
    return session.get_one(Shop, shop_id)


def check_slug(slug: str) -> str:
    """Return `slug` when it can stand in an address: lower-case letters, digits and dashes; Invalid otherwise."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", slug):
        raise Invalid(
            "{slug} cannot be used in an address. Use lower-case letters, digits and hyphens.",
            slug=repr(slug),
            field="slug",
        )
    return slug
