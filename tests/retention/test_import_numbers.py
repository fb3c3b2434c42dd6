"""Amounts and quantities in files: what stands before the decimals is found, borrowed from other columns, or asked."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from retention.ingest import Question
from retention.ingest.cells.decimals import Decimals
from retention.ingest.cells.numbers import read_money, read_thousandths, read_whole
from retention.ingest.cells.rows import Rows
from retention.ingest.survey import NOTHING_FOUND, Conventions
from tests.retention.makers import Ask, Load

HEADER = "order_id;paid_at;amount\n"


def rows_of(cells: Sequence[str | None], *, field: str = "amount", decimal: str | None = None) -> Rows:
    """Return a column as it is read after the survey has seen it."""
    frame = pl.DataFrame({"column": pl.Series(cells, dtype=pl.String)})
    lines = pl.Series(range(2, len(cells) + 2), dtype=pl.Int64)
    evidence = Decimals({field: "column"}, decimal, exact=False, cents=2)
    evidence.look(frame, lines)
    found: Conventions = evidence.conclude(NOTHING_FOUND)
    return Rows(frame, lines, {field: "column"}, found)


def money(cells: Sequence[str | None], currency: str = "EUR", *, decimal: str | None = None) -> list[int | None]:
    """Return a column in minor units; None where a cell is blank or refused."""
    rows = rows_of(cells, decimal=decimal)
    assert not rows.conventions.questions
    found = read_money(rows, ["amount"], currency)["amount"]
    return [value if good else None for value, good in zip(found, rows.good(), strict=True)]


POINT = [
    ("12.50", 1250), ("1,234.56", 123456), ("1,234", 123400), ("1,234,567.8", 123456780), ("1,23,456.78", 12345678),
    ("1'234.50", 123450), ("1’234’567", 123456700), ("1 234.50", 123450), ("1\u00a0234.50", 123450),
    ("1\u202f234.50", 123450), ("1\u2009234", 123400), (".5", 50), ("12.", 1200), ("+7", 700), ("-7.25", -725),
    ("−7.25", -725), ("7.25-", -725), ("(7.25)", -725), ("（7.25）", -725), ("'12.50", 1250), ('="12.50"', 1250),
    ("１２．５０", 1250), ("€12.50", 1250), ("12.50€", 1250), ("EUR 12.50", 1250), ("12.50 eur", 1250),
    ("(€12.50)", -1250), ("-€12.50", -1250), ("€-12.50", -1250), ("12.5 Euro", 1250), ("12.-", 1200), ("12.--", 1200),
    ("0.005", 1), ("1.005", 101), ("0.004", 0), ("5.55e-17", 0), ("-", None), ("—", None), ("€ -", None), ("--", None),
    ("NULL", None), ("nan", None), ("n/a", None),
]  # fmt: skip
COMMA = [
    ("12,50", 1250), ("1.234,56", 123456), ("4,2", 420), ("1 234,50", 123450), ("12,50 €", 1250), ("0,99", 99),
    ("1.234", 123400), ("1.234.567", 123456700), ("1'234,5", 123450), (",5", 50), ("-0,5", -50), ("12,- €", 1200),
    ("88", 8800), ("1 234 567", 123456700), ("EUR 1.234,5", 123450), ("0,250", 25), ("1234,567", 123457),
]  # fmt: skip


@pytest.mark.parametrize("table", [POINT, COMMA, POINT[::-1], COMMA[::-1], POINT * 2, COMMA * 2])
def test_amounts_are_read_by_what_the_whole_column_shows(table: list[tuple[str, int | None]]) -> None:
    assert money([cell for cell, _ in table]) == [value for _, value in table]


@pytest.mark.parametrize(
    "cell",
    ["12 34", "1e5", "1e", "1.5E+3", "abc", "12%", "(-5)", "-(5)", "(5", "5)", "1.2.3", "1,2345,6", "12 XYZ", "$12 €"],
)
def test_what_is_no_amount_is_refused_with_its_value(cell: str) -> None:
    rows = rows_of([cell, "1.50"])
    read_money(rows, ["amount"], "EUR")
    (reject,) = rows.rejects()
    assert reject.reason == f"amount {cell!r} is not an amount; write it like 1234.50"


@pytest.mark.parametrize(
    ("currency", "cell", "right"),
    [
        ("CNY", "¥19.90", 1990), ("CNY", "￥19.90", 1990), ("CNY", "19.90元", 1990), ("CNY", "RMB19.90", 1990),
        ("CNY", "人民币 19.90", 1990), ("CNY", "19.90 CNY", 1990), ("JPY", "¥1990", 1990),
        ("USD", "US$ 19.90 USD", 1990),
        ("USD", "US $19.90", 1990), ("AUD", "AU $19.90", 1990), ("CNY", "RMB¥19.90", 1990),
        ("CNY", "人民币19.90元", 1990),
        ("USD", "AU $19.90", None),
        ("BRL", "R$ 19.90", 1990), ("SEK", "19.90 kr", 1990), ("INR", "Rs.19.90", 1990), ("CHF", "Fr. 19.-", 1900),
        ("CNY", "€19.90", None), ("CNY", "19.90 USD", None), ("EUR", "¥19.90", None), ("USD", "£19.90", None),
    ],
)  # fmt: skip
def test_amount_in_the_currency_of_the_shop_is_taken_and_in_another_refused(
    currency: str, cell: str, right: int | None
) -> None:
    assert money([cell], currency) == [right]


@pytest.mark.parametrize("cells", [["1,234"], ["1.234"], ["88", "1,234", "-", "2,500"], ["€1.234", "7"]])
def test_column_that_allows_both_readings_is_asked_about_until_it_is_said(cells: list[str]) -> None:
    rows = rows_of(cells)
    (question,) = rows.conventions.questions
    assert (question.option, question.field, question.column) == ("decimal", "amount", "column")
    assert set(question.examples) <= set(cells)
    assert money(cells, decimal="comma") != money(cells, decimal="point")


def test_question_shows_two_examples_and_what_each_reading_makes_of_them(load: Load, ask: Ask) -> None:
    rows = "1;2026-03-05;1,234\n2;2026-03-05;2,500\n3;2026-03-05;7,125\n"
    with pytest.raises(Question) as caught:
        load(HEADER + rows)
    assert str(caught.value) == (
        "Column 'amount': '1,234', '2,500' may be written with a decimal comma or with a decimal point. Say which with "
        "--decimal comma or --decimal point."
    )
    assert caught.value.choices == {"comma": ("1.234", "2.500"), "point": ("1234", "2500")}
    assert ask("SELECT count(*) FROM orders") == [(0,)]
    load(HEADER + rows, decimal="point")
    assert ask("SELECT sum(amount) FROM orders") == [(1085900,)]
    load(HEADER + rows, decimal="comma")
    assert ask("SELECT sum(amount) FROM orders") == [(123 + 250 + 713,)]


def test_column_without_evidence_takes_that_of_the_other_columns(load: Load, ask: Ask) -> None:
    report = load("order_id;paid_at;amount;postage;quantity\n1;2026-03-05;1.234;5,50;1\n2;2026-03-05;2.500;0;1.000\n")
    assert ask("SELECT amount, items FROM orders ORDER BY external_id") == [(123400, 1), (250000, 1000)]
    assert report.notes[:2] == [
        "'postage' has a decimal comma: '5,50'.",
        "'amount' is read with a decimal comma, like the other columns: '1.234'.",
    ]


def test_columns_that_contradict_each_other_lend_no_evidence(load: Load) -> None:
    with pytest.raises(Question):
        load("order_id;paid_at;amount;postage;unit_price\n1;2026-03-05;1.234;5,50;5.50\n")


def test_cells_against_what_was_said_and_unclear_ones_among_both_signs_are_refused() -> None:
    assert money(["12.50", "12,50", "88"], decimal="comma") == [None, 1250, 8800]
    assert money(["12.50", "12,50", "88"], decimal="point") == [1250, None, 8800]
    assert money(["12.50", "12,50", "1,234", "1.250"]) == [1250, 1250, None, None]
    rows = rows_of(["12.50", "12,50", "1,234"])
    read_money(rows, ["amount"], "EUR")
    assert rows.rejects()[0].reason.startswith("amount '1,234' does not go with the decimal sign of its column")


def test_currency_without_cents_has_no_decimals_to_ask_about() -> None:
    frame = pl.DataFrame({"column": ["1,234", "50"]})
    evidence = Decimals({"amount": "column"}, None, exact=False, cents=0)
    evidence.look(frame, pl.Series([2, 3]))
    rows = Rows(frame, pl.Series([2, 3]), {"amount": "column"}, evidence.conclude(NOTHING_FOUND))
    assert read_money(rows, ["amount"], "JPY")["amount"].to_list() == [1234, 50]


def test_numbers_of_workbooks_and_programs_have_a_decimal_point(load: Load, ask: Ask, tmp_path: Path) -> None:
    book = Workbook()
    for row in (["order_id", "paid_at", "amount"], ["1", "2026-03-05", 1.234], ["2", "2026-03-05", 5]):
        book.active.append(row)
    book.save(tmp_path / "made.xlsx")
    load((tmp_path / "made.xlsx").read_bytes(), name="orders.xlsx")
    load('{"order_id": "3", "paid_at": "2026-03-05", "amount": 7.125}\n', name="orders.jsonl")
    assert ask("SELECT amount FROM orders ORDER BY external_id") == [(123,), (500,), (713,)]


QUANTITIES = [("1", 1000), ("0.25", 250), ("-0.5", -500), ("2.0", 2000), ("1.125", 1125), ("0.30000000000000004", 300),
              ("1,200.5", 1200500), ("'3", 3000), ("-", None), (None, None)]  # fmt: skip


def test_quantities_are_read_in_thousandths() -> None:
    cells = [cell for cell, _ in QUANTITIES]
    rows = rows_of(cells, field="quantity")
    assert read_thousandths(rows, "quantity").to_list() == [value for _, value in QUANTITIES]
    assert rows.rejects() == []
    commas = rows_of(["0,25", "1,5", "1.200,5"], field="quantity")
    assert read_thousandths(commas, "quantity").to_list() == [250, 1500, 1200500]
    wrong = rows_of(["0.2505", "x", "1.5"], field="quantity")
    read_thousandths(wrong, "quantity")
    assert [reject.reason for reject in wrong.rejects()] == [
        "quantity '0.2505' has more than three decimals",
        "quantity 'x' is not a quantity; write it like 2 or 0.25",
    ]
    whole = rows_of(["2.0", "1.5", "7"], field="stock")
    assert read_whole(whole, "stock", least=0).to_list()[::2] == [2, 7]
    assert [reject.reason for reject in whole.rejects()] == ["stock '1.5' is not a whole number from 0"]


COUNTED = [("2件", 2000), ("3 pcs", 3000), ("1 шт.", 1000), ("x2", 2000), ("2 x", 2000), ("×４", 4000), ("２個", 2000),
           ("5 Stück", 5000), ("0.25 kg", 250), ("3 uds.", 3000), ("-1 pc", -1000)]  # fmt: skip


def test_quantities_may_have_their_unit_beside_them() -> None:
    rows = rows_of([cell for cell, _ in COUNTED], field="quantity")
    assert read_thousandths(rows, "quantity").to_list() == [value for _, value in COUNTED]
    assert rows.rejects() == []
    wrong = ["1 dozen", "500 g", "2 x 3", "2件装", "x", "pcs"]
    read_thousandths(unclear := rows_of(wrong, field="quantity"), "quantity")
    assert [reject.line for reject in unclear.rejects()] == list(unclear.lines)


def test_a_unit_beside_quantities_leaves_their_decimal_sign_to_the_column(load: Load, ask: Ask) -> None:
    load('order_id,paid_at,amount,quantity\n1,2026-03-05,5,"0,5 kg"\n2,2026-03-05,5,3 pcs\n')
    assert ask("SELECT quantity_thousandths + quantity * 1000 FROM order_lines ORDER BY 1") == [(500,), (3000,)]
    assert load("order_id,paid_at,amount\n1,2026-03-05,2 pcs\n").rejected == 1


GROUPS = st.sampled_from(["", " ", "\u00a0", "\u202f", "'", "’"])
MARKS = st.sampled_from(["{}", "€{}", "{} €", "EUR {}", "'{}", "{}\u00a0EUR", '="{}"'])
NEGATIVES = st.sampled_from(["-{}", "−{}", "({})", "{}-"])


@settings(deadline=None)
@given(
    amounts=st.lists(st.tuples(st.integers(-(10**9) + 1, 10**9 - 1), GROUPS, MARKS, NEGATIVES), min_size=1, max_size=8),
    decimal=st.sampled_from(".,"),
    times=st.sampled_from([1, 2]),
    draw=st.randoms(use_true_random=False),
)
def test_amount_reads_back_in_every_convention(
    amounts: list[tuple[int, str, str, str]], decimal: str, times: int, draw: Random
) -> None:
    table = []
    for cents, group, mark, negative in amounts:
        text = f"{Decimal(abs(cents)) / 100:,.2f}".replace(",", "|").replace(".", decimal)
        text = text.replace("|", group or {".": ",", ",": "."}[decimal])
        table.append((mark.format(negative.format(text) if cents < 0 else text), cents))
    table *= times
    draw.shuffle(table)
    assert money([cell for cell, _ in table]) == [cents for _, cents in table]


def test_order_of_columns_and_of_rows_and_doubled_rows_change_nothing(load: Load, ask: Ask) -> None:
    table = [
        ["order_id", "buyer_id", "paid_at", "amount", "postage", "sku"],
        ["'1", "a", "3/5/2026 8:30 PM", "1.234", "5,50", "T1"],
        ["2", "b", "2/13/2026 8:30 AM", "2.500", "0", "1.38"],
    ]
    orders = "SELECT external_id, paid_at, amount, postage FROM orders ORDER BY external_id"
    found = []
    for columns in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0, 5, 2, 4, 1]):
        for rows in (table, [table[0], table[2], table[1]]):
            load("".join(";".join(row[place] for place in columns) + "\n" for row in rows))
            found.append(ask(orders))
    assert [row[2:] for row in found[0]] == [(123400, 550), (250000, 0)]
    assert all(each == found[0] for each in found)
