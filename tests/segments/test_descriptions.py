import pytest

from retention.errors import Invalid, NotFound
from segments.descriptions import describe
from segments.presets import PRESETS, find_preset
from segments.rules import parse

SAID = [
    ({"all": []}, "All buyers"),
    ({"any": []}, "No buyers"),
    (
        {"orders": {"at_least": 3, "window": {"last_days": 180}}},
        "Buyers who placed at least 3 orders in the last 180 days",
    ),
    (
        {"orders": {"measure": "spend", "between": ["100", "200.50"], "of": {"category": ["tea"]}}},
        "Buyers who spent ¥100 to ¥200.50 in category “tea”",
    ),
    (
        {"all": [{"follows": {}}, {"not": {"orders": {}}}]},
        "Buyers who follow the shop and never ordered",
    ),
    (
        {"any": [{"group": {"slug": "tea"}}, {"all": [{"segment": "vip"}, {"not": {"list": "staff"}}]}]},
        "Buyers who are in the group tea or (are in the segment vip and are not on the list staff)",
    ),
    ({"not": {"orders": {"at_least": 5}}}, "Buyers who do not match this: placed at least 5 orders"),
    ({"touch": {"event": "scanned", "is": 0}}, "Buyers who never scanned a code"),
    ({"rfm": {"group": "at-risk"}}, "Buyers who are in the RFM group “At risk”"),
    ({"bucket": {"of": 100, "from": 0, "to": 9}}, "Buyers who are in a stable random 10 % (buckets 0 to 9 of 100)"),
    ({"orders": {"measure": "last", "before": "2026-01-02"}}, "Buyers who placed their last order before Jan 2, 2026"),
    (
        {"buyer": {"field": "region", "is": list("abcdefg")}},
        "Buyers who have region “a” or “b” or “c” or “d” or “e” or 2 more",
    ),
]


@pytest.mark.parametrize(("rule", "sentence"), SAID, ids=[sentence[:40] for _, sentence in SAID])
def test_a_rule_says_itself_in_one_sentence(rule, sentence):
    assert describe(parse(rule), currency="CNY") == sentence


def test_every_preset_can_be_read_and_said():
    for preset in PRESETS.values():
        assert describe(preset.node(dict.fromkeys(preset.asks, "tea"))).startswith("Buyers who ")


def test_a_preset_that_asks_for_something_is_said_with_it_and_refused_without():
    fans, but_not = find_preset("category-fans"), find_preset("bought-but-not")
    tea = {"category": "tea {0} 🍵"}
    assert describe(fans.node(tea)) == "Buyers who placed at least 2 orders in category “tea {0} 🍵”"
    assert (fans.title, fans.titled(tea)) == (
        "Fans of “…”: two orders or more",
        "Fans of “tea {0} 🍵”: two orders or more",
    )
    assert describe(but_not.node({"bought": "A", "missing": "B"})) == (
        "Buyers who placed at least 1 order with product “A” and never ordered with product “B”"
    )
    with pytest.raises(Invalid, match="The preset bought-but-not still needs: missing"):
        but_not.node({"bought": "A", "missing": " "})
    with pytest.raises(NotFound, match=r"No preset is called nothing\. There are: repeat-customers,"):
        find_preset("nothing")
