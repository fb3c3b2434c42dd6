"""The packing station as a packer meets it: a keyboard that scans, and an answer on the screen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine
from sqlmodel import col, delete, select

from campaigns.campaign.campaigns import Delivery, DeliveryState
from printables.batches import PackingEvent, PackingOutcome, Piece, PieceState
from retention.access import Role
from retention.database import reading, transaction
from retention.parcels import Parcel
from retention.users import Membership
from tests.api.console.paper_shop import PaperShop, open_paper_shop, walk_in

pytestmark = pytest.mark.browser

Browse = Callable[..., Page]
Station = Callable[..., Page]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """One database is enough here: the use cases behind the pages are tested on both."""
    return sqlite_engine


@pytest.fixture
def shop(engine: Engine, tmp_path: Path, served: Callable[..., str]) -> PaperShop:
    shop = open_paper_shop(engine, tmp_path / "home", served)
    shop.make_batch()
    return shop


class Network:
    """Between the page and the server: up, or down for the steps the packing station sends."""

    def __init__(self) -> None:
        self.answer: Callable[[Route], None] = up

    def __call__(self, route: Route) -> None:
        self.answer(route)


def up(route: Route) -> None:
    route.continue_()


def down(route: Route) -> None:
    route.abort("internetdisconnected")


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def station(browse: Browse, shop: PaperShop, network: Network) -> Station:
    """Open the packing station over this network: `station(locale="en") -> Page`."""
    routes = {"**/packing/steps": network}
    return lambda locale="en": walk_in(browse, shop, f"{shop.home}/packing", locale=locale, routes=routes)


def scan(page: Page, text: str) -> None:
    """Type as a scanner does: fast, into whatever has the focus, with Enter at the end."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def says(page: Page, words: str) -> None:
    expect(page.locator("#answer")).to_contain_text(words)


def outcomes(shop: PaperShop) -> list[PackingOutcome]:
    with reading(shop.engine) as session:
        return list(session.exec(select(PackingEvent.outcome).order_by(col(PackingEvent.id))))


def parcel(shop: PaperShop, waybill: str) -> Parcel:
    with reading(shop.engine) as session:
        return session.exec(select(Parcel).where(Parcel.waybill == waybill)).one()


def pieces_of(shop: PaperShop, code: str) -> list[Piece]:
    with reading(shop.engine) as session:
        return list(session.exec(select(Piece).where(Piece.code == code).order_by(col(Piece.copy_number))))


def test_keyboard_packs_a_parcel_and_the_station_objects_to_the_wrong_piece(shop: PaperShop, station: Station) -> None:
    (first, right), (second, wrong) = shop.pieces()[:2]
    page = station()
    expect(page.locator("#text")).to_be_focused()

    scan(page, first.lower())
    says(page, "Pack one insert")
    scan(page, wrong)
    says(page, f"Wrong parcel: this insert belongs in …\N{WORD JOINER}{second[-4:]}")
    scan(page, right)
    says(page, "Correct: this insert belongs in this parcel")
    scan(page, right)
    says(page, "Already in this parcel")
    page.keyboard.press("F2")
    says(page, "take the insert out again")
    assert pieces_of(shop, right)[0].state is PieceState.PRINTED
    scan(page, right)
    says(page, "Correct")
    scan(page, second)
    says(page, "Pack one insert")

    assert outcomes(shop) == [
        PackingOutcome.WRONG_PARCEL,
        PackingOutcome.PACKED,
        PackingOutcome.ALREADY_PACKED,
        PackingOutcome.UNDONE,
        PackingOutcome.PACKED,
    ]
    assert parcel(shop, first).shipped_at is not None
    assert pieces_of(shop, wrong)[0].state is PieceState.PRINTED
    expect(page.locator(".stage")).to_contain_text("one insert packed · one mistake caught")


