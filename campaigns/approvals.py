"""Approvals: who put a campaign up for review, who decided, and the fingerprint they decided on."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from retention.database import BigId, ShopRow, choice


class Verdict(StrEnum):
    """What came of a review; `void` when the campaign was changed afterwards."""

    PENDING = "pending"
    APPROVED = "approved"
    SENT_BACK = "sent_back"
    VOID = "void"


class CampaignApproval(ShopRow, table=True):
    """One review of one campaign. `fingerprint` is the SHA-256 of content, rules, terms and time."""

    __tablename__ = "campaign_approvals"
    __table_args__ = (Index(None, "shop_id", "campaign_id", "id"),)

    campaign_id: int = Field(foreign_key="campaigns.id", sa_type=BigId)
    fingerprint: str = Field(max_length=64)
    verdict: Verdict = Field(default=Verdict.PENDING, sa_type=choice(Verdict))
    submitted_by: str = Field(max_length=64)
    submitted_at: datetime
    decided_by: str = Field(default="", max_length=64)
    decided_at: datetime | None = None
    note: str = Field(default="", max_length=500)
