"""Identifiers in files of every kind: what spreadsheets put around them goes, what they destroyed is refused."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from retention.ingest import ImportReport
from retention.ingest.cells.identifiers import are_shortened, bare_identifiers, bare_texts
from tests.retention.makers import Ask, Load

WRITTEN = [
    ('="1234567890123456781"', "1234567890123456781"),
    ('=T("123")', "123"),
    ('="123"&""', "123"),
    ("=123", "123"),
    ("'13800000001", "13800000001"),
    ("’13800000001", "13800000001"),
    ('\'="123"', "123"),
    ('="\'123"', "123"),
    ('"123"', "123"),
    ("No:75300001", "75300001"),
    ("No：75300001", "75300001"),
    ("no: 75300001", "75300001"),
    ("'No:75300001", "75300001"),
    ("123\t", "123"),
    ("\u200b123\ufeff", "123"),
    ("\u202d138\u202c", "138"),
    ("13\u200b8", "138"),
    ("\u00a0123\u3000", "123"),
    ("SO\u00a012", "SO 12"),
    ("１３８００００００１１", "13800000011"),
    ("ＡＢ－１２", "AB-12"),
    ("林ＡＢ１", "林AB1"),
    ("ａ＠ｂ．ｃｏｍ", "a@b.com"),
    ("13800000001.0", "13800000001"),
    ("+8613800000001.00", "+8613800000001"),
    ("17850,0", "17850"),
    ("''", None),
    ('=""', None),
    ("='123'", "123"),
    ("No.: 753", "753"),
    ("13,800,000,001", "13800000001"),
    ("12,345,678.0", "12345678"),
    *((each, None) for each in ("NULL", "null", "\\N", "#N/A", "nan", "NaN", "None", "<NA>", "'NULL")),
]
KEPT = [
    "A1",
    "Null",
    "123,456",
    "1,234",
    "1.5",
    "O'Brien",
    "林小雨～",
    "No.5",
    "No:",
    "#1001",
    "SO 12",
    "12E5",
    "1E10",
    "👨\u200d👩",
    "a=b",
    "007",
]
SHORTENED = ["1.38E+10", "1.38e+10", "1,38E+10", "1.38E10", "1E+10", "1.38 E+10", "1.2345678901234568e+18", "1.2E-5"]


def test_identifiers_are_read_as_they_are_written_everywhere() -> None:
    cells, right = zip(*WRITTEN, *((each, each) for each in KEPT), strict=True)
    assert bare_identifiers(pl.Series(cells)).to_list() == list(right)
    assert not are_shortened(bare_identifiers(pl.Series(cells))).any()


def test_numbers_that_lost_digits_and_errors_of_spreadsheets_are_no_identifiers() -> None:
    cells = pl.Series(
        [*SHORTENED, *(f"'{each}" for each in SHORTENED), "####", "########", "#REF!", "#VALUE!", "#DIV/0!"]
    )
    assert are_shortened(bare_identifiers(cells)).all()


WRAPPED = ["{}", '="{}"', "'{}", "No:{}", "{}\t", "\u200b{}", "\u00a0{}\u3000", '"{}"', "'={}"]
LETTERS = st.text("ABCxyz-789", min_size=1, max_size=8).map(lambda text: f"7{text}")


@settings(deadline=None)
@given(st.lists(st.tuples(LETTERS, st.sampled_from(WRAPPED), st.booleans()), min_size=1, max_size=9))
def test_identifier_reads_back_however_it_was_wrapped(written: list[tuple[str, str, bool]]) -> None:
    wide = {ord(letter): ord(letter) + 0xFEE0 for letter in "ABCxyz-789"}
    cells = [form.format(text.translate(wide) if is_wide else text) for text, form, is_wide in written]
    right = [form.format(text)[1:] if form == "'={}" and not text.isdecimal() else text for text, form, _ in written]
    assert bare_identifiers(pl.Series(cells)).to_list() == right
    assert [bare_identifiers(pl.Series([cell]))[0] for cell in cells] == right


def test_texts_lose_their_formula_and_invisible_letters_only() -> None:
    cells = ['="红色"', '="a""b"', "\u200b红\ufeff", "\u200b", "=1+2", "'n Sync", "１００％"]
    assert bare_texts(pl.Series(cells)).to_list() == ["红色", 'a"b', "红", None, "=1+2", "'n Sync", "１００％"]


def test_files_of_every_kind_name_the_same_buyer_order_article_and_parcel(load: Load, ask: Ask) -> None:
    load("buyer_id,phone,email\n17850.0,'13800000001,\u200bann@example.com\u00a0\n", kind="buyers")
    load(
        "order_id,buyer_id,paid_at,amount,sku,waybill,coupon,phone\n"
        '"=""A1""",17850,2026-03-05,1,’T1,No:SF1,ＳＰＲＩＮＧ,\n"A1\t",\'17850,2026-03-05,2,T2,SF1,SPRING,\n'
    )
    load('sku,title\n\'T1,"=""Tea"""\n', kind="products")
    load("buyer_id,followed_at\n１７８５０,2026-03-05\n", kind="followers")
    load('buyer_id,group\n\'17850,"=""friends"""\n', kind="members")
    load("waybill,order_id\nNo：SF1,'A1\n", kind="parcels")
    assert ask("SELECT external_id, phone, email FROM buyers") == [("17850", "13800000001", "ann@example.com")]
    assert ask("SELECT external_id, amount, coupon_code FROM orders") == [("A1", 300, "SPRING")]
    assert ask("SELECT sku FROM order_lines ORDER BY number") == [("T1",), ("T2",)]
    assert ask("SELECT sku, title FROM products") == [("T1", "Tea")]
    assert ask("SELECT slug FROM groups") == [("friends",)]
    assert ask("SELECT waybill FROM parcels") == [("SF1",)]


