"""What sample buyers do after a campaign: scan, claim, order. The effect is put in, so the lift found can be judged.

A buyer would order anyway with probability `base`. A treated one who claims may be won besides, just often enough that
the treated order with probability `base + uplift`. Hours count from the moment the buyer got it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator

from retention.errors import Invalid


@dataclass(frozen=True, slots=True)
class Habits:
    """Probabilities: to order untouched, what being treated adds, to scan, to claim after a scan, to scan twice."""

    base: float = 0.04
    uplift: float = 0.05
    scan: float = 0.36
    claim: float = 0.62
    again: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.won <= 1:
            raise Invalid(
                "An uplift of {uplift} is not possible if {share} of buyers claim: lower it, or raise the scan "
                "rate or the claim rate.",
                uplift=self.uplift,
                share=self.scan * self.claim,
            )

    @property
    def won(self) -> float:
        """How often a claimer who would not have ordered anyway is won."""
        return self.uplift / ((1 - self.base) * self.scan * self.claim)


@dataclass(frozen=True, slots=True)
class Deed:
    """One buyer's part: hours of each scan, hour of the claim, hour of the order; `coupon` if the order carries it."""

    external_id: str
    scans: tuple[float, ...] = ()
    claim: float | None = None
    order: float | None = None

    @property
    def coupon(self) -> bool:
        return self.claim is not None and self.order is not None


def behave(
    rng: Generator, treated: Sequence[str], control: Sequence[str] = (), *, habits: Habits = Habits()
) -> list[Deed]:
    """What each buyer does, treated first, in the order given; the same generator state gives the same deeds."""
    return [
        *(_treated(rng, buyer, habits) for buyer in treated),
        *(_untouched(rng, buyer, habits) for buyer in control),
    ]


def _treated(rng: Generator, buyer: str, habits: Habits) -> Deed:
    # Every buyer draws the same number of times, so one more buyer does not change the others before it.
    scans, claims, again, anyway, won = rng.random(5)
    wait, second, think, ponder = rng.exponential([30.0, 20.0, 0.1, 48.0])
    opened = (wait, wait + second) if again < habits.again else (wait,)
    if scans >= habits.scan:
        return Deed(buyer, order=_hour(ponder) if anyway < habits.base else None)
    if claims >= habits.claim:
        return Deed(buyer, tuple(map(_hour, opened)), order=_hour(wait + ponder) if anyway < habits.base else None)
    orders = anyway < habits.base or won < habits.won
    claim = _hour(wait + think)
    return Deed(buyer, tuple(map(_hour, opened)), claim, _hour(wait + think + ponder) if orders else None)


def _untouched(rng: Generator, buyer: str, habits: Habits) -> Deed:
    return Deed(buyer, order=_hour(rng.exponential(60.0)) if rng.random() < habits.base else None)


def _hour(hours: float) -> float:
    return round(float(hours), 4)
