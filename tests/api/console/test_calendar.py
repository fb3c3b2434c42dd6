"""The calendar as a marketer uses it: a launch dragged to another day, moved by its dialog, refused with a reason."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import Engine

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import find_offer
from campaigns.runs.drafting import create_campaign, find_campaign
from campaigns.runs.scheduling import schedule
from retention.database import reading, transaction
from retention.shops import find_shop
from tests.api.console.paper_shop import EVERYBODY, PaperShop, open_paper_shop, walk_in
from tests.api.console.sample import NOW

pytestmark = pytest.mark.browser

Browse = Callable[..., Page]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


@pytest.fixture
def shop(engine: Engine, tmp_path: Path, served: Callable[..., str]) -> PaperShop:
    """The sample shop with a coupon push that leaves in two days."""
    opened = open_paper_shop(engine, tmp_path, served, flyer=False)
    with transaction(engine) as session:
        tea = find_shop(session, "camellia")
        offer = find_offer(session, tea.id, "autumn-20")
        push = create_campaign(
            session,
            tea,
            Draft("push", name="Push", recipe=Recipe.COUPON_PUSH, audience=EVERYBODY, offer_id=offer.id),
            at=NOW,
            actor="user:1",
        )
        schedule(session, push, launch_at=NOW + timedelta(days=2), at=NOW, actor="user:1")
    return opened


def scheduled(shop: PaperShop) -> datetime | None:
    with reading(shop.engine) as session:
        return find_campaign(session, find_shop(session, "camellia").id, "push").scheduled_at


def calendar(browse: Browse, shop: PaperShop, role: str = "marketer", locale: str = "en") -> Page:
    page = walk_in(browse, shop, f"{shop.address}/shops/camellia/calendar", locale=locale, role=role)
    page.wait_for_load_state("networkidle")
    return page


def test_launch_is_dragged_to_another_day_and_keeps_its_time(shop: PaperShop, browse: Browse) -> None:
    page = calendar(browse, shop)
    wanted = (NOW + timedelta(days=4)).date()
    page.drag_and_drop("[data-campaign=push]", f".day[data-day='{wanted}']")
    page.wait_for_url("**done=moved**")
    assert scheduled(shop) == NOW + timedelta(days=4)
    assert page.locator(f".day[data-day='{wanted}'] [data-campaign=push]").count() == 1


def test_launch_is_moved_by_the_keyboard_in_its_dialog(shop: PaperShop, browse: Browse) -> None:
    page = calendar(browse, shop)
    page.focus("[data-move=push]")
    page.keyboard.press("Enter")
    page.fill("#move-day", str((NOW + timedelta(days=1)).date()))
    page.fill("#move-time", "09:30")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=moved**")
    assert scheduled(shop) == datetime.fromisoformat(f"{(NOW + timedelta(days=1)).date()}T01:30:00Z")


def test_move_into_the_past_is_refused_and_nothing_moves(shop: PaperShop, browse: Browse) -> None:
    page = calendar(browse, shop, locale="zh-CN")
    before = scheduled(shop)
    page.click("[data-move=push]")
    page.fill("#move-day", str((NOW - timedelta(days=2)).date()))
    page.press("#move-time", "Enter")
    page.wait_for_selector(".notice.bad")
    assert "已经过去" in page.inner_text(".notice.bad")
    assert scheduled(shop) == before


def test_forecast_comes_by_itself_and_a_viewer_moves_nothing(shop: PaperShop, browse: Browse) -> None:
    page = calendar(browse, shop, role="viewer")
    assert page.inner_text("table.rows tbody tr td:nth-child(3)") == "240"
    assert page.locator("[data-move], [draggable=true]").count() == 0
