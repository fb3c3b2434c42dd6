"""Buyers who were erased: a keyed hash of their id is kept, so that the next file does not bring them back.

The hash needs the installation's secret to be made, and tells nobody who it was. Orders of an erased buyer go on
counting under the row that is left; whatever else a file says of them is left out, with the reason.
"""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention.buyers import Buyer
from retention.database import BigId, ShopRow
from retention.settings import get_settings
from retention.shops import Shop


class ErasedBuyer(ShopRow, table=True):
    """One erasure: the hash of the id the shop knew the person by, and the row that was left."""

    __tablename__ = "erased_buyers"
    __table_args__ = (UniqueConstraint("shop_id", "digest"),)

    digest: str = Field(max_length=64)
    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    at: datetime
    actor: str = Field(max_length=64)


def digest_of(shop_id: int, external_id: str) -> str:
    """Return HMAC-SHA256 of a buyer's id under the installation's secret."""
    said = f"erased:{shop_id}:{_spelled(external_id)}".encode()
    return hmac.new(get_settings().signing_key(), said, hashlib.sha256).hexdigest()


def _spelled(external_id: str) -> str:
    """Return an id without what spreadsheets and copying put around it: ="…", ', blanks, hidden marks, wide signs."""
    text = unicodedata.normalize("NFKC", external_id)
    text = "".join(letter for letter in text if unicodedata.category(letter) not in {"Cf", "Cc"}).strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'").strip()


@dataclass(frozen=True)
class Erased:
    """The erased buyers of a shop: what is left of them, by the hash of who they were."""

    shop_id: int
    left: dict[str, str]

    def tombstone(self, external_id: str | None) -> str | None:
        """Return the id of what is left of an erased buyer; None for everybody else."""
        return self.left.get(digest_of(self.shop_id, external_id)) if external_id else None


def erased_of(session: Session, shop: Shop) -> Erased:
    """Return the erased buyers of a shop."""
    rows = select(ErasedBuyer.digest, Buyer.external_id).join(Buyer, col(Buyer.id) == ErasedBuyer.buyer_id)
    return Erased(shop.id, dict(session.exec(rows.where(ErasedBuyer.shop_id == shop.id)).all()))
