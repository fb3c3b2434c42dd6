"""Approving: an author submits a campaign, and another user approves exactly that or sends it back.

An approval names the fingerprint of the promise. Whoever drafted, changed or submitted a campaign is its author; where
the shop asks for approval no author approves, be it a person, a key or somebody at a terminal.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.campaign import lifecycle
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.lifecycle import CampaignMove
from campaigns.campaign.shop_policy import shop_policy
from campaigns.deliveries.campaign_moves import move
from campaigns.plans.planning import promise
from campaigns.runs.approvals import CampaignApproval, Verdict, reviews_of
from retention.audit import AuditEntry
from retention.database import lock
from retention.errors import Conflict, Forbidden
from retention.shops import Shop


def submit(session: Session, shop: Shop, campaign: Campaign, *, at: datetime, actor: str) -> CampaignApproval:
    """Put a draft up for review as it is now, its moment included; Conflict when it is no draft."""
    move(session, campaign, CampaignMove.SUBMIT, at=at, actor=actor)
    review = CampaignApproval(
        shop_id=shop.id,
        campaign_id=campaign.id,
        fingerprint=promise(session, campaign),
        submitted_by=actor,
        submitted_at=at,
    )
    session.add(review)
    session.flush()
    return review


def approve(
    session: Session,
    shop: Shop,
    campaign: Campaign,
    *,
    at: datetime,
    actor: str,
    fingerprint: str | None = None,
    note: str = "",
) -> CampaignApproval:
    """Say yes to what was submitted.

    Conflict when it is not up for review or has changed since it was submitted, or since the `fingerprint` its
    approver saw; Forbidden for an author, where the shop asks for approval.
    """
    lock(session, campaign)  # an edit at the same time waits, then voids this; or was first, and this is refused
    lifecycle.after(CampaignMove.APPROVE, campaign.state, medium=campaign.medium)
    review, promised = reviews_of(session, campaign)[0], promise(session, campaign)
    if review.fingerprint != promised or (fingerprint and fingerprint != promised):
        raise Conflict("It changed after it was submitted. Return it to draft, review it again, then approve.")
    if shop_policy(session, shop).approval_required and actor in authors_of(session, campaign):
        raise Forbidden("You cannot approve your own campaign. Ask another user of the shop.")
    move(session, campaign, CampaignMove.APPROVE, at=at, actor=actor)
    return _decide(session, review, Verdict.APPROVED, at=at, actor=actor, note=note)


def send_back(
    session: Session,
    shop: Shop,  # noqa: ARG001 - the three moves of a review are called alike
    campaign: Campaign,
    *,
    at: datetime,
    actor: str,
    note: str = "",
) -> CampaignApproval | None:
    """Make it a draft again, saying why; what was approved is so no more. Return its review, if it had one."""
    move(session, campaign, CampaignMove.SEND_BACK, at=at, actor=actor)
    campaign.looked_until = campaign.started_at = None
    session.add(campaign)
    review = next(iter(reviews_of(session, campaign)), None)
    if review is None or review.verdict not in {Verdict.PENDING, Verdict.APPROVED}:
        return None
    return _decide(session, review, Verdict.SENT_BACK, at=at, actor=actor, note=note)


def authors_of(session: Session, campaign: Campaign) -> set[str]:
    """Return everybody who drafted, changed or submitted a campaign."""
    changed = select(AuditEntry.actor).where(
        AuditEntry.shop_id == campaign.shop_id,
        AuditEntry.subject == f"campaign:{campaign.slug}",
        col(AuditEntry.action).in_(("campaign.create", "campaign.edit", "campaign.submit")),
    )
    return {campaign.created_by, *session.exec(changed)}


def _decide(
    session: Session, review: CampaignApproval, verdict: Verdict, *, at: datetime, actor: str, note: str
) -> CampaignApproval:
    review.verdict, review.decided_by, review.decided_at, review.note = verdict, actor, at, note[:500]
    session.add(review)
    session.flush()
    return review
