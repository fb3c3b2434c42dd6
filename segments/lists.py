"""Lists: buyers imported from a file, under a name that rules can use."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.addresses import email_key
from retention.bitmaps import ids_in
from retention.built_on import BroughtRows, at_undo
from retention.buyers import Buyer, mail_ids_as_stored
from retention.database import ShopRow
from retention.errors import Invalid, NotFound
from retention.i18n import gettext_noop
from retention.shops import check_slug
from retention.versions import Family, raise_version
from segments.conditions import one_of


class BuyerList(ShopRow, table=True):
    """An uploaded list of buyers. `members` is a serialized bitmap of buyer ids."""

    __tablename__ = "buyer_lists"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    members: bytes = Field(sa_type=LargeBinary)
    created_by: str = Field(max_length=64)
    created_at: datetime
    changed_at: datetime


@at_undo(gettext_noop("lists with them"))
def _lists_with(session: Session, brought: BroughtRows) -> int:
    members = session.exec(select(BuyerList.members).where(BuyerList.shop_id == brought.shop_id))
    return sum(brought.new_buyers.intersect(BitMap.deserialize(each)) for each in members)


def list_lists(session: Session, shop_id: int) -> list[BuyerList]:
    """Return all lists of a shop, by name."""
    query = select(BuyerList).where(BuyerList.shop_id == shop_id).order_by(BuyerList.name, BuyerList.slug)
    return list(session.exec(query))


def list_members(session: Session, shop_id: int, slug: str) -> BitMap:
    """Return the buyers on a list; NotFound when there is no such list."""
    query = select(BuyerList.members).where(BuyerList.shop_id == shop_id, BuyerList.slug == slug)
    members = session.exec(query).first()
    if members is None:
        raise NotFound("No list is called {slug}.", slug=slug)
    return BitMap.deserialize(members)


def save_list(
    session: Session, shop_id: int, slug: str, *, members: BitMap, actor: str, at: datetime, name: str = ""
) -> BuyerList:
    """Keep a set of buyers under a slug, new or in place of the one there."""
    check_slug(slug)
    query = select(BuyerList).where(BuyerList.shop_id == shop_id, BuyerList.slug == slug)
    found = session.exec(query.with_for_update()).first()
    if found is None:
        found = BuyerList(
            shop_id=shop_id, slug=slug, name=name or slug, members=b"", created_by=actor, created_at=at, changed_at=at
        )
        session.add(found)
    found.members, found.name, found.changed_at = members.serialize(), name or found.name, at
    session.flush()
    raise_version(session, shop_id, Family.SEGMENTS)
    after = {"buyers": len(members)}
    audit.record(session, shop_id, actor, action="list.save", subject=f"list:{slug}", at=at, after=after)
    return found


def buyers_called(session: Session, shop_id: int, external_ids: Iterable[str]) -> tuple[BitMap, list[str]]:
    """Return the buyers with these external ids, and the ids nobody has, in their order and once each.

    A mail address is found in any spelling.
    """
    wanted = list(dict.fromkeys(text.strip() for text in external_ids if text.strip()))
    if any("\0" in text for text in wanted):
        raise Invalid("A list of buyer IDs must be text, one ID per line.")
    query = sa.select(col(Buyer.id), col(Buyer.external_id)).where(
        col(Buyer.shop_id) == shop_id, one_of(session, col(Buyer.external_id), wanted or [""])
    )
    found = {external_id: buyer_id for buyer_id, external_id in session.execute(query)}
    unknown = [text for text in wanted if text not in found]
    if mails := [text for text in unknown if "@" in unicodedata.normalize("NFKC", text)]:
        others = _by_address(session, shop_id, mails)
        return BitMap(found.values()) | BitMap(others.values()), [text for text in unknown if text not in others]
    return BitMap(found.values()), unknown


def _by_address(session: Session, shop_id: int, mails: Sequence[str]) -> dict[str, int]:
    """Return the buyers whose ids are these mail addresses in another spelling, as an import would find them."""
    keys, stored = {text: email_key(text) for text in mails}, mail_ids_as_stored(session, shop_id)
    spelled = {name for key in set(keys.values()) for name in (key, *stored.get(key, [])[:1])}
    query = sa.select(col(Buyer.external_id), col(Buyer.id)).where(
        col(Buyer.shop_id) == shop_id, one_of(session, col(Buyer.external_id), sorted(spelled))
    )
    numbers = {row.external_id: row.id for row in session.execute(query)}
    meant = {text: next(filter(numbers.get, (key, *stored.get(key, [])[:1])), "") for text, key in keys.items()}
    return {text: numbers[name] for text, name in meant.items() if name}


def external_ids_of(session: Session, shop_id: int, sets: Iterable[BitMap]) -> dict[int, str]:
    """Return the external id of each buyer in any of the sets."""
    wanted = BitMap.union(BitMap(), *sets)
    query = sa.select(col(Buyer.id), col(Buyer.external_id)).where(
        col(Buyer.shop_id) == shop_id, col(Buyer.id).in_(ids_in(session, wanted))
    )
    return {row.id: row.external_id for row in session.execute(query)}


def external_ids(session: Session, shop_id: int, buyers: BitMap) -> list[str]:
    """Return the external ids of buyers, sorted as plain text."""
    everyone = sa.select(col(Buyer.id), col(Buyer.external_id)).where(col(Buyer.shop_id) == shop_id)
    return sorted(text for buyer_id, text in session.execute(everyone) if buyer_id in buyers)
