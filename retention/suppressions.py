"""Suppressions: addresses that have opted out. No buyer of the shop with such an address is sent anything.

A row is one no of one address, by mail or phone, from when it was said until a newer yes lifted it. It holds for buyers
who come later too, and stays when a buyer's address changes.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Index
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, col, select

from retention.addresses import LONGEST_EMAIL, country_of, email_key, is_number, phone_key
from retention.buyers import Buyer
from retention.channels import Channel
from retention.database import ShopRow, changed, choice, insert
from retention.errors import Invalid
from retention.paging import Page, Wanted, page_of, where_between, where_equal
from retention.privacy.personal import personal
from retention.shops import Shop
from retention.versions import Family, raise_version

KEY: dict[Channel, Any] = {Channel.EMAIL: col(Buyer.email_key), Channel.SMS: col(Buyer.phone_key)}
"""Where the one spelling of a buyer's address stands, of the channels that have addresses."""


class Suppression(ShopRow, table=True):
    """A suppressed address for a channel, or for one of its topics, with the evidence."""

    __tablename__ = "suppressions"
    __table_args__ = (
        Index(
            "uq_suppressions_holding",
            "shop_id",
            "channel",
            "topic",
            "address",
            unique=True,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
        Index(
            None,
            "shop_id",
            "id",
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
    )

    channel: Channel = Field(sa_type=choice(Channel))
    topic: str = Field(default="", max_length=64)
    address: str = Field(max_length=LONGEST_EMAIL)
    source: str = Field(max_length=100)
    wording: str = Field(default="", max_length=1000)
    at: datetime
    lifted_at: datetime | None = None


class OptOutSubject(NamedTuple):
    """What a no is about."""

    shop_id: int
    channel: Channel
    topic: str = ""


def suppress(
    session: Session, about: OptOutSubject, keys: Collection[str], *, source: str, wording: str = "", at: datetime
) -> None:
    """Let a no given at a moment hold for these addresses; a later one of the same address takes its place."""
    rows = [
        {**about._asdict(), "address": key, "source": source, "wording": wording, "at": at}
        for key in sorted(set(keys) - {""})
    ]
    if rows:
        _hold(session, rows)
        raise_version(session, about.shop_id, Family.CONSENTS)


def carry_over(session: Session, shop_id: int, channel: Channel, pairs: Collection[tuple[str, str]]) -> int:
    """Let opt-outs that hold for an old spelling, the first of each pair, hold for the new one; return how many."""
    new: dict[str, list[str]] = {}
    for old, key in sorted(pairs):
        new.setdefault(old, []).append(key)
    of = (Suppression.shop_id == shop_id, Suppression.channel == channel, col(Suppression.lifted_at).is_(None))
    held = session.exec(select(Suppression).where(*of, col(Suppression.address).in_(new))).all()
    rows = [
        {**each.model_dump(exclude={"id", "lifted_at"}), "address": key} for each in held for key in new[each.address]
    ]
    if rows:
        _hold(session, rows)
    return len(rows)


def _hold(session: Session, rows: list[dict[str, Any]]) -> None:
    """Add opt-outs that hold; a later one of the same address takes the place of the one there."""
    adding = insert(session, Suppression)
    later = {name: adding.excluded[name] for name in ("source", "wording", "at")}
    session.connection().execute(
        adding.on_conflict_do_update(
            index_elements=["shop_id", "channel", "topic", "address"],
            index_where=sa.text("lifted_at IS NULL"),
            set_=later,
            where=adding.excluded.at > col(Suppression.at),
        ),
        rows,
    )


def lift(session: Session, about: OptOutSubject, keys: Collection[str], *, at: datetime) -> int:
    """Let a yes given at a moment end what addresses said up to then; return how many it lifted."""
    lifting = sa.update(Suppression).where(*_holding(about), col(Suppression.address).in_(keys))
    lifted = changed(session, lifting.where(col(Suppression.at) <= at).values(lifted_at=at))
    if lifted:
        raise_version(session, about.shop_id, Family.CONSENTS)
    return lifted


def held_buyers(about: OptOutSubject, *, as_of: datetime | None = None) -> sa.Select[int]:
    """Return a SELECT of the buyers whose present address has said no; with `as_of`, had said it by then."""
    return (
        sa.select(col(Buyer.id))
        .join(Suppression, sa.and_(col(Suppression.shop_id) == Buyer.shop_id, same_address(about.channel)))
        .where(col(Buyer.shop_id) == about.shop_id, *_holding(about, as_of=as_of))
    )


def same_address(channel: Channel) -> sa.ColumnElement[bool]:
    """Return the condition that a suppression is of a buyer's present address."""
    return sa.and_(col(Suppression.address) == KEY[channel])


def is_held(session: Session, about: OptOutSubject, address: str) -> bool:
    """Tell whether an address, however written, has said no."""
    keys = keys_of(session, about.shop_id, about.channel, [address])
    return bool(keys) and session.execute(_select(about, keys)).first() is not None


def page_of_suppressions(
    session: Session,
    shop_id: int,
    wanted: Wanted,
    *,
    channel: Channel | None = None,
    topic: str | None = None,
    address: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Suppression]:
    """Return a page of the addresses that have said no, the latest first; an address is meant however it is written.

    An empty `topic` is a no to everything the channel brings.
    """
    found = select(Suppression).where(Suppression.shop_id == shop_id, col(Suppression.lifted_at).is_(None))
    found = where_equal(found, {col(Suppression.channel): channel})
    found = found if topic is None else found.where(Suppression.topic == topic)
    if address:
        found = found.where(col(Suppression.address).in_(spellings_of(session, shop_id, address)))
    found = where_between(found, col(Suppression.at), since, until)
    return page_of(session, found, wanted, col(Suppression.id), latest_first=True)


def spellings_of(session: Session, shop_id: int, address: str) -> set[str]:
    """Return the one spelling of an address, as mail and as a number."""
    return set().union(*(keys_of(session, shop_id, channel, [address]) for channel in KEY))


def keys_of(session: Session, shop_id: int, channel: Channel, addresses: Iterable[str]) -> set[str]:
    """Return the one spelling of addresses of a channel, without what is none."""
    written = [address for address in addresses if address]
    if channel is Channel.EMAIL:
        return {email_key(address) for address in written if "@" in address}
    if channel is not Channel.SMS or not written:
        return set()
    shop = session.get(Shop, shop_id)
    if shop is None:
        return set()
    country = country_of(shop.timezone)
    return {key for key in (phone_key(address, country) for address in written) if is_number(key)}


def key_of(session: Session, shop_id: int, channel: Channel, address: str) -> str:
    """Return the one spelling of an address; Invalid when it is none of the channel."""
    keys = keys_of(session, shop_id, channel, [address])
    if channel not in KEY:
        raise Invalid("{channel} has no addresses. Name the buyer.", channel=channel.value)
    if not keys:
        raise Invalid("{address} is not an address for {channel}.", address=repr(address), channel=channel.value)
    return keys.pop()


def buyers_at(shop_id: int, channel: Channel, keys: Collection[str]) -> sa.Select[int]:
    """Return a SELECT of the buyers who have one of these addresses."""
    return sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == shop_id, KEY[channel].in_(set(keys) - {""}))


def sharing_address(shop_id: int, channel: Channel, buyers: Any) -> sa.Select[int]:
    """Return a SELECT of whoever has the address of one of the buyers that a SELECT returns."""
    other = aliased(Buyer)
    theirs = sa.select(getattr(other, KEY[channel].key)).where(col(other.shop_id) == shop_id, col(other.id).in_(buyers))
    here = KEY[channel]
    return sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == shop_id, here != "", here.in_(theirs))


def _select(about: OptOutSubject, keys: Collection[str]) -> sa.Select[int]:
    return sa.select(col(Suppression.id)).where(*_holding(about), col(Suppression.address).in_(keys)).limit(1)


def _holding(about: OptOutSubject, *, as_of: datetime | None = None) -> list[sa.ColumnElement[bool]]:
    of = [
        col(Suppression.shop_id) == about.shop_id,
        col(Suppression.channel) == about.channel,
        col(Suppression.topic) == about.topic,
    ]
    lifted = col(Suppression.lifted_at)
    if as_of is None:
        return [*of, lifted.is_(None)]
    return [*of, col(Suppression.at) < as_of, sa.or_(lifted.is_(None), lifted >= as_of)]


personal(
    Suppression,
    which=lambda who: col(Suppression.address).in_(who.addresses),
    # A no that a yes has lifted holds nothing back any more.
    blank={
        "wording": "",
        "address": sa.case((col(Suppression.lifted_at).is_(None), col(Suppression.address)), else_=""),
    },
)
