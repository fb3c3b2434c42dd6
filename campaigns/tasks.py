"""What workers do for campaigns. Every task may run twice; the rows say what is left."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.hooks.calling import collect_calls, forget_calls, make_calls
from campaigns.hooks.hooks import Hook
from campaigns.moving import finish_done
from campaigns.offers.attribution import match_orders
from campaigns.posts.post_outcomes import put_aside
from campaigns.posts.robots import send_posts
from campaigns.sending.dispatch import send_all
from campaigns.sending.senders import channel_for
from campaigns.timing.arrivals import stop_sold
from campaigns.timing.digests import settle_digests
from campaigns.timing.occurrences import campaigns_by_events, campaigns_by_the_clock, launch_occurrence, sweep_events
from retention import clock
from retention.database import reading, transaction
from retention.errors import Error
from retention.files import open_store
from retention.queue import engine_task, task
from retention.settings import get_settings
from retention.shops import Shop

log = structlog.get_logger()


@engine_task("campaigns.send", every=timedelta(seconds=15))
def send_messages(engine: Engine) -> None:
    """Hand over what is due by every sender, then finish the campaigns that have nothing left."""
    if counts := send_all(engine, now=clock.now):
        log.info("messages handed over", **counts)
    with transaction(engine) as session:
        finish_done(session, at=clock.now())


@engine_task("campaigns.call_hooks", every=timedelta(seconds=15))
def call_hooks(engine: Engine) -> None:
    """Turn what happened into calls of the shops' hooks, and make those that are due."""
    with reading(engine) as session:
        ids = session.exec(select(Hook.id).where(Hook.active).order_by(col(Hook.id))).all()
    for hook_id in ids:
        with transaction(engine) as session:
            collect_calls(session, session.get_one(Hook, hook_id, with_for_update=True), now=clock.now())
    while make_calls(engine, now=clock.now()):
        pass
    with transaction(engine) as session:
        forget_calls(session, now=clock.now())


@engine_task("campaigns.posts.posts", every=timedelta(seconds=15))
def keep_posts(engine: Engine) -> None:
    """Have robots say what is due, then end the posts that are too late or that nobody is left to hear."""
    settings = get_settings()
    files = open_store(settings)
    if counts := send_posts(engine, channel_for, public_url=settings.public_url, files=files, now=clock.now()):
        log.info("posts handed over", **counts)
    with transaction(engine) as session:
        put_aside(session, at=clock.now())
        finish_done(session, at=clock.now())


@engine_task("campaigns.launch_due", every=timedelta(seconds=30))
def launch_due(engine: Engine) -> None:
    """Launch what the clock says is due: campaigns scheduled for a moment, recurrences, waves."""
    with reading(engine) as session:
        ids = campaigns_by_the_clock(session, at=clock.now())
    _each(engine, ids, launch_occurrence)


@engine_task("campaigns.sweep_events", every=timedelta(minutes=1))
def sweep_all_events(engine: Engine) -> None:
    """Launch runs for those to whom something happened that a campaign waits for."""
    with reading(engine) as session:
        ids = campaigns_by_events(session)
    _each(engine, ids, sweep_events)


@task("campaigns.settle_arrivals", every=timedelta(minutes=1))
def settle_arrivals(session: Session) -> None:
    """Stop alerts whose product has sold enough, and let go what waits for a mail that does not leave."""
    stop_sold(session, at=clock.now())
    settle_digests(session)


def _each(engine: Engine, campaign_ids: list[int], look: Callable[..., object]) -> None:
    """Look at each campaign in a transaction of its own."""
    for campaign_id in campaign_ids:
        try:
            with transaction(engine) as session:
                look(session, campaign_id, at=clock.now())
        except Error as error:
            # One that cannot be launched must not keep the others waiting; it stays as it is and is tried again.
            log.warning("a campaign cannot be launched", campaign=campaign_id, why=str(error))


@task("campaigns.match_orders", every=timedelta(minutes=1))
def match_all_orders(session: Session) -> None:
    """Let the orders of every shop find the coupons they used."""
    for shop in session.exec(select(Shop).order_by(col(Shop.id))).all():
        match_orders(session, shop, at=clock.now())
