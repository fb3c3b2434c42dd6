"""Lift as one sentence in the current language, the same in every interface."""

from collections.abc import Callable

from campaigns.statistics.lift import HIDE_REVENUE_BELOW, WARN_REVENUE_BELOW, Lift
from retention.i18n import gettext as _


def lift_sentence(lift: Lift | None) -> str:
    """Return the answer, or why there is none."""
    if lift is None or lift.state == "empty":
        return _("Without a control group the baseline is unknown.")
    if lift.state == "mismatch":
        return _("The groups do not have the planned sizes (sample ratio mismatch). Results are not shown.")
    if lift.state == "early":
        return _("Too early: interim differences are not the result. Wait for the read-out.")
    return _found(lift)


def _found(lift: Lift) -> str:
    assert lift.interval is not None
    if lift.interval.low <= 0 <= lift.interval.high:
        return _("No significant difference: the interval includes zero. This does not prove that there is no effect.")
    if lift.p_holm is not None and lift.p_holm >= 1 - lift.confidence:
        return _("The interval excludes zero, but not after correction for multiple comparisons (Holm).")
    if lift.interval.low > 0:
        return _("Significant increase: the whole interval lies above zero.")
    return _("Significant decrease: the whole interval lies below zero.")


def revenue_sentence(lift: Lift, amount: Callable[[float], str]) -> str:
    """Return what is known of money, `amount` writing it; "" where nothing was to be known."""
    revenue = lift.revenue
    if revenue is None:
        return ""
    if revenue.state == "hidden" or revenue.total is None or revenue.total_interval is None:
        return _("Too few orders in the control group to estimate revenue: {ordering}, and {least} are needed.").format(
            ordering=revenue.control_ordering, least=HIDE_REVENUE_BELOW
        )
    low, high = (amount(limit) for limit in revenue.total_interval)
    total = amount(revenue.total)
    signed = f"+{total}" if revenue.total > 0 else total
    words = _("Incremental revenue: {total}, between {low} and {high}.").format(total=signed, low=low, high=high)
    weak = _(
        "Interpret with caution: fewer than {enough} buyers of the control group ordered, which may overstate the "
        "effect."
    )
    return f"{words} {weak.format(enough=WARN_REVENUE_BELOW)}" if revenue.state == "weak" else words


def chance(p: float) -> str:
    """Return a p-value as text; one too small for four decimals is below them, never zero."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"
