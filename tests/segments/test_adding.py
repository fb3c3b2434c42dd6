"""Adding up per buyer: what PostgreSQL's rows become here is what a plain reading, and SQLite, make of them."""

import statistics
from fractions import Fraction

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from segments.order_sums import Fold, add_up, fold_rows, lateness, median_gaps, read_gaps, second_days

BUYERS = st.integers(1, 5) | st.sampled_from([70_000, 4_000_000_000])
ROWS = st.lists(st.tuples(BUYERS, st.integers(-(2**40), 2**40)), max_size=40)
VISITS = st.dictionaries(BUYERS, st.sets(st.integers(-20, 40), min_size=1), min_size=1)
FOLDS = (Fold.SUM, Fold.COUNT, Fold.LEAST, Fold.MOST)


def by_buyer(rows):
    found = {}
    for buyer, value in rows:
        found.setdefault(buyer, []).append(value)
    return found


def plainly(rows):
    return {buyer: [sum(each), len(each), min(each), max(each)] for buyer, each in by_buyer(rows).items()}


def as_dict(columns):
    return {int(buyer): [int(value) for value in values] for buyer, *values in zip(*columns, strict=True)}


@given(rows=ROWS)
def test_rows_of_any_buyers_add_up_as_in_a_plain_sum(rows):
    buyers, values = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    assert as_dict(fold_rows(buyers, iter([values] * 3), FOLDS)) == plainly(rows)


@given(visits=VISITS)
def test_gaps_are_those_between_days_one_after_the_other(visits):
    pairs = sorted((buyer, day) for buyer, days in visits.items() for day in days)
    ids, days = np.array(pairs, dtype=np.int64).T
    gaps = {
        buyer: [after - before for before, after in zip(sorted(each), sorted(each)[1:], strict=False)]
        for buyer, each in visits.items()
        if len(each) > 1
    }
    assert as_dict(second_days(ids, days)) == {buyer: [each[0], 1] for buyer, each in gaps.items()}
    middle = {buyer: Fraction(statistics.median(each)) for buyer, each in gaps.items()}
    assert {buyer: Fraction(*each) for buyer, each in as_dict(median_gaps(ids, days)).items()} == middle
    late = {buyer: Fraction(50 - max(visits[buyer])) / gap for buyer, gap in middle.items()}
    assert {buyer: Fraction(*each) for buyer, each in as_dict(lateness(ids, days, today=50)).items()} == late


@pytest.mark.parametrize("rows", [[], [(1, 5)], [(n % 7 * 500_000_000 + 1, n * n - 90) for n in range(60)]])
def test_both_databases_send_every_buyer_once(session, rows):
    session.execute(sa.text("CREATE TEMPORARY TABLE given_rows (buyer bigint, value bigint)"))
    for buyer, value in rows:
        session.execute(sa.text("INSERT INTO given_rows VALUES (:buyer, :value)"), {"buyer": buyer, "value": value})
    buyer, value = (sa.literal_column(name, sa.BigInteger) for name in ("buyer", "value"))
    given = sa.text("given_rows")
    folded = add_up(session, sa.select(buyer, value, value.label("b"), value.label("c")).select_from(given), *FOLDS)
    assert as_dict(folded) == plainly(rows)
    several = {buyer: sorted(set(each)) for buyer, each in by_buyer(rows).items() if len(set(each)) > 1}
    seconds = read_gaps(session, sa.select(buyer, value).select_from(given), second_days)
    assert as_dict(seconds) == {buyer: [each[1] - each[0], 1] for buyer, each in several.items()}
