from datetime import timedelta

import numpy as np

from segments.labels import GROUPS
from segments.matching import match
from segments.rfm import GRID, grid, group_members, movement, quintiles, read_scores
from segments.rule_ast import Scale
from segments.rules import parse
from segments.view import View
from tests.factories import NOW, add_buyers, add_order, make_shop


def test_equal_values_share_a_score_and_five_is_best():
    assert quintiles(np.array([10, 20, 30, 40, 50])).tolist() == [1, 2, 3, 4, 5]
    assert quintiles(np.array([1, 1, 1, 1, 2])).tolist() == [1, 1, 1, 1, 5]
    assert quintiles(np.array([7, 7, 7])).tolist() == [1, 1, 1]
    assert quintiles(np.array([], dtype=np.int64)).tolist() == []


def test_every_pair_of_scores_is_in_exactly_one_group():
    for recency in range(1, 6):
        for both in range(2, 11):
            assert [
                slug for slug, (rows, columns) in GRID.items() if recency in rows and both in columns
            ].__len__() == 1
    assert set(GRID) | {"prospects"} == set(GROUPS)


def test_groups_part_the_buyers_and_movement_keeps_everyone(session):
    shop = make_shop(session)
    buyers = add_buyers(session, shop, *(f"b{number}" for number in range(10)))
    for number, buyer in enumerate(buyers[:8]):
        for turn in range(number % 3 + 1):
            add_order(session, shop, buyer, at=NOW - timedelta(days=3 + 40 * turn + number), amount=1000 * (number + 1))
    everyone = match(session, shop, parse({"all": []}), now=NOW)
    now = group_members(read_scores(session, View(shop, NOW)), everyone=everyone)
    before = group_members(read_scores(session, View(shop, NOW, NOW - timedelta(days=31))), everyone=everyone)
    assert sum(map(len, now.values())) == sum(map(len, before.values())) == 10
    assert list(now["prospects"]) == buyers[8:]
    moved = movement(before, now)
    assert sum(map(sum, moved.moved)) == 10
    for slug, members in now.items():
        assert match(session, shop, parse({"rfm": {"group": slug}}), now=NOW) == members
    assert sum(map(sum, grid(read_scores(session, View(shop, NOW), scale=Scale.STEPS)))) == 8
