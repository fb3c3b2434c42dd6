"""Campaigns in a real browser: written step by step, approved on a phone, in both languages, within any window."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from sqlalchemy import Engine
from sqlmodel import select, update

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState
from campaigns.campaign.reasons import Reason
from campaigns.campaign.shop_policy import save_shop_policy
from retention.database import reading, transaction
from retention.settings import get_settings
from retention.shops import find_shop
from tests.api.console import sample
from tests.api.console.doors import HOME
from tests.api.console.signed_in import Console
from tests.sign_in import login_cookies

pytestmark = pytest.mark.browser

Enter = Callable[..., Page]


@pytest.fixture
def console(camellia: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """One database is enough here: the use cases behind the pages are tested on both."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path))
    get_settings.cache_clear()
    yield Console(camellia, tmp_path)
    get_settings.cache_clear()


@pytest.fixture
def enter(console: Console, served: Callable[..., str], browse: Callable[..., Page]) -> Iterator[Enter]:
    """Sign in as somebody: `enter("marketer", locale="zh-CN")`. What the browser complains of fails the test."""
    address = served(console.app)
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "favicon" not in (message.location or {}).get("url", ""):
            complaints.append(message.text)

    def go_in(who: str, *, locale: str = "en", width: int = 1280) -> Page:
        cookies = login_cookies(console.app, f"{who}@camellia.example", language=locale)
        return browse(address + HOME, locale=locale, width=width, cookies=cookies, hear=note)

    yield go_in
    assert complaints == []


def open_at(page: Page, path: str) -> None:
    page.goto(page.url.split("/shops/")[0] + HOME + path)


def state_of(console: Console) -> CampaignState:
    with reading(console.engine) as session:
        return session.exec(select(Campaign.state)).one()


def test_campaign_is_written_step_by_step_and_read_as_a_buyer_while_typing(enter: Enter, console: Console) -> None:
    page = enter("marketer")
    open_at(page, "/campaigns/new/coupon-push")
    page.locator("input[name=source][value=segments]").check()
    expect(page.locator("#counted")).to_contain_text("No audience chosen yet")
    page.locator("input[name=segment][value=group-members]").check()
    expect(page.locator("#counted b")).to_have_text("48")
    page.fill("#f-slug", "autumn")
    page.get_by_role("button", name="Save and continue").click()
    page.fill("#f-buyer", "B0003")
    page.get_by_role("tab", name="English").click()
    page.fill("#f-body_en", "Dear ")
    page.locator("[data-insert='{{ buyer.name }}']").click()
    expect(page.locator("#f-body_en")).to_have_value("Dear {{ buyer.name }}")
    mail = page.frame_locator("iframe.mail")
    page.select_option("#f-in", "en")
    expect(mail.locator("body")).to_contain_text("Dear 王芳")
    page.get_by_role("button", name="Save and continue").click()
    page.locator("input[name=kind][value=moment]").check()
    page.fill("#f-day", "2026-12-01")
    page.fill("#f-time", "19:30")
    page.get_by_role("button", name="Save and review the plan").click()
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.locator("dialog[open]").get_by_role("button", name="Schedule").click()
    expect(page.locator("h1")).to_have_text("Sent automatically")
    assert state_of(console) is CampaignState.SCHEDULED


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_campaign_is_approved_on_a_phone(enter: Enter, console: Console, locale: str) -> None:
    with transaction(console.engine) as session:
        shop = find_shop(session, "camellia")
        save_shop_policy(session, shop, values={"approval_required": True}, at=sample.NOW, actor="user:1")
    marketer, owner = enter("marketer"), enter("owner", locale=locale, width=390)
    open_at(marketer, "/campaigns/new/coupon-push?segment=repeat-customers")
    marketer.fill("#f-slug", "autumn")
    marketer.get_by_role("button", name="Create the plan").click()
    marketer.get_by_role("button", name="Submit for review").click()
    open_at(owner, "/campaigns/autumn")
    approve = owner.locator(".decide .btn-primary")
    box = approve.bounding_box()
    assert box
    assert box["height"] >= 44
    approve.click()
    expect(owner.locator(".notice.good")).to_be_visible()
    assert state_of(console) is CampaignState.APPROVED


def test_no_page_of_campaigns_is_wider_than_a_phone(enter: Enter, console: Console) -> None:
    page = enter("marketer", width=390)
    open_at(page, "/campaigns/new/coupon-push?segment=repeat-customers")
    page.fill("#f-slug", "autumn")
    page.get_by_role("button", name="Create the plan").click()
    paths = ["", "/autumn", "/autumn/why?q=B000", "/autumn/why/B0003", "/new", "/new/win-back"]
    for path in [*paths, *[f"/autumn/edit/{step}" for step in ("who", "what", "when", "rules")]]:
        open_at(page, f"/campaigns{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    open_at(page, "/campaigns/autumn")
    page.get_by_role("button", name="Launch", exact=True).click()
    page.get_by_role("button", name="Launch now").click()
    expect(page.locator("#live")).to_be_visible()
    with transaction(console.engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.UNKNOWN, reason=Reason.NO_RECORD))
    page.reload()
    expect(page.get_by_role("button", name="Resend unknown outcomes")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_tab_nobody_looks_at_asks_for_nothing(enter: Enter, console: Console) -> None:
    page = enter("marketer")
    open_at(page, "/campaigns/new/coupon-push?segment=repeat-customers")
    page.fill("#f-slug", "autumn")
    page.get_by_role("button", name="Create the plan").click()
    page.get_by_role("button", name="Launch", exact=True).click()
    page.get_by_role("button", name="Launch now").click()
    expect(page.locator("#live[hx-trigger='every 2s']")).to_be_visible()
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, writable: true})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5_000)
    assert asked == []
    with page.expect_request(lambda request: request.headers.get("hx-target") == "live", timeout=30_000):
        page.evaluate("document.hidden = false")
