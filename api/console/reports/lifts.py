"""A lift as a page shows it: incremental buyers with their interval, or the sentence that says why there are none."""

from dataclasses import dataclass
from typing import Any

from api.console import figures
from campaigns.results.results import Results
from campaigns.statistics.lift import Lift
from campaigns.statistics.sentences import lift_sentence, revenue_sentence


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
    if lift is None or lift.state != "shown":
        return LiftWords(False, lift_sentence(lift))
    money = revenue_sentence(lift, lambda amount: figures.amount(round(amount), currency))
    return LiftWords(True, lift_sentence(lift), lift, money, _chart(lift))


def _chart(lift: Lift) -> dict[str, Any]:
    assert lift.buyers is not None
    assert lift.buyers_interval is not None
    low, high = lift.buyers_interval
    return {
        "shape": "interval",
        "low": round(low, 1),
        "middle": round(lift.buyers, 1),
        "high": round(high, 1),
        "label": figures.signed(figures.decimal(lift.buyers, 0), lift.buyers),
    }
