"""Approvals: who submitted a campaign for review, who decided, and the fingerprint that was approved."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Index
from sqlmodel import Field, Session, col, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.shop_policy import shop_policy
from campaigns.plans.planning import promise
from retention.database import BigId, ShopRow, choice
from retention.errors import Conflict
from retention.moments import show_moment
from retention.shops import Shop


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


def reviews_of(session: Session, campaign: Campaign) -> list[CampaignApproval]:
    """Return the reviews of a campaign, the latest first."""
    found = select(CampaignApproval).where(
        CampaignApproval.shop_id == campaign.shop_id, CampaignApproval.campaign_id == campaign.id
    )
    return list(session.exec(found.order_by(col(CampaignApproval.id).desc())))


def is_approved(session: Session, campaign: Campaign, fingerprint: str) -> bool:
    """Tell whether somebody approved exactly this promise and nothing has changed since."""
    latest = next(iter(reviews_of(session, campaign)), None)
    return latest is not None and latest.verdict is Verdict.APPROVED and latest.fingerprint == fingerprint


def require_approval(session: Session, shop: Shop, campaign: Campaign, *, at: datetime | None) -> None:
    """Raise Conflict where the shop asks for approval and this campaign has none for a launch at `at`.

    With a moment, it was approved for that moment: a launch comes no sooner. None stands for whatever its trigger says.
    """
    if not shop_policy(session, shop).approval_required:
        return
    if not is_approved(session, campaign, promise(session, campaign)):
        raise Conflict("Campaigns of this shop need approval. Submit this one for approval by another user.")
    if at and campaign.scheduled_at and at < campaign.scheduled_at:
        approved = show_moment(campaign.scheduled_at, shop.timezone)
        raise Conflict("It was approved for {moment}. Another time needs a new approval.", moment=approved)


def void_reviews(session: Session, campaign: Campaign) -> None:
    """Take the open and the given approvals of a campaign back: what they named is not what it is any more."""
    session.execute(
        sa.update(CampaignApproval)
        .where(
            col(CampaignApproval.shop_id) == campaign.shop_id,
            col(CampaignApproval.campaign_id) == campaign.id,
            col(CampaignApproval.verdict).in_((Verdict.PENDING, Verdict.APPROVED)),
        )
        .values(verdict=Verdict.VOID)
    )