def test_identifiers_are_the_same_in_a_workbook_and_in_text(load: Load, ask: Ask, tmp_path: Path) -> None:
    book = Workbook()
    for row in (
        ["order_id", "buyer_id", "paid_at", "amount"],
        [1234567890123456, 17850, "2026-03-05", 1],
        ["'7", 7.5, "2026-03-05", 1],
    ):
        book.active.append(row)
    book.save(tmp_path / "made.xlsx")
    assert load((tmp_path / "made.xlsx").read_bytes(), name="orders.xlsx").changed == 2
    text = "order_id,buyer_id,paid_at,amount\n1234567890123456,17850,2026-03-05,1\n7,7.5,2026-03-05,1\n"
    assert load(text).changed == 0


def test_numbers_with_decimals_on_purpose_keep_their_zero(load: Load, ask: Ask) -> None:
    load("order_id,paid_at,amount\n1.0,2026-03-05,1\n1.1,2026-03-05,1\n")
    assert ask("SELECT external_id FROM orders ORDER BY external_id") == [("1.0",), ("1.1",)]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("orders", "order_id,paid_at,amount\n{},2026-03-05,1\n"),
        ("orders", "order_id,buyer_id,paid_at,amount\nA1,{},2026-03-05,1\n"),
        ("orders", "order_id,paid_at,amount,sku\nA1,2026-03-05,1,{}\n"),
        ("orders", "order_id,paid_at,amount,waybill\nA1,2026-03-05,1,{}\n"),
        ("buyers", "buyer_id,phone\na,{}\n"),
        ("products", "sku,title\n{},Tea\n"),
        ("followers", "buyer_id\n{}\n"),
        ("members", "buyer_id,group\n{},friends\n"),
        ("parcels", "waybill,buyer_id\n{},a\n"),
    ],
)
def test_shortened_identifier_is_refused_in_every_file(load: Load, kind: str, content: str) -> None:
    report = load(content.format("1.38E+10"), kind=kind)
    assert (report.accepted, report.rejected) == (0, 1)
    assert "'1.38E+10' was rounded by a spreadsheet; export it as text" in reasons(report)[0]


def reasons(report: ImportReport) -> list[str]:
    assert report.rejects_path is not None
    rows = report.rejects_path.read_text(encoding="utf-8-sig").splitlines()[1:]
    return [row.partition(",")[2] for row in rows]


ROUNDED = "order_id,buyer_id,paid_at,amount\n"


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (["1234567890123450000,a,2024-01-02,1", "1234567890123450000,b,2024-01-02,2"], (2, 3)),
        (["1234567890123450000,a,2024-01-02,1", "1234567890123450000,a,2024-03-02,2"], (2, 3)),
        (["1234567890123450,,2024/1/2,1", "9,x,2024-01-02,1", "1234567890123450,,2024/3/2 8:00,2"], (2, 4)),
        (["1234567890123450000,a,2/1/2024 8:00,1", "1234567890123450000,a,25/3/2024 8:00,2"], (2, 3)),
        (["1234567890123456768,a,2024-01-02,1", "'1234567890123456768,b,2024-01-02,2"], (2, 3)),
    ],
)
def test_rounded_order_number_of_two_orders_is_refused(load: Load, rows: list[str], lines: tuple[int, int]) -> None:
    alone = "1234567890123460000,c,2024-01-02,4"  # stands alone, and is rounded like the others
    report = load(ROUNDED + "\n".join([*rows, alone]) + "\n")
    assert report.accepted == sum("9,x" in row for row in rows)
    assert all(
        f"lines {lines[0]} and {lines[1]} have one number and are two orders" in each for each in reasons(report)
    )


