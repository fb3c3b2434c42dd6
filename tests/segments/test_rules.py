import json
import random

import pytest
from hypothesis import given, settings

from retention.errors import Invalid, NotFound
from segments.matching import match
from segments.rule_ast import key
from segments.rules import parse
from segments.schema import rule_schema
from tests.factories import NOW, add_buyers, add_order, make_shop
from tests.segments.worlds import RULES

REFUSED = [
    (None, "rule: a condition is an object with one entry"),
    ({"all": {}}, "rule.all: give a list of conditions, not {}."),
    ({"any": [{"follows": {}}, 3]}, "rule.any[1]: a condition is an object with one entry"),
    ({"not": [{"follows": {}}]}, "rule.not: a condition is an object"),
    ({"orders": {}, "follows": {}}, "rule: a condition is an object with one entry"),
    ({"order": {}}, "rule: there is no condition 'order'. There are: all, any, not, buyer, orders"),
    ({"orders": {"at_leats": 1}}, "rule.orders: there is no option 'at_leats'."),
    ({"orders": {"at_least": -1}}, "rule.orders.at_least: give a whole number from 0 to 1000000000, not -1."),
    ({"orders": {"at_least": True}}, "rule.orders.at_least: give a whole number"),
    ({"orders": {"at_least": 10**30}}, "rule.orders.at_least: give a whole number"),
    ({"orders": {"measure": "spend"}}, "rule.orders: compare spend with one of at_least, at_most"),
    (
        {"orders": {"measure": "spend", "at_least": 9.5}},
        'rule.orders.at_least: give an amount of money as text, such as "1000.00"',
    ),
    ({"orders": {"measure": "spend", "at_least": "NaN"}}, "rule.orders.at_least: give an amount of money"),
    (
        {"orders": {"measure": "spend", "between": ["9", "1"]}},
        "rule.orders.between: the first value is above the second.",
    ),
    ({"orders": {"measure": "first", "at_least": 3}}, "rule.orders.at_least: give a day such as 2026-11-11"),
    ({"orders": {"before": "2026-01-01"}}, "rule.orders: before does not fit here. Use one of at_least"),
    ({"orders": {"measure": "last", "before": "2026-13-01"}}, "rule.orders.before: give a day such as"),
    ({"orders": {"window": {"last_days": 0}}}, "rule.orders.window: last_days stands alone and is from 1 to 36600"),
    ({"orders": {"window": {"last_days": 40_000}}}, "rule.orders.window: last_days stands alone"),
    ({"orders": {"window": {"from": "2026-02-01", "to": "2026-02-01"}}}, "rule.orders.window: from must be before to"),
    ({"orders": {"of": {"sku": []}}}, "rule.orders.of.sku: give from 1 to 100000 texts, not 0."),
    ({"orders": {"of": {"sku": ["a", ""]}}}, "rule.orders.of.sku[1]: give a text of 1 to 500 characters"),
    ({"orders": {"of": {"sku": "a\0b"}}}, "rule.orders.of.sku: give a text of 1 to 500 characters"),
    ({"orders": {"of": {"sku": "\ud83c"}}}, "rule.orders.of.sku: give a text of 1 to 500 characters"),
    ({"orders": {"of": {"coupon_used": "yes"}}}, "rule.orders.of.coupon_used: use true or false, not 'yes'."),
    ({"buyer": {"field": "shoe"}}, "rule.buyer.field: use one of external_id, name"),
    (
        {"buyer": {"field": "region", "before": "2026-01-01"}},
        "rule.buyer: compare region with exactly one of is, is_not",
    ),
    ({"buyer": {"field": "birthday", "month": 13}}, "rule.buyer.month: give a month from 1 to 12"),
    (
        {"consent": {"channel": "fax"}},
        "rule.consent.channel: use one of email, sms, parcel, group, personal, webhook, not 'fax'.",
    ),
    ({"touch": {"event": "seen"}}, "rule.touch.event: use one of sent, scanned"),
    ({"rfm": {}}, "rule.rfm: name a group, or compare recency"),
    ({"rfm": {"group": "vip"}}, "rule.rfm.group: use one of champions, loyal"),
    ({"rfm": {"recency": {}}}, "rule.rfm.recency: compare recency with one of at_least"),
    ({"bucket": {"of": 10, "from": 5, "to": 10}}, "rule.bucket: buckets are numbered from 0 to of - 1"),
    ({"segment": 3}, "rule.segment: give a text of 1 to 500 characters, not 3."),
]


