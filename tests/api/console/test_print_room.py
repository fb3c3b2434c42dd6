"""The print room from what waits for paper to a batch that adds up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlmodel import select

from printables.batches import Batch, BatchState
from printables.drawing import verify
from printables.make_batch import render_batch
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
    return open_paper_shop(engine, tmp_path / "home", served)


def open_page(browse: Browse, shop: PaperShop, path: str, *, role: str = "warehouse", locale: str = "en") -> Page:
    return walk_in(browse, shop, shop.home + path, locale=locale, role=role)


def title(page: Page, words: str) -> None:
    expect(page.locator("h1")).to_contain_text(words)


def test_batch_is_proved_made_printed_and_closed(shop: PaperShop, browse: Browse) -> None:
    page = open_page(browse, shop, "/print-room")
    title(page, "11 inserts to print")
    expect(page.locator(".under")).to_contain_text("12 parcels ship today, 11 get an insert")
    page.keyboard.press("n")
    title(page, "Print 11 inserts in picking order")
    page.get_by_label("Label printer, 300 dpi").check()
    page.get_by_role("button", name="Make the proof").click()
    expect(page.get_by_alt_text("Proof of 秋茶券")).to_be_visible()
    expect(page.locator(".checks")).to_contain_text("checks passed")
    page.get_by_role("button", name="Make a batch of 11 inserts").click()
    title(page, "Batch 1 is being made")

    render_batch(shop.engine, shop.batch(1).id, files=shop.files, public_url=shop.settings.public_url)
    title(page, "Batch 1: print 11 inserts")  # by itself
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the PDF").click()
    assert download.value.suggested_filename == "1-秋茶券-label-300.pdf"
    printed = verify.decode(Path(download.value.path()))
    assert len({code.text for code in printed}) == 11
    page.get_by_role("button", name="Good", exact=False).first.click()
    title(page, "Batch 1: 0 of 11 are in their parcels")

    page.get_by_role("button", name="Close the batch").click()
    page.get_by_role("button", name="Mark 11 as unused and close").click()
    title(page, "Batch 1 is closed and reconciled")
    assert shop.batch(1).state is BatchState.CLOSED


def test_batch_whose_print_failed_waits_to_be_printed(shop: PaperShop, browse: Browse) -> None:
    number = shop.make_batch(printed=False)
    page = open_page(browse, shop, f"/print-room/{number}")
    page.get_by_role("button", name="Failed: reprint later").click()
    expect(page.locator(".notice.good")).to_contain_text("The batch stays here until it is printed.")
    assert shop.batch(number).state is BatchState.RENDERED


def test_spoiled_code_is_printed_again_from_its_batch(shop: PaperShop, browse: Browse) -> None:
    number = shop.make_batch()
    _waybill, code = shop.pieces()[0]
    page = open_page(browse, shop, f"/print-room/{number}")
    page.get_by_label("Code of the spoiled insert").fill("0000-0000")
    page.get_by_role("button", name="Spoiled: reprint").click()
    expect(page.get_by_role("alert")).to_contain_text("No insert has the code 0000-0000.")
    page.get_by_label("Code of the spoiled insert").fill(code.lower())
    page.get_by_role("button", name="Spoiled: reprint").click()
    title(page, "Batch 2: print one insert")
    page.goto(f"{shop.home}/print-room/{number}")
    expect(page.locator(".sums")).to_contain_text("Spoiled1")
    expect(page.get_by_role("link", name="batch 2")).to_be_visible()


def test_nothing_is_made_twice_for_the_same_deliveries(shop: PaperShop, browse: Browse) -> None:
    shop.make_batch()
    page = open_page(browse, shop, "/print-room/new")
    title(page, "Nothing to print")
    page.goto(f"{shop.home}/print-room")
    title(page, "One batch is at the packing station")
    with reading(shop.engine) as session:
        assert len(session.exec(select(Batch)).all()) == 1


def test_viewer_sees_the_room_and_touches_nothing(shop: PaperShop, browse: Browse) -> None:
    number = shop.make_batch(printed=False)
    page = open_page(browse, shop, f"/print-room/{number}", role="viewer", locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert page.locator("main button").count() == 0
    answer = page.request.post(f"{shop.home}/print-room/{number}/printed", form={"result": "good"})
    assert answer.status == 403
    assert shop.batch(number).state is BatchState.RENDERED
