"""The audit log: who did what to which thing when, with the values before and after. Rows are added, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, Session, SQLModel

from retention.database import BigId, Json


class AuditEntry(SQLModel, table=True):
    """One thing somebody did."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "shop_id", "at"), Index(None, "shop_id", "subject"))

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    shop_id: int | None = Field(default=None, foreign_key="shops.id", sa_type=BigId)
    at: datetime
    actor: str = Field(max_length=64)
    action: str = Field(max_length=64)
    subject: str = Field(max_length=128)
    before: dict[str, Any] | None = Field(default=None, sa_type=Json)
    after: dict[str, Any] | None = Field(default=None, sa_type=Json)


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
