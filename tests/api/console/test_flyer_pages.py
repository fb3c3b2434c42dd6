"""The list of flyers: words from the campaign, words of one's own, and the proof that shows them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlmodel import select

from printables.flyers import Flyer
from retention.database import reading
from tests.api.console.paper_shop import PaperShop, open_paper_shop, walk_in

pytestmark = pytest.mark.browser

Browse = Callable[..., Page]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """One database is enough here: the use cases behind the pages are tested on both."""
    return sqlite_engine


@pytest.fixture
def shop(engine: Engine, tmp_path: Path, served: Callable[..., str]) -> PaperShop:
    return open_paper_shop(engine, tmp_path / "home", served, flyer=False)


def test_flyer_is_made_for_a_campaign_proved_and_proved_again_after_a_change(shop: PaperShop, browse: Browse) -> None:
    page = walk_in(browse, shop, f"{shop.home}/flyers", role="marketer")
    page.get_by_role("link", name="New flyer").click()
    page.get_by_role("button", name="Make the flyer").click()
    expect(page.locator("h1")).to_contain_text("Make a proof of “随包裹 · 秋茶券”")
    expect(page.get_by_label(re.compile("^Big number"))).to_have_attribute("placeholder", "¥20")
    page.locator(".actions").get_by_role("button", name="Make the proof").click()
    expect(page.locator("h1")).to_contain_text("is ready to print")

    headline = page.get_by_label("Headline")
    headline.fill("x" * 44)
    expect(page.locator("[data-room-of=f-headline].over")).to_have_text("44 / 40")
    headline.fill("开门第一泡")
    page.get_by_role("button", name="Save text").click()
    expect(page.locator("h1")).to_contain_text("Make a proof of")
    with reading(shop.engine) as session:
        assert session.exec(select(Flyer)).one().content["headline"] == "开门第一泡"
    page.goto(f"{shop.home}/flyers")
    expect(page.locator(".shelf")).to_contain_text("changed since its proof")


def test_words_too_long_are_refused_and_stay_in_the_form(shop: PaperShop, browse: Browse) -> None:
    page = walk_in(browse, shop, f"{shop.home}/flyers/new", role="marketer")
    page.get_by_role("button", name="Make the flyer").click()
    page.get_by_label("Promise").evaluate("field => field.removeAttribute('maxlength')")
    page.get_by_label("Promise").fill("y" * 201)
    page.get_by_role("button", name="Save text").click()
    expect(page.get_by_role("alert")).to_contain_text("Promise takes up to 200 characters")
    expect(page.get_by_label("Promise")).to_have_value("y" * 201)
    with reading(shop.engine) as session:
        assert session.exec(select(Flyer)).one().content == {}
