"""The calendar: a month or a week of runs, coming launches and arrivals; a launch to come moves by drag or by form."""

from datetime import date, datetime, timedelta
from typing import Annotated

from babel.dates import format_date, format_interval, format_skeleton, get_day_names
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console import shell
from api.console.shell import Here, go, show
from api.console.states import medium_name, shown
from api.date_input import typed_day
from api.deps import Now, Place, Reading, Writing, require
from campaigns.campaign.campaigns import CampaignState
from campaigns.campaign.local_time import local_moment
from campaigns.campaign.media import Medium
from campaigns.runs.calendar import days, reschedule
from campaigns.runs.drafting import campaign_for, campaigns_of
from campaigns.runs.forecasting import forecast
from retention import clock
from retention.access import Scope
from retention.errors import Invalid
from retention.i18n import current_locale, gettext_noop

router = APIRouter(prefix="/shops/{slug}/calendar", dependencies=[require(Scope.CAMPAIGNS_READ)])

shell.add_done({"moved": gettext_noop("Rescheduled.")})

MONTH, WEEK = "month", "week"


@router.get("")
def show_calendar(
    request: Request, session: Reading, place: Here, now: Now, view: str = MONTH, day: str = ""
) -> HTMLResponse:
    """Show a month, from Monday to Sunday, or a week."""
    return _show(request, session, place, now=now, view=view, day=_read_day(day, place, now))


@router.get("/forecast")
def show_forecast(
    request: Request, session: Reading, place: Here, now: Now, view: str = MONTH, day: str = ""
) -> HTMLResponse:
    """Show whom the coming campaigns would reach twice in a day, and whom the caps would stop."""
    first, last = _span(view, _read_day(day, place, now))
    shown_days = days(session, place.shop, first=first, last=last, at=now)
    found = forecast(session, place.shop, shown_days, at=now)
    names = {campaign.slug: campaign.name for campaign in campaigns_of(session, place.shop.id)}
    return show(request, session, "campaigns/calendar_forecast.html", forecast=found, names=names)


@router.post("/moves", dependencies=[require(Scope.CAMPAIGNS_WRITE)])
def reschedule_launch(
    session: Writing,
    place: Here,
    now: Now,
    campaign: Annotated[str, Form()],
    day: Annotated[str, Form()],
    time: Annotated[str, Form()] = "",
    view: Annotated[str, Form()] = MONTH,
) -> Response:
    """Put a launch on another day, at its old time of day unless another is given."""
    row = campaign_for(session, place.member, campaign)
    wanted = _read_day(day, place, now)
    moment = _moment(wanted, time, row.scheduled_at, place.shop.timezone)
    reschedule(session, place.shop, row, launch_at=moment, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/calendar", done="moved", view=view, day=wanted.isoformat())


def _show(
    request: Request,
    session: Session,
    place: Place,
    *,
    now: datetime,
    view: str,
    day: date,
) -> HTMLResponse:
    first, last = _span(view, day)
    locale = current_locale()
    back, ahead = (first - timedelta(days=7), last + timedelta(days=1)) if view == WEEK else _months_beside(day)
    return show(
        request,
        session,
        "campaigns/calendar.html",
        days=days(session, place.shop, first=first, last=last, at=now),
        view=view,
        day=day,
        today=now.astimezone(clock.zone(place.shop.timezone)).date(),
        back=back,
        ahead=ahead,
        span_name=_span_name(view, day, first, last),
        weekdays=[get_day_names("abbreviated", locale=locale)[number] for number in range(7)],
        month_name=lambda each: format_date(each, "LLL", locale=locale),
        day_name=lambda each: format_date(each, "full", locale=locale),
        state_of=lambda entry: shown(CampaignState(entry.state)),
        medium_of=lambda entry: medium_name(Medium(entry.medium)),
    )


def _span(view: str, day: date) -> tuple[date, date]:
    """Return the first and the last day to show: whole weeks from Monday to Sunday."""
    if view == WEEK:
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    first_of_month = day.replace(day=1)
    last_of_month = (first_of_month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return (
        first_of_month - timedelta(days=first_of_month.weekday()),
        last_of_month + timedelta(days=6 - last_of_month.weekday()),
    )


def _months_beside(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=31)).replace(day=1)


def _span_name(view: str, day: date, first: date, last: date) -> str:
    locale = current_locale()
    if view == WEEK:
        return format_interval(first, last, "yMMMd", locale=locale)
    return format_skeleton("yMMMM", day, locale=locale)


def _read_day(text: str, place: Place, now: datetime) -> date:
    if not text:
        return now.astimezone(clock.zone(place.shop.timezone)).date()
    return typed_day(text)


def _moment(day: date, wall: str, before: datetime | None, timezone: str) -> datetime:
    """Return the moment of a day at a time typed, or else at the time of day it had."""
    if not wall and before is None:
        raise Invalid("Enter the time of day too, like 10:00.")
    try:
        at = datetime.strptime(wall, "%H:%M").time() if wall else None  # noqa: DTZ007 - a time on a wall
    except ValueError:
        raise Invalid("{time} is not a time of day. Write it like 10:00.", time=repr(wall)) from None
    if at is None:
        assert before is not None
        at = before.astimezone(clock.zone(timezone)).time()
    return local_moment(day, at, timezone)
