"""Rows that a spreadsheet leaves half blank, and rows that only add up others."""

import io
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from retention.ingest.columns import find_export, known_columns, map_columns
from retention.ingest.files.delimited import open_delimited
from retention.ingest.files.footers import is_word
from retention.ingest.files.tidying import Tidied
from retention.ingest.notes import Notes
from tests.retention.makers import Ask, Load, in_small_pieces

LINES = "order_id,buyer_id,paid_at,sku,quantity,amount\n"
ORDERS = "1,a,2026-03-05,CUP,1,10\n,,,POT,2,20\n2,b,2026-03-06,CUP,1,5\n"
SALES = "买家昵称,付款时间,备注,实付金额\na,2026-03-05 10:00,,12.5\nb,2026-03-06 10:00,,10\n"

IS_SUM, NAMES_NOTHING = (
    "is a footer: its amount is the sum of the rows above",
    "is a footer: it names nothing of its own",
)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("合计,2026-03-31,,22.5", IS_SUM),
        ("Total,2026-03-31,,22.50", IS_SUM),
        ("2026-03,本月合计：,,¥22.5", IS_SUM),
        (",,Grand total,22.5", IS_SUM),
        ("总计（2笔）,,,20", NAMES_NOTHING),
        ("共2单,,,20", NAMES_NOTHING),
        ("Subtotal:,,,", NAMES_NOTHING),
        ('Summe,,,"22,50"', IS_SUM),
        ("買家合計,,,1", None),
        ("买家昵称,付款时间,备注,实付金额", "repeats the header"),
    ],
)
def test_row_that_adds_up_the_others_is_left_out_with_its_reason(
    load: Load, ask: Ask, row: str, reason: str | None
) -> None:
    report = load(SALES + row + "\n")
    assert (report.accepted, report.rejected) == (2, 1)
    assert ask("SELECT count(*), sum(amount) FROM orders") == [(2, 2250)]
    assert report.rejects_path is not None
    assert reason is None or f"4,{reason}," in report.rejects_path.read_text(encoding="utf-8-sig")
    again = load(report.rejects_path.read_bytes(), name="rejects.csv")
    assert (again.accepted, ask("SELECT sum(amount) FROM orders")) == (0, [(2250,)])


@pytest.mark.parametrize(
    ("head", "rows", "cells"),
    [
        (SALES, "合计,2026-03-31,,30", ("合计", "30", "22.50")),
        (SALES, "Total,2026-03-31 23:59,送礼,7", ("Total", "7", "22.50")),
        (SALES, ",2026-03-31,Grand total,7", ("Grand total", "7", "22.50")),
        (SALES, "小计,2026-03-31,,22.5\na,2026-04-05 10:00,,1\n小计,2026-04-30,,2", ("小计", "2", "23.50 / 1.00")),
        (LINES + ORDERS, "合计,c,2026-03-31,,,36", ("合计", "36", "35.00")),
        (LINES + ORDERS, "Total,,2026-03-31,,4,", ("Total", "", "35.00")),
        (LINES + ORDERS, ",b,2026-03-06,小计,1,7", ("小计", "7", "35.00")),  # no line of order 2
        ("序号," + LINES + "1,1,a,2026-03-05,CUP,1,10\n", "合计,1,,2026-03-31,,,9", ("合计", "9", "10.00")),
    ],
)
def test_row_called_a_sum_that_adds_up_otherwise_is_refused_with_both_sums(
    load: Load, ask: Ask, head: str, rows: str, cells: tuple[str, str, str]
) -> None:
    load(head)
    before = ask("SELECT count(*), sum(amount) FROM orders")[0]
    word, stated, sums = cells
    report = load(head + rows + "\n")
    assert (report.rejected, report.rejects_path is not None) == (
        rows.count("\n") + (1 if "\n" not in rows else 0),
        True,
    )
    assert report.rejects_path is not None
    reason = f"has the name of a footer, '{word}', but its amount '{stated}' is not the sum of the rows above ({sums})"
    assert reason in report.rejects_path.read_text(encoding="utf-8-sig")
    assert ask("SELECT count(*), sum(amount) FROM orders")[0] == (before if "\n" not in rows else (3, 2350))
    # Imported again it is refused again; without the reason it is an order.
    text = report.rejects_path.read_text(encoding="utf-8-sig")
    assert load(text, name="rejects.csv").accepted == 0


