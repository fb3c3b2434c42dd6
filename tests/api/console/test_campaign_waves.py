"""The waves of an arrival alert: chosen in the editor, kept as they were, refused in words, counted wave by wave."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.recipes import FOLLOWERS, GROUP_MEMBERS
from campaigns.runs.drafting import create_campaign, edit_campaign
from retention.database import reading, transaction
from retention.products import Product
from retention.shops import find_shop
from tests.api.console import sample
from tests.api.console.signed_in import Console, Person, notice
from tests.sign_in import token_of

FANS = {"any": [{"orders": {"measure": "count", "at_least": 2, "of": {"category": "茶"}}}]}
WHEN = "/campaigns/alert/edit/when"


@pytest.fixture
def camellia(camellia_on_both: Engine) -> Engine:
    """On both databases: each keeps the keys of a rule in an order of its own."""
    return camellia_on_both


@pytest.fixture
def marketer(console: Console) -> Person:
    """A marketer whose draft of an alert about the first tea goes in the waves its recipe suggests."""
    with transaction(console.engine) as session:
        shop = find_shop(session, "camellia")
        create_campaign(
            session, shop, Draft("alert", recipe=Recipe.ARRIVAL_ALERT, product_id=1), at=sample.NOW, actor="user:1"
        )
    return console.enter("marketer")


def send_waves(person: Person, *waves: tuple[str, str]) -> str:
    """Send the step with these waves, whom and how many hours after the one before, as the form does."""
    fields: dict[str, Any] = {"csrf": token_of(person.client), "kind": "waves", "to": "stay"}
    fields |= {"wave_who": [who for who, _ in waves], "wave_hours": [hours for _, hours in waves]}
    return person.client.post("/shops/camellia" + WHEN, data=fields).text


def lines(text: str) -> list[tuple[str, str]]:
    """Return the lines of the form that say something: whom, hours later."""
    found = re.findall(r'<div class="wave"><b>.*?</div>', text, re.DOTALL)
    chosen = [re.search(r'<option value="([^"]*)" selected', line) for line in found]
    hours = [re.search(r'name="wave_hours" value="([^"]*)"', line) for line in found]
    return [(who[1], after[1]) for who, after in zip(chosen, hours, strict=True) if who and after and who[1]]


def counts(text: str) -> list[int]:
    card = text[text.index("As set now") :]
    return [int(number) for number in re.findall(r'<td class="n">\+? ?(\d+)</td>', card[: card.index("</table>")])]


def test_recipe_suggests_who_hears_first_and_how_many_are_new_in_each_wave(marketer: Person) -> None:
    page = marketer.page(WHEN)
    assert lines(page) == [("fans", "0"), ("followers", "24"), ("members", "24")]
    repeat = {number for number in range(sample.BUYERS) if len(sample.order_times(number)) > 1}
    followers, members = set(range(1, sample.BUYERS, 2)), set(range(0, sample.BUYERS, 5))
    assert counts(page) == [len(repeat), len(followers - repeat), len(members - followers - repeat)]


def test_waves_are_chosen_in_order_with_the_hours_between(console: Console, marketer: Person) -> None:
    page = send_waves(marketer, ("members", "2"), ("segment:vip", "12"), ("", "3"), ("rest", "36"))
    assert notice(page) == "Saved."
    assert console.campaign("alert").trigger_json == {
        "waves": [
            {"rule": GROUP_MEMBERS, "after": 2},
            {"rule": {"segment": "vip"}, "after": 14},
            {"rule": {"all": []}, "after": 50},
        ]
    }
    assert lines(page) == [("members", "2"), ("segment:vip", "12"), ("rest", "36")]


@pytest.mark.parametrize(
    ("waves", "why"),
    [
        ([("followers", "0"), ("members", "0")], "Wave 2: enter whole hours, 1 or more"),
        ([("followers", "soon")], "Wave 1: enter whole hours, 0 or more"),
        ([("followers", "-3")], "Wave 1: enter whole hours, 0 or more"),
        ([("nobody-known", "0")], "Wave 1: choose whom it notifies."),
        ([("", "5")], "a campaign in waves needs at least one wave"),
        ([("followers", "9000")], "must be at most"),
    ],
)
def test_waves_that_cannot_be_are_refused_and_change_nothing(
    console: Console, marketer: Person, waves: list[tuple[str, str]], why: str
) -> None:
    before = console.campaign("alert").trigger_json
    page = send_waves(marketer, *waves)
    assert why in notice(page)
    assert lines(page) == [each for each in waves if each[0] not in {"", "nobody-known"}]
    assert console.campaign("alert").trigger_json == before


def test_wave_that_came_another_way_is_shown_in_words_and_kept(console: Console, marketer: Person) -> None:
    own = {"buyer": {"field": "region", "is": ["广东"]}}
    with transaction(console.engine) as session:
        campaign, waves = (
            session.merge(console.campaign("alert")),
            [{"rule": own, "after": 0}, {"rule": FANS, "after": 5}],
        )
        edit_campaign(
            session, find_shop(session, "camellia"), campaign, changes={"trigger": {"waves": waves}}, at=sample.NOW,
            actor="user:1",
        )  # fmt: skip
    page = marketer.page(WHEN)
    assert lines(page) == [("kept:0", "0"), ("fans", "5")]
    assert "广东" in page
    send_waves(marketer, ("followers", "0"), ("kept:0", "8"))
    assert console.campaign("alert").trigger_json == {
        "waves": [{"rule": FOLLOWERS, "after": 0}, {"rule": own, "after": 8}]
    }


def test_waves_are_offered_to_what_tells_of_a_product_and_to_nothing_else(console: Console, marketer: Person) -> None:
    draft = {"slug": "push", "name": "Push", "segment": "vip", "offer": "autumn-20", "to": "stay"}
    marketer.send("/campaigns/new/coupon-push", **draft)
    assert 'value="waves"' not in marketer.page("/campaigns/push/edit/when")
    with transaction(console.engine) as session:
        push = session.merge(console.campaign("push"))
        push.product_id = session.get_one(Product, 1).id
    text = marketer.page("/campaigns/push/edit/when")
    assert 'value="waves"' in text
    assert lines(text) == [("fans", "0"), ("followers", "24"), ("members", "24")]
    with reading(console.engine) as session:
        assert session.merge(console.campaign("push")).trigger_json == {}
