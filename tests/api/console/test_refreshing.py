"""Parts of pages that refresh themselves leave alone whoever presses, types or stands in them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine

from retention.settings import Settings
from tests.api.console import sample
from tests.apps import create_app
from tests.sign_in import login_cookies

pytestmark = pytest.mark.browser

LIVE = """<div id="live" hx-get="/refreshed" hx-trigger="every 50ms" hx-swap="outerHTML"><b id="count">{}</b>
<button type="button" name="act" value="1">Act</button><input id="note" aria-label="Note"></div>"""
SHOW = """live => {
  document.querySelector("main").innerHTML = live;
  htmx.process(document.querySelector("main"));
  window.clicks = 0;
  document.addEventListener("click", (event) => { if (event.target.closest("[name=act]")) window.clicks += 1; });
}"""

PRESS_TWICE = """() => {
  const act = document.querySelector("[name=act]");
  ["pointerdown", "pointerup", "keydown"].forEach((name) => act.dispatchEvent(new Event(name, { bubbles: true })));
  return new Promise((done) => setTimeout(() => { window.held = act; done(); }, 20));
}"""


def test_presses_words_and_focus_outlast_a_refresh(
    camellia: Engine, tmp_path: Path, served: Callable[..., str], browse: Callable[..., Page]
) -> None:
    app = create_app(Settings(home=tmp_path, secret=sample.SIGNING_KEY), engine=camellia, now=lambda: sample.NOW)
    answers: list[str] = []

    def answer(asked: Route) -> None:
        answers.append(asked.request.url)
        asked.fulfill(body=LIVE.format(len(answers)), content_type="text/html")

    cookies = login_cookies(app, "marketer@camellia.example")
    page = browse(f"{served(app)}/shops/camellia/segments", cookies=cookies, routes={"**/refreshed": answer})

    def wait_for_answers() -> None:
        seen = len(answers)
        while len(answers) < seen + 3:
            page.wait_for_timeout(50)

    page.evaluate(SHOW, LIVE.format(0))
    expect(page.locator("#count")).not_to_have_text("0")
    page.get_by_role("button", name="Act").hover()
    page.mouse.down()
    wait_for_answers()
    page.mouse.up()
    assert page.evaluate("window.clicks") == 1
    page.get_by_role("button", name="Act").focus()
    page.keyboard.down("Space")
    wait_for_answers()
    page.keyboard.up("Space")
    assert page.evaluate("window.clicks") == 2
    page.evaluate(PRESS_TWICE)
    wait_for_answers()
    assert page.evaluate("window.held.isConnected"), "the end of one press ended the next one, too"
    page.evaluate("window.held.dispatchEvent(new Event('keyup', { bubbles: true }))")
    wait_for_answers()
    expect(page.get_by_role("button", name="Act")).to_be_focused()
    page.get_by_label("Note").fill("half a word")
    wait_for_answers()
    expect(page.get_by_label("Note")).to_have_value("half a word")
    count = page.locator("#count").text_content() or ""
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("#count")).not_to_have_text(count)