@pytest.mark.parametrize("row", ["Total,2026-03-31,,7", "合计,2026-03-31,送礼,3"])
def test_order_of_a_buyer_called_total_is_taken_from_the_rejected_rows_without_the_reason(
    load: Load, ask: Ask, row: str
) -> None:
    rejects = load(SALES + row + "\n").rejects_path
    assert rejects is not None
    header, refused, *_ = rejects.read_text(encoding="utf-8-sig").splitlines()
    mended = f"{header}\n4,,{row}\n"
    assert row in refused
    assert load(mended, name="rejects.csv").accepted == 1
    assert ask("SELECT external_id FROM buyers ORDER BY id")[2] == (row.split(",", maxsplit=1)[0],)


@pytest.mark.parametrize("row", ["Total Wine,2026-03-31,,22.5", "Summer,2026-03-31,,22.5"])
def test_buyer_who_is_called_like_a_sum_stays(load: Load, ask: Ask, row: str) -> None:
    assert load(SALES + row + "\n").accepted == 3
    assert ask("SELECT external_id FROM buyers ORDER BY id")[2] == (row.split(",", maxsplit=1)[0],)


@pytest.mark.parametrize(
    "footers",
    [
        [",,,小计,3,30", ",,,小计,1,5", "合计,,,,4,35"],
        [",,,,3,30", ",,,,,5", ",,,,,35"],
        ["Total,,,,3,30", "Subtotal,,,,1,5", ",Grand total,,,4,35"],
    ],
)
def test_subtotals_between_orders_are_no_lines_of_theirs(load: Load, ask: Ask, footers: list[str]) -> None:
    first, second, *_ = ORDERS.split("2,b,", maxsplit=1)[0], "2,b," + ORDERS.split("2,b,")[1]
    report = load(LINES + first + footers[0] + "\n" + second + "\n".join(footers[1:]) + "\n")
    assert (report.accepted, report.rejected) == (3, 3)
    assert ask("SELECT external_id, amount FROM orders ORDER BY external_id") == [("1", 3000), ("2", 500)]
    assert "3 rows are footers (totals of the rows above) and were left out." in report.notes


def test_footer_of_another_kind_of_file_is_no_person(load: Load, ask: Ask) -> None:
    report = load("buyer_id,email,name\na,a@example.com,Ann\nTotal,,\n合计,2,\nSum,s@example.com,Kim\n", kind="buyers")
    assert (report.accepted, report.rejected) == (2, 2)
    assert ask("SELECT external_id FROM buyers ORDER BY id") == [("a",), ("Sum",)]


@pytest.mark.parametrize(
    "cell", ["合计", "总计：", "本页小计", "Total", "GRAND TOTAL", "Total (3)", "Zwischensumme", "합계"]
)
def test_words_for_sums_are_known(cell: str) -> None:
    assert is_word(cell)
    assert not is_word(f"x{cell}")


CONTINUED = {
    "blank": ",,,POT,2,20",
    "only the number blank": ",a,2026-03-05,POT,2,20",
    "the buyer again": ",a,,POT,2,20",
}


