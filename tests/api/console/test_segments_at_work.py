"""Segments made by people at work, in a real browser: counted while they type, saved, changed, by keyboard alone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import ConsoleMessage, Page, Route, expect
from sqlalchemy import Engine

from retention.database import reading
from retention.queue import app as queue
from retention.settings import Settings
from retention.shops import find_shop
from segments.segments import find_segment
from tests.api.console import sample
from tests.apps import create_app
from tests.sign_in import login_cookies

pytestmark = pytest.mark.browser

Enter = Callable[..., Page]


@pytest.fixture
def engine(camellia: Engine) -> Engine:
    return camellia


@pytest.fixture
def enter(engine: Engine, tmp_path: Path, served: Callable[..., str], browse: Callable[..., Page]) -> Iterator[Enter]:
    """Open a page of the console as somebody; what the browser complains of fails the test."""
    queue.conf.update(broker_url="memory://")
    app = create_app(Settings(home=tmp_path, secret=sample.SIGNING_KEY), engine=engine, now=lambda: sample.NOW)
    address = served(app)
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A request that a newer one takes the place of is given up on purpose, and htmx calls that an error.
        given_up = message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))
        if message.type == "error" and not given_up and "favicon" not in (message.location or {}).get("url", ""):
            complaints.append(message.text)

    def go_in(path: str, *, who: str = "marketer", locale: str = "en", width: int = 1280, **more: Any) -> Page:
        cookies = login_cookies(app, f"{who}@camellia.example", language=locale)
        return browse(f"{address}/shops/camellia{path}", locale=locale, width=width, cookies=cookies, hear=note, **more)

    yield go_in
    assert complaints == []


def ordering(times: int) -> int:
    """How many buyers of the sample ordered at least so often."""
    return sum(len(sample.order_times(number)) >= times for number in range(sample.BUYERS))


def size(page: Page, count: int) -> None:
    expect(page.locator(".matches b")).to_have_text(str(count))


def add(page: Page, what: str, *, group: int = 0) -> None:
    page.locator(".branch").nth(group).locator(":scope > .add .menu summary").click()
    page.locator(".menu[open]").get_by_role("button", name=what).click()


def test_counts_follow_the_keys_and_the_segment_is_saved_as_it_was_counted(enter: Enter, engine: Engine) -> None:
    page = enter("/segments")
    page.keyboard.press("n")
    size(page, 240)
    add(page, "count, amount, date")
    expect(page.locator("#f-r-0-measure")).to_be_focused()
    page.get_by_label("Value", exact=True).fill("2")
    size(page, ordering(2))
    expect(page.locator("#c-r-0")).to_have_text(str(ordering(2)))
    expect(page.locator("#words")).to_contain_text("at least 2 orders")
    page.locator(".pill.not").click()
    size(page, 240 - ordering(2))
    page.locator(".pill.not").click()
    add(page, "Follows the shop")
    both = sum(len(sample.order_times(number)) >= 2 for number in range(1, sample.BUYERS, 2))
    size(page, both)
    expect(page.locator(".way tr")).to_have_count(3)
    expect(page.locator("#answer .rows:not(.way) tr")).to_have_count(10)
    page.fill("#f-name", "Followers who came back 🍵 “again”")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.locator("h1")).to_contain_text(f"Followers who came back 🍵 “again”: {both} buyers")
    with reading(engine) as session:
        saved = find_segment(session, find_shop(session, "camellia").id, "segment-1")
    assert saved.rule_json == {"all": [{"orders": {"measure": "count", "at_least": 2}}, {"follows": {}}]}


def test_what_is_wrong_stands_beside_its_condition_and_the_others_keep_their_counts(enter: Enter) -> None:
    page = enter("/segments/new?preset=repeat-customers")
    add(page, "Member of a group")
    size(page, sum(len(sample.order_times(number)) >= 2 for number in range(0, sample.BUYERS, 5)))
    page.locator("#f-r-0-value").fill("many")
    expect(page.locator("#e-r-0")).to_contain_text("at least: give a whole number")
    expect(page.locator("#c-r-0")).to_have_text("")
    expect(page.locator("#c-r-1")).to_have_text("48")
    expect(page.locator("#f-r-0-value")).to_have_value("many")
    page.locator("#f-r-0-value").fill("3")
    expect(page.locator("#e-r-0")).to_be_empty()
    expect(page.locator("#c-r-0")).to_have_text(str(ordering(3)))


def test_a_button_that_merely_has_the_focus_is_not_pressed_by_counting(enter: Enter) -> None:
    page = enter("/segments/new?preset=repeat-customers")
    size(page, ordering(2))
    page.locator("#f-r-0-value").fill("3")
    page.get_by_role("button", name="Remove").first.focus()
    size(page, ordering(3))
    page.locator("#f-r-0-value").fill("2")
    for _press in range(3):
        page.keyboard.press("Tab")
    size(page, ordering(2))
    expect(page.locator("#f-r-0-value")).to_have_value("2")


def test_groups_nest_move_and_go_by_keyboard_alone(enter: Enter) -> None:
    page = enter("/segments/new")
    page.locator(".add .menu summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#f-r-0-measure")).to_be_focused()
    page.get_by_role("button", name="+ group").press("Enter")
    expect(page.locator(".branch .branch")).to_have_count(1)
    expect(page.locator(".branch .branch summary").last).to_be_focused()
    page.keyboard.press("Enter")
    menu = page.locator(".menu[open]")
    menu.get_by_role("button", name="Consent").press("Enter")
    expect(page.locator("#c-r-1-0")).to_have_text("150")
    page.locator("#f-r-1-join").select_option("none")
    size(page, 90)
    page.get_by_role("button", name="Move up").last.press("Enter")
    expect(page.locator("#f-r-0-0-channel")).to_be_visible()
    page.get_by_role("button", name="Remove").last.press("Enter")
    expect(page.locator(".cond")).to_have_count(1)
    size(page, 90)


THREE = [{"follows": {}}, {"orders": {"at_least": 2}}, {"consent": {"channel": "email", "is": "in"}}]


def rule_page(enter: Enter, **more: Any) -> Page:
    rule = quote(json.dumps({"all": THREE}))
    return enter(f"/segments/new?name=Pressed&rule={rule}", **more)


def press(page: Page, name: str, number: int) -> None:
    page.get_by_role("button", name=name, exact=True).nth(number).press("Enter")


def test_presses_and_keys_while_an_answer_is_under_way_all_count(enter: Enter, engine: Engine) -> None:
    held: list[Route] = []

    def hold(asked: Route) -> None:
        held.append(asked)

    page = rule_page(enter, routes={"**/segments/draw": hold})
    press(page, "Remove", 0)
    press(page, "Move up", 1)
    page.locator("#f-r-1-value").fill("3")
    page.wait_for_timeout(500)  # what is typed is asked about after a pause
    assert [asked.request.url.rpartition("/")[2] for asked in held] == ["draw"] * 3
    held[-1].continue_()
    expect(page.locator("#f-r-0-channel")).to_be_visible()
    expect(page.locator("#f-r-1-value")).to_have_value("3")
    expect(page.locator(".cond")).to_have_count(2)
    press(page, "Remove", 0)
    page.get_by_role("button", name="Save the segment").click()
    expect(page.locator("h1")).to_contain_text(f"Pressed: {ordering(3)} buyers")
    with reading(engine) as session:
        saved = find_segment(session, find_shop(session, "camellia").id, "segment-1")
    assert saved.rule_json == {"orders": {"measure": "count", "at_least": 3}}


def test_focus_that_somebody_moves_after_a_drawing_stays_there(enter: Enter) -> None:
    page = rule_page(enter)
    move = """() => new MutationObserver(() => document.querySelector("[value='remove:r-0']").focus())
        .observe(document.getElementById("work"), {childList: true})"""
    page.evaluate(move)
    press(page, "Move up", 1)
    expect(page.locator("#f-r-1-channel")).to_be_visible()
    page.wait_for_timeout(100)
    expect(page.locator("[value='remove:r-0']")).to_be_focused()


def test_another_measure_brings_the_fields_that_fit_it(enter: Enter) -> None:
    page = enter("/segments/new?preset=repeat-customers")
    page.locator("#f-r-0-measure").select_option("spend")
    expect(page.locator("#f-r-0-value")).to_have_value("100")
    expect(page.locator(".cond")).to_contain_text("CNY")
    page.locator("#f-r-0-operator").select_option("between")
    page.locator("#f-r-0-value2").fill("150")
    spent = [sum(sample._amounts(number)) for number in range(sample.BUYERS)]
    size(page, sum(10000 <= each <= 15000 for each in spent))
    page.locator("#f-r-0-measure").select_option("last")
    expect(page.locator("#f-r-0-value")).to_have_attribute("type", "date")
    page.locator(".cond summary").click()
    page.get_by_role("button", name="category").click()
    expect(page.locator("#e-r-0")).to_contain_text("Fill in the empty field")
    page.locator("[id='f-r-0-of.category']").fill("茶")
    expect(page.locator("#e-r-0")).to_be_empty()
    expect(page.locator("#words")).to_contain_text("category “茶”")


def test_rule_written_elsewhere_becomes_fields_and_what_fields_cannot_say_stays(enter: Enter) -> None:
    rule = {"any": [{"orders": {"at_least": 2, "less_than": 4}}, {"not": {"all": [{"follows": {}}]}}]}
    page = enter("/segments/new", locale="zh-CN")
    page.locator("#as-json summary").click()
    page.locator("#f-json").fill(json.dumps(rule))
    page.locator("#as-json button").click()
    expect(page.locator("#f-r-join")).to_have_value("any")
    expect(page.locator("#f-r-1-join")).to_have_value("not-all")
    kept = page.locator("#f-r-0-json")
    assert json.loads(kept.input_value()) == rule["any"][0]
    size(page, sum(number % 2 == 0 or 2 <= len(sample.order_times(number)) < 4 for number in range(sample.BUYERS)))
    page.locator("#as-json summary").click()
    page.locator("#f-json").fill("{")
    page.locator("#as-json button").click()
    expect(page.locator("#answer [role=alert]")).to_contain_text("JSON")


@pytest.mark.parametrize("width", [1280, 390])
def test_page_of_segments_is_no_wider_than_its_window(enter: Enter, width: int) -> None:
    page = enter("/segments", width=width)
    root = page.url.removesuffix("/segments")
    tools = ("/segments/rfm", "/segments/overlap", "/segments/lists")
    for path in ("/segments", "/segments/saved/lapsed", "/segments/new?preset=about-to-lapse", *tools):
        page.goto(root + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