def test_long_order_number_that_names_one_order_is_no_rounded_one(load: Load, ask: Ask) -> None:
    rows = [
        "1234567890123450000,a,2024-01-02 10:00,1", "1234567890123450000,,,2",
        "1234567890123450000,'a,2024-01-02 23:00,4",
        "9234567890123450000,a,13/02/2024,32", "9234567890123450000,a,12/02/2024,64",
        "1234567890123456781,a,2024-01-02,8", "1234567890123456781,a,2024-03-02,16",
    ]  # fmt: skip
    report = load(ROUNDED + "\n".join(rows) + "\n")
    assert (report.accepted, report.notes) == (7, ["'paid_at' is day/month/year: '13/02/2024'."])
    assert ask("SELECT amount FROM orders ORDER BY external_id") == [(700,), (2400,), (9600,)]


def test_among_sound_numbers_only_the_one_that_names_two_orders_is_refused(load: Load) -> None:
    numbers = ["1234567890123456781", *["1234567890123450000"] * 2, "1234567890123460000", *["9234567890123450000"] * 2]
    rows = [f"{number},b{place},2024-01-02,1" for place, number in enumerate(numbers)]
    report = load(ROUNDED + "\n".join(rows) + "\n")
    assert (report.accepted, report.rejected) == (2, 4)
    assert [
        f"lines {first} and {first + 1} " in each for each, first in zip(reasons(report), (3, 3, 6, 6), strict=True)
    ]


def test_numbers_that_all_end_in_zeros_are_taken_and_said(load: Load) -> None:
    rows = [f"12345678901234{n}0000,b{n},2024-01-02,1" for n in range(3)]
    report = load(ROUNDED + "\n".join(rows) + "\n")
    assert report.accepted == 3
    assert report.notes[0].startswith(
        "The long numbers of 'order_id' end in zeros, as if a spreadsheet had rounded them."
    )
    assert load(ROUNDED + "\n".join([*rows, "1234567890123456781,b,2024-01-02,1"]) + "\n").notes == []


@pytest.mark.parametrize("column", ["buyer_id", "sku", "waybill", "line_id"])
@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([f"12345678901234{n}000" for n in range(3)], "3 of 3"),
        ([f"12345678901234{n}000" for n in range(4)] + [f"12345678901234{n}781" for n in range(9)], "4 of 13"),
        ([f"1234567890123{n}0" for n in range(10, 30)], "20 of 20"),
        ([f"1234567890123{n:03}" for n in range(40)], ""),  # one in ten ends in 0 by itself
        ([f"12345678901234{n}000" for n in range(2)], ""),
        (["123456789012345000"] * 9, ""),  # one number
        ([f"1234567890{n}00" for n in range(100, 120)], ""),  # fifteen digits are kept
    ],
)
def test_long_numbers_that_end_in_zeros_beyond_chance_are_said(
    load: Load, column: str, numbers: list[str], said: str
) -> None:
    head = ["order_id,buyer_id,paid_at,amount", *([] if column == "buyer_id" else [column])]
    rows = [f"{n},{'' if column != 'buyer_id' else number},2026-03-05,1{'' if column == 'buyer_id' else ',' + number}"
            for n, number in enumerate(numbers)]  # fmt: skip
    report = load("\n".join([",".join(head), *rows]))
    notes = [str(note) for note in report.notes if "end in zeros after 15 digits" in str(note)]
    first, second = sorted(number for number in set(numbers) if number[15:].strip("0") == "")[:2] if said else ("", "")
    assert report.rejected == 0
    assert [note.split(", as if")[0] for note in notes] == (
        [f"{said} long numbers of '{column}' end in zeros after 15 digits ({first}, {second})"] if said else []
    )


def test_answers_are_known_as_spreadsheets_write_them(load: Load, ask: Ask) -> None:
    answers = ["'yes", "ＹＥＳ", "1.0", '"=""是"""', "TRUE", "'0", "0.0", "Ｎｏ"]
    rows = "".join(f"b{n},b{n}@example.com,{answer}\n" for n, answer in enumerate(answers))
    assert load("buyer_id,email,email_consent\n" + rows, kind="buyers").rejected == 0
    given = ask("SELECT answer FROM consents JOIN buyers ON buyers.id = buyer_id ORDER BY external_id")
    assert [row[0] for row in given] == ["in"] * 5 + ["out"] * 3
