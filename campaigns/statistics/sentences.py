"""What may be said of a lift in one sentence, in the language being spoken; every face says the same."""

from collections.abc import Callable

from campaigns.statistics.lift import HIDE_REVENUE_BELOW, WARN_REVENUE_BELOW, Lift
from retention.i18n import gettext as _


def lift_sentence(lift: Lift | None) -> str:
    """Return the answer, or why there is none."""
    if lift is None or lift.state == "empty":
        return _("Without a control group nobody can tell what would have happened anyway.")
    if lift.state == "mismatch":
        return _("The groups do not have the planned sizes, so a comparison would mislead. Nothing is shown.")
    if lift.state == "early":
        return _("Too early: a difference seen on the way is not the result. It waits for the read-out.")
    return _found(lift)


def _found(lift: Lift) -> str:
    assert lift.interval is not None
    if lift.interval.low <= 0 <= lift.interval.high:
        return _("No difference shows: the interval holds zero. That is not proof that there is none.")
    if lift.p_holm is not None and lift.p_holm >= 1 - lift.confidence:
        return _("The interval does not hold zero, but of so many arms one may look like that by chance (Holm).")
    if lift.interval.low > 0:
        return _("More buyers ordered than would have without it: the whole interval lies above zero.")
    return _("Fewer buyers ordered than would have without it: the whole interval lies below zero.")


def revenue_sentence(lift: Lift, amount: Callable[[float], str]) -> str:
    """Return what is known of money, `amount` writing it; "" where nothing was to be known."""
    revenue = lift.revenue
    if revenue is None:
        return ""
    if revenue.state == "hidden" or revenue.total is None or revenue.total_interval is None:
        return _(
            "Too few of the control group ordered to say anything about money: {ordering}, and it takes {least}."
        ).format(ordering=revenue.control_ordering, least=HIDE_REVENUE_BELOW)
    low, high = (amount(limit) for limit in revenue.total_interval)
    total = amount(revenue.total)
    signed = f"+{total}" if revenue.total > 0 else total
    words = _("Revenue because of it: {total}, between {low} and {high}.").format(total=signed, low=low, high=high)
    weak = _("Read it with care: fewer than {enough} of the control group ordered, which flatters.")
    return f"{words} {weak.format(enough=WARN_REVENUE_BELOW)}" if revenue.state == "weak" else words


def chance(p: float) -> str:
    """Return a p-value as text; one too small for four decimals is below them, never zero."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"
