"""The model: the published figures on the published data, and its laws on shops made up by its own story."""

import csv
import math

import numpy as np
import pytest

from segments.prediction import (
    Parameters,
    PurchaseHistory,
    expected_orders,
    fit,
    log_likelihood,
    still_active,
    until_next,
)

PUBLISHED = Parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)


def history(*buyers: tuple[float, float, float]) -> PurchaseHistory:
    return PurchaseHistory(*(np.array(column, dtype=float) for column in zip(*buyers, strict=True)))


@pytest.fixture
def cdnow(data_folder) -> PurchaseHistory:
    with (data_folder / "cdnow_customers_summary.csv").open() as file:
        return history(*((float(r["frequency"]), float(r["recency"]), float(r["T"])) for r in csv.DictReader(file)))


@pytest.mark.data
def test_the_published_parameters_are_found_on_the_published_data(cdnow):
    found = fit(cdnow)
    assert found is not None
    assert [round(value, 3) for value in (found.r, found.alpha, found.a, found.b)] == [0.243, 4.414, 0.793, 2.426]
    assert log_likelihood(found, cdnow).sum() == pytest.approx(-9582.4, abs=0.05)


@pytest.mark.data
def test_weeks_or_days_are_the_same_shop(cdnow):
    weeks, days = fit(cdnow), fit(PurchaseHistory(cdnow.repeats, cdnow.recency * 7, cdnow.age * 7))
    assert weeks is not None
    assert days is not None
    assert days.alpha == pytest.approx(weeks.alpha * 7, rel=1e-3)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-3)


def test_the_papers_buyer_is_expected_to_come_1_226_times():
    # The worked example of "Implementing the BG/NBD Model in Excel" (Fader, Hardie, Lee 2005): x 2, t_x 30.43, T 38.86.
    buyer = history((2, 30.43, 38.86))
    assert expected_orders(PUBLISHED, buyer, 39.0)[0] == pytest.approx(1.226, abs=0.0005)
    assert still_active(PUBLISHED, buyer)[0] == pytest.approx(0.7266, abs=0.0005)


def made_up(parameters: Parameters, buyers: int, *, seed: int) -> PurchaseHistory:
    """Live the model's story, buyer by buyer: order at random, and after each order after the first leave or stay."""
    chance = np.random.default_rng(seed)
    rows = []
    for _ in range(buyers):
        rate, leaving = chance.gamma(parameters.r, 1 / parameters.alpha), chance.beta(parameters.a, parameters.b)
        age = float(chance.integers(30, 700))
        count, last, at = 0, 0.0, chance.exponential(1 / rate) if rate else math.inf
        while at <= age:
            count, last = count + 1, at
            if chance.random() < leaving:
                break
            at += chance.exponential(1 / rate)
        rows.append((count, last, age))
    return history(*rows)


def test_the_fit_finds_the_parameters_a_shop_was_made_of():
    true = Parameters(r=0.8, alpha=60.0, a=0.9, b=2.5)
    found = fit(made_up(true, 6_000, seed=7))
    assert found is not None
    assert (found.r, found.alpha) == pytest.approx((true.r, true.alpha), rel=0.12)
    assert found.a / (found.a + found.b) == pytest.approx(true.a / (true.a + true.b), rel=0.12)


def test_expected_orders_are_what_the_plain_integral_says():
    # While active, E[(1 - (1 + p t / (alpha + T))^-(r + x)) / p] over p beta (a, b + x), summed plainly.
    spread = (np.arange(200_000) + 0.5) / 200_000
    for buyer in ((0, 0, 0), (0, 0, 500), (1, 20, 500), (7, 300, 310), (400, 600, 601)):
        for parameters in (PUBLISHED, Parameters(0.5, 30, 1.0, 2.0), Parameters(2, 9, 12, 90)):
            times, _, age = buyer
            weight = spread ** (parameters.a - 1) * (1 - spread) ** (parameters.b + times - 1)
            power = -(parameters.r + times)
            orders = -np.expm1(power * np.log1p(spread * 90 / (parameters.alpha + age))) / spread
            plain = (weight @ orders) / weight.sum() * still_active(parameters, history(buyer))[0]
            found = expected_orders(parameters, history(buyer), 90)[0]
            assert found == pytest.approx(plain, rel=0.02), (buyer, parameters)


def test_who_came_once_counts_as_active_and_silence_makes_the_faithful_less_so():
    alive = still_active(PUBLISHED, history((0, 0, 0), (0, 0, 2_000), (3, 20, 20), (3, 20, 60), (3, 20, 900)))
    assert alive[0] == alive[1] == 1
    assert 1 > alive[2] > alive[3] > alive[4] > 0
    assert still_active(PUBLISHED, history((900, 5, 9_000)))[0] == 0


def test_half_of_those_still_active_have_come_by_the_median():
    buyer = history((4, 50, 60))
    wait = until_next(PUBLISHED, buyer)[0]
    assert (1 + wait / (PUBLISHED.alpha + 60)) ** -(PUBLISHED.r + 4) == pytest.approx(0.5)


def test_a_shop_where_nobody_came_back_has_no_parameters():
    assert fit(history(*[(0, 0, float(day)) for day in range(300)])) is None
    assert fit(history((0, 0, 0))) is None


def test_odd_shops_are_fitted_without_a_warning():
    regulars = history(*[(20, 190.0 + n % 10, 200.0 + n % 10) for n in range(200)])
    gone = history(*[(1, 1.0, 800.0 - n) for n in range(200)])
    today = history(*[(0, 0.0, 0.0)] * 50, (1, 0.0, 0.0))
    for shop in (regulars, gone, today):
        found = fit(shop)
        if found is not None:
            assert np.all(np.isfinite(expected_orders(found, shop, 365)))
            assert np.all(expected_orders(found, shop, 365) >= 0)
