"""An order is taken whole or waits whole; what comes again is compared with what is known."""

import csv
import io

import pytest

from retention.ingest import ImportReport
from tests.retention.makers import Ask, Load, in_small_pieces

HEADER = "order_id,buyer_id,paid_at,sku,quantity,unit_price"
AMOUNTS = "SELECT external_id, amount FROM orders ORDER BY external_id"
STATES = "SELECT external_id, status, amount, refunded, counts FROM orders ORDER BY external_id"


def rejects(report: ImportReport) -> list[list[str]]:
    assert report.rejects_path is not None
    return list(csv.reader(io.StringIO(report.rejects_path.read_text(encoding="utf-8-sig"))))


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("far", [False, True])
def test_order_waits_whole_and_lands_right_when_mended(
    load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch, *, small: bool, far: bool
) -> None:
    if small:
        in_small_pieces(monkeypatch)
    others = [f"x{number},b,2026-01-02,CUP,1,1" for number in range(60)]
    order = ["1,a,2026-01-02,CUP,1,10", "1,a,2026-01-02,POT,many,10", "1,a,2026-01-02,TEA,1,5"]
    rows = [order[0], *others, *order[1:]] if far else [*others[:30], *order, *others[30:]]
    report = load("\n".join([HEADER, *rows]))
    assert (report.accepted, report.rejected, report.totals["orders"]) == (60, 3, 60)
    found = rejects(report)
    bad = next(row[0] for row in found if "many" in row[1])
    assert [row[1] for row in found[1:] if row[0] != bad] == [f"waits with line {bad} of its order"] * 2
    assert [int(row[0]) for row in found[1:]] == sorted(rows.index(line) + 2 for line in order)
    mended = report.rejects_path.read_text(encoding="utf-8-sig").replace(",many,", ",2,")  # type: ignore[union-attr]
    assert load(mended, name="mended.csv").rejected == 0
    assert ("1", 3500) in ask(AMOUNTS)


@pytest.mark.parametrize(
    "broken",
    [
        b"1,a,2026-01-02,POT,1,10,one,two\n",
        b'1,a,2026-01-02,"POT,1,10\n',
        "1,a,2026-01-02,茶壶,1,10\n".encode("gb18030"),
    ],
)
def test_row_that_is_broken_keeps_its_order_waiting(load: Load, ask: Ask, broken: bytes) -> None:
    rows = [b"1,a,2026-01-02,CUP,1,10\n", broken, "2,b,2026-01-02,茶杯,1,10\n".encode(), b'3,b,2026-01-02,"TEA",1,5\n']
    report = load(HEADER.encode() + b"\n" + b"".join(rows))
    assert (report.accepted, report.rejected) == (2, 2)
    assert ask(AMOUNTS) == [("2", 1000), ("3", 500)]


@pytest.mark.parametrize(
    ("again", "amount", "figure"),
    [
        ("1,a,2026-01-02,CUP,1,10,paid,", 4000, "orders_with_fewer_lines"),
        ("1,a,2026-01-02,POT,1,5,paid,\n1,a,2026-01-02,TEA,1,5,paid,", 1000, "orders_with_other_lines"),
        ("1,a,2026-01-02,CUP,1,10,paid,2026-02-01", 1000, ""),
        ("1,a,2026-01-02,CUP,1,10,paid,2025-12-01", 4000, "orders_kept_newer"),
        ("1,a,2026-01-02,CUP,1,10,unpaid,", 4000, "orders_kept_newer"),
    ],
)
def test_order_that_comes_again_with_other_lines(load: Load, ask: Ask, again: str, amount: int, figure: str) -> None:
    header = f"{HEADER},status,updated_at"
    load(f"{header}\n1,a,2026-01-02,CUP,1,10,paid,2026-01-05\n1,a,2026-01-02,POT,1,30,paid,2026-01-05\n")
    report = load(f"{header}\n{again}\n", name="again.csv")
    assert ask(AMOUNTS) == [("1", amount)]
    named = {name for name in report.totals if name.startswith("orders_with_") or name == "orders_kept_newer"}
    assert named - {"orders_without_buyer"} == ({figure} if figure else set())


def test_lines_are_added_to_known_orders_once(load: Load, ask: Ask) -> None:
    load(f"{HEADER}\n1,a,2026-01-02,CUP,1,10\n")
    for _ in range(2):
        load(f"{HEADER}\n1,a,2026-01-02,POT,1,30\n", name="more.csv", add_lines=True)
        assert ask("SELECT amount, items FROM orders") == [(4000, 2)]


