"""Random rules over random shops: the engine and a plain reading of the definition must name the same buyers.

REGULARS_RULES says how many rules are tried per database; thousands take minutes:

    REGULARS_RULES=5000 pytest tests/segments/test_rules_against_plain_reading.py
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from retention.shops import Shop
from segments.matching import match
from segments.rule_ast import Predicted, conditions_of, to_json
from segments.rules import parse
from tests.segments.plain import PlainShop, Reading
from tests.segments.worlds import CONDITIONS, HOUR, NOW, RULES, make_shop

RULES_TRIED = int(os.environ.get("REGULARS_RULES", "100"))
SHOPS = 16

tried = settings(
    max_examples=RULES_TRIED,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
AS_OF = st.none() | st.sampled_from([NOW, HOUR, HOUR.replace(day=1)])
NUMBERS = st.integers(0, SHOPS - 1)


@dataclass(frozen=True)
class Shops:
    """Random shops, others every time, in a transaction that is rolled back: making one takes longer than its rules."""

    session: Session
    made: list[tuple[Shop, PlainShop]]

    @contextmanager
    def at(self, number: int) -> Iterator[tuple[Session, Shop, PlainShop]]:
        """Yield one of them; what is written is taken back."""
        with self.session.begin_nested() as step:
            yield self.session, *self.made[number]
            step.rollback()


@pytest.fixture
def shops(engine: Engine) -> Iterator[Shops]:
    with Session(engine) as session, session.begin() as whole:
        seeds = random.sample(range(10_000), SHOPS)
        yield Shops(session, [make_shop(session, f"shop-{seed}", random.Random(seed)) for seed in seeds])
        whole.rollback()


@tried
@given(rule=RULES, as_of=AS_OF, number=NUMBERS)
def test_any_rule_names_the_buyers_that_a_plain_reading_names(shops, rule, as_of, number):
    if any(isinstance(condition, Predicted) for condition in conditions_of(parse(rule))):
        as_of = None  # predictions have no history
    with shops.at(number) as (session, shop, plain):
        assert set(match(session, shop, parse(rule), now=NOW, as_of=as_of)) == Reading(plain, NOW, as_of).match(rule)


@tried
@given(rule=CONDITIONS, as_of=AS_OF, number=NUMBERS)
def test_any_single_condition_names_the_buyers_that_a_plain_reading_names(shops, rule, as_of, number):
    if any(isinstance(condition, Predicted) for condition in conditions_of(parse(rule))):
        as_of = None  # predictions have no history
    with shops.at(number) as (session, shop, plain):
        assert set(match(session, shop, parse(rule), now=NOW, as_of=as_of)) == Reading(plain, NOW, as_of).match(rule)


@given(rule=RULES)
def test_canonical_json_of_a_rule_reads_as_the_same_rule(rule):
    node = parse(rule)
    assert parse(to_json(node)) == node


@settings(tried, max_examples=max(RULES_TRIED // 4, 10))
@given(left=RULES, right=RULES, third=RULES, number=NUMBERS)
def test_rules_obey_the_laws_of_sets(shops, left, right, third, number):
    with shops.at(number) as (session, shop, _):

        def buyers(rule):
            return match(session, shop, parse(rule), now=NOW)

        everyone = buyers({"all": []})
        assert buyers({"not": {"not": left}}) == buyers(left)
        assert buyers({"not": {"all": [left, right]}}) == buyers({"any": [{"not": left}, {"not": right}]})
        assert buyers({"not": {"any": [left, right]}}) == buyers({"all": [{"not": left}, {"not": right}]})
        assert buyers({"all": [left, right]}) == buyers({"all": [right, left]})
        assert buyers({"any": [left, right]}) == buyers({"any": [right, left]})
        assert buyers({"all": [left, {"any": [right, third]}]}) == buyers(
            {"any": [{"all": [left, right]}, {"all": [left, third]}]}
        )
        assert buyers({"all": [left, {"not": left}]}) == buyers({"any": []})
        assert buyers({"any": [left, {"not": left}]}) == everyone
        assert buyers(left) <= everyone
