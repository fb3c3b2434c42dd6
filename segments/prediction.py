"""Prediction: how likely a buyer is still active, and what to expect of them, by the BG/NBD model.

While active, a buyer orders as a Poisson process; after each order they may quietly leave for good. How often, and how
readily, differs from buyer to buyer (gamma and beta distributions). Four numbers describe a shop; they are fitted by
maximum likelihood to when its buyers came back. Formulas: Fader, Hardie, Lee, "Counting Your Customers the Easy Way:
An Alternative to the Pareto/NBD Model", Marketing Science 24(2), 2005, by their numbers below.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

MOST_FITTED = 100_000
"""Buyers the parameters are fitted to; of a larger shop as many are drawn, the same ones each time."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PurchaseHistory:
    """When buyers came, one array per figure; the unit of time is the caller's.

    `repeats` are the times they came back after their first, `recency` the time from their first to their last, `age`
    the time from their first until the end of what was observed.
    """

    repeats: Numbers
    recency: Numbers
    age: Numbers

    def __len__(self) -> int:
        return len(self.repeats)

    def chosen(self, which: npt.NDArray[np.int64]) -> "PurchaseHistory":
        """Return the history of some of the buyers, by their places."""
        return PurchaseHistory(self.repeats[which], self.recency[which], self.age[which])


@dataclass(frozen=True)
class Parameters:
    """A shop: the rate of orders while active is gamma (r, alpha), the share who leave after an order beta (a, b).

    `alpha` is a time, in the unit of the history it was fitted to.
    """

    r: float
    alpha: float
    a: float
    b: float


def log_likelihood(parameters: Parameters, history: PurchaseHistory) -> Numbers:
    """Return the log-likelihood of each buyer's history: equation 6, taken apart so that it stays finite."""
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    times = history.repeats
    rate = special.gammaln(r + times) - special.gammaln(r) + r * np.log(alpha)
    leaving = special.betaln(a, b + times) - special.betaln(a, b)
    stayed = -(r + times) * np.log(alpha + history.age)
    return cast("Numbers", rate + leaving + stayed + np.logaddexp(0, _log_odds(parameters, history)))


def fit(history: PurchaseHistory) -> Parameters | None:
    """Return the parameters that make the history likeliest; None when there are none, as where nobody came back."""
    sample = _sampled(history)
    if not (np.any(sample.repeats) and np.any(sample.age)):
        return None
    rows, counts = np.unique(np.column_stack((sample.repeats, sample.recency, sample.age)), axis=0, return_counts=True)
    unit = float(rows[:, 2].max())
    scaled = PurchaseHistory(rows[:, 0], rows[:, 1] / unit, rows[:, 2] / unit)

    def surprise(logarithms: Numbers) -> tuple[float, Numbers]:
        tried = Parameters(*np.exp(logarithms))
        each = log_likelihood(tried, scaled) @ counts
        slope = _slopes(tried, scaled) @ counts * np.exp(logarithms)
        return -each / counts.sum(), -slope / counts.sum()

    found = _minimize(surprise, np.zeros(4), jac=True, method="L-BFGS-B", bounds=_BOUNDS, options=_PATIENCE)
    if not (found.success and np.isfinite(found.fun)):
        return None
    r, alpha, a, b = (float(value) for value in np.exp(found.x))
    return Parameters(r, alpha * unit, a, b)


def still_active(parameters: Parameters, history: PurchaseHistory) -> Numbers:
    """Return the probability that each buyer is still active at the end of what was observed.

    In this model one leaves only after coming back, so it is 1 for whoever came once. (Equation 7 for one buyer, in the
    form of the authors' note "Computing P(alive) Using the BG/NBD Model", 2008.)
    """
    return cast("Numbers", special.expit(-_log_odds(parameters, history)))


def expected_orders(parameters: Parameters, history: PurchaseHistory, horizon: float) -> Numbers:
    """Return how many more times each buyer is expected to come within `horizon`: equation 10.

    The hypergeometric function is taken after Euler's transformation, which keeps the power of a faithful buyer's many
    visits out of it; as it is printed it overflows from a few hundred visits on.
    """
    r, alpha, b = parameters.r, parameters.alpha, parameters.b
    a = _beside(parameters.a, 1)
    top = _beside(a + b, 1) + history.repeats - 1
    share = horizon / (alpha + history.age + horizon)
    none_more = (1 - share) ** (a - 1) * special.hyp2f1(a + b - 1 - r, a - 1, top, share)
    return cast("Numbers", top / (a - 1) * (1 - none_more) * still_active(parameters, history))


def until_next(parameters: Parameters, history: PurchaseHistory) -> Numbers:
    """Return the time within which half of the buyers with each history come again, if they are still active.

    The median of the waiting time, whose rate is gamma (r + repeats, alpha + age); the mean is infinite for many.
    """
    wait = np.exp2(1 / (parameters.r + history.repeats)) - 1
    return cast("Numbers", (parameters.alpha + history.age) * wait)


_minimize: Any = optimize.minimize
_BOUNDS = [(-6, 7), (-12, 7), (-12, 4), (-12, 7)]
"""Of the logarithms. Beyond a = 55 the buyers of a shop are as good as equal, and equation 10 loses its digits."""
_PATIENCE = {"maxiter": 2_000, "maxfun": 5_000, "ftol": 1e-12, "gtol": 1e-7}


def _slopes(parameters: Parameters, history: PurchaseHistory) -> Numbers:
    """Return the derivatives of the log-likelihood by r, alpha, a and b: four rows, a column per buyer."""
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    times, recency, age = history.repeats, history.recency, history.age
    left = 1 - still_active(parameters, history)
    together = special.psi(a + b) - special.psi(a + b + times)
    return np.stack(
        (
            special.psi(r + times) - special.psi(r) + np.log(alpha / (alpha + age))
            + left * np.log((alpha + age) / (alpha + recency)),
            r / alpha - (r + times) * ((1 - left) / (alpha + age) + left / (alpha + recency)),
            together + left / a,
            together + special.psi(b + times) - special.psi(b) - left / (b + np.maximum(times, 1) - 1),
        )
    )  # fmt: skip


def _log_odds(parameters: Parameters, history: PurchaseHistory) -> Numbers:
    """Return the log odds that a buyer left after their last order rather than staying and not ordering since."""
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    times = np.maximum(history.repeats, 1)
    silence = np.log(alpha + history.age) - np.log(alpha + history.recency)
    odds = np.log(a / (b + times - 1)) + (r + times) * silence
    return cast("Numbers", np.where(history.repeats > 0, odds, -np.inf))


def _sampled(history: PurchaseHistory) -> PurchaseHistory:
    if len(history) <= MOST_FITTED:
        return history
    return history.chosen(np.random.default_rng(0).choice(len(history), MOST_FITTED, replace=False))


def _beside(value: float, pole: float) -> float:
    """Return a value a hair away from where a formula divides nothing by nothing."""
    return value if abs(value - pole) > _HAIR else pole + _HAIR


_HAIR = 1e-6
