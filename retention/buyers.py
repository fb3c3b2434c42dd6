"""Buyers: persons known to one shop by the shop's own external id."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint, event
from sqlmodel import Field, Session, col, select

from retention.access import Member
from retention.addresses import LONGEST_EMAIL, country_of, email_key, phone_country, phone_key
from retention.database import BigId, ShopRow, is_postgresql
from retention.errors import NotFound
from retention.privacy.personal import personal
from retention.shops import Shop


class Buyer(ShopRow, table=True):
    """A person at one shop. Country, region and city come from the latest paid order.

    `email_key` and `phone_key` are the addresses in their one spelling (`retention.addresses`), kept by whoever writes
    the addresses: rows of files by the import, others by the mapper itself.
    """

    __tablename__ = "buyers"
    __table_args__ = (
        UniqueConstraint("shop_id", "external_id"),
        Index(None, "shop_id", "email_key"),
        Index(None, "shop_id", "phone_key"),
        {"sqlite_autoincrement": True},
    )

    external_id: str = Field(max_length=200)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254)
    phone: str = Field(default="", max_length=32)
    email_key: str = Field(default="", max_length=254, sa_column_kwargs={"server_default": sa.text("''")})
    phone_key: str = Field(default="", max_length=32, sa_column_kwargs={"server_default": sa.text("''")})
    language: str = Field(default="", max_length=8)
    birthday: date | None = None
    country: str = Field(default="", max_length=100)
    region: str = Field(default="", max_length=100)
    city: str = Field(default="", max_length=100)
    timezone: str = Field(default="", max_length=64)
    created_at: datetime


class FormerAddress(ShopRow, table=True):
    """An address a buyer had, in its one spelling: an erasure looks for what was said about it too."""

    __tablename__ = "former_addresses"
    __table_args__ = (UniqueConstraint("shop_id", "buyer_id", "address"),)

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    address: str = Field(max_length=LONGEST_EMAIL)


@event.listens_for(Buyer, "before_insert")
@event.listens_for(Buyer, "before_update")
def _spell_addresses(_mapper: object, connection: sa.Connection, buyer: Buyer) -> None:
    buyer.email_key = email_key(buyer.email)
    shop = sa.select(col(Shop.timezone)).where(col(Shop.id) == buyer.shop_id)
    country = country_of(connection.execute(shop).scalar_one()) if buyer.phone else ""
    buyer.phone_key = phone_key(buyer.phone, phone_country(buyer.country or "", country))


@event.listens_for(Buyer, "before_update")
def _keep_former(_mapper: object, connection: sa.Connection, buyer: Buyer) -> None:
    attributes = sa.inspect(buyer).attrs
    former = {each for name in ("email_key", "phone_key") for each in attributes[name].history.deleted or () if each}
    known = sa.select(col(FormerAddress.address)).where(
        col(FormerAddress.shop_id) == buyer.shop_id, col(FormerAddress.buyer_id) == buyer.id
    )
    for address in sorted(former - set(connection.execute(known).scalars()) if former else ()):
        values = {"shop_id": buyer.shop_id, "buyer_id": buyer.id, "address": address}
        connection.execute(sa.insert(FormerAddress).values(values))


def buyer_for(session: Session, member: Member, external_id: str) -> Buyer:
    """Return the member's shop's buyer with this external id, a mail address in any spelling; NotFound otherwise."""
    here = select(Buyer).where(Buyer.shop_id == member.shop_id)
    found = session.exec(here.where(Buyer.external_id == external_id)).first()
    if found is None and "@" in (key := email_key(external_id)):
        found = session.exec(here.where(Buyer.external_id == key)).first()
        if found is None and (stored := mail_ids_as_stored(session, member.shop_id).get(key)):
            found = session.exec(here.where(Buyer.external_id == stored[0])).first()
    if found is None:
        raise NotFound("No buyer has the id {external_id}.", external_id=external_id)
    return found


def mail_ids_as_stored(session: Session, shop_id: int) -> dict[str, list[str]]:
    """Return the ids that are mail addresses and stand as they were written before these had one spelling.

    By that spelling; the oldest buyer first. They are few or none.
    """
    written = col(Buyer.external_id)
    octets = (
        sa.func.octet_length(written) if is_postgresql(session) else sa.func.length(sa.cast(written, sa.LargeBinary))
    )
    ascii_ones = sa.and_(
        written.like("%@%"), sa.or_(written != sa.func.lower(written), written.like("% %"), written.like("%."))
    )
    others = sa.and_(octets != sa.func.length(written), sa.or_(written.like("%@%"), written.like("%＠%")))
    rows = select(Buyer.external_id).where(Buyer.shop_id == shop_id, sa.or_(ascii_ones, others)).order_by(col(Buyer.id))
    stored: dict[str, list[str]] = {}
    for external_id in session.exec(rows):
        if (key := email_key(external_id)) != external_id:
            stored.setdefault(key, []).append(external_id)
    return stored


def buyer_numbered(session: Session, shop_id: int, number: int) -> Buyer | None:
    """Return a shop's buyer by the row number; None where there is none any more, and for another shop's."""
    found = session.get(Buyer, number)
    return found if found and found.shop_id == shop_id else None


def get_buyer(session: Session, number: int) -> Buyer:
    """Return the buyer with this row number, which a row of the shop names."""
    return session.get_one(Buyer, number)


def has_buyers(session: Session, shop_id: int) -> bool:
    """Tell whether a shop has any buyer yet."""
    return session.exec(select(Buyer.id).where(Buyer.shop_id == shop_id).limit(1)).first() is not None


def count_buyers(session: Session, shop_id: int) -> int:
    """Return how many buyers a shop has."""
    return session.exec(select(sa.func.count()).select_from(Buyer).where(Buyer.shop_id == shop_id)).one()


def masked_name(name: str) -> str:
    """Return a name as the packing station may show it: 林**, A***."""
    return f"{name[0]}{'*' * min(max(len(name) - 1, 1), 3)}" if name else ""


def masked_email(email: str) -> str:
    """Return an address that its owner recognises and nobody else can use: l***@example.com."""
    local, at_sign, domain = email.partition("@")
    return f"{local[:1]}***{at_sign}{domain}" if email else ""


def masked_phone(phone: str) -> str:
    """Return a phone number with its middle hidden: 138****8815."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 7 else "****" if phone else ""


personal(
    Buyer,
    which=lambda who: col(Buyer.id) == who.id,
    blank=dict.fromkeys(("name", "email", "phone", "email_key", "phone_key", "region", "city"), "")
    | {"birthday": None},
)
personal(FormerAddress, delete=True, addresses=("address",))
