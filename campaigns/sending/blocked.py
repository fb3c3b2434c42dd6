"""Blocked sending: why a running campaign sends nothing, and moving what waits to another sender.

Where a campaign names no sender, mail goes by the installation's own server; how that fares is kept as a failure of the
shop (`MAIL`), since it has no row of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.channels.senders import Sender, SenderState
from campaigns.deliveries.stopping import release_campaign
from campaigns.deliveries.transitions import Move, move_all
from retention import audit
from retention.database import lock
from retention.errors import Conflict, Invalid
from retention.failures import Failure, failures_of
from retention.queue import send
from retention.shops import Shop

MAIL = "mail"
"""The work whose failure says that the installation's own mail server is in trouble, as a failure of the shop."""

MESSAGE_MEDIA = (Medium.EMAIL, Medium.SMS, Medium.WEBHOOK)
_MAY_CHANGE = (CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED)


class Blocker(StrEnum):
    """Why nothing leaves."""

    PAUSED = "paused"
    BROKEN = "broken"
    FAILING = "failing"
    UNUSABLE = "unusable"
    NO_SENDER = "no_sender"


@dataclass(frozen=True, slots=True)
class BlockedSending:
    """What keeps a campaign from leaving: the sender's name ("" for the installation's own), and the last response."""

    blocker: Blocker
    sender: str = ""
    detail: str = ""
    failures: int = 0
    until: datetime | None = None


def sending_block_of(session: Session, campaign: Campaign) -> BlockedSending | None:
    """Return why nothing of a campaign leaves; None when nothing is known that keeps it."""
    if campaign.medium not in MESSAGE_MEDIA:
        return None
    failures = failures_of(session, campaign.shop_id)
    sender = session.get(Sender, campaign.sender_id) if campaign.sender_id else None
    if sender is None:
        return _of_installation(campaign, failures)
    unusable = next((each for each in failures if (each.kind, each.thing_id) == ("sender", sender.id)), None)
    if sender.state is SenderState.PAUSED:
        return BlockedSending(Blocker.PAUSED, sender.name)
    if unusable is not None:
        return BlockedSending(Blocker.UNUSABLE, sender.name, unusable.why, unusable.tries, unusable.next_at)
    if sender.state is SenderState.BROKEN or sender.failures:
        kind = Blocker.BROKEN if sender.state is SenderState.BROKEN else Blocker.FAILING
        return BlockedSending(kind, sender.name, sender.last_error, sender.failures, sender.broken_until)
    return None


def blocked_campaigns(session: Session, shop_id: int) -> list[tuple[Campaign, BlockedSending]]:
    """Return the running campaigns of a shop that have somebody waiting and cannot leave."""
    waits = sa.select(sa.literal(1)).where(col(Delivery.shop_id) == shop_id, col(Delivery.run_id) == Run.id, _WAITS)
    some = sa.select(sa.literal(1)).where(
        col(Run.shop_id) == shop_id, col(Run.campaign_id) == Campaign.id, col(Run.finished_at).is_(None), waits.exists()
    )
    running = select(Campaign).where(
        Campaign.shop_id == shop_id, Campaign.state == CampaignState.RUNNING, col(Campaign.medium).in_(MESSAGE_MEDIA)
    )
    found = session.exec(running.where(some.exists()).order_by(col(Campaign.id))).all()
    return [(each, stands) for each in found if (stands := sending_block_of(session, each)) is not None]


def may_change_sender(session: Session, campaign: Campaign) -> bool:
    """Tell whether nothing of the campaign's open runs has left, so that another sender may take them."""
    if campaign.medium not in MESSAGE_MEDIA or campaign.state not in _MAY_CHANGE:
        return False
    open_runs = sa.select(col(Run.id)).where(
        col(Run.shop_id) == campaign.shop_id, col(Run.campaign_id) == campaign.id, col(Run.finished_at).is_(None)
    )
    left = sa.select(col(Delivery.id)).where(
        col(Delivery.shop_id) == campaign.shop_id, col(Delivery.run_id).in_(open_runs), _LEFT
    )
    return session.execute(left.limit(1)).first() is None


def change_sender(
    session: Session, shop: Shop, campaign: Campaign, sender: Sender | None, *, at: datetime, actor: str
) -> None:
    """Have another sender take what waits, at once; None is the installation's own mail server.

    Conflict when something has left already, or it is no message under way; Invalid for a sender of another medium.
    """
    lock(session, campaign)
    if sender is None and campaign.medium is not Medium.EMAIL:
        raise Invalid("Only email can be sent without a sender. Choose a sender.")
    if sender is not None and (sender.shop_id != shop.id or sender.medium is not campaign.medium):
        raise Invalid(
            "The sender {sender} is for {its}, but the channel of the campaign is {medium}.",
            sender=sender.name,
            its=sender.medium,
            medium=campaign.medium,
        )
    if not may_change_sender(session, campaign):
        raise Conflict(
            "The sender can be changed only while the campaign is scheduled, running or paused and nothing has been "
            "sent."
        )
    before, campaign.sender_id = campaign.sender_id, sender.id if sender else None
    session.add(campaign)
    session.flush()
    release_campaign(session, campaign)
    _wait_no_longer(session, campaign, at)
    subject = f"campaign:{campaign.slug}"
    values = {"before": {"sender_id": before}, "after": {"sender_id": campaign.sender_id}}
    audit.record(session, shop.id, actor, action="campaign.sender", subject=subject, at=at, **values)
    send(session, "campaigns.send")


def _wait_no_longer(session: Session, campaign: Campaign, at: datetime) -> None:
    """Have what waited because of the last sender leave now."""
    later = (
        col(Delivery.shop_id) == campaign.shop_id,
        col(Delivery.campaign_id) == campaign.id,
        col(Delivery.attempts) > 0,
        col(Delivery.due_at) > at,
    )
    move_all(session, Move.RESCHEDULE, *later, due_at=at, attempts=0)


def _of_installation(campaign: Campaign, failures: list[Failure]) -> BlockedSending | None:
    if campaign.medium is not Medium.EMAIL:
        return BlockedSending(Blocker.NO_SENDER)
    for failure in failures:
        if failure.kind == "shop" and failure.work in {MAIL, "messages"}:
            return BlockedSending(Blocker.FAILING, "", failure.why, failure.tries)
    return None


_WAITS = col(Delivery.state).in_((DeliveryState.WAITING, DeliveryState.CLAIMED))
_LEFT = sa.or_(
    col(Delivery.state).in_((DeliveryState.SENT, DeliveryState.UNKNOWN)),
    col(Delivery.reason) == Reason.NO_RECORD.value,
    sa.and_(col(Delivery.state) == DeliveryState.CLAIMED, col(Delivery.handed_at).is_not(None)),
)
"""Something of it left, or may have."""
