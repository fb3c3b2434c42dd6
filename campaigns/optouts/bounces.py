"""Bounces and complaints: reports about addresses, with the response of the mail server."""

import hashlib
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint, event
from sqlmodel import Field, Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from retention.addresses import country_of, email_key, phone_key
from retention.consent import Channel
from retention.database import BigId, ShopRow, choice
from retention.paging import Page, Wanted, page_of, where_between, where_equal
from retention.privacy.personal import personal, quotes
from retention.privacy.retention_periods import KeptKind, forgets
from retention.shops import Shop
from retention.suppressions import spellings_of


class BounceKind(StrEnum):
    """What a report says.

    `hard`: the address takes nothing any more. `soft`: not this time. `complaint`: the buyer called it spam.
    `unmatched`: about no delivery of this shop. `unreadable`: no report that can be made out. `lifted`: was hard, and a
    person has allowed the address again.
    """

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    LIFTED = "lifted"


class Bounce(ShopRow, table=True):
    """One report about one address, in its one spelling (`retention.addresses`).

    `report` is the SHA-256 of the stored report as it came in; the same report twice is one row. A hard bounce
    suppresses its address until a person lifts it.
    """

    __tablename__ = "bounces"
    __table_args__ = (
        UniqueConstraint("shop_id", "report", "address"),
        Index(None, "shop_id", "channel", "address"),
        Index(None, "shop_id", "delivery_id"),
        Index(None, "shop_id", "id"),
    )

    channel: Channel = Field(sa_type=choice(Channel))
    kind: BounceKind = Field(sa_type=choice(BounceKind))
    address: str = Field(default="", max_length=254)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    delivery_id: int | None = Field(default=None, foreign_key="deliveries.id", sa_type=BigId)
    detail: str = Field(default="", max_length=500)
    report: str = Field(max_length=64)
    at: datetime


@event.listens_for(Bounce, "before_insert")
def _spell_address(_mapper: object, connection: sa.Connection, bounce: Bounce) -> None:
    if bounce.channel is Channel.SMS and bounce.address:
        shop = sa.select(col(Shop.timezone)).where(col(Shop.id) == bounce.shop_id)
        bounce.address = phone_key(bounce.address, country_of(connection.execute(shop).scalar_one()))
    else:
        bounce.address = email_key(bounce.address)


def bounced_addresses(shop_id: int, channel: Channel) -> SelectOfScalar[str]:
    """Return a SELECT of the addresses, each in its one spelling, that take nothing any more."""
    return select(Bounce.address).where(
        Bounce.shop_id == shop_id,
        Bounce.channel == channel,
        Bounce.kind == BounceKind.HARD,
    )


def is_known(session: Session, shop_id: int, raw: bytes) -> bool:
    """Tell whether a report has been taken before, byte for byte."""
    report = hashlib.sha256(raw).hexdigest()
    same = select(Bounce.id).where(Bounce.shop_id == shop_id, Bounce.report == report)
    return session.exec(same.limit(1)).first() is not None


def page_of_bounces(
    session: Session,
    shop_id: int,
    wanted: Wanted,
    *,
    kind: BounceKind | None = None,
    address: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Bounce]:
    """Return a page of a shop's reports, newest first; an address is meant however it is written."""
    found = where_equal(select(Bounce).where(Bounce.shop_id == shop_id), {col(Bounce.kind): kind})
    if address:
        found = found.where(col(Bounce.address).in_(spellings_of(session, shop_id, address)))
    found = where_between(found, col(Bounce.at), since, until)
    return page_of(session, found, wanted, col(Bounce.id), latest_first=True)


personal(
    Bounce,
    # What fits no delivery is about whoever's address it has.
    which=lambda who: sa.or_(
        col(Bounce.buyer_id) == who.id,
        sa.and_(
            col(Bounce.buyer_id).is_(None),
            sa.or_(col(Bounce.address).in_(who.addresses), quotes(col(Bounce.detail), who)),
        ),
    ),
    blank={"address": "", "detail": ""},
    files=("report",),
    addresses=("address",),
)
forgets(KeptKind.TEXTS, Bounce, moment="at", blank={"address": "", "detail": ""}, file="report")
