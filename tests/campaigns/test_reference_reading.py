"""What campaigns brought, held against a plain reading of the rows, over random shops and whatever order of import."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from campaigns.results.results import campaign_results
from retention.touches import Touch, TouchEvent
from segments.matching import open_matcher
from segments.rules import parse
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.random_weeks import END, Trading
from tests.campaigns.reference import Reader
from tests.factories import make_shop


@contextmanager
def played(session: Session, seed: int, order_of_import: int) -> Iterator[Trading]:
    """Play a shop's weeks in the session and take them back afterwards."""
    world = session.begin_nested()
    try:
        shop = make_shop(session, "tea", at=NOON)
        trading = Trading(Stage(session, shop), seed)
        trading.play(trading.orders(), order_of_import=order_of_import)
        yield trading
    finally:
        world.rollback()
        session.expunge_all()


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10_000), order_of_import=st.integers(0, 10_000), days=st.integers(0, 60))
@example(seed=151, order_of_import=1057, days=60)  # one order with two coupons of its buyer, found one after the other
def test_results_are_those_of_a_plain_reading_of_the_rows(
    session: Session, seed: int, order_of_import: int, days: int
) -> None:
    with played(session, seed, order_of_import) as trading:
        stage, at = trading.stage, NOON + timedelta(days=days)
        reader = Reader(session, stage.shop.id, at=END, checkouts=trading.checkouts)
        for campaign in trading.campaigns:
            # All orders are in; what is asked is how it stood on that day, and in the end.
            for moment in (at, END):
                found = campaign_results(session, stage.shop, campaign, at=moment)
                read = reader.read(campaign, at=moment)
                assert found.redeemed == read.redeemed
                assert found.code_matched == read.code_matched
                assert found.last_touch == read.last_touch
                assert found.read_out.done == read.runs_read_out
                if found.lift and not found.early:
                    for arm, expected in ((found.lift.treated, read.treated), (found.lift.control, read.control)):
                        assert (arm.rate.buyers, arm.rate.converted) == (expected.buyers, len(expected.spent))
                        assert arm.spend is not None
                        assert arm.spend.mean * arm.rate.buyers == pytest.approx(sum(expected.spent))


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10_000), order_of_import=st.integers(0, 10_000))
def test_each_use_of_a_coupon_has_one_touch_under_the_campaign_that_brought_it(
    session: Session, seed: int, order_of_import: int
) -> None:
    with played(session, seed, order_of_import) as trading:
        stage = trading.stage
        reader = Reader(session, stage.shop.id, at=END, checkouts=trading.checkouts)
        expected = sorted((each.buyer_id, each.campaign, each.at) for each in reader.touches if each.redeemed)
        stored = session.exec(select(Touch).where(Touch.event == TouchEvent.REDEEMED, Touch.shop_id == stage.shop.id))
        assert sorted((each.buyer_id, each.campaign, each.at) for each in stored) == expected
        for campaign in trading.campaigns:
            rule = {"touch": {"event": "redeemed", "campaign": campaign.slug, "at_least": 1}}
            buyers = {buyer for buyer, slug, _at in expected if slug == campaign.slug}
            assert set(open_matcher(session, stage.shop, now=END).match(parse(rule))) == buyers
