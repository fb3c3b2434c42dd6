"""Worker tasks of campaigns. Each may run twice: what is left to do is read from the rows."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign
from campaigns.channels.senders import channel_for
from campaigns.deliveries.campaign_moves import finish_done
from campaigns.deliveries.row_ids import any_of
from campaigns.offers.matching import match_shop, shops_to_match
from campaigns.posts.bots import send_posts
from campaigns.posts.outcomes import reconcile_posts
from campaigns.runs.arrivals import alerts_with_a_goal, stop_if_sold
from campaigns.runs.occurrences import (
    campaigns_by_events,
    campaigns_by_the_clock,
    launch_occurrence,
    may_have_happened,
    sweep_events,
)
from campaigns.sending.digests import settle_digests
from campaigns.sending.dispatch import send_all
from campaigns.webhooks.calling import collect_calls, forget_calls, make_calls, webhooks_with_news
from campaigns.webhooks.webhooks import Webhook
from retention import clock
from retention.database import reading, transaction
from retention.failures import LONGEST, Thing, alone, each_alone
from retention.files import open_store
from retention.queue import engine_task
from retention.settings import get_settings

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
    """Turn what happened into calls of the shops' webhooks, and make those that are due."""
    with reading(engine) as session:
        webhooks = [
            Thing(each.shop_id, "hook", each.id, each.slug) for each in webhooks_with_news(session, now=clock.now())
        ]
    each_alone(engine, "hook", webhooks, alone(engine, _collect), now=clock.now())
    until = time.monotonic() + LONGEST.total_seconds()
    while make_calls(engine, now=clock.now()) and time.monotonic() < until:
        pass
    with transaction(engine) as session:
        forget_calls(session, now=clock.now())


def _collect(session: Session, thing: Thing) -> None:
    collect_calls(session, session.get_one(Webhook, thing.id, with_for_update=True), now=clock.now())


@engine_task("campaigns.send_posts", every=timedelta(seconds=15))
def keep_posts(engine: Engine) -> None:
    """Have bots post what is due, then end the posts that are too late or that nobody is left to hear."""
    settings = get_settings()
    files = open_store(settings)
    if counts := send_posts(engine, channel_for, public_url=settings.public_url, files=files, now=clock.now()):
        log.info("posts handed over", **counts)
    with transaction(engine) as session:
        reconcile_posts(session, at=clock.now())
        finish_done(session, at=clock.now())


@engine_task("campaigns.launch_due", every=timedelta(seconds=30))
def launch_due(engine: Engine) -> None:
    """Launch what the clock says is due: campaigns scheduled for a moment, recurrences, waves."""
    with reading(engine) as session:
        due = _things(session, campaigns_by_the_clock(session, at=clock.now()))
    each_alone(engine, "launch", due, _each_campaign(engine, launch_occurrence), now=clock.now())


@engine_task("campaigns.sweep_events", every=timedelta(minutes=1))
def sweep_all_events(engine: Engine) -> None:
    """Launch runs for those to whom something happened that a campaign waits for."""
    with reading(engine) as session:
        waiting = _things(session, campaigns_by_events(session))
    check = _each_campaign(engine, sweep_events)

    def check_if_needed(thing: Thing) -> object:
        with reading(engine) as session:
            needed = may_have_happened(session, thing.id, at=clock.now())
        return check(thing) if needed else None

    each_alone(engine, "events", waiting, check_if_needed, now=clock.now())


@engine_task("campaigns.settle_arrivals", every=timedelta(minutes=1))
def settle_arrivals(engine: Engine) -> None:
    """Stop alerts whose product has sold enough, and let go what waits for a mail that does not leave."""
    with reading(engine) as session:
        alerts = _things(session, alerts_with_a_goal(session))
    each_alone(engine, "sold", alerts, _each_campaign(engine, stop_if_sold), now=clock.now())
    with transaction(engine) as session:
        settle_digests(session)


@engine_task("campaigns.match_orders", every=timedelta(minutes=1))
def match_all_orders(engine: Engine) -> None:
    """Let the orders that moved find the coupons they used, shop by shop."""
    with reading(engine) as session:
        shops = [Thing(shop_id, "shop", shop_id) for shop_id in shops_to_match(session, at=clock.now())]
    each_alone(engine, "orders", shops, lambda shop: match_shop(engine, shop.id, at=clock.now()), now=clock.now())


def _things(session: Session, campaign_ids: list[int]) -> list[Thing]:
    """Return campaigns in this order; one that comes once is not launched days later by itself."""
    rows = session.exec(select(Campaign).where(any_of(col(Campaign.id), campaign_ids))).all() if campaign_ids else []
    found = {each.id: Thing(each.shop_id, "campaign", each.id, each.slug, daily=each.repeats) for each in rows}
    return [found[each] for each in campaign_ids if each in found]


def _each_campaign(engine: Engine, check: Callable[..., object]) -> Callable[[Thing], object]:
    """Return a check of one campaign in a transaction of its own."""
    return alone(engine, lambda session, thing: check(session, thing.id, at=clock.now()))
