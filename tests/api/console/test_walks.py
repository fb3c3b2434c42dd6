"""People at work in the console, in a real browser: from a file to buyers, from a recipe to a launch, by keyboard."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from sqlalchemy import Engine
from sqlmodel import func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState
from campaigns.channels.memory import MemoryChannel
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.database import reading
from retention.ingest.jobs import run_import
from retention.jobs import Job
from retention.queue import app as queue
from retention.settings import Settings, get_settings
from tests.api.console import sample
from tests.apps import create_app
from tests.sign_in import login_cookies

pytestmark = pytest.mark.browser

Enter = Callable[..., Page]


@pytest.fixture
def engine(camellia: Engine) -> Engine:
    return camellia


@pytest.fixture
def enter(
    engine: Engine, tmp_path: Path, served: Callable[..., str], browse: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Enter]:  # fmt: skip
    """Sign in as somebody: `enter("marketer", locale="zh-CN")`. What the browser complains of fails the test."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path))
    get_settings.cache_clear()
    app = create_app(Settings(home=tmp_path, secret=sample.SIGNING_KEY), engine=engine, now=lambda: sample.NOW)
    queue.conf.update(broker_url="memory://")
    address = served(app)
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "favicon" not in (message.location or {}).get("url", ""):
            complaints.append(message.text)

    def go_in(who: str, *, locale: str = "en", width: int = 1280) -> Page:
        cookies = login_cookies(app, f"{who}@camellia.example", language=locale)
        return browse(f"{address}/shops/camellia", locale=locale, width=width, cookies=cookies, hear=note)

    yield go_in
    get_settings.cache_clear()
    assert complaints == []


def open_at(page: Page, path: str) -> None:
    page.goto(page.url.split("/shops/")[0] + "/shops/camellia" + path)


def title(page: Page, words: str) -> None:
    expect(page.locator("h1")).to_contain_text(words)


@pytest.mark.parametrize(
    ("locale", "plan", "launch", "go", "launched", "pause", "paused"),
    [
        ("en", "Create the plan", "Launch", "Launch now", "0 of", "Pause", "Nothing is sent until you resume"),
        ("zh-CN", "生成计划", "启动", "立即启动", "已完成 0", "暂停", "已暂停。恢复之前不会发给任何人"),
    ],
)
def test_marketer_goes_from_a_recipe_over_the_plan_to_the_run(
    enter: Enter, engine: Engine, locale: str, plan: str, launch: str, go: str, launched: str, pause: str, paused: str
) -> None:
    page = enter("marketer", locale=locale)
    open_at(page, "/campaigns/new/coupon-push?segment=repeat-customers")
    page.fill("#f-slug", "autumn")
    page.get_by_role("button", name=plan).click()
    planned = int(page.locator(".funnel .step.keep").last.locator("span").last.inner_text())
    page.get_by_role("button", name=launch, exact=True).click()
    page.get_by_role("button", name=go).click()
    title(page, launched)
    with reading(engine) as session:
        waiting = select(func.count()).where(Delivery.state == DeliveryState.WAITING)
        assert session.exec(waiting).one() == planned
    page.get_by_role("button", name=pause).click()
    expect(page.locator(".notice.good")).to_contain_text(paused)
    with reading(engine) as session:
        assert session.exec(select(Campaign.state)).one() == CampaignState.PAUSED


def test_run_moves_on_the_page_while_mail_leaves(enter: Enter, engine: Engine) -> None:
    page = enter("marketer")
    open_at(page, "/campaigns/new/coupon-push?segment=vip")
    page.fill("#f-slug", "vip")
    page.get_by_role("button", name="Create the plan").click()
    page.get_by_role("button", name="Launch", exact=True).click()
    page.get_by_role("button", name="Launch now").click()
    row = page.locator("#live tbody tr")
    expect(row.locator("td").nth(3)).to_have_text("0")
    planned = row.locator("td").nth(1).inner_text()
    sender = SenderIdentity("https://r.example.cn", sample.SIGNING_KEY.encode(), "shop@r.example.cn")
    send_waiting(engine, MemoryChannel(), now=sample.NOW, identity=sender)
    expect(row.locator("td").nth(3)).to_have_text(planned)


