"""Erased buyers: a keyed hash of their id is kept, so that later imports do not add them again.

The hash needs the installation's secret to be made, and tells nobody who it was. Orders of an erased buyer go on
counting under the row that is left; whatever else a file says of them is left out, with the reason.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import tokens
from retention.buyers import Buyer
from retention.database import BigId, ShopRow
from retention.settings import get_settings
from retention.shops import Shop

_TOMBSTONE = "erased-"
"""What ids of rows begin with that an erasure left. A shop may give such ids itself: only the table says who is."""


class ErasedBuyer(ShopRow, table=True):
    """One erasure: the hash of the buyer's external id, and the remaining row."""

    __tablename__ = "erased_buyers"
    __table_args__ = (UniqueConstraint("shop_id", "digest"), Index(None, "shop_id", "buyer_id"))

    digest: str = Field(max_length=64)
    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    at: datetime
    actor: str = Field(max_length=64)


def digest_of(shop_id: int, external_id: str) -> str:
    """Return HMAC-SHA256 of a buyer's id under the installation's secret; of a mail address in any case the same."""
    return _digest(shop_id, _folded(_spelled(external_id)), get_settings().signing_key())


def _digest(shop_id: int, identifier: str, key: bytes) -> str:
    return hmac.digest(key, f"erased:{shop_id}:{identifier}".encode(), hashlib.sha256).hex()


def _spelled(external_id: str) -> str:
    """Return an id without what spreadsheets and copying put around it: ="…", ', blanks, hidden marks, wide signs."""
    text = external_id
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFKC", text)
        text = "".join(letter for letter in text if unicodedata.category(letter) not in {"Cf", "Cc"})
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'").strip()


def _folded(spelled: str) -> str:
    """Return a mail address without case; other ids may differ by their case alone."""
    return spelled.casefold() if "@" in spelled else spelled


@dataclass(frozen=True)
class Erased:
    """The erased buyers of a shop: what is left of them, by the hash of who they were."""

    shop_id: int
    left: dict[str, str]
    key: bytes
    tombstones: frozenset[str]

    def tombstone(self, external_id: str | None) -> str | None:
        """Return the id of what is left of an erased buyer, also for that id itself; None for everybody else."""
        if not external_id or not self.left:
            return None
        spelled = _spelled(external_id)
        if spelled in self.tombstones:
            return spelled
        # Hashes of earlier releases were made of mail addresses as they were written.
        found = (self.left.get(_digest(self.shop_id, each, self.key)) for each in {_folded(spelled), spelled})
        return next(filter(None, found), None)


def erased_of(session: Session, shop: Shop) -> Erased:
    """Return the erased buyers of a shop."""
    rows = select(ErasedBuyer.digest, Buyer.external_id).join(Buyer, col(Buyer.id) == ErasedBuyer.buyer_id)
    left = dict(session.exec(rows.where(ErasedBuyer.shop_id == shop.id)).all())
    return Erased(shop.id, left, get_settings().signing_key(), frozenset(left.values()))


def is_erased(session: Session, buyer: Buyer) -> bool:
    """Tell whether a buyer's row is what an erasure left."""
    found = select(ErasedBuyer.id).where(ErasedBuyer.shop_id == buyer.shop_id, ErasedBuyer.buyer_id == buyer.id)
    return session.exec(found.limit(1)).first() is not None


def erased_since(session: Session, shop_id: int, at: datetime) -> bool:
    """Tell whether anybody of a shop was erased at a moment or later."""
    found = select(ErasedBuyer.id).where(ErasedBuyer.shop_id == shop_id, ErasedBuyer.at >= at)
    return session.exec(found.limit(1)).first() is not None


def same_person(session: Session, buyer: Buyer) -> list[Buyer]:
    """Return the buyer, and whoever has the same mail address for an id in other letters; the one asked for first."""
    if "@" not in buyer.external_id:
        return [buyer]
    alike = sa.func.lower(col(Buyer.external_id)) == sa.func.lower(buyer.external_id)
    others = select(Buyer).where(Buyer.shop_id == buyer.shop_id, alike, Buyer.id != buyer.id)
    folded = _folded(buyer.external_id)
    return [buyer, *(each for each in session.exec(others) if _folded(each.external_id) == folded)]


def bury(session: Session, buyer: Buyer, *, at: datetime, actor: str) -> None:
    """Remember that a buyer was erased, and give the row that is left an id that nobody has."""
    shop_id, digest = buyer.shop_id, digest_of(buyer.shop_id, buyer.external_id)
    known = select(ErasedBuyer.id).where(ErasedBuyer.shop_id == shop_id, ErasedBuyer.digest == digest)
    if session.exec(known).first() is not None:  # the same address in other letters leads to the first row
        digest = hmac.digest(get_settings().signing_key(), f"erased row:{buyer.id}".encode(), hashlib.sha256).hex()
    session.add(ErasedBuyer(shop_id=shop_id, digest=digest, buyer_id=buyer.id, at=at, actor=actor))
    taken = select(Buyer.id).where(Buyer.shop_id == shop_id)
    free = (each for each in _new_ids() if not session.exec(taken.where(Buyer.external_id == each)).first())
    buyer.external_id = next(free)
    session.add(buyer)
    session.flush()


def _new_ids() -> Iterator[str]:
    while True:
        yield f"{_TOMBSTONE}{tokens.new_secret()[:16].lower()}"
