"""What SQL reads out of a stored policy is what `Policy` reads."""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.policy import read_policy
from campaigns.plans.caps import priority_in_sql, transactional_in_sql
from retention.errors import Invalid
from tests.campaigns.conftest import Stage

_numbers = st.integers(-1, 101)
_cases = st.sampled_from([str.lower, str.upper, str.title])
_words = st.sampled_from(
    ["true", "false", "t", "f", "yes", "no", "y", "n", "on", "off", "1", "0", "1.0", "", " 1", "null"]
)
_written = st.sampled_from(["{}", "0{}", "000{}", "+{}", " {} ", "{}.0", "{}.", "{}_0", "-{}", "1{:03}", "{:020}"])
_values = st.one_of(
    st.none(),
    st.booleans(),
    _numbers,
    st.integers(),
    _numbers.map(float),
    st.sampled_from([-0.0, 0.5, 1e2, 1e300]),
    st.builds(str.format, _written, _numbers),
    st.builds(lambda case, word: case(word), _cases, _words),
    st.just("٥"),
    st.just([1]),
)
_policies = st.dictionaries(st.sampled_from(["priority", "transactional"]), _values)
ADMITTED: list[tuple[dict[str, Any], tuple[int, bool]]] = [
    ({}, (50, False)),
    ({"priority": 7.0, "transactional": 1.0}, (7, True)),
    ({"priority": -0.0, "transactional": "Yes"}, (0, True)),
    ({"priority": "007", "transactional": "ON"}, (7, True)),
    ({"priority": 100, "transactional": 0}, (100, False)),
]
REFUSED = [True, "+5", " 5 ", "5.0", "1_0", "٥", "0000000005", 0.5, None]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(_policies, min_size=20, max_size=20))
def test_sql_reads_of_a_policy_what_is_read_of_it_elsewhere(stage: Stage, values: list[dict[str, Any]]) -> None:
    campaign = stage.session.exec(select(Campaign)).first() or stage.push()
    for policy in values:
        try:
            read = read_policy(policy)
        except Invalid:
            continue
        assert _in_sql(stage, campaign, policy) == (read.priority, read.transactional), policy


def test_priority_and_transactional_may_be_written_in_few_ways(stage: Stage) -> None:
    campaign = stage.push()
    for policy, found in ADMITTED:
        read = read_policy(policy)
        assert (read.priority, read.transactional) == _in_sql(stage, campaign, policy) == found
    for value in REFUSED:
        with pytest.raises(Invalid, match="priority"):
            read_policy({"priority": value})


def _in_sql(stage: Stage, campaign: Campaign, policy: dict[str, Any]) -> tuple[int, bool]:
    this = col(Campaign.id) == campaign.id
    stage.session.execute(sa.update(Campaign).where(this).values(policy_json=policy))
    priority, transactional = stage.session.execute(
        sa.select(priority_in_sql(), transactional_in_sql()).where(this)
    ).one()
    return priority, bool(transactional)
