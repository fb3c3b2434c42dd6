"""Moving a campaign through its life: scheduled, paused, resumed, cancelled, finished. Launching stands in `launch`."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns import lifecycle
from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Medium, Run
from campaigns.lifecycle import Move
from campaigns.stopping import release_campaign, skip_campaign
from retention import audit
from retention.database import lock
from retention.errors import Invalid
from retention.queue import send


def schedule(session: Session, campaign: Campaign, *, launch_at: datetime, at: datetime, actor: str) -> None:
    """Have the campaign launched at a moment to come; Invalid when it is past."""
    if launch_at <= at:
        raise Invalid("{moment} is past. Launch it now instead.", moment=launch_at.isoformat())
    _move(session, campaign, Move.SCHEDULE, at=at, actor=actor)
    campaign.scheduled_at = launch_at
    session.add(campaign)
    session.flush()


def pause(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> None:
    """Stop handing over at once; what has not left waits."""
    _move(session, campaign, Move.PAUSE, at=at, actor=actor)
    release_campaign(session, campaign)


def resume(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> None:
    """Go on where it was paused."""
    _move(session, campaign, Move.RESUME, at=at, actor=actor)
    send(session, "campaigns.send")


def cancel(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """End the campaign for good; what has not left is skipped. Return how many that were."""
    _move(session, campaign, Move.CANCEL, at=at, actor=actor)
    skipped = skip_campaign(session, campaign)
    _close_runs(session, at, col(Run.campaign_id) == campaign.id)
    return skipped


def finish(session: Session, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """End a campaign that a person calls done, such as one by parcel; what still waits is skipped."""
    _move(session, campaign, Move.FINISH, at=at, actor=actor)
    skipped = skip_campaign(session, campaign)
    _close_runs(session, at, col(Run.campaign_id) == campaign.id)
    return skipped


def finish_done(session: Session, *, at: datetime) -> int:
    """Finish the runs of which nothing waits any more, and the message campaigns whose last run that was.

    The end is computed from the rows, never counted along the way. Return how many campaigns were finished.
    """
    _close_runs(session, at, sa.true())
    open_runs = sa.select(col(Run.id)).where(col(Run.campaign_id) == Campaign.id, col(Run.finished_at).is_(None))
    done = (
        sa.update(Campaign)
        .where(
            col(Campaign.state) == CampaignState.RUNNING,
            col(Campaign.medium) != Medium.PARCEL,  # tomorrow's parcels may be its next run
            ~open_runs.exists(),
        )
        .values(state=CampaignState.FINISHED)
        .returning(col(Campaign.shop_id), col(Campaign.slug))
    )
    finished = session.execute(done).all()
    for shop_id, slug in finished:
        audit.record(session, shop_id, "system", action="campaign.finish", subject=f"campaign:{slug}", at=at)
    return len(finished)


def _close_runs(session: Session, at: datetime, which: sa.ColumnElement[bool]) -> None:
    left = sa.select(col(Delivery.id)).where(
        col(Delivery.shop_id) == Run.shop_id,
        col(Delivery.run_id) == Run.id,
        col(Delivery.state).in_((DeliveryState.WAITING, DeliveryState.CLAIMED)),
    )
    session.execute(sa.update(Run).where(which, col(Run.finished_at).is_(None), ~left.exists()).values(finished_at=at))


def _move(session: Session, campaign: Campaign, move: Move, *, at: datetime, actor: str) -> None:
    """Change the state under a lock, so that of two people at once the second sees what the first did."""
    lock(session, campaign)
    before = campaign.state
    campaign.state = lifecycle.after(move, before, medium=campaign.medium)
    session.add(campaign)
    session.flush()
    audit.record(
        session,
        campaign.shop_id,
        actor,
        action=f"campaign.{move.value}",
        subject=f"campaign:{campaign.slug}",
        before={"state": before.value},
        after={"state": campaign.state.value},
        at=at,
    )
