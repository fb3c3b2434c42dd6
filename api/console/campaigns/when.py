"""The step "when" of a campaign: once, again and again, on an event, or in waves; at which hour, on whose clock."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.datastructures import FormData

from api.console.campaigns.recurrences import Plain, month_choices, plain_of, weekday_choices
from api.console.campaigns.rules import whole
from api.console.campaigns.waves import WaveLine, shown_lines, typed_waves, wave_lines, waves_trigger
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.local_time import local_moment
from campaigns.campaign.policy import Whose
from campaigns.campaign.triggers import EventKind, OnEvent, Recurring, Waves, trigger_name
from retention import clock
from retention.column_limits import check_moment
from retention.errors import Invalid
from retention.followers_and_groups import list_groups
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop
from segments.segments import list_segments

ONCE, MOMENT, RECURRING, EVENT, WAVES = "once", "moment", "recurring", "event", "waves"

IN_DAYS = frozenset({EventKind.DELIVERED, EventKind.BIRTHDAY})


@dataclass
class When:
    """The fields of the step as typed, so that a refusal keeps them."""

    kind: str = ONCE
    day: str = ""
    time: str = "10:00"
    plain: Plain = field(default_factory=Plain)
    at: str = "10:00"
    zone: str = Whose.SHOP.value
    again: bool = True
    event: str = EventKind.FOLLOWED.value
    hours: str = "0"
    days: str = "7"
    event_at: str = "10:00"
    segment: str = ""
    group: str = ""
    send: str = ""
    send_time: str = "10:00"
    quiet: str = ""
    quiet_from: str = "21:00"
    quiet_to: str = "09:00"
    waves: list[WaveLine] = field(default_factory=list)

    @property
    def wave_lines(self) -> list[WaveLine]:
        """The lines for waves the form shows."""
        return shown_lines(self.waves)

    def changes(self, session: Session, shop: Shop, campaign: Campaign) -> dict[str, Any]:
        """Return the values of the campaign this step speaks of."""
        policy = {
            "send_at": {"time": self.send_time, "zone": self.send} if self.send else None,
            "quiet": {"from": self.quiet_from, "to": self.quiet_to, "zone": self.quiet} if self.quiet else None,
        }
        trigger = self._trigger(session, shop, campaign)
        return {"trigger": trigger, "scheduled_at": self.moment(shop), "policy": policy}

    def moment(self, shop: Shop) -> datetime | None:
        """Return the moment somebody chose, on the shop's clock; None when it goes without one."""
        if self.kind != MOMENT:
            return None
        try:
            chosen = datetime.strptime(f"{self.day} {self.time}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 - a wall clock
        except ValueError as error:
            raise Invalid(
                gettext_noop("{text} is not a date and time. Choose a day and a time like 2026-12-31 and 19:30."),
                text=repr(f"{self.day} {self.time}".strip()),
            ) from error
        check_moment("day", chosen)
        return local_moment(chosen.date(), chosen.time(), shop.timezone)

    def _trigger(self, session: Session, shop: Shop, campaign: Campaign) -> dict[str, Any]:
        match self.kind:
            case "recurring":
                before = campaign.trigger
                kept = before.model_dump(mode="json") if isinstance(before, Recurring) else {}
                values = {"rrule": self.plain.as_rrule, "at": self.at, "zone": self.zone, "again": self.again}
                return {"recurring": {**kept, **values}}
            case "event":
                return {"event": self._event()}
            case "waves":
                return waves_trigger(session, shop, campaign, self.waves)
            case _:
                return {}

    def _event(self) -> dict[str, Any]:
        values: dict[str, Any] = {"kind": self.event}
        if self.event in IN_DAYS:
            values |= {"days": whole(self.days, "days") or 0, "at": self.event_at}
        elif self.event != EventKind.ORDER_UNPAID:
            values["hours"] = whole(self.hours, "hours") or 0
        if self.event == EventKind.SEGMENT_ENTERED:
            values["segment"] = self.segment
        if self.event == EventKind.GROUP_JOINED:
            values["group"] = self.group
        return values


def when_of(session: Session, shop: Shop, campaign: Campaign, *, now: datetime) -> When:
    """Return the step as a campaign stands."""
    today = f"{now.astimezone(clock.zone(shop.timezone)):%Y-%m-%d}"
    when = When(day=today, waves=wave_lines(session, shop, campaign))
    match trigger := campaign.trigger:
        case Recurring():
            when.kind, when.plain, when.at = RECURRING, plain_of(trigger.rrule), trigger.at
            when.zone, when.again = trigger.zone, trigger.again
        case OnEvent():
            when.kind, when.event, when.event_at = EVENT, trigger.kind, trigger.at
            when.hours, when.days = str(trigger.hours), str(trigger.days or 7)
            when.segment, when.group = trigger.segment, trigger.group
        case Waves():
            when.kind = WAVES
        case _ if campaign.scheduled_at:
            there = campaign.scheduled_at.astimezone(clock.zone(shop.timezone))
            when.kind, when.day, when.time = MOMENT, f"{there:%Y-%m-%d}", f"{there:%H:%M}"
    policy = campaign.policy
    if policy.send_at:
        when.send, when.send_time = policy.send_at.zone, policy.send_at.time
    if policy.quiet:
        when.quiet, when.quiet_from, when.quiet_to = policy.quiet.zone, policy.quiet.start, policy.quiet.end
    return when


def typed_when(form: FormData) -> When:
    """Return what was typed."""

    def text(name: str) -> str:
        return str(form.get(name, "")).strip()

    plain = Plain(
        every=text("every") or "week",
        weekdays=[str(day) for day in form.getlist("weekday")],
        month_days=text("month_days"),
        year_month=text("year_month"),
        year_day=text("year_day"),
        rrule=text("rrule"),
    )
    typed = {name: text(name) for name in _PLAIN_FIELDS if name in form}
    kind, again = text("kind") or ONCE, bool(text("again"))
    return When(kind=kind, plain=plain, again=again, waves=typed_waves(form), **typed)


_PLAIN_FIELDS = (
    *("day", "time", "at", "zone", "event", "hours", "days", "event_at", "segment", "group"),
    *("send", "send_time", "quiet", "quiet_from", "quiet_to"),
)


def when_choices(session: Session, shop: Shop) -> dict[str, list[tuple[str, str]]]:
    """Return what the lists of the step offer."""
    groups = list_groups(session, shop.id)
    return {
        "every": [
            ("day", _("every day")),
            ("week", _("every week")),
            ("month", _("every month")),
            ("year", _("every year")),
            ("own", _("custom recurrence rule")),
        ],
        "weekdays": weekday_choices(),
        "months": month_choices(),
        "clocks": [
            (Whose.SHOP.value, _("in the shop's time zone")),
            (Whose.BUYER.value, _("in each buyer's time zone")),
        ],
        "events": [(kind.value, trigger_name(_named(kind))) for kind in EventKind],
        "segments": [(segment.slug, segment.name) for segment in list_segments(session, shop.id)],
        "groups": [("", _("any group")), *[(group.slug, group.name) for group in groups]],
    }


def _named(kind: EventKind) -> OnEvent:
    return OnEvent.model_construct(kind=kind)
