"""A joint flyer from the theme to the batch, by the people of two shops, each in a browser of their own."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlmodel import select

from printables.drawing import verify
from printables.joint.partners import Approval, Partner
from printables.make_batch import render_batch
from retention.database import reading
from tests.api.console.paper_shop import PaperShop, launch_joint, open_neighbour, open_paper_shop, walk_in

pytestmark = pytest.mark.browser

Browse = Callable[..., Page]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """One database is enough here: the use cases behind the pages are tested on both."""
    return sqlite_engine


@pytest.fixture
def shop(engine: Engine, tmp_path: Path, served: Callable[..., str]) -> PaperShop:
    shop = open_paper_shop(engine, tmp_path / "home", served, flyer=False)
    open_neighbour(shop)
    launch_joint(shop)
    return shop


def person(browse: Browse, shop: PaperShop, role: str, at: str = "camellia", locale: str = "en") -> Page:
    return walk_in(browse, shop, f"{shop.address}/shops/{at}/joint", locale=locale, role=role, at=at)


def title(page: Page, words: str) -> None:
    expect(page.locator("h1")).to_contain_text(words)


def fill_slot(page: Page, *, title: str, words: str, sku: str) -> None:
    page.get_by_label("Title").fill(title)
    page.get_by_label(re.compile("^Text")).fill(words)
    page.get_by_label("Product").select_option(sku)
    page.get_by_role("button", name="Save slot").click()
    expect(page.locator(".notice.good")).to_contain_text("Earlier proofs and approvals are void")


def approvals(shop: PaperShop) -> int:
    with reading(shop.engine) as session:
        return len(session.exec(select(Approval)).all())


def test_two_shops_fill_prove_approve_and_print_one_sheet(shop: PaperShop, browse: Browse) -> None:
    maker, neighbour = person(browse, shop, "marketer"), person(browse, shop, "owner", "teahouse")
    title(neighbour, "No joint flyers yet")
    maker.get_by_role("link", name="Create a joint flyer").click()
    maker.get_by_label("Theme, as printed on the flyer").fill("一起喝茶")
    maker.get_by_label("Short name in addresses").fill("tea-together")
    maker.get_by_role("button", name="Create joint flyer").click()
    title(maker, "“一起喝茶” needs a partner")
    maker.get_by_label("Add a partner shop").fill("teahouse")
    maker.get_by_role("button", name="Add shop").click()
    fill_slot(maker, title="凤凰单丛 秋茶", words="开门第一泡", sku="TEA-1")

    neighbour.reload()
    neighbour.get_by_text("一起喝茶").click()
    title(neighbour, "Fill your slot of “一起喝茶”")
    fill_slot(neighbour, title="White gaiwan", words="One lid, one bowl", sku="CUP-1")

    maker.reload()
    maker.get_by_role("button", name="Make the proof").click()
    title(maker, "awaits approval by partners")
    expect(maker.get_by_text("You made this proof")).to_be_visible()
    assert maker.get_by_role("button", name="Approve").count() == 0

    neighbour.reload()
    neighbour.get_by_role("button", name="Approve this proof for Teahouse").click()
    expect(neighbour.locator(".notice.good")).to_contain_text("Approved for your shop.")
    owner = person(browse, shop, "owner")
    title(owner, "One joint flyer awaits your approval")
    owner.get_by_text("一起喝茶").click()
    owner.get_by_role("button", name="Approve this proof for 山茶小铺").click()
    title(owner, "is approved by all and can be printed")

    owner.get_by_role("button", name="Make a batch of 12 inserts").click()
    title(owner, "Batch 1 is being made")
    render_batch(shop.engine, shop.batch(1).id, files=shop.files, public_url=shop.settings.public_url)
    title(owner, "Batch 1: print 12 inserts")
    printed = verify.decode(shop.files.get(shop.batch(1).files[0]))
    assert len({code.text for code in printed}) == 24


def test_change_of_a_slot_voids_what_somebody_is_about_to_approve(shop: PaperShop, browse: Browse) -> None:
    maker, neighbour = person(browse, shop, "marketer"), person(browse, shop, "owner", "teahouse")
    maker.goto(f"{shop.home}/joint/new")
    maker.get_by_label("Theme, as printed on the flyer").fill("Together")
    maker.get_by_label("Short name in addresses").fill("together")
    maker.get_by_label("Language on the paper").select_option("en")
    maker.get_by_role("button", name="Create joint flyer").click()
    maker.get_by_label("Add a partner shop").fill("teahouse")
    maker.get_by_role("button", name="Add shop").click()
    fill_slot(maker, title="Autumn tea", words="", sku="TEA-1")
    neighbour.goto(f"{shop.address}/shops/teahouse/joint/1")
    fill_slot(neighbour, title="White gaiwan", words="", sku="CUP-1")
    maker.reload()
    maker.get_by_role("button", name="Make the proof").click()
    neighbour.reload()

    maker.get_by_text("Your slot").click()
    fill_slot(maker, title="Winter tea", words="", sku="TEA-1")
    neighbour.get_by_role("button", name="Approve this proof for Teahouse").click()
    expect(neighbour.get_by_role("alert")).to_contain_text("has changed since this proof was made")
    assert approvals(shop) == 0


def test_joint_flyer_of_others_is_not_there_and_a_slot_keeps_what_was_typed(shop: PaperShop, browse: Browse) -> None:
    maker = person(browse, shop, "marketer", locale="zh-CN")
    maker.goto(f"{shop.home}/joint/new")
    maker.locator("#f-theme").fill("一起喝茶")
    maker.locator("#f-short").fill("tea-together")
    maker.locator("main form .btn-primary").click()
    maker.wait_for_url("**/joint/1")
    maker.locator("#f-title").fill("秋茶")
    maker.locator("#f-words").fill("第一泡")
    maker.locator("form[action$=slot] button").click()  # no product, no picture
    expect(maker.get_by_role("alert")).to_be_visible()
    expect(maker.locator("#f-words")).to_have_value("第一泡")
    with reading(shop.engine) as session:
        assert session.exec(select(Partner)).one().filled_at is None

    neighbour = person(browse, shop, "owner", "teahouse")
    for path in ("joint/1", "joint/1/pictures/1.jpg", f"joint/1/proofs/{'0' * 64}.png"):
        assert neighbour.request.get(f"{shop.address}/shops/teahouse/{path}").status == 404
