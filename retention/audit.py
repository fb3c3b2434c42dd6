"""The audit log: who did what to which thing when, with the values before and after. Rows are added, never changed."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, Session, SQLModel

from retention.database import BigId, Json

LONGEST_SUBJECT = 128


class AuditEntry(SQLModel, table=True):
    """One change and its actor."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "shop_id", "at"), Index(None, "shop_id", "subject"))

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    shop_id: int | None = Field(default=None, foreign_key="shops.id", sa_type=BigId)
    at: datetime
    actor: str = Field(max_length=64)
    action: str = Field(max_length=64)
    subject: str = Field(max_length=LONGEST_SUBJECT)
    before: dict[str, Any] | None = Field(default=None, sa_type=Json)
    after: dict[str, Any] | None = Field(default=None, sa_type=Json)


def of_buyer(external_id: str) -> str:
    """Return how an entry says that it is about a buyer, by the id the shop knows them by."""
    return _subject("buyer", external_id)


def of_buyer_row(number: int) -> str:
    """Return how an entry says that it is about a buyer without naming them: by the row's number."""
    return f"buyer-row:{number}"  # an id may be a number too, so this is another word


def of_address(key: str) -> str:
    """Return how an entry says that it is about an address, in its one spelling."""
    return _subject("address", key)


def _subject(kind: str, name: str) -> str:
    """Return a subject that fits; what is too long ends in its digest, so that no two are the same."""
    whole = f"{kind}:{name}"
    if len(whole) <= LONGEST_SUBJECT:
        return whole
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{whole[: LONGEST_SUBJECT - len(digest) - 1]}~{digest}"


def record(
    session: Session,
    shop_id: int | None,
    actor: str,
    *,
    action: str,
    subject: str,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write down that `actor` did `action` to `subject`, in the transaction that does it."""
    session.add(
        AuditEntry(shop_id=shop_id, at=at, actor=actor, action=action, subject=subject, before=before, after=after)
    )
