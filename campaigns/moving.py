"""Moving a campaign through its life: scheduled, paused, resumed, cancelled, finished. Launching stands in `launch`."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns import lifecycle
from campaigns.approvals import require_approval
from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Medium, Run
from campaigns.lifecycle import Move
from campaigns.plans.shop_policy import shop_policy
from campaigns.stopping import release_campaign, skip_campaign
from campaigns.timing.triggers import Once, OnEvent, Recurring, Trigger, Waves, next_moment, read_trigger, starts_itself
from campaigns.timing.waves import next_wave
from retention import audit
from retention.database import lock
from retention.errors import Conflict, Invalid
from retention.failures import forget_failure
from retention.moments import show_moment
from retention.queue import send
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
    lifecycle.after(Move.SCHEDULE, campaign.state, medium=campaign.medium)
    trigger = read_trigger(campaign.trigger)
    if isinstance(trigger, Once):
        launch_at = _moment_to_come(launch_at or campaign.scheduled_at, shop, at)
        require_approval(session, shop, campaign, at=launch_at)
        if launch_at != campaign.scheduled_at and shop_policy(session, shop).approval_required:
            raise Conflict("The approval names no moment. Draft the campaign with one, then submit it.")
        campaign.scheduled_at = launch_at
    else:
        require_approval(session, shop, campaign, at=None)
        _start(session, shop, campaign, trigger, at=at)
    move(session, campaign, Move.SCHEDULE, at=at, actor=actor)


def _moment_to_come(moment: datetime | None, shop: Shop, at: datetime) -> datetime:
    if moment is None:
        raise Invalid("Say at which moment it is to be launched.")
    if moment <= at:
        past = show_moment(moment, shop.timezone)
        raise Invalid("{moment} is past. Launch it now instead.", moment=past)
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
        raise Invalid("Its trigger names no moment that is still to come.")


def pause(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> None:
    """Stop handing over at once; what has not left waits."""
    move(session, campaign, Move.PAUSE, at=at, actor=actor)
    release_campaign(session, campaign)


def resume(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> None:
    """Go on where it was paused: sending, or waiting for the next moment or event when nothing is left to send."""
    move(session, campaign, Move.RESUME, at=at, actor=actor)
    if campaign.awaits_more and not session.exec(_open_runs(campaign).limit(1)).first():
        campaign.state = CampaignState.SCHEDULED
        session.add(campaign)
        session.flush()
    send(session, "campaigns.send")


def cancel(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """End the campaign for good; what has not left is skipped. Return how many that were."""
    move(session, campaign, Move.CANCEL, at=at, actor=actor)
    campaign.stop_waiting()
    skipped = skip_campaign(session, campaign)
    _close_runs(session, at, col(Run.campaign_id) == campaign.id)
    return skipped


def finish(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """End a campaign that a person calls done, such as one by parcel; what still waits is skipped."""
    move(session, campaign, Move.FINISH, at=at, actor=actor)
    campaign.stop_waiting()
    skipped = skip_campaign(session, campaign)
    _close_runs(session, at, col(Run.campaign_id) == campaign.id)
    return skipped


def reopen(session: Session, campaign: Campaign, run: Run, *, at: datetime) -> None:
    """Let a run that ended by itself go on, and its campaign.

    A person took back the last word of it, or has something of it sent once more.
    """
    run.finished_at = None
    session.add(run)
    if campaign.state in {CampaignState.FINISHED, CampaignState.SCHEDULED}:
        move(session, campaign, Move.REOPEN, at=at, actor="system")


def finish_done(session: Session, *, at: datetime) -> int:
    """Finish the runs of which nothing waits any more, and the message campaigns whose last run that was.

    One that has a next moment, or waits for events, is scheduled again. The end is computed from the rows, never
    counted along the way. Return how many campaigns were finished.
    """
    _close_runs(session, at, sa.true())
    open_runs = sa.select(col(Run.id)).where(col(Run.campaign_id) == Campaign.id, col(Run.finished_at).is_(None))
    idle = sa.update(Campaign).where(
        col(Campaign.state) == CampaignState.RUNNING,
        col(Campaign.medium) != Medium.PARCEL,  # tomorrow's parcels may be its next run
        ~open_runs.exists(),
    )
    more = sa.or_(col(Campaign.scheduled_at).is_not(None), col(Campaign.looked_until).is_not(None))
    session.execute(idle.where(more).values(state=CampaignState.SCHEDULED))
    done = idle.where(~more).values(state=CampaignState.FINISHED)
    finished = session.execute(done.returning(col(Campaign.shop_id), col(Campaign.slug))).all()
    for shop_id, slug in finished:
        audit.record(session, shop_id, "system", action="campaign.finish", subject=f"campaign:{slug}", at=at)
    return len(finished)


def _open_runs(campaign: Campaign) -> SelectOfScalar[int]:
    return select(Run.id).where(
        Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id, col(Run.finished_at).is_(None)
    )


def _close_runs(session: Session, at: datetime, which: sa.ColumnElement[bool]) -> None:
    left = sa.select(col(Delivery.id)).where(
        col(Delivery.shop_id) == Run.shop_id,
        col(Delivery.run_id) == Run.id,
        col(Delivery.state).in_((DeliveryState.WAITING, DeliveryState.CLAIMED)),
    )
    session.execute(sa.update(Run).where(which, col(Run.finished_at).is_(None), ~left.exists()).values(finished_at=at))


def move(session: Session, campaign: Campaign, step: Move, *, at: datetime, actor: str) -> None:
    """Change the state under a lock, so that of two people at once the second sees what the first did."""
    lock(session, campaign)
    before = campaign.state
    campaign.state = lifecycle.after(
        step, before, medium=campaign.medium, repeats=starts_itself(read_trigger(campaign.trigger))
    )
    session.add(campaign)
    session.flush()
    if actor != "system":  # a person who moves it has it tried at once
        forget_failure(session, campaign.shop_id, "campaign", campaign.id)
    audit.record(
        session,
        campaign.shop_id,
        actor,
        action=f"campaign.{step.value}",
        subject=f"campaign:{campaign.slug}",
        before={"state": before.value},
        after={"state": campaign.state.value},
        at=at,
    )
