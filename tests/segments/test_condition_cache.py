import threading
from datetime import timedelta

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from retention.consent import Answer, Channel, record_consent
from retention.database import reading, transaction
from retention.shops import find_shop
from retention.versions import Family, raise_version
from segments import condition_cache
from segments.condition_cache import CachedResult
from segments.matching import match
from segments.rule_ast import EVERYONE, Orders
from segments.rules import parse
from segments.segments import save_segment, set_manual_members
from tests.factories import NOW, add_buyers, add_follow, add_order, add_touch, make_shop

REPEAT = {"orders": {"at_least": 2}}
RECENT = {"orders": {"at_least": 1, "window": {"last_days": 7}}}
FOLLOWS = {"follows": {}}
SCANNED = {"touch": {"event": "scanned"}}
AGREED = {"consent": {"channel": "email"}}


def open_shop(engine):
    with transaction(engine) as session:
        shop = make_shop(session)
        return shop, add_buyers(session, shop, "a", "b", "c")


def asked(engine, shop, rule, **options):
    """The answer, and how many statements read the facts themselves."""
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    with reading(engine) as session:
        found = set(match(session, shop, parse(rule), **{"now": NOW, **options}))
    tables = ("FROM orders", "FROM buyer_facts", "FROM follows", "FROM touches", "FROM consents", "FROM buyers")
    return found, sum(any(table in statement for table in tables) for statement in statements)


def test_the_second_to_ask_reads_the_kept_answer(engine):
    shop, (a, b, _) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a)
    rule = {"all": [RECENT, {"not": FOLLOWS}]}
    assert asked(engine, shop, rule) == ({a}, 3)
    assert asked(engine, shop, rule) == ({a}, 0)
    assert asked(engine, shop, {"any": [{"not": RECENT}, FOLLOWS]}) == ({b, b + 1}, 0)


def test_every_change_of_facts_is_seen_at_once(engine):
    shop, (a, b, c) = open_shop(engine)
    rules = {
        "repeat": REPEAT,
        "recent": RECENT,
        "follows": FOLLOWS,
        "scanned": SCANNED,
        "agreed": AGREED,
        "all": {"all": []},
    }
    counts = lambda: {name: len(asked(engine, shop, rule)[0]) for name, rule in rules.items()}  # noqa: E731
    assert counts() == {"repeat": 0, "recent": 0, "follows": 0, "scanned": 0, "agreed": 0, "all": 3}
    with transaction(engine) as session:
        add_order(session, shop, a)
        add_order(session, shop, a, at=NOW - timedelta(days=30))
    assert counts() == {"repeat": 1, "recent": 1, "follows": 0, "scanned": 0, "agreed": 0, "all": 3}
    with transaction(engine) as session:
        add_follow(session, shop, b)
        add_touch(session, shop, c)
    assert counts() == {"repeat": 1, "recent": 1, "follows": 1, "scanned": 1, "agreed": 0, "all": 3}
    with transaction(engine) as session:
        record_consent(session, shop.id, buyer_id=c, channel=Channel.EMAIL, answer=Answer.IN, source="test", at=NOW)
        add_buyers(session, shop, "d")
    assert counts() == {"repeat": 1, "recent": 1, "follows": 1, "scanned": 1, "agreed": 1, "all": 4}


def test_a_scan_does_not_throw_away_what_was_asked_of_orders(engine):
    shop, (a, _, _) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a)
    rule = {"all": [RECENT, {"not": SCANNED}]}
    asked(engine, shop, rule)
    with transaction(engine) as session:
        add_touch(session, shop, a)
    assert asked(engine, shop, rule) == (set(), 1)


def test_an_order_of_uncommitted_work_is_seen_there_and_not_kept_for_others(engine):
    shop, (a, _, _) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a)
        assert set(match(session, shop, parse(RECENT), now=NOW)) == {a}
        session.execute(sa.text("DELETE FROM order_lines"))
        session.execute(sa.text("DELETE FROM orders"))
    assert asked(engine, shop, RECENT)[0] == set()


def test_work_that_is_rolled_back_keeps_no_answer(engine):
    shop, (a, _, _) = open_shop(engine)
    with Session(engine) as session:
        add_order(session, shop, a)
        match(session, shop, parse({"all": [RECENT, FOLLOWS]}), now=NOW)
    with reading(engine) as session:
        assert session.exec(select(CachedResult)).all() == []
    assert asked(engine, shop, RECENT)[0] == set()


