"""Lift: the effect of a group against its control group, from counts and moments.

The unit is the buyer and everybody assigned counts, whether or not the message arrived or the flyer was scanned. It
refuses to show a figure that would flatter: nothing after a sample ratio mismatch, no revenue below 20 ordering control
buyers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from scipy import special

from campaigns.statistics.intervals import Interval, Rate, Spend, equality, newcombe, ratio, welch
from retention.errors import Invalid

# With few ordering control buyers the revenue interval overstates the campaign: at 10 control orders it covers 90 %,
# the misses all flattering, and a bootstrap does no better.
HIDE_REVENUE_BELOW = 20
WARN_REVENUE_BELOW = 50
MISMATCH_P = 0.001
MISMATCH_LEAST = 8  # buyers per arm; chi-square means nothing below

Money = Callable[[float], str]
"""Writes an amount, in whatever unit the values were given, as a string."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm as assigned: its name, its rate, its spend if known."""

    name: str
    rate: Rate
    spend: Spend | None = None

    def as_json(self, write: Money = str) -> dict[str, Any]:
        """Plain values for JSON; `write` makes a string of an amount."""
        mean = self.spend.mean if self.spend else None
        return {
            "arm": self.name,
            "buyers": self.rate.buyers,
            "converted": self.rate.converted,
            "rate": self.rate.value,
            "value_per_buyer": write(mean) if mean is not None else None,
            "value": write(mean * self.rate.buyers) if mean is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Revenue:
    """Incremental value: per buyer, and in total over the treated. Hidden figures are None, not zero.

    `state`: "shown"; "weak" below 50 ordering control buyers, to be read with a warning; "hidden" below 20.
    """

    state: Literal["shown", "weak", "hidden"]
    control_ordering: int
    difference: float | None = None
    interval: Interval | None = None
    total: float | None = None
    total_interval: Interval | None = None

    def as_json(self, write: Money = str) -> dict[str, Any]:
        """Plain values for JSON; `write` makes a string of an amount."""
        return {
            "state": self.state,
            "control_ordering": self.control_ordering,
            "difference": _amount(self.difference, write),
            "interval": _limits(self.interval, write),
            "total": _amount(self.total, write),
            "total_interval": _limits(self.total_interval, write),
        }


def _amount(amount: float | None, write: Money) -> str | None:
    return None if amount is None else write(amount)


def _limits(interval: Interval | None, write: Money) -> list[str] | None:
    return None if interval is None else [write(limit) for limit in interval]


@dataclass(frozen=True, slots=True)
class Lift:
    """One arm against the control.

    `state`: "shown"; "empty" when an arm has nobody; "mismatch" when the sizes are not those planned; "early" before
    the read-out. Anything but "shown" carries no estimate. `buyers` is the difference times the treated buyers: those
    who ordered because of it, however often. `p_holm` is `p` corrected for several arms.
    """

    treated: Arm
    control: Arm
    state: Literal["shown", "empty", "mismatch", "early"]
    confidence: float = 0.95
    difference: float | None = None
    interval: Interval | None = None
    relative: float | None = None  # 0.5 is half as many again; None when the control has no success
    relative_interval: Interval | None = None
    buyers: float | None = None
    buyers_interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    revenue: Revenue | None = None

    def hidden(self) -> "Lift":
        """Return what may be said before the read-out: the sizes, and whether they are those planned."""
        return self if self.state != "shown" else Lift(self.treated, self.control, "early", self.confidence)

    def as_json(self, write: Money = str) -> dict[str, Any]:
        """Plain values for JSON: intervals become pairs, `write` makes strings of amounts; before the read-out nobody
        is said to have ordered or not.
        """
        fields = {name: getattr(self, name) for name in self.__slots__ if name not in {"treated", "control", "revenue"}}
        arms = {"treated": self.treated.as_json(write), "control": self.control.as_json(write)}
        if self.state == "early":
            arms = {name: {**dict.fromkeys(arm), **_size(arm)} for name, arm in arms.items()}
        return {**arms, **fields, "revenue": self.revenue.as_json(write) if self.revenue else None}


def _size(arm: dict[str, Any]) -> dict[str, Any]:
    return {name: arm[name] for name in ("arm", "buyers")}


class Mismatch(NamedTuple):
    """Observed against planned sizes. `found` means: something lost buyers on one side, believe no lift."""

    p: float
    found: bool


def sample_ratio(observed: Mapping[str, int], planned: Mapping[str, float]) -> Mismatch:
    """Chi-square of arm sizes against planned shares ; found below p = 0.001 with 8 or more per arm."""
    if set(observed) != set(planned) or len(planned) < 2 or min(planned.values()) <= 0:
        raise Invalid(
            "Planned shares for {planned} do not fit the arms {observed}: give one positive share per arm.",
            planned=", ".join(sorted(planned)),
            observed=", ".join(sorted(observed)),
        )
    buyers, weight = sum(observed.values()), sum(planned.values())
    if not buyers:
        return Mismatch(1.0, found=False)
    expected = {arm: buyers * share / weight for arm, share in planned.items()}
    # Planned sizes decide whether chi-square may speak: an arm that came out nearly empty is the worst mismatch of all.
    enough = min(expected.values()) >= MISMATCH_LEAST
    statistic = math.fsum((observed[arm] - size) ** 2 / size for arm, size in expected.items())
    p = float(special.chdtrc(len(planned) - 1, statistic))
    return Mismatch(p, found=enough and p < MISMATCH_P)


def measure(
    control: Arm, arms: Sequence[Arm], *, planned: Mapping[str, float] | None = None, confidence: float = 0.95
) -> list[Lift]:
    """Each arm against the control, p corrected by Holm; `planned` shares by arm name let a mismatch be found."""
    every = {arm.name: arm.rate.buyers for arm in (control, *arms)}
    if planned is not None and sample_ratio(every, planned).found:
        return [Lift(arm, control, "mismatch", confidence) for arm in arms]
    judged = [arm for arm in arms if arm.rate.buyers and control.rate.buyers]
    corrected = dict(
        zip((arm.name for arm in judged), holm([equality(a.rate, control.rate) for a in judged]), strict=True)
    )
    return [
        _compare(arm, control, p_holm=corrected[arm.name], confidence=confidence)
        if arm.name in corrected
        else Lift(arm, control, "empty", confidence)
        for arm in arms
    ]


def _compare(treated: Arm, control: Arm, *, p_holm: float, confidence: float) -> Lift:
    difference = treated.rate.value - control.rate.value
    interval = newcombe(treated.rate, control.rate, confidence=confidence)
    times = ratio(treated.rate, control.rate, confidence=confidence)
    return Lift(
        treated,
        control,
        "shown",
        confidence,
        difference=difference,
        interval=interval,
        relative=treated.rate.value / control.rate.value - 1 if times else None,
        relative_interval=Interval(times.low - 1, times.high - 1) if times else None,
        buyers=difference * treated.rate.buyers,
        buyers_interval=interval.times(treated.rate.buyers),
        p=equality(treated.rate, control.rate),
        p_holm=p_holm,
        revenue=revenue(treated.spend, control.spend, confidence=confidence),
    )


def revenue(treated: Spend | None, control: Spend | None, *, confidence: float = 0.95) -> Revenue | None:
    """Difference of spend per buyer with its Welch interval; None where spend is unknown."""
    if treated is None or control is None:
        return None
    interval = welch(treated, control, confidence=confidence)
    if control.ordering < HIDE_REVENUE_BELOW or interval is None:
        return Revenue("hidden", control.ordering)
    difference = treated.mean - control.mean
    return Revenue(
        "weak" if control.ordering < WARN_REVENUE_BELOW else "shown",
        control.ordering,
        difference,
        interval,
        difference * treated.buyers,
        interval.times(treated.buyers),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for looking at several arms (Holm 1979), in the order given."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = highest
    return corrected
