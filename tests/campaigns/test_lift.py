"""Intervals, power and the lift result, held against statsmodels, scipy and worked examples."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from campaigns.statistics import intervals
from campaigns.statistics.intervals import Interval, Rate, Spend
from campaigns.statistics.lift import Arm, holm, measure, revenue, sample_ratio
from campaigns.statistics.power import buyers_needed, smallest_effect
from retention.errors import Invalid

PAIRS = [(27, 900, 2, 100), (18, 450, 1, 50), (60, 2000, 30, 2000), (3, 40, 9, 35), (500, 900, 80, 100), (0, 90, 5, 60)]


@pytest.mark.parametrize(("converted", "buyers"), [(0, 10), (1, 10), (10, 10), (27, 900), (2, 100)])
def test_wilson_is_statsmodels_wilson(converted, buyers):
    low, high = proportion_confint(converted, buyers, method="wilson")
    assert intervals.wilson(Rate(converted, buyers)) == pytest.approx((low, high), abs=1e-12)


def test_wilson_of_none_out_of_ten_is_the_published_limit():
    assert intervals.wilson(Rate(0, 10)) == pytest.approx((0.0, 0.2775), abs=5e-5)


@pytest.mark.parametrize("pair", [*PAIRS, (0, 50, 0, 50), (50, 50, 0, 50)])
def test_newcombe_is_statsmodels_newcomb(pair):
    expected = confint_proportions_2indep(*pair, method="newcomb", compare="diff")
    assert intervals.newcombe(Rate(*pair[:2]), Rate(*pair[2:])) == pytest.approx(expected, abs=1e-12)


def test_newcombe_gives_the_example_of_its_paper():
    # Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10.
    assert intervals.newcombe(Rate(56, 70), Rate(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize("pair", PAIRS[:-1])
def test_ratio_is_statsmodels_score_interval(pair):
    expected = confint_proportions_2indep(*pair, method="score", compare="ratio")
    assert intervals.ratio(Rate(*pair[:2]), Rate(*pair[2:])) == pytest.approx(expected, rel=1e-8)


def test_ratio_says_nothing_when_the_control_has_no_success():
    assert intervals.ratio(Rate(27, 900), Rate(0, 100)) is None


def test_ratio_starts_at_zero_when_the_treated_have_no_success():
    interval = intervals.ratio(Rate(0, 90), Rate(5, 60))
    assert interval is not None
    assert interval.low == 0
    assert intervals._score(Rate(0, 90), Rate(5, 60), interval.high) == pytest.approx(-1.959964, abs=1e-6)


def test_rate_refuses_more_conversions_than_buyers():
    with pytest.raises(Invalid, match="11 of 10 buyers converted is not a rate"):
        Rate(11, 10)


def _coverage(treated, control, rates, interval_of, *, rounds=2000):
    rng = np.random.default_rng(7)
    ones, zeros = rng.binomial(treated, rates[0], rounds), rng.binomial(control, rates[1], rounds)
    truth = rates[0] - rates[1]
    limits = [interval_of(Rate(int(x), treated), Rate(int(y), control)) for x, y in zip(ones, zeros, strict=True)]
    return sum(low <= truth <= high for low, high in limits) / rounds


def _wald(one, zero):
    difference = one.value - zero.value
    reach = 1.96 * np.sqrt(one.value * (1 - one.value) / one.buyers + zero.value * (1 - zero.value) / zero.buyers)
    return difference - reach, difference + reach


def test_newcombe_covers_95_percent_where_wald_does_not():
    for sizes in [(900, 100), (450, 50)]:
        assert 0.94 <= _coverage(*sizes, (0.03, 0.02), intervals.newcombe) <= 0.98
    assert _coverage(900, 100, (0.03, 0.02), _wald) == pytest.approx(0.87, abs=0.02)
    assert _coverage(450, 50, (0.03, 0.02), _wald) == pytest.approx(0.71, abs=0.09)


def _spends():
    rng = np.random.default_rng(3)
    treated = rng.gamma(2, 60, 900) * (rng.random(900) < 0.2)
    control = rng.gamma(2, 50, 600) * (rng.random(600) < 0.15)
    return treated, control


def test_revenue_interval_is_scipy_welch():
    treated, control = _spends()
    expected = stats.ttest_ind(treated, control, equal_var=False).confidence_interval()
    found = revenue(Spend.of(treated), Spend.of(control))
    assert found is not None
    assert found.interval == pytest.approx((expected.low, expected.high), rel=1e-10)
    assert found.difference == pytest.approx(treated.mean() - control.mean())
    assert found.total == pytest.approx((treated.mean() - control.mean()) * 900)
    assert found.state == "shown"


def test_spend_from_sums_is_spend_of_values():
    cents = [0, 0, 12900, 4550, 0, 300]
    sums = Spend.from_sums(6, total=sum(cents), squares=sum(c * c for c in cents), ordering=3)
    of = Spend.of(cents)
    assert (sums.buyers, sums.ordering) == (of.buyers, of.ordering) == (6, 3)
    assert (sums.mean, sums.variance) == pytest.approx((of.mean, of.variance))


@pytest.mark.parametrize(("ordering", "state"), [(19, "hidden"), (20, "weak"), (49, "weak"), (50, "shown")])
def test_revenue_waits_for_ordering_control_buyers(ordering, state):
    found = revenue(Spend(500, 9.0, 100.0, 60), Spend(500, 8.0, 100.0, ordering))
    assert found is not None
    assert found.state == state
    assert (found.total is None) == (state == "hidden")


def test_power_gives_the_stated_sizes():
    needed = [buyers_needed(0.02, 0.5, control_share=share) for share in (0.1, 0.2, 0.5)]
    assert needed == [22_455, 12_474, 7_651]


def test_smallest_effect_undoes_buyers_needed():
    assert smallest_effect(0.02, treated=3826, control=3825) == pytest.approx(0.01, abs=1e-5)
    assert smallest_effect(0.02, treated=2, control=2) is None


@pytest.mark.parametrize("bad", [{"base": 0}, {"base": 0.5, "uplift": 3}, {"control_share": 1}, {"uplift": 0}])
def test_power_refuses_impossible_shares(bad):
    given = {"base": 0.02, "uplift": 0.5, "control_share": 0.2, **bad}
    with pytest.raises(Invalid, match=r"impossible|cannot be measured"):
        buyers_needed(given["base"], given["uplift"], control_share=given["control_share"])


def test_holm_is_statsmodels_holm():
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]) == []


def test_mismatch_is_chi_square_against_the_plan():
    found = sample_ratio({"flyer": 4000, "control": 1120}, {"flyer": 80, "control": 20})
    assert found.p == pytest.approx(stats.chisquare([4000, 1120], [4096, 1024]).pvalue)
    assert found.found
    assert not sample_ratio({"flyer": 4096, "control": 1024}, {"flyer": 0.8, "control": 0.2}).found
    assert not sample_ratio({"flyer": 7, "control": 0}, {"flyer": 1, "control": 1}).found


def test_lift_is_not_shown_after_a_mismatch():
    control, arm = Arm("control", Rate(20, 1120)), Arm("flyer", Rate(200, 4000))
    lift = measure(control, [arm], planned={"control": 20, "flyer": 80})[0]
    assert lift.state == "mismatch"
    assert (lift.difference, lift.interval, lift.relative, lift.buyers, lift.p, lift.revenue) == (None,) * 6


def test_lift_of_an_empty_control_says_empty():
    lift = measure(Arm("control", Rate(0, 0)), [Arm("flyer", Rate(3, 50))])[0]
    assert (lift.state, lift.difference) == ("empty", None)


def test_lift_of_one_arm_adds_up():
    treated, control = _spends()
    lift = measure(Arm("control", Rate(90, 600), Spend.of(control)), [Arm("flyer", Rate(180, 900), Spend.of(treated))])[
        0
    ]
    plain = lift.as_json()
    assert plain["treated"]["buyers"] == 900
    assert plain["control"]["rate"] == 0.15
    assert plain["difference"] == pytest.approx(0.05)
    assert plain["buyers"] == pytest.approx(45)
    assert plain["buyers_interval"] == pytest.approx([limit * 900 for limit in plain["interval"]])
    assert plain["relative"] == pytest.approx(1 / 3)
    assert (
        plain["p"]
        == plain["p_holm"]
        == pytest.approx(stats.chi2_contingency([[180, 720], [90, 510]], correction=False).pvalue)
    )
    assert plain["revenue"]["state"] == "shown"


def test_several_arms_are_corrected_together():
    control = Arm("control", Rate(40, 1000))
    lifts = measure(control, [Arm("a", Rate(60, 1000)), Arm("b", Rate(80, 1000)), Arm("c", Rate(0, 0))])
    assert [lift.state for lift in lifts] == ["shown", "shown", "empty"]
    assert lifts[0].p_holm == lifts[0].p
    assert lifts[1].p_holm == pytest.approx(2 * lifts[1].p)


def test_interval_times_buyers_is_a_total():
    assert Interval(-0.01, 0.02).times(100) == (-1.0, 2.0)
