"""Occurrences: the runs that start automatically: recurring, on events and in waves.

Each check of a campaign is one transaction: the run it makes and the moment it has read up to stand or fall together.
Whoever dies in between leaves neither, and the next check finds the same again.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Run
from campaigns.campaign.local_time import SAME_OCCURRENCE
from campaigns.campaign.triggers import EventKind, OnEvent, Recurring, Waves, next_moment
from campaigns.runs.events import entrants
from campaigns.runs.launch import launch, take_turns
from campaigns.runs.waves import next_wave, people_of_wave
from retention import audit
from retention.clock import AHEAD
from retention.database import lock
from retention.products import Product
from retention.shops import Shop
from segments.matching import match

LATE_FACTS = timedelta(days=2)
"""How much later than it happened an event may become known, by a file of yesterday's orders, and still counts."""

_LOOKED_WITHIN = timedelta(hours=1)
_AHEAD = timedelta(hours=26)  # no change of zone moves a time of day by more
_ACTIVE = (CampaignState.SCHEDULED, CampaignState.RUNNING)
_ACTOR = "system"


def campaigns_by_the_clock(session: Session, *, at: datetime) -> list[int]:
    """Return the campaigns whose moment has come, or would have if the shop's zone changed, the longest due first."""
    moment = sa.or_(col(Campaign.scheduled_at) <= at + _AHEAD, col(Campaign.looked_until) > _farthest(at))
    due = select(Campaign.id).where(col(Campaign.state).in_(_ACTIVE), col(Campaign.scheduled_at).is_not(None), moment)
    return list(session.exec(due.order_by(col(Campaign.scheduled_at), col(Campaign.id))))


def campaigns_by_events(session: Session) -> list[int]:
    """Return the campaigns that wait for events."""
    waiting = select(Campaign.id).where(
        col(Campaign.state).in_(_ACTIVE), col(Campaign.scheduled_at).is_(None), col(Campaign.looked_until).is_not(None)
    )
    return list(session.exec(waiting.order_by(col(Campaign.looked_until), col(Campaign.id))))


def may_have_happened(session: Session, campaign_id: int, *, at: datetime) -> bool:
    """Tell whether `sweep_events` may have something to do, by reading alone, so that nothing is locked."""
    campaign = session.get_one(Campaign, campaign_id)
    trigger, looked = campaign.trigger, campaign.looked_until
    if not isinstance(trigger, OnEvent) or looked is None or not _LOOKED_WITHIN > at - looked > -AHEAD:
        return True
    shop = session.get_one(Shop, campaign.shop_id)
    since = _since(campaign, looked)
    return bool(entrants(session, shop, campaign, since=since, until=at)) or _is_over(session, campaign, trigger, at)


def launch_occurrence(session: Session, campaign_id: int, *, at: datetime) -> Run | None:
    """Launch what the clock says is due of a campaign; None when nothing is, or it is too late by its policy.

    Of several recurrences missed while nobody looked, the latest is made up for; the others are noted as missed.
    """
    campaign, shop = _held(session, campaign_id)
    if campaign.state not in _ACTIVE or campaign.scheduled_at is None:
        return None
    trigger = campaign.trigger
    if isinstance(trigger, Recurring):
        return _recur(session, shop, campaign, trigger, at=at)
    if isinstance(trigger, Waves):
        return _next_of_waves(session, shop, campaign, trigger, at=at)
    if campaign.scheduled_at > at:
        return None
    if _is_too_late(campaign, campaign.scheduled_at, at):
        _note_missed(session, campaign, [campaign.scheduled_at], at=at)
        campaign.state, campaign.scheduled_at = CampaignState.DRAFT, None
        return None
    return launch(session, shop, campaign, at=at, actor=_ACTOR)


def sweep_events(session: Session, campaign_id: int, *, at: datetime) -> Run | None:
    """Launch a run for those to whom the campaign's event happened since the last look; None when it was nobody.

    An event that becomes known late is still found, for `LATE_FACTS`; whoever had a run since is not looked at again.
    What is later than the policy allows is noted as missed.
    """
    campaign, shop = _held(session, campaign_id)
    trigger, looked = campaign.trigger, campaign.looked_until
    if campaign.state not in _ACTIVE or not isinstance(trigger, OnEvent) or looked is None:
        return None
    if looked >= at:
        campaign.looked_until = at if looked > at + AHEAD else looked  # by a clock that was ahead
        session.add(campaign)
        session.flush()
        return None
    since = _since(campaign, looked)
    if lateness := campaign.policy.lateness:
        _note_too_late(session, shop, campaign, since=max(looked, since), until=at - lateness, at=at)
        since = max(since, at - lateness)
    found = _new_entrants(session, shop, campaign, trigger, since=since, looked=looked, at=at)
    run = launch(session, shop, campaign, at=at, actor=_ACTOR, among=found) if found else None
    campaign.looked_until = at
    if _is_over(session, campaign, trigger, at):
        campaign.stop_waiting()
        _finish_if_idle(campaign)
    session.add(campaign)
    session.flush()
    return run


