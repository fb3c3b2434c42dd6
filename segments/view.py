"""The view of a rule: live, with everything recorded so far, or as of a past moment.

As of a moment, facts strictly before it count and nothing else. Live, everything recorded counts, so a condition stays
right until its facts change; the lower bound of "the last N days" is floored to the hour, so that it stays right for
an hour of the clock too. "Days since" counts calendar days of the shop's zone either way.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from retention import clock
from retention.shops import Shop
from segments.rule_ast import (
    DAYS_TO_NOW,
    BuyerField,
    Condition,
    Follows,
    Forecast,
    InGroup,
    Moment,
    Orders,
    Predicted,
    Touched,
    Window,
)


def hour_of(moment: datetime) -> datetime:
    """Return the full hour of a moment."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class View:
    """One shop seen from one moment."""

    shop: Shop
    now: datetime
    as_of: datetime | None = None

    @property
    def moment(self) -> datetime:
        """The moment that relative conditions count back from."""
        return self.as_of or self.now

    @property
    def day(self) -> int:
        """The shop's calendar day of that moment, as days since 1970-01-01."""
        return self.shop.day(self.moment)

    @property
    def month(self) -> int:
        """The shop's calendar month of that moment, 1 to 12."""
        return clock.day_of(self.day).month

    @property
    def hour(self) -> datetime:
        """The full hour that live windows count back from."""
        return hour_of(self.now)

    def start(self, window: Window) -> datetime | None:
        """Return the first moment inside a window; None when it has no beginning."""
        if window.last_days is None:
            return None if window.start is None else self.beginning(window.start)
        until = self.as_of or self.hour
        return until - timedelta(days=window.last_days)

    def end(self, window: Window) -> datetime | None:
        """Return the first moment after a window, never later than as-of; None when nothing bounds it."""
        until = None if window.end is None else self.beginning(window.end)
        if self.as_of is None or until is None:
            return until or self.as_of
        return min(until, self.as_of)

    def beginning(self, moment: Moment) -> datetime:
        """Return the moment itself, or the first moment of a day in the shop's zone."""
        if not isinstance(moment, datetime):
            return self._at(moment)
        return moment if moment.tzinfo else moment.replace(tzinfo=clock.zone(self.shop.timezone)).astimezone(UTC)

    def after(self, moment: Moment) -> datetime:
        """Return the first moment after a day, or the smallest step after a moment."""
        if isinstance(moment, datetime):
            return self.beginning(moment) + timedelta(microseconds=1)
        return self._at(moment + timedelta(days=1))

    def stamp(self, condition: Condition) -> str:
        """Return the part of the clock that the answer for `condition` depends on: nothing, an hour, a day or as-of."""
        if isinstance(condition, BuyerField):
            return str(self.month) if condition.operator == "month" else ""
        if self.as_of is not None:
            return self.as_of.astimezone(UTC).isoformat()
        match condition:
            case Orders(measure) if measure in DAYS_TO_NOW and condition.window.last_days is None:
                return str(self.day)
            case Predicted(Forecast.DAYS_TO_NEXT):
                return str(self.day)
            case Orders() | Touched() | Follows() | InGroup() if condition.window.last_days is not None:
                return f"{self.day} {self.hour:%Y-%m-%dT%H}"
        return ""

    def _at(self, day: date) -> datetime:
        return clock.start_of_day((day - clock.EPOCH).days, self.shop.timezone)