def test_file_is_dropped_mapped_and_imported_under_the_eyes_of_whoever_sent_it(
    enter: Enter, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "订单.csv"
    with file.open("w", newline="", encoding="utf-8") as target:
        rows = csv.writer(target)
        rows.writerow(["order_id", "who", "paid_at", "status", "sku", "title", "quantity", "unit_price", "amount"])
        rows.writerow(["N1", "fresh", "2026-11-20 10:00:00", "paid", "T", "Tea", "1", "20", "20"])
        rows.writerow(["N2", "fresh", "soon", "paid", "T", "Tea", "1", "20", "20"])
    page = enter("owner")
    open_at(page, "/imports")
    page.set_input_files("input[name=file]", file)
    page.get_by_role("button", name="Read the file").click()
    title(page, "订单.csv")
    expect(page.locator("#live")).to_contain_text("One row can be imported.")
    figures = page.locator(".figures")
    expect(figures).to_contain_text("0 new")
    page.get_by_label("who", exact=True).focus()
    page.get_by_label("who", exact=True).select_option("buyer_id")
    expect(figures).to_contain_text("1 new")
    expect(page.get_by_label("who", exact=True)).to_be_focused()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#live")).to_contain_text("Waiting for a worker")
    page.reload()
    with reading(engine) as session:
        job = session.exec(select(Job.id)).one()
    run_import(engine, job, now=lambda: sample.NOW)
    expect(page.locator("#live")).to_contain_text("One row was rejected.")
    expect(page.locator("#next")).to_contain_text("Repeat customers")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download rejected rows with reasons").click()
    assert download.value.suggested_filename == "订单.csv.rejected.csv"
    assert "N2" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    open_at(page, "/buyers?q=fresh")
    expect(page.locator("#lines tbody tr")).to_have_count(1)


def test_picture_sent_as_orders_is_refused_in_one_sentence(enter: Enter, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    page = enter("owner", locale="zh-CN")
    open_at(page, "/imports")
    page.set_input_files("input[name=file]", file)
    page.get_by_role("button", name="读取文件").click()
    expect(page.locator("#live")).to_contain_text("没有导入任何内容。")
    expect(page.locator("#live")).to_contain_text("图片（PNG），不是表格")


def test_keyboard_finds_the_search_narrows_and_walks_the_list(enter: Enter) -> None:
    page = enter("owner")
    open_at(page, "/buyers")
    page.keyboard.press("/")
    expect(page.get_by_label("Search buyers")).to_be_focused()
    page.keyboard.type("B000", delay=20)
    expect(page.locator("#lines tbody tr")).to_have_count(10)
    assert "q=B000" in page.url
    page.get_by_label("Search buyers").blur()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    title(page, "ordered")
    assert page.url.endswith("/buyers/B0008")


def test_segment_leads_to_its_buyers_and_to_a_campaign_for_them(enter: Enter) -> None:
    page = enter("marketer")
    open_at(page, "/segments")
    row = page.locator("tr", has=page.locator('a[href$="/segments/saved/group-members"]'))
    expect(row.locator("td").nth(1)).to_have_text("48")
    row.get_by_role("link").first.click()
    title(page, ": 48 buyers")
    page.go_back()
    row.get_by_role("link", name="Create a campaign").click()
    page.get_by_role("link", name="Coupon push").click()
    expect(page.locator("input[name=segment]:checked")).to_have_value("group-members")


@pytest.mark.parametrize("width", [1280, 390])
def test_page_is_no_wider_than_its_window(enter: Enter, width: int) -> None:
    page = enter("owner", width=width)
    for path in ("", "/buyers", "/segments", "/campaigns", "/imports", "/offers/new", "/results", "/people"):
        open_at(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_address_and_password_lead_to_the_shop(enter: Enter) -> None:
    page = enter("marketer")
    page.context.clear_cookies()
    page.goto(page.url.split("/shops/")[0] + "/login?lang=en")
    page.fill("input[name=email]", "marketer@camellia.example")
    page.fill("input[name=password]", sample.PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/shops/camellia")