def test_item_report_fills_the_orders_of_an_order_report(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,order_total\n1,a,2026-01-02,25\n")
    for _ in range(2):
        report = load("order_id,sku,quantity,unit_price\n1,CUP,2,10\n1,POT,1,10\n9,POT,1,10\n", name="items.csv")
        assert (report.accepted, report.rejected) == (2, 1)
    assert ask(AMOUNTS) == [("1", 2500)]
    assert ask("SELECT sku, quantity, amount FROM order_lines ORDER BY number") == [("CUP", 2, 1667), ("POT", 1, 833)]


def test_older_state_does_not_undo_a_newer_one(load: Load, ask: Ask) -> None:
    header = "order_id,buyer_id,paid_at,status,amount,refunded"
    newest = f"{header}\n1,a,2026-01-02,refunded,10,10\n2,b,2026-01-02,paid,10,4\n3,c,2026-01-02,cancelled,10,\n"
    load(newest)
    before = ask(STATES)
    report = load(f"{header}\n1,a,2026-01-02,paid,10,0\n2,b,2026-01-02,paid,10,0\n3,c,,unpaid,10,\n", name="old.csv")
    assert ask(STATES) == before
    assert report.totals["orders_kept_newer"] == 2


def test_total_of_an_order_is_shared_among_lines_without_amounts(load: Load, ask: Ask) -> None:
    load(
        "order_id,buyer_id,paid_at,sku,quantity,list,order_total,shipping,order_discount\n"
        "1,a,2026-01-02,CUP,2,10,55,5,10\n1,a,2026-01-02,POT,1,40,55,5,10\n",
        mapping={"unit_price": "list"},
    )
    assert ask("SELECT amount, postage, items FROM orders") == [(5500, 500, 3)]
    assert ask("SELECT sku, amount FROM order_lines ORDER BY number") == [("CUP", 1667), ("POT", 3333)]


def test_amount_that_repeats_the_total_of_its_order_is_not_added_up(load: Load, ask: Ask) -> None:
    orders = {
        "1": [("CUP", 1, 10, 40), ("POT", 2, 15, 40)],
        "2": [("CUP", 2, 10, 33), ("POT", 1, 15, 33)],  # a discount of the whole order
        "3": [("CUP", 1, 10, 10), ("POT", 1, 10, 10)],  # two lines of one price
        "4": [("CUP", 1, 10, "11.9"), ("POT", 1, 10, "11.9")],  # with tax
        "5": [("CUP", 1, 10, 8), ("POT", 1, 8, 8)],
    }
    rows = [f"{key},a,2026-01-02,{','.join(map(str, line))}" for key, lines in orders.items() for line in lines]
    report = load("\n".join([HEADER + ",amount", *rows]))
    assert ask(AMOUNTS) == [("1", 4000), ("2", 3300), ("3", 2000), ("4", 2380), ("5", 1600)]
    assert ask("SELECT amount FROM order_lines ORDER BY order_id, number")[:4] == [(1000,), (3000,), (1886,), (1414,)]
    assert report.totals["orders_with_repeated_total"] == 2


def test_refund_larger_than_its_line_that_repeats_is_counted_once(load: Load, ask: Ask) -> None:
    rows = ["1,a,2026-01-02,CUP,1,10,12", "1,a,2026-01-02,POT,2,15,12", "2,b,2026-01-02,CUP,1,10,3"]
    load("\n".join([HEADER + ",refunded", *rows]))
    assert ask("SELECT external_id, refunded FROM orders ORDER BY external_id") == [("1", 1200), ("2", 300)]


def test_discounts_are_lines_and_broken_quantities_are_exact(load: Load, ask: Ask) -> None:
    load(
        "order_id,buyer_id,paid_at,sku,quantity,amount\n4,d,2026-01-02,DISCOUNT,1,-5\n4,d,2026-01-02,CUP,1,50\n"
        "5,e,2026-01-02,TEA,0.25,100\n5,e,2026-01-02,NUTS,1.5,10\n6,f,2026-01-02,CUP,-2,20\n"
    )
    exact = "items * 1000 + items_thousandths"
    assert ask(f"SELECT external_id, amount, {exact}, is_return FROM orders ORDER BY 1") == [
        ("4", 4500, 1000, False), ("5", 11000, 1750, False), ("6", -2000, -2000, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "cells", "state"),
    [
        ("cancelled_at", "2026-01-03", ("cancelled", 0, False)),
        ("refunded", "10", ("paid", 1000, False)),
        ("refunded_total", "4", ("paid", 400, True)),
        ("售后状态", "退款成功", ("paid", 1000, False)),
        ("售后状态", "无售后或售后取消", ("paid", 0, True)),
        ("退款状态", "退款中", ("paid", 0, True)),
        ("退款状态", "没有申请退款", ("paid", 0, True)),
        ("status", "refunded", ("returned", 0, False)),
    ],
)
def test_what_went_back_and_what_was_cancelled_does_not_count(
    load: Load, ask: Ask, columns: str, cells: str, state: tuple[str, int, bool]
) -> None:
    load(f"order_id,buyer_id,paid_at,amount,{columns}\n1,a,2026-01-02,10,{cells}\n")
    ((status, refunded, counts),) = ask("SELECT status, refunded, counts FROM orders")
    assert (status, refunded, bool(counts)) == state


@pytest.mark.parametrize("column", ["退款状态", "status"])
def test_amount_of_a_refund_that_was_not_paid_is_not_taken_off(load: Load, ask: Ask, column: str) -> None:
    words = [
        "退款中",
        "退款关闭",
        "退款失败",
        "等待卖家处理退款",
        "refund requested",
        "Refund declined",
        "return cancelled",
    ]
    rows = [f"{number},a,2026-01-02,10,{word},10" for number, word in enumerate(words)]
    meanings = dict.fromkeys(words, "paid") if column == "status" else {}
    report = load(
        f"order_id,buyer_id,paid_at,amount,{column},refunded\n" + "\n".join([*rows, "p,a,2026-01-02,10,,4"]),
        statuses=meanings,
    )
    assert [note for note in report.notes if note.startswith(f"{len(words)} rows name refunds that were not paid")]
    assert {refunded for _, _, _, refunded, _ in ask(STATES)[:-1]} == {0}
    assert ask(STATES)[-1] == ("p", "paid", 1000, 400, True)


@pytest.mark.parametrize(
    ("amounts", "asks"), [((40, 40, 30, 30, 20, 20, 5), True), ((40, 40, 30, 30, 20, 10, 5), False)]
)
def test_amounts_alike_on_all_lines_of_orders_are_asked_about(
    load: Load, ask: Ask, amounts: tuple[int, ...], *, asks: bool
) -> None:
    places = [(1, "CUP"), (1, "POT"), (2, "CUP"), (2, "TEA"), (3, "POT"), (3, "TEA"), (4, "CUP")]
    rows = [f"{number},a,2026-01-02,{sku},{amount}" for (number, sku), amount in zip(places, amounts, strict=True)]
    content = "order_id,buyer_id,paid_at,sku,amount\n" + "\n".join(rows)
    notes = load(content).notes
    assert [note.startswith("In 3 of 3 orders with different articles") for note in notes] == [True] * asks
    if asks:
        load(content, mapping={"order_total": "amount"})
        assert ask(AMOUNTS) == [("1", 4000), ("2", 3000), ("3", 2000), ("4", 500)]


@pytest.mark.parametrize("number", ["order_id,", ""])
def test_cancelled_order_may_have_no_amount_and_a_line_its_discount(load: Load, ask: Ask, number: str) -> None:
    rows = ["a,2026-01-02,Cancelled,0,,", "b,2026-01-03,Shipped,2,20.00,2.00", "c,2026-01-04,Shipped,1,,"]
    numbered = [f"{place},{row}" if number else row for place, row in enumerate(rows)]
    report = load(f"{number}buyer_id,paid_at,status,quantity,amount,line_discount\n" + "\n".join(numbered))
    assert (report.accepted, report.rejected) == (2, 1)
    states = ask("SELECT status, amount, counts FROM orders ORDER BY paid_at")
    assert [(status, amount, bool(counts)) for status, amount, counts in states] == [
        ("cancelled", 0, False), ("paid", 1800, True),
    ]  # fmt: skip


def test_order_whose_lines_net_to_nothing_is_returned(load: Load, ask: Ask) -> None:
    load(f"{HEADER}\n1,a,2026-01-02,CUP,1,10\n1,a,2026-01-02,CUP,-1,10\n")
    assert ask(STATES) == [("1", "returned", 0, 0, False)]