@pytest.mark.parametrize(("rule", "sentence"), REFUSED, ids=[sentence[:40] for _, sentence in REFUSED])
def test_a_refusal_names_the_path_and_what_would_be_right(rule, sentence):
    with pytest.raises(Invalid) as refused:
        parse(rule)
    assert str(refused.value).startswith(sentence)


def test_depth_and_number_of_conditions_have_a_bound_with_a_sentence():
    deep = {"follows": {}}
    for _ in range(99):
        deep = {"not": deep}
    assert key(parse(deep)).count("not") == 99
    with pytest.raises(Invalid, match="at most 100 levels deep"):
        parse({"not": deep})
    with pytest.raises(Invalid, match="at most 2000 conditions; this one has 2001"):
        parse({"any": [{"follows": {}}] * 2001})


def test_large_and_odd_rules_are_answered_right(session):
    shop = make_shop(session)
    odd = "O'Neil\"; DROP TABLE buyers; -- 🍵 %_\\"
    a, b = add_buyers(session, shop, odd, "b")
    add_order(session, shop, a, sku=odd)
    add_order(session, shop, b, sku="other")
    skus = [f"sku-{number}" for number in range(49_999)]
    assert list(match(session, shop, parse({"orders": {"of": {"sku": [*skus, odd]}}}), now=NOW)) == [a]
    assert list(match(session, shop, parse({"buyer": {"field": "external_id", "is": odd}}), now=NOW)) == [a]
    assert list(match(session, shop, parse({"buyer": {"field": "external_id", "contains": "%_\\"}}), now=NOW)) == [a]
    assert list(match(session, shop, parse({"orders": {"window": {"last_days": 36_500}}}), now=NOW)) == [a, b]
    many = {"any": [{"orders": {"at_least": number}} for number in range(2, 101)]}
    both = {
        "all": [{"not": many}, {"any": [{"buyer": {"field": "name", "is": f"n{number}"}} for number in range(101)]}]
    }
    assert list(match(session, shop, parse({"not": both}), now=NOW)) == [a, b]


def test_money_finer_than_the_currency_is_refused(session):
    yen = make_shop(session, currency="JPY")
    with pytest.raises(Invalid, match=r"10\.5 has more decimals than JPY allows"):
        match(session, yen, parse({"orders": {"measure": "spend", "at_least": "10.5"}}), now=NOW)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"segment": "gone"}, "No segment is called gone."),
        ({"list": "gone"}, "No list is called gone."),
        ({"group": {"slug": "gone"}}, "No group is called gone."),
    ],
)
def test_what_a_rule_names_must_exist(session, rule, sentence):
    shop = make_shop(session)
    with pytest.raises(NotFound, match=sentence):
        match(session, shop, parse({"not": rule}), now=NOW)


@settings(max_examples=300, deadline=None, database=None)
@given(rule=RULES)
def test_the_published_schema_takes_every_rule_the_reader_takes(rule):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(rule_schema())
    assert validator.is_valid(rule)
    assert validator.is_valid(json.loads(key(parse(rule))))


def test_the_published_schema_refuses_what_the_reader_refuses():
    validator = pytest.importorskip("jsonschema").Draft202012Validator(rule_schema())
    beyond_a_schema = ("between: the first", "from must be before", "buckets are", "NUL", "2026-13-01", "a text of 1")
    for rule, sentence in REFUSED:
        if not any(part in sentence for part in beyond_a_schema) and "2026-13" not in str(rule) and rule != "NaN":
            assert not validator.is_valid(rule), rule


def refusal(rule):
    try:
        parse(rule)
    except Invalid as error:
        return str(error)
    return ""


def test_random_json_is_refused_with_a_sentence_and_never_breaks():
    chance = random.Random(1)
    words = [
        "all",
        "any",
        "not",
        "orders",
        "buyer",
        "window",
        "of",
        "at_least",
        "measure",
        "spend",
        "field",
        "region",
        "is",
    ]
    values = [None, True, -1, 3, 1e300, "", "x", "2026-01-01", float("nan"), [], {}]

    def anything(depth):
        if depth == 0 or chance.random() < 0.2:
            return chance.choice(values)
        if chance.random() < 0.3:
            return [anything(depth - 1) for _ in range(chance.randrange(3))]
        return {chance.choice(words): anything(depth - 1) for _ in range(chance.choice([1, 1, 1, 2, 3]))}

    sentences = [sentence for _ in range(5_000) if (sentence := refusal(anything(5)))]
    assert 3_000 < len(sentences) < 5_000
    assert max(map(len, sentences)) < 500