def test_chinese_packer_reads_chinese(shop: PaperShop, station: Station) -> None:
    waybill, code = shop.pieces()[0]
    page = station("zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    scan(page, waybill)
    scan(page, code)
    expect(page.locator("#answer.good")).to_contain_text("✓")


def test_parcel_with_a_missing_insert_does_not_close(shop: PaperShop, station: Station) -> None:
    (first, _code), (second, _other) = shop.pieces()[:2]
    page = station()
    scan(page, first)
    scan(page, second)
    says(page, "Incomplete: one insert is missing")
    scan(page, "")
    says(page, "Incomplete: one insert is missing")
    assert parcel(shop, first).shipped_at is None


def test_control_parcel_takes_nothing_and_closes_with_enter(shop: PaperShop, station: Station) -> None:
    waybill = shop.waybills_without()[0]
    page = station()
    scan(page, waybill)
    expect(page.locator(".nothing")).to_have_text("No inserts for this parcel")
    scan(page, "")
    says(page, "is closed")
    assert parcel(shop, waybill).shipped_at is not None
    assert outcomes(shop) == []


def test_spoiled_insert_is_asked_about_once_and_printed_again(shop: PaperShop, station: Station) -> None:
    waybill, code = shop.pieces()[0]
    page = station()
    scan(page, waybill)
    says(page, "Pack one insert")
    page.keyboard.press("F4")
    says(page, "F4 again reprints it")
    page.keyboard.press("Escape")
    says(page, "Pack one insert")
    assert len(pieces_of(shop, code)) == 1

    page.keyboard.press("F4")
    page.keyboard.press("F4")
    says(page, "Reprint is in batch 2")
    assert [piece.state for piece in pieces_of(shop, code)] == [PieceState.SPOILED, PieceState.RENDERED]
    assert len(shop.batch(2).files) == 1
    scan(page, code)
    says(page, "copy 2, is that printed on it?")


def test_insert_that_is_not_there_is_left_out_and_the_ledger_says_so(shop: PaperShop, station: Station) -> None:
    waybill, _code = shop.pieces()[0]
    page = station()
    scan(page, waybill)
    says(page, "Pack one insert")
    page.keyboard.press("F8")
    says(page, "F8 again")
    page.keyboard.press("F8")
    says(page, f"Parcel …\N{WORD JOINER}{waybill[-4:]} ships without it")
    packed = parcel(shop, waybill)
    assert packed.shipped_at is not None
    with reading(shop.engine) as session:
        delivery = session.exec(select(Delivery).where(Delivery.parcel_id == packed.id)).one()
    assert (delivery.state, delivery.reason) == (DeliveryState.SKIPPED, "not_at_bench")
    assert outcomes(shop) == [PackingOutcome.LEFT_OUT]


def test_scan_whose_answer_is_lost_goes_again_and_counts_once(
    shop: PaperShop, station: Station, network: Network
) -> None:
    waybill, code = shop.pieces()[0]
    page = station()
    scan(page, waybill)
    says(page, "Pack one insert")
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if not lost:
            lost.append(route.fetch().text())
        down(route)

    network.answer = lose_the_first
    scan(page, code)
    says(page, "No connection")
    network.answer = up
    says(page, "Correct: this insert belongs in this parcel")
    assert len(lost) == 1
    assert outcomes(shop) == [PackingOutcome.PACKED]


def test_scans_made_without_a_connection_survive_a_reload_in_order(
    shop: PaperShop, station: Station, network: Network
) -> None:
    (first, right), (second, other) = shop.pieces()[:2]
    page = station()
    network.answer = down
    for text in (first, right, second, other):
        scan(page, text)
    says(page, "No connection")
    expect(page.locator("#pending")).to_have_text("4 waiting to be sent")
    assert outcomes(shop) == []

    network.answer = up
    page.reload()
    expect(page.locator(".waybill")).to_contain_text(second[-4:])
    says(page, "Correct: this insert belongs in this parcel")
    assert outcomes(shop) == [PackingOutcome.PACKED, PackingOutcome.PACKED]
    assert parcel(shop, first).shipped_at is not None
    page.reload()
    expect(page.locator(".waybill")).to_contain_text(second[-4:])
    says(page, "Complete")


def test_unknown_waybill_and_another_shops_are_answered_alike(shop: PaperShop, station: Station) -> None:
    page = station()
    scan(page, "SF000")
    says(page, "No parcel has the waybill SF000.")
    page.keyboard.press("F2")
    says(page, "No parcel is open.")
    assert outcomes(shop) == []


def test_a_short_loss_of_the_network_loses_no_scan_and_books_none_twice(
    shop: PaperShop, station: Station, network: Network
) -> None:
    (first, right), (second, other), (third, last) = shop.pieces()[:3]
    page = station()
    scan(page, first)
    says(page, "Pack one insert")
    posted: list[str] = []
    under_way = [0]

    def shaky(route: Route) -> None:
        posted.append(str(route.request.post_data))
        under_way[0] += 1
        assert under_way[0] == 1, "two requests at once"
        page.evaluate("dispatchEvent(new Event('online')); dispatchEvent(new Event('online'))")
        answer = route.fetch()  # it has reached the server, whatever becomes of the answer
        under_way[0] -= 1
        if len(posted) in (1, 4):
            down(route)
        elif len(posted) == 2:
            route.fulfill(status=429, body="too many")
        else:
            route.fulfill(response=answer)

    network.answer = down
    scan(page, right)
    says(page, "No connection")
    for text in (second, other, third, last):
        scan(page, text)
    network.answer = shaky
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".waybill")).to_contain_text(third[-4:], timeout=20_000)
    says(page, "Correct: this insert belongs in this parcel")
    expect(page.locator("#pending")).to_be_hidden()
    assert outcomes(shop) == [PackingOutcome.PACKED] * 3
    assert [pieces_of(shop, code)[0].state for code in (right, other, last)] == [PieceState.IN_PARCEL] * 3
    assert parcel(shop, second).shipped_at is not None
    assert (len(posted), len(set(posted))) == (8, 5)  # three were sent again, each as it was


