"""The calendar: what left, what leaves and what arrives on each day of the shop, and moving a launch to another day."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Run
from campaigns.campaign.triggers import Once, Recurring
from campaigns.runs.approvals import require_approval
from campaigns.runs.festivals import festivals
from retention import audit, clock
from retention.database import lock
from retention.errors import Conflict, Invalid
from retention.moments import show_moment
from retention.products import Product
from retention.shops import Shop

LONGEST = timedelta(days=400)
TO_COME = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)


class EntryKind(StrEnum):
    """What an entry of the calendar is."""

    RUN = "run"
    COMING = "coming"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on one day. `buyers` is the audience of a run that was made; `number` its number.

    `movable` says whether it may be put on another day; `firm` whether it happens by itself as things stand.
    """

    kind: EntryKind
    at: datetime
    name: str
    slug: str = ""
    campaign_id: int | None = None
    state: str = ""
    medium: str = ""
    buyers: int | None = None
    number: int = 0
    movable: bool = False
    firm: bool = True


@dataclass(frozen=True, slots=True)
class Day:
    """A day on the shop's wall with its entries in the order of the clock."""

    day: date
    festivals: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        shown = ("kind", "name", "slug", "state", "medium", "buyers", "number", "movable", "firm")
        return {
            "day": self.day.isoformat(),
            "festivals": self.festivals,
            "entries": [
                {"at": entry.at.isoformat(), **{name: getattr(entry, name) for name in shown}} for entry in self.entries
            ],
        }


def days(session: Session, shop: Shop, *, first: date, last: date, at: datetime) -> list[Day]:
    """Return every day from `first` to `last`, both included; Invalid when that is more than 400 days or none."""
    if not first <= last <= first + LONGEST:
        raise Invalid("A calendar period ends after it starts and has at most {most} days.", most=LONGEST.days)
    start, end = (
        clock.start_of_day((day - clock.EPOCH).days, shop.timezone) for day in (first, last + timedelta(days=1))
    )
    named = festivals(shop, first, last)
    found = {
        day: Day(day, named.get(day, []))
        for day in (first + timedelta(days=number) for number in range((last - first).days + 1))
    }
    for entry in sorted(_entries(session, shop, start, end, at=at), key=lambda entry: (entry.at, entry.name)):
        found[entry.at.astimezone(clock.zone(shop.timezone)).date()].entries.append(entry)
    return list(found.values())


def reschedule(
    session: Session, shop: Shop, campaign: Campaign, *, launch_at: datetime, at: datetime, actor: str
) -> None:
    """Put a launch that is still to come on another moment.

    Invalid when that is past; Conflict when the campaign runs by its trigger, has begun, or was approved as it was.
    """
    lock(session, campaign)
    if launch_at <= at:
        raise Invalid("{moment} is in the past. Choose a future time.", moment=show_moment(launch_at, shop.timezone))
    if not isinstance(campaign.trigger, Once):
        raise Conflict("“{name}” is scheduled by its trigger. Change the trigger to reschedule it.", name=campaign.name)
    if campaign.state not in (CampaignState.DRAFT, CampaignState.SCHEDULED):
        raise Conflict("“{name}” is {state} and cannot be rescheduled.", name=campaign.name, state=campaign.state)
    before = campaign.scheduled_at
    campaign.scheduled_at = launch_at
    if campaign.state is CampaignState.SCHEDULED:
        require_approval(session, shop, campaign, at=launch_at)
    session.add(campaign)
    session.flush()
    audit.record(
        session,
        shop.id,
        actor,
        action="campaign.reschedule",
        subject=f"campaign:{campaign.slug}",
        before={"scheduled_at": before.isoformat() if before else None},
        after={"scheduled_at": launch_at.isoformat()},
        at=at,
    )


def _entries(session: Session, shop: Shop, start: datetime, end: datetime, *, at: datetime) -> Iterator[Entry]:
    yield from _runs(session, shop, start, end)
    yield from _coming(session, shop, max(start, at), end)
    yield from _arrivals(session, shop, start, end)


def _runs(session: Session, shop: Shop, start: datetime, end: datetime) -> Iterator[Entry]:
    made = (
        select(Run, Campaign)
        .join(Campaign, col(Campaign.id) == Run.campaign_id)
        .where(Run.shop_id == shop.id, col(Run.planned_at) >= start, col(Run.planned_at) < end)
    )
    for run, campaign in session.exec(made):
        yield Entry(
            EntryKind.RUN,
            run.planned_at,
            campaign.name,
            slug=campaign.slug,
            campaign_id=campaign.id,
            state=campaign.state.value,
            medium=campaign.medium.value,
            buyers=run.audience,
            number=run.number,
        )


def _coming(session: Session, shop: Shop, start: datetime, end: datetime) -> Iterator[Entry]:
    waits = sa.or_(
        col(Campaign.state).in_(TO_COME),
        sa.and_(col(Campaign.state) == CampaignState.RUNNING, col(Campaign.scheduled_at).is_not(None)),
    )
    for campaign in session.exec(select(Campaign).where(Campaign.shop_id == shop.id, waits)):
        trigger = None if campaign.damage else campaign.trigger
        firm = campaign.state in (CampaignState.SCHEDULED, CampaignState.RUNNING)
        if isinstance(trigger, Recurring):
            moments = trigger.occurrences(after=start, until=end - timedelta(seconds=1), zone=shop.timezone)
        else:
            moments = [campaign.scheduled_at] if campaign.scheduled_at and start <= campaign.scheduled_at < end else []
        for moment in moments:
            yield Entry(
                EntryKind.COMING,
                moment,
                campaign.name,
                slug=campaign.slug,
                campaign_id=campaign.id,
                state=campaign.state.value,
                medium=campaign.medium.value,
                movable=isinstance(trigger, Once) and campaign.state in (CampaignState.DRAFT, CampaignState.SCHEDULED),
                firm=firm,
            )


def _arrivals(session: Session, shop: Shop, start: datetime, end: datetime) -> Iterator[Entry]:
    arriving = select(Product).where(
        Product.shop_id == shop.id, col(Product.arrival_at) >= start, col(Product.arrival_at) < end
    )
    for product in session.exec(arriving):
        assert product.arrival_at is not None
        yield Entry(EntryKind.ARRIVAL, product.arrival_at, product.title, slug=product.sku)
