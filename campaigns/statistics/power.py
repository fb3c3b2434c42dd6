"""Power: how many buyers a comparison needs, and the smallest effect that a given size can show.

Both use the normal approximation with the pooled variance under "no effect" (Fleiss, Levin and Paik, 2003, 4.3), the
pool weighted by the planned shares. A base of 2 %, an uplift of half and 80 % power need 22,455 buyers with 10 % in
control, 12,474 with 20 %, 7,651 with half.
"""

import math

from scipy import special

from campaigns.statistics.intervals import quantile
from retention.errors import Invalid


def buyers_needed(
    base: float, uplift: float, *, control_share: float, power: float = 0.8, confidence: float = 0.95
) -> int:
    """Buyers over both arms to see the control's rate `base` become `base * (1 + uplift)` with this power."""
    _check_shares(base, control_share=control_share, power=power)
    treated = base * (1 + uplift)
    if 1 < treated < 1 + 1e-9:  # rounding, when the uplift is the whole rest
        treated = 1.0
    if not 0 <= treated <= 1 or not uplift:
        raise Invalid(
            "An uplift of {uplift} on a baseline of {base} cannot be measured: it must not be zero, and the "
            "resulting rate must stay between 0 and 1.",
            uplift=uplift,
            base=base,
        )
    under_none, under_effect = _spreads(base, treated, control_share)
    reach = quantile(confidence) * under_none + float(special.ndtri(power)) * under_effect
    return math.ceil((reach / (treated - base)) ** 2)


def smallest_effect(
    base: float, *, treated: int, control: int, power: float = 0.8, confidence: float = 0.95
) -> float | None:
    """The smallest rise over `base`, as a difference of rates, these arms see with this power; None if none."""
    if treated < 1 or control < 1:
        return None
    buyers, share = treated + control, control / (treated + control)
    _check_shares(base, control_share=share, power=power)
    if buyers_needed(base, (1 - base) / base, control_share=share, power=power, confidence=confidence) > buyers:
        return None
    low, high = 0.0, 1 - base
    for _ in range(60):
        middle = (low + high) / 2
        under_none, under_effect = _spreads(base, base + middle, share)
        reach = quantile(confidence) * under_none + float(special.ndtri(power)) * under_effect
        low, high = (low, middle) if (reach / middle) ** 2 <= buyers else (middle, high)
    return high


def _spreads(control: float, treated: float, control_share: float) -> tuple[float, float]:
    """Standard error of the difference times the root of all buyers, without and with the effect."""
    treated_share = 1 - control_share
    pooled = treated_share * treated + control_share * control
    under_none = math.sqrt(pooled * (1 - pooled) * (1 / treated_share + 1 / control_share))
    under_effect = math.sqrt(treated * (1 - treated) / treated_share + control * (1 - control) / control_share)
    return under_none, under_effect


def _check_shares(base: float, *, control_share: float, power: float) -> None:
    for name, share in (("base", base), ("control share", control_share), ("power", power)):
        if not 0 < share < 1:
            raise Invalid(
                "A {name} of {share} is impossible: give a share above 0 and below 1, such as 0.2.",
                name=name,
                share=share,
            )
