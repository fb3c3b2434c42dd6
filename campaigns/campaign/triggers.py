"""Triggers: what makes a run of a campaign: a person or a day once, the calendar again and again, an event, waves.

A trigger is JSON with one key, kept in `Campaign.trigger_json`:

    {"once": {}}                                                            also {}
    {"recurring": {"rrule": "FREQ=MONTHLY;BYMONTHDAY=1", "at": "10:00"}}    in the shop's wall clock, or the buyers'
    {"event": {"kind": "birthday", "days": 7, "at": "10:00"}}
    {"waves": [{"rule": {...}, "after": 0}, {"rule": {...}, "after": 24}]}  hours after the arrival, or the start

Values only; to whom an event happened is asked in `events`, what comes of it is done in `occurrences`.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from campaigns.campaign.local_time import FAR, day_exists, local_moment, read_recurrence, recurring_days
from campaigns.campaign.policy import TimeOfDay, Whose, read_time
from retention import clock
from retention.errors import Invalid, Wrong
from retention.i18n import gettext as _
from retention.i18n import gettext_noop as n_
from retention.validation_errors import refusal_in
from segments.rule_ast import Node
from segments.rules import parse

FIRST_ZONE = "Pacific/Kiritimati"  # where a day begins first; a run for the buyers' clocks is made by this one

_FROZEN = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)


class EventKind(StrEnum):
    """What can happen to a buyer, or to a product, that a campaign answers."""

    ARRIVAL = "arrival"
    ORDER_UNPAID = "order_unpaid"
    DELIVERED = "delivered"
    SEGMENT_ENTERED = "segment_entered"
    GROUP_JOINED = "group_joined"
    FOLLOWED = "followed"
    BIRTHDAY = "birthday"


_NAMES = {
    EventKind.ARRIVAL: n_("When the product arrives"),
    EventKind.ORDER_UNPAID: n_("When an order stays unpaid"),
    EventKind.DELIVERED: n_("After a parcel was delivered"),
    EventKind.SEGMENT_ENTERED: n_("When a buyer enters a segment"),
    EventKind.GROUP_JOINED: n_("When a buyer joins a group"),
    EventKind.FOLLOWED: n_("When a buyer follows the shop"),
    EventKind.BIRTHDAY: n_("Before a birthday"),
}

_ONCE_EACH = frozenset({EventKind.ARRIVAL, EventKind.GROUP_JOINED, EventKind.FOLLOWED})
"""Events that serve a buyer once, however often they happen: who leaves and comes again gets no second gift."""


class Once(BaseModel):
    """One run, at the moment the campaign is scheduled for or when a person launches it."""

    model_config = _FROZEN


class Recurring(BaseModel):
    """A run on every day of a recurrence, at a time on the shop's wall, or on each buyer's.

    `start` is the first day, from which `COUNT` and `INTERVAL` count. With `again` false nobody is served twice.
    """

    model_config = _FROZEN

    rrule: str
    at: TimeOfDay
    zone: Whose = Whose.SHOP
    start: date | None = None
    again: bool = True

    @model_validator(mode="after")
    def _names_days(self) -> Self:
        read_recurrence(self.rrule, self.start)
        return self

    def occurrences(self, *, after: datetime, until: datetime, zone: str) -> list[datetime]:
        """Return the moments later than `after` and not later than `until`, in order; `zone` is the shop's."""
        zone = FIRST_ZONE if self.zone is Whose.BUYER else zone
        there, wall = clock.zone(zone), read_time(self.at)
        first, last = (at.astimezone(there).date() for at in (after, until))
        days = recurring_days(read_recurrence(self.rrule, self.start), first, last)
        moments = (local_moment(day, wall, zone) for day in days if day_exists(day, zone))
        return [moment for moment in moments if after < moment <= until]