@pytest.mark.parametrize("form", CONTINUED)
def test_rows_that_leave_the_order_blank_are_lines_of_the_order_above(
    load: Load, ask: Ask, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_pieces(monkeypatch, 40)
    rows = f"1,a,2026-03-05,CUP,1,10\n{CONTINUED[form]}\n2,b,2026-03-06,CUP,1,5\n"
    report = load(LINES + rows)
    assert (report.accepted, report.rejected) == (3, 0)
    assert ask("SELECT external_id, amount FROM orders ORDER BY external_id") == [("1", 3000), ("2", 500)]
    assert report.notes == ["1 row leaves the order blank and continues the one above it; it was filled in."]


def test_line_fields_and_other_orders_are_not_filled_in(load: Load, ask: Ask) -> None:
    rows = "1,a,2026-03-05,CUP,1,10\n,c,2026-03-05,POT,1,7\n,,,,,7\n,,,TEA,1,\n"
    report = load(LINES + rows)
    assert report.rejects_path is not None
    rejects = report.rejects_path.read_text(encoding="utf-8-sig")
    assert (",the order number is missing" in rejects, "3," in rejects, "4," in rejects) == (True, True, True)
    assert ask("SELECT count(*) FROM buyers WHERE external_id = 'c'") == [(0,)]


def test_rows_below_a_line_that_cannot_be_read_wait_with_it(load: Load, ask: Ask) -> None:
    report = load(LINES + "1,a,2026-03-05,CUP,1,10\n2,b,2026-03-05,CUP,1,10,9\n,,,POT,2,20\n3,c,2026-03-06,CUP,1,5\n")
    assert (report.accepted, report.rejected) == (2, 2)
    assert report.rejects_path is not None
    assert '4,"continues the order above it, of which line 3 is refused"' in report.rejects_path.read_text("utf-8-sig")
    assert ask("SELECT external_id, amount FROM orders ORDER BY external_id") == [("1", 1000), ("3", 500)]


def test_merged_cells_of_a_workbook_are_the_order_of_each_line(load: Load, ask: Ask) -> None:
    book = Workbook()
    table: list[list[Any]] = [
        ["订单编号", "买家昵称", "付款时间", "商品名称", "数量", "金额", "运费"],
        [1001, "a", datetime(2026, 3, 5, 10), "杯", 1, 10, 6],  # noqa: DTZ001
        [None, None, None, "壶", 1, 30, None],
        [1002, "b", datetime(2026, 3, 6, 10), "盘", 1, 10, 6],  # noqa: DTZ001
    ]
    for row in table:
        book.active.append(row)
    for area in ("A2:A3", "B2:B3", "C2:C3", "G2:G3"):
        book.active.merge_cells(area)
    book.save(kept := io.BytesIO())
    report = load(kept.getvalue(), name="orders.xlsx")
    assert (report.accepted, report.rejected) == (3, 0)
    assert ask("SELECT external_id, amount, postage FROM orders ORDER BY external_id") == [
        ("1001", 4000, 600),
        ("1002", 1000, 600),
    ]


def test_list_of_order_lines_from_odoo_is_read_without_being_told(load: Load, ask: Ask) -> None:
    header = "Order Reference,Customer,Order Date,Product,Quantity,Subtotal\n"
    report = load(header + "S1,ann@example.com,2026-05-01 09:00:00,Cup,2,20.00\n,,,Pot,1,20.00\n")
    assert (report.preset, report.accepted) == ("odoo", 2)
    assert ask("SELECT external_id, amount FROM orders") == [("S1", 4000)]


def test_error_cells_of_a_text_file_are_blank(load: Load, ask: Ask) -> None:
    report = load(LINES + "1,#N/A,2026-03-05,#REF!,1,10\n")
    assert report.notes == ["2 cells hold an error such as #N/A or #REF!; they count as blank."]
    assert ask("SELECT buyer_id, amount FROM orders") == [(None, 1000)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=4), min_size=1, max_size=6), st.integers(0, 1))
def test_blank_repetitions_and_subtotals_change_no_order(
    tmp_path_factory: pytest.TempPathFactory, orders: list[list[int]], totals: int
) -> None:
    path = tmp_path_factory.mktemp("tidied") / "orders.csv"
    whole, short = [], []
    for number, amounts in enumerate(orders):
        for place, amount in enumerate(amounts):
            line = f"SKU{place},1,{amount}.00"
            whole.append(f"{number},b{number},2026-03-05,{line}")
            short.append(whole[-1] if not place else f",,,{line}")
        short += [f",,,小计,,{sum(amounts)}"] * totals
    short += [f"合计,,,,,{sum(map(sum, orders))}"] * totals
    found = []
    for rows in (whole, short):
        path.write_text(LINES + "\n".join(rows) + "\n")
        source = open_delimited(path, known=known_columns("orders"))
        columns = map_columns("orders", source.header, find_export("orders", source.header).export, {})
        tidied = Tidied(source, "orders", columns)
        found.append([row for chunk in tidied.chunks() for row in chunk.frame.rows()])
        tidied.tell(Notes())
    assert found[0] == found[1]