def test_a_relative_window_moves_with_the_hour_and_not_within_it(engine):
    shop, (a, _, _) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a, at=NOW.replace(minute=0) - timedelta(days=7))
    assert asked(engine, shop, RECENT) == ({a}, 1)
    assert asked(engine, shop, RECENT, now=NOW.replace(minute=59)) == ({a}, 0)
    assert asked(engine, shop, RECENT, now=NOW + timedelta(minutes=30)) == (set(), 1)
    assert asked(engine, shop, RECENT, now=NOW, as_of=NOW) == (set(), 1)
    assert asked(engine, shop, RECENT, now=NOW, as_of=NOW.replace(minute=0)) == ({a}, 1)


def test_days_since_move_with_the_shops_day(engine):
    shop, (a, _, _) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a, at=NOW)
    today = {"orders": {"measure": "days_since_last", "is": 0}}
    assert asked(engine, shop, today) == ({a}, 1)
    assert asked(engine, shop, today, now=NOW + timedelta(hours=3, minutes=29)) == ({a}, 0)
    assert asked(engine, shop, today, now=NOW + timedelta(hours=3, minutes=30)) == (set(), 1)  # midnight in Shanghai


def test_no_more_answers_are_kept_than_said(engine, monkeypatch):
    monkeypatch.setattr(condition_cache, "MOST_KEPT", 3)
    shop, _ = open_shop(engine)
    for days in range(1, 7):
        asked(engine, shop, {"orders": {"window": {"last_days": days}}}, now=NOW + timedelta(seconds=days))
    with reading(engine) as session:
        assert session.exec(select(sa.func.count()).select_from(CachedResult)).one() == 3


def test_a_writer_who_holds_the_lock_delays_no_reader(engine):
    shop, (a, _, _) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a)
        session.flush()
        answers = []
        reader = threading.Thread(target=lambda: answers.append(asked(engine, shop, {"all": []})[0]))
        reader.start()
        reader.join(timeout=10)
        assert answers == [{a, a + 1, a + 2}]


def test_one_shops_answers_are_not_anothers(engine):
    shop, _ = open_shop(engine)
    asked(engine, shop, FOLLOWS)
    with transaction(engine) as session:
        other = make_shop(session, "coffee")
        (z,) = add_buyers(session, other, "z")
        add_follow(session, other, z)
    assert asked(engine, other, FOLLOWS)[0] == {z}
    assert asked(engine, shop, FOLLOWS)[0] == set()


def test_a_changed_segment_or_pin_counts_at_once_where_it_is_used(engine):
    shop, (a, b, c) = open_shop(engine)
    with transaction(engine) as session:
        add_order(session, shop, a)
        save_segment(session, shop.id, "inner", rule=parse(RECENT), actor="test", at=NOW)
        save_segment(session, shop.id, "outer", rule=parse({"not": {"segment": "inner"}}), actor="test", at=NOW)
    assert asked(engine, shop, {"segment": "outer"})[0] == {b, c}
    with transaction(engine) as session:
        set_manual_members(session, shop.id, "inner", buyers=BitMap([b]), where="in", actor="test", at=NOW)
        set_manual_members(session, shop.id, "inner", buyers=BitMap([a]), where="out", actor="test", at=NOW)
    assert asked(engine, shop, {"segment": "outer"})[0] == {a, c}
    with transaction(engine) as session:
        set_manual_members(session, shop.id, "inner", buyers=BitMap([a, b]), where=None, actor="test", at=NOW)
    assert asked(engine, shop, {"segment": "outer"})[0] == {b, c}


def test_equal_conditions_share_one_answer():
    spellings = [
        {"orders": {"measure": "spend", "between": ["10.00", "20"], "of": {"sku": ["b", "a", "b"]}}},
        {"orders": {"of": {"sku": ["a", "b"]}, "at_most": 20, "at_least": "10", "measure": "spend"}},
    ]
    assert parse(spellings[0]) == parse(spellings[1])
    assert isinstance(parse(spellings[0]), Orders)
    assert parse({"buyer": {"field": "created_at", "exists": True}}) == EVERYONE


def test_facts_of_other_families_do_not_change_a_stamp(engine):
    shop, _ = open_shop(engine)
    asked(engine, shop, FOLLOWS)
    with transaction(engine) as session:
        for family in (Family.ORDERS, Family.TOUCHES, Family.CONSENTS):
            raise_version(session, shop.id, family)
        assert find_shop(session, "tea").id == shop.id
    assert asked(engine, shop, FOLLOWS) == (set(), 0)
    with reading(engine) as session:
        assert session.exec(select(col(CachedResult.shop_id)).distinct()).all() == [shop.id]


def test_an_answer_is_kept_when_the_shops_row_was_forgotten_meanwhile(engine):
    shop, _ = open_shop(engine)
    with transaction(engine) as session:
        here = find_shop(session, shop.slug)
        match(session, here, parse(REPEAT), now=NOW)
        session.expire(here)  # as after a savepoint that was rolled back
    with reading(engine) as session:
        assert session.exec(select(CachedResult.shop_id)).first() == shop.id
