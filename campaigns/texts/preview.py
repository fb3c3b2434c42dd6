"""Preview: the buyers for whom a message is shown."""

from pyroaring import BitMap
from sqlmodel import Session

from retention.buyers import Buyer


def first_of(session: Session, buyers: BitMap) -> Buyer | None:
    """Return the buyer of a set to preview with, or None when it is empty."""
    return session.get(Buyer, buyers.min()) if buyers else None