class OnEvent(BaseModel):
    """A run for those to whom something happened since the last check.

    `hours` is how long after it; of a delivery and a birthday it is `days` after and before, at a time on the shop's
    wall. `again` says whether a buyer is served each time; by default what depends on the event.
    """

    model_config = _FROZEN

    kind: EventKind
    hours: int = Field(0, ge=0, le=8760)
    days: int = Field(0, ge=0, le=366)
    at: TimeOfDay = "10:00"
    segment: str = Field("", max_length=64)
    group: str = Field("", max_length=64)
    again: bool | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is EventKind.SEGMENT_ENTERED and not self.segment:
            raise Wrong(n_("Choose the segment that buyers enter."))
        if self.kind is EventKind.DELIVERED and not self.days:
            raise Wrong(n_("Enter how many days after the delivery."))
        by_days = self.kind in {EventKind.DELIVERED, EventKind.BIRTHDAY}
        if (by_days and self.hours) or (not by_days and self.days):
            raise Wrong(_IN_DAYS if by_days else _IN_HOURS)
        if self.kind is EventKind.ORDER_UNPAID and self.hours:
            raise Wrong(n_("The time of a payment reminder follows from the hour of the order; leave the delay empty."))
        return self

    @property
    def delay(self) -> timedelta:
        """How long after the event the run is made, for kinds that count in hours."""
        return timedelta(hours=self.hours)


class Wave(BaseModel):
    """One part of an audience, by a rule, and how many hours after the arrival its turn comes."""

    model_config = _FROZEN

    rule: dict[str, Any]
    after: int = Field(ge=0, le=8760)

    @model_validator(mode="after")
    def _is_a_rule(self) -> Self:
        _ = self.node
        return self

    @cached_property
    def node(self) -> Node:
        """The rule, parsed."""
        return parse(self.rule)


class Waves(BaseModel):
    """Several runs, one after the other; whom one has reached the next leaves out."""

    model_config = _FROZEN

    waves: tuple[Wave, ...] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        hours = [wave.after for wave in self.waves]
        if sorted(set(hours)) != hours:
            raise Wrong(n_("Each wave must start later than the one before."))
        return self


Trigger = Once | Recurring | OnEvent | Waves

_KINDS: dict[str, type[Once | Recurring | OnEvent | Waves]] = {
    "once": Once,
    "recurring": Recurring,
    "event": OnEvent,
    "waves": Waves,
}


_IN_DAYS = n_("The delay of this event is given in days, not in hours.")
_IN_HOURS = n_("The delay of this event is given in hours, not in days.")


def read_trigger(values: object) -> Trigger:
    """Return a trigger from its stored or sent values; Invalid names the first wrong one."""
    if not isinstance(values, dict):
        raise Invalid("{field} must be an object, not {value}.", field="trigger", value=repr(values)[:100])
    if not values:
        return Once()
    if len(values) != 1 or next(iter(values)) not in _KINDS:
        raise Invalid("A trigger is one of {kinds}, not {found}.", kinds=", ".join(_KINDS), found=", ".join(values))
    ((name, body),) = values.items()
    try:
        return _KINDS[name].model_validate({"waves": body} if name == "waves" else body)
    except ValidationError as error:
        raise refusal_in(error, "trigger", below="" if name == "waves" else name) from error


def next_moment(trigger: Trigger, *, after: datetime, zone: str) -> datetime | None:
    """Return the next moment a recurring trigger makes a run by itself; None for the others and when it has ended."""
    if not isinstance(trigger, Recurring):
        return None
    for ahead in (timedelta(days=70), FAR):
        if found := trigger.occurrences(after=after, until=after + ahead, zone=zone):
            return found[0]
    return None


def starts_itself(trigger: Trigger) -> bool:
    """Tell whether runs are made by the calendar, by events or in waves, and not by a person alone."""
    return not isinstance(trigger, Once)


def may_go_to_all(trigger: Trigger) -> bool:
    """Tell whether a person may launch it to the whole audience; good wishes are for whom they concern."""
    return not isinstance(trigger, OnEvent) or trigger.kind is EventKind.ARRIVAL


def serves_once(trigger: Trigger) -> bool:
    """Tell whether a buyer whom a run has reached is left out of the later ones."""
    match trigger:
        case Recurring():
            return not trigger.again
        case OnEvent():
            return trigger.kind in _ONCE_EACH if trigger.again is None else not trigger.again
        case _:
            return True


def trigger_name(trigger: Trigger) -> str:
    """Return in a few words what makes the runs, in the language being spoken."""
    match trigger:
        case Recurring():
            return _("Recurring, at {time}").format(time=trigger.at)
        case OnEvent():
            return _(_NAMES[trigger.kind])
        case Waves():
            return _("In {count} waves").format(count=len(trigger.waves))
        case _:
            return _("Once")