def _since(campaign: Campaign, looked: datetime) -> datetime:
    """Return from when on events may still become known."""
    return max(looked - LATE_FACTS, campaign.started_at or looked)


def _held(session: Session, campaign_id: int) -> tuple[Campaign, Shop]:
    """Return campaign and shop, held in the order in which a manual launch holds them."""
    campaign = session.get_one(Campaign, campaign_id)
    shop = session.get_one(Shop, campaign.shop_id)
    take_turns(session, shop)
    lock(session, campaign)
    return campaign, shop


def _recur(session: Session, shop: Shop, campaign: Campaign, trigger: Recurring, *, at: datetime) -> Run | None:
    assert campaign.looked_until is not None  # set when it was scheduled
    if campaign.looked_until > _farthest(at):
        campaign.looked_until = at
    run, due = None, trigger.occurrences(after=campaign.looked_until, until=at, zone=shop.timezone)
    if due:
        latest, missed = due[-1], due[:-1]
        campaign.scheduled_at = latest
        if _is_too_late(campaign, latest, at):
            missed = due
        else:
            run = launch(session, shop, campaign, at=at, actor=_ACTOR)
        _note_missed(session, campaign, missed, at=at)
        campaign.looked_until = latest + SAME_OCCURRENCE
    campaign.scheduled_at = next_moment(trigger, after=campaign.looked_until, zone=shop.timezone)
    if campaign.scheduled_at is None:
        campaign.stop_waiting()
        _finish_if_idle(campaign)
    session.add(campaign)
    session.flush()
    return run


def _next_of_waves(session: Session, shop: Shop, campaign: Campaign, trigger: Waves, *, at: datetime) -> Run | None:
    found = next_wave(session, campaign, trigger)
    run = None
    if found and found[1] <= at:
        number, campaign.scheduled_at = found
        people = people_of_wave(session, shop, campaign, trigger.waves[number - 1], at=at)
        run = launch(session, shop, campaign, at=at, actor=_ACTOR, among=people, wave=number)
        found = next_wave(session, campaign, trigger)
    campaign.scheduled_at = found[1] if found else None
    session.add(campaign)
    session.flush()
    return run


def _new_entrants(
    session: Session,
    shop: Shop,
    campaign: Campaign,
    trigger: OnEvent,
    *,
    since: datetime,
    looked: datetime,
    at: datetime,
) -> BitMap:
    """Return whom the event happened to, of the audience: since the last look, or before it and known only now."""
    if trigger.kind is EventKind.ORDER_UNPAID:  # which looks at each order by itself
        found = entrants(session, shop, campaign, since=since, until=at)
    else:
        found = entrants(session, shop, campaign, since=since, until=looked)
        if found:
            found -= _looked_at(session, campaign, since)
        found |= entrants(session, shop, campaign, since=max(since, looked), until=at)
    return found & match(session, shop, campaign.audience, now=at) if found else found


def _looked_at(session: Session, campaign: Campaign, since: datetime) -> BitMap:
    """Return everybody who was in a run made after `since`, whatever came of it."""
    runs = select(Run.audience_ids).where(
        Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id, Run.planned_at > since
    )
    return BitMap.union(BitMap(), *(BitMap.deserialize(ids) for ids in session.exec(runs)))


def _is_over(session: Session, campaign: Campaign, trigger: OnEvent, at: datetime) -> bool:
    """Tell whether the event cannot happen again: a product arrives once."""
    if trigger.kind is not EventKind.ARRIVAL:
        return False
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    return product is None or (product.arrival_at is not None and product.arrival_at + trigger.delay <= at)


def _finish_if_idle(campaign: Campaign) -> None:
    # One that is running is finished by its rows, as soon as nothing waits.
    if campaign.state is CampaignState.SCHEDULED:
        campaign.state = CampaignState.FINISHED


def _farthest(at: datetime) -> datetime:
    """Return how far a recurrence has been looked at, at most; further it was by a clock that was ahead."""
    return at + SAME_OCCURRENCE + AHEAD


def _is_too_late(campaign: Campaign, moment: datetime, at: datetime) -> bool:
    lateness = campaign.policy.lateness
    return lateness is not None and at - moment > lateness


def _note_missed(session: Session, campaign: Campaign, moments: list[datetime], *, at: datetime) -> None:
    if moments:
        _note(session, campaign, {"moments": [moment.isoformat() for moment in moments[-_MOST_NOTED:]]}, at=at)


_MOST_NOTED = 100


def _note_too_late(
    session: Session, shop: Shop, campaign: Campaign, *, since: datetime, until: datetime, at: datetime
) -> None:
    if late := entrants(session, shop, campaign, since=since, until=until):
        _note(session, campaign, {"buyers": len(late), "until": until.isoformat()}, at=at)


def _note(session: Session, campaign: Campaign, missed: dict[str, object], *, at: datetime) -> None:
    subject = f"campaign:{campaign.slug}"
    audit.record(session, campaign.shop_id, _ACTOR, action="campaign.missed", subject=subject, after=missed, at=at)
