"""What workers do for campaigns. Every task may run twice; the rows say what is left."""

from datetime import timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.attribution import match_orders
from campaigns.campaigns import Campaign, CampaignState
from campaigns.dispatch import send_all
from campaigns.launch import launch
from campaigns.moving import finish_done
from retention import clock
from retention.database import transaction
from retention.errors import Error
from retention.queue import engine_task, task
from retention.shops import Shop

log = structlog.get_logger()


@engine_task("campaigns.send", every=timedelta(seconds=15))
def send_messages(engine: Engine) -> None:
    """Hand over what is due by every sender, then finish the campaigns that have nothing left."""
    if counts := send_all(engine, now=clock.now):
        log.info("messages handed over", **counts)
    with transaction(engine) as session:
        finish_done(session, at=clock.now())


@engine_task("campaigns.launch_due", every=timedelta(seconds=30))
def launch_due(engine: Engine) -> None:
    """Launch the scheduled campaigns whose moment has come, each in a transaction of its own."""
    with transaction(engine) as session:
        due = select(Campaign.id).where(
            Campaign.state == CampaignState.SCHEDULED, col(Campaign.scheduled_at) <= clock.now()
        )
        ids = session.exec(due.order_by(col(Campaign.scheduled_at))).all()
    for campaign_id in ids:
        try:
            with transaction(engine) as session:
                campaign = session.get_one(Campaign, campaign_id)
                launch(session, session.get_one(Shop, campaign.shop_id), campaign, at=clock.now(), actor="system")
        except Error as error:
            # One that cannot be launched must not keep the others waiting; it stays scheduled and is tried again.
            log.warning("a scheduled campaign cannot be launched", campaign=campaign_id, why=str(error))


@task("campaigns.match_orders", every=timedelta(minutes=1))
def match_all_orders(session: Session) -> None:
    """Let the orders of every shop find the coupons they used."""
    for shop in session.exec(select(Shop).order_by(col(Shop.id))).all():
        match_orders(session, shop, at=clock.now())