def test_scans_made_after_a_wrong_one_wait_for_the_packer(shop: PaperShop, station: Station, network: Network) -> None:
    (first, right), (second, other), (_third, wrong) = shop.pieces()[:3]
    page = station()
    network.answer = down
    for text in (first, wrong, second, other):
        scan(page, text)
    network.answer = up
    page.evaluate("dispatchEvent(new Event('online'))")
    says(page, "Wrong parcel")
    expect(page.locator("#pending")).to_have_text("2 later scans are waiting")
    assert outcomes(shop) == [PackingOutcome.WRONG_PARCEL]

    page.reload()
    says(page, "F7 sends them, F3 discards them")
    page.keyboard.press("F7")  # without mending anything: the parcel on the bench still lacks its insert
    says(page, "Incomplete: one insert is missing")
    assert outcomes(shop) == [PackingOutcome.WRONG_PARCEL]
    assert parcel(shop, first).shipped_at is None
    expect(page.locator("#pending")).to_have_text("1 later scans are waiting")

    scan(page, right)  # goes before those that wait
    says(page, "Correct: this insert belongs in this parcel")
    page.keyboard.press("F3")
    says(page, "F3 again discards them")
    page.keyboard.press("F3")
    expect(page.locator("#pending")).to_be_hidden()
    for text in (second, other):
        scan(page, text)
    expect(page.locator(".waybill")).to_contain_text(second[-4:])
    says(page, "Correct: this insert belongs in this parcel")
    assert outcomes(shop) == [PackingOutcome.WRONG_PARCEL, PackingOutcome.PACKED, PackingOutcome.PACKED]


def test_only_the_window_used_last_sends(shop: PaperShop, station: Station, network: Network) -> None:
    (first, right) = shop.pieces()[0]
    page = station()
    network.answer = lambda route: (down if route.request.frame.page == page else up)(route)
    scan(page, first)
    says(page, "No connection")
    another = page.context.new_page()
    another.goto(f"{shop.home}/packing")
    says(another, "Pack one insert")
    says(page, "The packing station is in use in another window")
    scan(another, right)
    says(another, "Correct: this insert belongs in this parcel")
    assert outcomes(shop) == [PackingOutcome.PACKED]


def test_whoever_was_taken_out_of_the_shop_leaves_the_station(shop: PaperShop, station: Station) -> None:
    page = station()
    with transaction(shop.engine) as session:
        session.execute(delete(Membership).where(col(Membership.role) == Role.WAREHOUSE))
    scan(page, shop.pieces()[0][0])
    expect(page.locator("#station")).to_have_count(0)
    assert outcomes(shop) == []
