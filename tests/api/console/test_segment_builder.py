"""The builder of segments on both databases: a rule survives the form, is counted as it is typed, saved or refused."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from api.console.segments.rule_kinds import KINDS
from api.console.segments.rule_tree import FRESH, change, draw, open_rule, read_form, rule_of, tidy
from retention.database import reading
from retention.shops import find_shop
from segments.presets import PRESETS
from segments.rule_ast import to_json
from segments.rules import parse
from segments.segments import find_segment
from tests.api.console import sample
from tests.api.console.doors import SignIn
from tests.api.console.rule_forms import HOME, KNOWN, form_of, saved


@pytest.fixture
def camellia(camellia_on_both: Engine) -> Engine:
    return camellia_on_both


RULES: list[Any] = [
    *(to_json(preset.node(dict.fromkeys(preset.asks, "tea"))) for preset in PRESETS.values()),
    {
        "orders": {
            "measure": "spend",
            "between": ["100.00", "500.50"],
            "window": {"from": "2026-01-01", "to": "2026-07-01"},
        }
    },
    {"orders": {"measure": "last", "after": "2026-01-01", "of": {"sku": ["A", "B"], "coupon_used": False}}},
    {"orders": {"measure": "largest", "less_than": "20", "of": {"price_at_least": "9.9", "region": "广东"}}},
    {"orders": {"measure": "median_gap", "at_most": "12.5", "window": {"from": "2026-01-01"}}},
    {"buyer": {"field": "name", "contains": ["Noah", "“Ada” 😀"]}},
    {"buyer": {"field": "email", "exists": False}},
    {"buyer": {"field": "birthday", "month": 4}},
    {"buyer": {"field": "created_at", "before": "2026-05-01"}},
    {"buyer": {"field": "region", "is_not": ["广东"]}},
    {"follows": {"window": {"last_days": 30}}},
    {"group": {"slug": "tea-friends", "window": {"last_days": 7}}},
    {"consent": {"channel": "sms", "is": "never"}},
    {"touch": {"event": "sent", "at_least": 3, "campaign": ["spring", "autumn"], "window": {"last_days": 90}}},
    {"rfm": {"recency": {"at_least": 4}, "frequency": {"is": 2}, "monetary": {"between": [2, 4]}, "scale": "steps"}},
    {"rfm": {"group": ["champions", "at-risk"]}},
    {"prediction": {"measure": "alive", "less_than": 0.5}},
    {"prediction": {"measure": "orders", "between": ["0.2", "1.5"], "days": 365}},
    {"prediction": {"measure": "days_to_next", "at_most": 14}},
    {
        "any": [
            {"segment": "vip"},
            {"not": {"list": "staff"}},
            {"bucket": {"of": 1000, "from": 5, "to": 9, "seed": "x"}},
        ]
    },
    {"not": {"all": [{"follows": {}}, {"any": []}, {"not": {"any": [{"group": {}}]}}]}},
    {"orders": {"measure": "count", "at_least": 2, "less_than": 9}},
    {"orders": {"of": {"sku": [f"SKU {number}" for number in range(500)]}}},
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: json.dumps(rule, ensure_ascii=False)[:60])
def test_rule_opened_and_sent_back_is_the_same_rule(rule: Any) -> None:
    again = tidy(rule_of(read_form(form_of(rule), KNOWN)))
    assert to_json(parse(again)) == to_json(parse(rule))


def test_every_kind_of_condition_can_be_added_and_has_fields() -> None:
    assert {next(iter(rule)) for _name, rule in FRESH.values()} == KINDS.keys()
    draft = open_rule({"all": []}, KNOWN)
    for kind in FRESH:
        change(draft, [f"add:r:{kind}"], KNOWN)
    assert [box.draft.kind for box in draw(draft, KNOWN).boxes] == [next(iter(rule)) for _name, rule in FRESH.values()]


def test_wrong_rules_are_kept_as_they_are_written() -> None:
    for rule in (5, "{", {"colour": "red"}, {"orders": 5}, {"all": 5}, {"orders": {"window": "soon"}}, {"rfm": {}}, {}):
        assert tidy(rule_of(read_form(form_of(rule), KNOWN))) == rule


def test_counts_come_per_condition_and_in_both_languages(sign_in: SignIn) -> None:
    rule = {"all": [{"orders": {"at_least": 2}}, {"not": {"follows": {}}}]}
    both = sum(len(sample.order_times(number)) >= 2 for number in range(0, sample.BUYERS, 2))
    for language, words in (("en", "Buyers who placed at least 2 orders"), ("zh-CN", "单")):
        text = sign_in("viewer", language=language).post(f"{HOME}/preview", data=form_of(rule)).text
        assert re.findall(r'id="c-(r-\d)"[^>]*>(\d*)</b>', text) == [
            ("r-0", str(sample.repeat_buyers())),
            ("r-1", "120"),
        ]
        assert f'<div class="matches"><b>{both}</b>' in text
        assert words in text
        assert "style=" not in text


def test_as_of_counts_what_was_known_and_refuses_the_future(sign_in: SignIn) -> None:
    client = sign_in("marketer")
    rule = {"orders": {"at_least": 1}}
    day = sample.NOW - timedelta(days=100)
    then = sum(
        sample.order_times(number)[0] < day.replace(hour=16, minute=0) - timedelta(days=1) for number in range(240)
    )
    text = client.post(f"{HOME}/preview", data={**form_of(rule), "as_of": f"{day:%Y-%m-%d}"}).text
    assert f'<div class="matches"><b>{then}</b>' in text
    assert (
        "Enter a day that has begun"
        in client.post(f"{HOME}/preview", data={**form_of(rule), "as_of": "2027-01-01"}).text
    )
    assert "give a day such as" in client.post(f"{HOME}/preview", data={**form_of(rule), "as_of": "soon"}).text


def test_sample_is_masked_for_a_viewer(sign_in: SignIn) -> None:
    fields = form_of({"buyer": {"field": "region", "is": ["广东"]}})
    marketer = sign_in("marketer").post(f"{HOME}/preview", data=fields).text
    names = re.findall(r">([一-鿿]{2,3})</a>", marketer)
    assert names
    viewer = sign_in("viewer").post(f"{HOME}/preview", data=fields).text
    assert re.search(r">[一-鿿]\*+</a>", viewer)
    assert not any(f">{name}</a>" in viewer for name in names)


def test_a_viewer_asks_about_no_name_and_sees_why(sign_in: SignIn) -> None:
    fields = form_of({"buyer": {"field": "name", "is": ["陈佳宁"]}})
    assert "陈佳宁</a>" in sign_in("marketer").post(f"{HOME}/preview", data=fields).text
    viewer = sign_in("viewer").post(f"{HOME}/preview", data=fields).text
    assert "buyers:personal" in viewer
    assert "**</a>" not in viewer


def test_rule_is_saved_refreshed_and_changed_in_place(sign_in: SignIn, camellia: Engine) -> None:
    client = sign_in("marketer")
    rule = {"buyer": {"field": "region", "is": ["广东"]}}
    page = client.post(f"{HOME}/save", data={**form_of(rule), "name": "广东", "short_name": "guangdong"})
    assert page.url.path == f"{HOME}/saved/guangdong"
    assert "广东: 80 buyers" in page.text
    assert "80 entered" in page.text
    assert saved(camellia)["guangdong"] == rule
    other = {"buyer": {"field": "region", "is": ["上海"]}}
    client.post(f"{HOME}/save", data={**form_of(other), "name": "上海", "editing": "guangdong"})
    with reading(camellia) as session:
        segment = find_segment(session, find_shop(session, "camellia").id, "guangdong")
        assert (segment.name, segment.rule_json) == ("上海", other)


def test_refused_save_keeps_the_form_and_saves_nothing(sign_in: SignIn, camellia: Engine) -> None:
    client, before = sign_in("marketer"), saved(camellia)
    wrong = form_of({"orders": {"at_least": "plenty"}})
    refusals: list[tuple[dict[str, Any], str]] = [
        ({**wrong, "name": "Kept name", "short_name": "kept"}, "at least: give a whole number"),
        ({**form_of({"follows": {}}), "name": "Kept name", "short_name": "vip"}, "The short name vip is already used"),
        (
            {**form_of({"follows": {}}), "name": "Kept name", "short_name": "Not So"},
            "Use lower-case letters, digits and hyphens",
        ),
        ({**form_of({"segment": "vip"}), "name": "Kept name", "editing": "vip"}, "cannot contain itself"),
        ({**form_of({"group": {"slug": "gone"}}), "name": "", "short_name": "kept"}, "Give the segment a name"),
    ]
    for fields, why in refusals:
        answer = client.post(f"{HOME}/save", data=fields)
        assert answer.status_code in {409, 422}
        assert why in answer.text
        assert not fields["name"] or 'value="Kept name"' in answer.text
    assert 'value="plenty"' in client.post(f"{HOME}/save", data=refusals[0][0]).text
    assert saved(camellia) == before


@pytest.mark.parametrize(
    ("preset", "given", "rule"),
    [
        ("category-fans", {"category": "茶"}, {"orders": {"at_least": 2, "of": {"category": "茶"}}}),
        (
            "bought-but-not",
            {"bought": "TEA-1", "missing": "TEA-2"},
            {
                "all": [
                    {"orders": {"at_least": 1, "of": {"sku": "TEA-1"}}},
                    {"not": {"orders": {"at_least": 1, "of": {"sku": "TEA-2"}}}},
                ]
            },
        ),
    ],
)
def test_preset_that_asks_for_something_opens_with_it(sign_in: SignIn, preset: str, given: Any, rule: Any) -> None:
    client = sign_in("marketer")
    asking = client.get(f"{HOME}/new", params={"preset": preset})
    assert asking.status_code == 200
    assert re.findall(r'<input[^>]* name="(\w+)"[^>]* required', asking.text) == list(given)
    assert 'name="r-0.kind"' not in asking.text
    page = client.get(f"{HOME}/new", params={"preset": preset, **given}).text
    kept = re.search(r'<textarea[^>]* id="f-json"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert kept
    assert to_json(parse(json.loads(html.unescape(kept[1])))) == to_json(parse(rule))
    assert all(value in page for value in given.values())
    assert client.get(f"{HOME}/new?preset=nothing").status_code == 404


def test_fifty_thousand_products_and_a_name_of_quotes_and_emoji_are_kept(sign_in: SignIn, camellia: Engine) -> None:
    skus = [f"SKU-{number}" for number in range(50_000)]
    name, odd = "“Ada” & 'Bob' <b>🍵</b>", "O'Neil\"; DROP TABLE buyers; -- 🍵"
    rule = {"any": [{"orders": {"of": {"sku": [*skus, odd]}}}, {"buyer": {"field": "name", "is": odd}}]}
    client = sign_in("marketer")
    fields = {**form_of(rule), "name": name, "short_name": "odd"}
    assert client.post(f"{HOME}/preview", data=fields).status_code == 200
    assert "&lt;b&gt;🍵&lt;/b&gt;" in client.post(f"{HOME}/save", data=fields).text
    assert to_json(parse(saved(camellia)["odd"])) == to_json(parse(rule))
    assert client.get(f"{HOME}/saved/odd/edit").status_code == 200
    assert client.post(f"{HOME}/draw", data={**fields, "do": "add:r:follows"}).status_code == 200


def test_prediction_that_cannot_be_made_says_why(sign_in: SignIn) -> None:
    fields = form_of({"prediction": {"measure": "alive", "less_than": 0.5}})
    client = sign_in("marketer")
    assert "No predictions yet" in client.post(f"{HOME}/preview", data=fields).text
    past = client.post(f"{HOME}/preview", data={**fields, "as_of": "2026-06-01"}).text
    assert re.search(r'id="e-r-0"[^>]*><span class="down">', past)


def test_rule_of_two_hundred_conditions_is_drawn_counted_and_saved(sign_in: SignIn, camellia: Engine) -> None:
    rule = {"any": [{"orders": {"at_least": 1, "of": {"sku": [f"TEA-{number}"]}}} for number in range(200)]}
    client = sign_in("marketer")
    fields = {**form_of(rule), "name": "Many", "short_name": "many"}
    assert len(fields) > 1000
    assert client.post(f"{HOME}/preview", data=fields).text.count('hx-swap-oob="true" aria-label') == 200
    client.post(f"{HOME}/save", data=fields)
    assert to_json(parse(saved(camellia)["many"])) == to_json(parse(rule))
