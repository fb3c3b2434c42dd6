"""A lift as a page shows it: incremental orders with their interval, or the sentence that says why there are none."""

from dataclasses import dataclass
from typing import Any

from api.console import figures
from campaigns.measuring.lift import Lift
from campaigns.measuring.results import Results
from retention.words import gettext as _


@dataclass(frozen=True)
class LiftWords:
    """`shown` says whether there are figures; `sentence` is the answer, `revenue` what is known of money."""

    shown: bool
    sentence: str
    lift: Lift | None = None
    revenue: str = ""
    chart: dict[str, Any] | None = None


def lift_words(results: Results, currency: str) -> LiftWords:
    """Return what may be said about the difference to the control group: nothing before the read-out."""
    lift = results.lift
    if lift is None or lift.state == "empty":
        return LiftWords(False, _("Without a control group nobody can tell what would have happened anyway."))
    if lift.state == "mismatch":
        return LiftWords(
            False, _("The groups do not have the planned sizes, so a comparison would mislead. Nothing is shown.")
        )
    if results.early:
        return LiftWords(
            False, _("Too early: a difference seen on the way is not the result. It waits for the read-out.")
        )
    return LiftWords(True, _sentence(lift), lift, _revenue(lift, currency), _chart(lift))


def _sentence(lift: Lift) -> str:
    assert lift.interval is not None
    if lift.interval.low > 0:
        return _("More orders than without it: the whole interval lies above zero.")
    if lift.interval.high < 0:
        return _("Fewer orders than without it: the whole interval lies below zero.")
    return _("No difference shows: the interval holds zero. That is not proof that there is none.")


def _revenue(lift: Lift, currency: str) -> str:
    revenue = lift.revenue
    if revenue is None or revenue.state == "hidden" or revenue.total is None or revenue.total_interval is None:
        return _("Too few of the control group ordered to say anything about money.")
    low, high = (figures.amount(round(limit), currency) for limit in revenue.total_interval)
    words = _("{total} more revenue, between {low} and {high}.").format(
        total=figures.amount(round(revenue.total), currency), low=low, high=high
    )
    weak = _("Read it with care: few of the control group ordered.")
    return f"{words} {weak}" if revenue.state == "weak" else words


def _chart(lift: Lift) -> dict[str, Any]:
    assert lift.orders is not None
    assert lift.orders_interval is not None
    low, high = lift.orders_interval
    return {
        "shape": "interval",
        "low": round(low, 1),
        "middle": round(lift.orders, 1),
        "high": round(high, 1),
        "label": figures.signed(figures.decimal(lift.orders, 0), lift.orders),
    }
