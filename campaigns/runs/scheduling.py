"""Scheduling a campaign: a launch at a future moment, or by its trigger from now on."""

from datetime import datetime

from sqlmodel import Session

from campaigns.campaign import lifecycle
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.lifecycle import CampaignMove
from campaigns.campaign.shop_policy import shop_policy
from campaigns.campaign.triggers import Once, OnEvent, Recurring, Trigger, Waves, next_moment
from campaigns.deliveries.campaign_moves import move
from campaigns.runs.approvals import require_approval
from campaigns.runs.waves import next_wave
from retention.database import lock
from retention.errors import Conflict, Invalid
from retention.moments import show_moment
from retention.shops import Shop


def schedule(
    session: Session, campaign: Campaign, *, at: datetime, actor: str, launch_at: datetime | None = None
) -> None:
    """Let the clock do the rest: a launch at a moment to come, or whatever the trigger says from now on.

    Without `launch_at`, one that was drafted with a moment keeps it. Invalid when there is none, or it is past, or the
    trigger names no moment to come; Conflict when the shop asks for approval and this was not approved as it will be.
    """
    shop = session.get_one(Shop, campaign.shop_id)
    lock(session, campaign)
    lifecycle.after(CampaignMove.SCHEDULE, campaign.state, medium=campaign.medium)
    trigger = campaign.trigger
    if isinstance(trigger, Once):
        launch_at = _moment_to_come(launch_at or campaign.scheduled_at, shop, at)
        require_approval(session, shop, campaign, at=launch_at)
        if launch_at != campaign.scheduled_at and shop_policy(session, shop).approval_required:
            raise Conflict("The approval has no launch time. Set one in the draft, then submit it again.")
        campaign.scheduled_at = launch_at
    else:
        require_approval(session, shop, campaign, at=None)
        _start(session, shop, campaign, trigger, at=at)
    move(session, campaign, CampaignMove.SCHEDULE, at=at, actor=actor)


def _moment_to_come(moment: datetime | None, shop: Shop, at: datetime) -> datetime:
    if moment is None:
        raise Invalid("Enter a launch time.")
    if moment <= at:
        past = show_moment(moment, shop.timezone)
        raise Invalid("{moment} is in the past. Launch it now instead.", moment=past)
    return moment


def _start(session: Session, shop: Shop, campaign: Campaign, trigger: Trigger, *, at: datetime) -> None:
    """Have occurrences and events count from `at` on; what happened before is none of this campaign's business."""
    campaign.started_at = campaign.looked_until = at
    if isinstance(trigger, Waves):
        found = next_wave(session, campaign, trigger)
        campaign.scheduled_at, campaign.looked_until = found[1] if found else None, None
    elif isinstance(trigger, Recurring):
        campaign.scheduled_at = next_moment(trigger, after=at, zone=shop.timezone)
    if not isinstance(trigger, OnEvent) and campaign.scheduled_at is None:
        raise Invalid("Its trigger has no future occurrence.")
