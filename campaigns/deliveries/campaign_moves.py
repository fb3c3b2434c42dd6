"""Moving a campaign through its life: paused, resumed, cancelled, finished, opened again."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.campaign import lifecycle
from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.lifecycle import CampaignMove
from campaigns.campaign.media import Medium
from campaigns.deliveries.stopping import release_campaign, skip_campaign
from retention import audit
from retention.database import lock
from retention.failures import forget_failure
from retention.queue import send


def pause(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> None:
    """Stop handing over at once; what has not left waits."""
    move(session, campaign, CampaignMove.PAUSE, at=at, actor=actor)
    release_campaign(session, campaign)


def resume(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> None:
    """Go on where it was paused: sending, or waiting for the next moment or event when nothing is left to send."""
    move(session, campaign, CampaignMove.RESUME, at=at, actor=actor)
    if campaign.awaits_more and not session.exec(_open_runs(campaign).limit(1)).first():
        campaign.state = CampaignState.SCHEDULED
        session.add(campaign)
        session.flush()
    send(session, "campaigns.send")


def cancel(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """End the campaign for good; what has not left is skipped. Return how many that were."""
    move(session, campaign, CampaignMove.CANCEL, at=at, actor=actor)
    campaign.stop_waiting()
    skipped = skip_campaign(session, campaign)
    _close_runs(session, at, col(Run.campaign_id) == campaign.id)
    return skipped


def finish(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """End a campaign that a person calls done, such as one by parcel; what still waits is skipped."""
    move(session, campaign, CampaignMove.FINISH, at=at, actor=actor)
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
        move(session, campaign, CampaignMove.REOPEN, at=at, actor="system")


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


def move(session: Session, campaign: Campaign, step: CampaignMove, *, at: datetime, actor: str) -> None:
    """Change the state under a lock, so that of two people at once the second sees what the first did."""
    lock(session, campaign)
    before = campaign.state
    campaign.state = lifecycle.after(step, before, medium=campaign.medium, repeats=campaign.repeats)
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
