"""Order files in, through the use case: what lands, what is refused and why, and that twice is once."""

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy import Engine, inspect, text

from retention.database import transaction
from retention.errors import Invalid, NotFound
from retention.ingest import ImportReport, import_file
from retention.ingest.orders import OrderInput, put_orders
from retention.metrics import repeat_report
from retention.orders import OrderStatus, order_counts
from retention.shops import create_shop, find_shop

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
Load = Callable[..., ImportReport]
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def shop_engine(engine: Engine) -> Engine:
    with transaction(engine) as session:
        create_shop(session, "tea", name="Tea", timezone="Asia/Shanghai", currency="CNY", at=NOW)
    return engine


@pytest.fixture
def load(shop_engine: Engine, tmp_path: Path) -> Load:
    """Import a text, written in an encoding, as a file of orders."""

    def run(content: str | bytes, name: str = "orders.csv", **options: Any) -> ImportReport:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(shop_engine, "tea", options.pop("kind", "orders"), path, now=NOW, **options)

    return run


@pytest.fixture
def ask(shop_engine: Engine) -> Ask:
    def run(query: str) -> list[tuple[Any, ...]]:
        with transaction(shop_engine) as session:
            return [tuple(row) for row in session.connection().execute(text(query))]

    return run


def rejected(report: ImportReport) -> list[list[str]]:
    assert report.rejects_path is not None
    lines = report.rejects_path.read_text(encoding="utf-8-sig").splitlines()
    return [line.split(",") for line in lines[1:]]


TWO_LINES = """order_id,buyer_id,paid_at,sku,quantity,unit_price,amount,country,coupon,email
A1,b1,2026-03-05 14:30:00,TEA-1,2,10.00,20.00,China,SPRING,b1@example.com
A1,b1,2026-03-05 14:30:00,TEA-2,1,5.55,5.55,China,SPRING,b1@example.com
A2,b2,2026-03-06,TEA-1,1,10.00,9.90,Japan,,
"""


def test_lines_of_one_number_are_one_order(load: Load, ask: Ask) -> None:
    report = load(TWO_LINES)
    assert (report.read, report.accepted, report.rejected, report.changed) == (3, 3, 0, 2)
    assert ask("SELECT external_id, amount, items, coupon_code, country FROM orders ORDER BY 1") == [
        ("A1", 2555, 3, "SPRING", "China"),
        ("A2", 990, 1, "", "Japan"),
    ]
    assert ask("SELECT number, sku, quantity, unit_price, amount FROM order_lines ORDER BY order_id, number") == [
        (1, "TEA-1", 2, 1000, 2000),
        (2, "TEA-2", 1, 555, 555),
        (1, "TEA-1", 1, 1000, 990),
    ]
    assert ask("SELECT external_id, email, country FROM buyers ORDER BY 1") == [
        ("b1", "b1@example.com", "China"),
        ("b2", "", "Japan"),
    ]
    assert ask("SELECT orders, spend, items FROM buyer_facts ORDER BY spend") == [(1, 990, 1), (1, 2555, 3)]


def test_same_file_twice_changes_nothing(load: Load, ask: Ask) -> None:
    load(TWO_LINES)
    tables = ("orders", "order_lines", "buyers", "buyer_facts", "data_versions")
    before = [sorted(ask(f"SELECT * FROM {table}"), key=str) for table in tables]
    again = load(TWO_LINES)
    assert (again.changed, again.unchanged, again.accepted) == (0, 2, 3)
    assert [sorted(ask(f"SELECT * FROM {table}"), key=str) for table in tables] == before


def test_later_file_updates_status_refund_and_lines(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,sku,amount,status\nA1,b1,2026-03-05,X,20,paid\nA2,b1,2026-03-06,Y,30,paid\n")
    report = load(
        "order_id,buyer_id,paid_at,sku,amount,status,refunded\nA1,b1,2026-03-05,X,20,paid,20\nA2,b1,2026-03-06,Z,30,paid,\n"
    )
    assert report.changed == 2
    assert ask("SELECT external_id, refunded, counts FROM orders ORDER BY 1") == [("A1", 2000, 0), ("A2", 0, 1)]
    assert ask("SELECT sku FROM order_lines ORDER BY sku") == [("X",), ("Z",)]
    assert ask("SELECT orders, spend FROM buyer_facts") == [(1, 3000)]
    assert ask("SELECT version FROM data_versions WHERE family = 'orders'") == [(2,)]


def test_empty_cell_changes_nothing_of_what_is_known(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,amount,coupon,city\nA1,b1,2026-03-05,20,SPRING,Hangzhou\n")
    assert load("order_id,buyer_id,paid_at,amount,coupon,city\nA1,,2026-03-05,20,,\n").changed == 0
    assert ask("SELECT coupon_code, city, buyer_id IS NULL FROM orders") == [("SPRING", "Hangzhou", 0)]


def test_order_that_changes_hands_moves_the_facts(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,amount\nA1,b1,2026-03-05,20\n")
    load("order_id,buyer_id,paid_at,amount\nA1,b2,2026-03-05,20\n")
    facts = "SELECT external_id, orders, spend FROM buyer_facts JOIN buyers ON buyers.id = buyer_id ORDER BY 1"
    assert ask(facts) == [("b1", 0, 0), ("b2", 1, 2000)]


def in_small_pieces(patch: pytest.MonkeyPatch, size: int = 300) -> None:
    """Read, merge and spool a file a few lines at a time, as a large one is a few megabytes at a time."""
    patch.setattr("retention.ingest.delimited.BLOCK", size)
    patch.setattr("retention.ingest.stream.WINDOW", size // 30)
    patch.setattr("retention.ingest.spool.PART_SIZE", size)
    patch.setattr("retention.ingest.people._MOST_NOTES", 5)
    patch.setattr("retention.ingest.duplicates._LARGEST_MERGED", 20)
    patch.setattr("retention.staging._SLICE", 7)


def test_file_is_merged_stretch_by_stretch(load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{number // 3},b{number % 2},2026-03-05,S{number},{number}.00,W{number // 3}" for number in range(100)]
    content = "order_id,buyer_id,paid_at,sku,amount,waybill\n" + "\n".join(rows)
    report = load(content)
    assert (report.changed, report.totals["new_buyers"], report.totals["new_parcels"]) == (34, 2, 34)
    assert ask("SELECT sum(amount), count(*), sum(items) FROM orders") == [(495000, 34, 100)]
    assert ask("SELECT sum(orders), sum(spend) FROM buyer_facts") == [(34, 495000)]
    assert load(content).changed == 0


def test_contacts_and_places_of_new_buyers_are_those_of_the_latest_stretch(
    load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{n},b{n % 3},2026-03-05 10:00:{n % 60:02},1,{'' if n % 2 else f'{n}@x'},c{n}" for n in range(50)]
    load("order_id,buyer_id,paid_at,amount,email,city\n" + "\n".join(rows))
    people = "SELECT external_id, email, city FROM buyers ORDER BY 1"
    assert ask(people) == [("b0", "48@x", "c48"), ("b1", "46@x", "c49"), ("b2", "44@x", "c47")]
    assert ask("SELECT version FROM data_versions WHERE family = 'buyers'") == [(1,)]
    load("order_id,buyer_id,paid_at,amount,email,city\nB1,b0,2026-03-01,1,old@x,old\nB2,b1,2026-03-09,1,new@x,new\n")
    assert ask(people) == [("b0", "48@x", "c48"), ("b1", "46@x", "new"), ("b2", "44@x", "c47")]


def test_lines_of_an_order_may_lie_far_apart(load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{number % 7},b{number % 7},2026-03-05,S{number},1,{number}.00" for number in range(60)]
    content = "order_id,buyer_id,paid_at,sku,quantity,amount\n" + "\n".join(rows)
    assert load(content).changed == 7
    expected = [(f"A{k}", sum(range(k, 60, 7)) * 100, len(range(k, 60, 7))) for k in range(7)]
    assert ask("SELECT external_id, amount, items FROM orders ORDER BY 1") == expected
    numbers = ask(
        "SELECT l.number, l.sku FROM order_lines l JOIN orders o ON o.id = order_id WHERE external_id = 'A3' ORDER BY 1"
    )
    assert numbers == [(place, f"S{k}") for place, k in enumerate(range(3, 60, 7), 1)]
    assert load(content).changed == 0


def test_rows_without_numbers_are_orders_even_when_equal(load: Load, ask: Ask) -> None:
    content = "customer_id,date,quantity,amount\n7,19970101,1,11.77\n7,19970101,1,11.77\n7,19970102,1,0.00\n"
    assert load(content).changed == 3
    assert load(content).changed == 0
    assert ask("SELECT orders, order_days, spend FROM buyer_facts") == [(3, 2, 2354)]
    assert load(content + "7,19970101,1,11.77\n").changed == 1
    assert ask("SELECT orders FROM buyer_facts") == [(4,)]


def test_duplicate_line_is_rejected_with_the_line_it_repeats(load: Load, ask: Ask) -> None:
    row = "A1,b1,2026-03-05,X,20\n"
    report = load("order_id,buyer_id,paid_at,sku,amount\n" + row + "A2,b1,2026-03-05,Y,1\n" + row)
    assert (report.accepted, report.rejected) == (2, 1)
    assert rejected(report) == [["4", "is a duplicate of line 2", "A1", "b1", "2026-03-05", "X", "20"]]
    assert ask("SELECT amount FROM orders ORDER BY external_id") == [(2000,), (100,)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A1,b1,05.13.2026x,1,1,paid", "paid_at '05.13.2026x' is no time; write it like 2026-03-05 14:30:00"),
        ("A1,b1,2026-02-30,1,1,paid", "paid_at '2026-02-30' is no time; write it like 2026-03-05 14:30:00"),
        (
            "A1,b1,3/5/2026,1,1,paid",
            "paid_at '3/5/2026' may be day/month or month/day; say which with --dates dmy or mdy",
        ),
        ("A1,b1,2026-03-05,1,-5.00,paid", "amount '-5.00' is negative, and the quantity is not"),
        ("A1,b1,2026-03-05,1,ten,paid", "amount 'ten' is no amount; write it like 1234.50"),
        ("A1,b1,2026-03-05,1,99999999999,paid", "amount '99999999999' is too large"),
        ("A1,b1,2026-03-05,1.5,1,paid", "quantity '1.5' is no whole number"),
        (",b1,2026-03-05,1,1,paid", "the order number is missing"),
        ("1.23E+18,b1,2026-03-05,1,1,paid", "order number '1.23E+18' was rounded by a spreadsheet; export it as text"),
        ("A1,b1,,1,1,paid", "the time of the order is missing"),
        ("A1,b1,2026-03-05,1,,paid", "the amount is missing"),
        ("A1,b1,2026-03-05,1,1,paid,extra", "has 7 cells; the header has 6"),
    ],
)
def test_bad_row_is_rejected_with_its_reason_and_the_good_part_lands(
    load: Load, ask: Ask, row: str, reason: str
) -> None:
    good = "G1,g,2026-03-05,1,1,paid"
    report = load(f"order_id,buyer_id,paid_at,quantity,amount,status\n{good}\n{row}\n")
    assert (report.accepted, report.rejected, report.exit_code) == (1, 1, 0)
    assert report.rejects_path is not None
    line = report.rejects_path.read_text(encoding="utf-8-sig").splitlines()[1]
    assert line.startswith("3,")
    assert reason.replace("; the header", ", the header") in line
    assert ask("SELECT external_id FROM orders") == [("G1",)]


def test_unknown_status_is_rejected_with_the_value_and_the_known_ones(load: Load) -> None:
    report = load("order_id,paid_at,amount,status\nA1,2026-03-05,1,寄存\n")
    assert report.exit_code == 2
    assert report.rejects_path is not None
    line = report.rejects_path.read_text(encoding="utf-8-sig")
    assert "status '寄存' is unknown; known are" in line
    assert "交易成功" in line


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("交易成功", "paid"),
        ("付款以后用户退款成功，交易自动关闭", "returned"),
        ("买家已付款等待卖家发货", "paid"),
        ("等待买家付款", "placed"),
        ("交易关闭", "cancelled"),
        ("Paid", "paid"),
        ("refunded", "returned"),
        ("wc-processing", "paid"),
        ("voided", "cancelled"),
    ],
)
def test_status_words_of_platforms_are_known(load: Load, ask: Ask, word: str, status: str) -> None:
    load(f"order_id,buyer_id,placed_at,amount,status\nA1,b1,2026-03-05,1,{word}\n")
    assert ask("SELECT status FROM orders") == [(status,)]


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-03-05 14:30:00", "2026-03-05 06:30:00"),
        ("2026/3/5 14:30", "2026-03-05 06:30:00"),
        ("2026-03-05T14:30:00.5", "2026-03-05 06:30:00"),
        ("2026-03-05T14:30:00Z", "2026-03-05 14:30:00"),
        ("2026-03-05 14:30:00 +0200", "2026-03-05 12:30:00"),
        ("2026年3月5日 14时30分00秒", "2026-03-05 06:30:00"),
        ("20260305", "2026-03-04 16:00:00"),
        ("20260305143000", "2026-03-05 06:30:00"),
        ("2026.03.05", "2026-03-04 16:00:00"),
    ],
)
def test_times_are_read_in_many_forms_and_in_the_zone_of_the_shop(load: Load, ask: Ask, written: str, utc: str) -> None:
    load(f"order_id,buyer_id,paid_at,amount\nA1,b1,{written},1\n")
    ((at, day),) = ask("SELECT ordered_at, order_day FROM orders")
    assert str(at)[:19] == utc
    assert day == 20517


def test_date_order_is_said_not_guessed(load: Load, ask: Ask) -> None:
    load("order_id,paid_at,amount\nA1,3/5/2026 8:26,1\n", dates="mdy")
    load("order_id,paid_at,amount\nA2,3/5/2026 8:26,1\n", dates="dmy")
    assert [str(row[0])[:16] for row in ask("SELECT ordered_at FROM orders ORDER BY external_id")] == [
        "2026-03-05 00:26",
        "2026-05-03 00:26",
    ]


def test_skipped_and_doubled_hours_of_a_zone_have_one_meaning(shop_engine: Engine, tmp_path: Path, ask: Ask) -> None:
    with transaction(shop_engine) as session:
        create_shop(session, "ny", name="NY", timezone="America/New_York", currency="USD", at=NOW)
    path = tmp_path / "orders.csv"
    path.write_text("order_id,paid_at,amount\nA1,2026-03-08 02:30,1\nA2,2026-11-01 01:30,1\n")
    import_file(shop_engine, "ny", "orders", path, now=NOW)
    times = [str(row[0])[:16] for row in ask("SELECT ordered_at FROM orders ORDER BY external_id")]
    assert times == ["2026-03-08 07:30", "2026-11-01 05:30"]


def test_money_is_exact_and_halves_round_up(load: Load, ask: Ask) -> None:
    amounts = ["1,234.5", "¥19.90", "0.005", "1.005", "1e", "8", "0.29", "1000000.01"]
    rows = "\n".join(f'A{n},2026-03-05,"{amount}"' for n, amount in enumerate(amounts))
    assert load(f"order_id,paid_at,amount\n{rows}\n").rejected == 1
    assert [row[0] for row in ask("SELECT amount FROM orders ORDER BY external_id")] == [
        123450, 1990, 1, 101, 800, 29, 100000001,
    ]  # fmt: skip


def test_negative_quantity_is_a_return_and_counts_nowhere_else(load: Load, ask: Ask) -> None:
    load(
        "order_id,buyer_id,paid_at,quantity,unit_price\n"
        "A1,b1,2026-03-05,2,10\nC1,b1,2026-03-06,-1,10\nA2,b1,2026-03-07,3,10\nA2,b1,2026-03-07,-1,10\n"
    )
    assert ask("SELECT external_id, amount, items, counts, is_return FROM orders ORDER BY 1") == [
        ("A1", 2000, 2, 1, 0),
        ("A2", 2000, 2, 1, 0),
        ("C1", -1000, -1, 0, 1),
    ]
    assert ask("SELECT orders, spend, returns FROM buyer_facts") == [(2, 4000, 1)]


def test_orders_without_a_buyer_are_kept_and_said(load: Load, ask: Ask) -> None:
    report = load("order_id,buyer_id,paid_at,amount\nA1,,2026-03-05,5\nA2,b1,2026-03-05,7\n")
    assert report.totals["orders_without_buyer"] == 1
    assert report.totals["revenue"] == "12.00"
    assert ask("SELECT count(*) FROM buyer_facts") == [(1,)]


def test_place_of_a_buyer_is_that_of_the_latest_paid_order(load: Load, ask: Ask) -> None:
    load(
        "order_id,buyer_id,paid_at,placed_at,status,amount,country,city\n"
        "A1,b1,2026-03-01,2026-03-01,paid,1,China,Hangzhou\n"
        "A2,b1,2026-03-09,2026-03-09,paid,1,Japan,Osaka\n"
        "A3,b1,,2026-03-10,placed,1,France,Paris\n"
        "A4,b1,2026-03-05,2026-03-05,paid,1,Korea,Seoul\n"
    )
    assert ask("SELECT country, city FROM buyers") == [("Japan", "Osaka")]
    load("order_id,buyer_id,paid_at,amount,country,city\nA0,b1,2026-02-01,1,Peru,Lima\n")
    assert ask("SELECT country, city FROM buyers") == [("Japan", "Osaka")]
    load("order_id,buyer_id,paid_at,amount,country,city\nA9,b1,2026-04-01,1,Peru,Lima\n")
    assert ask("SELECT country, city FROM buyers") == [("Peru", "Lima")]


def test_waybills_become_parcels_that_wait_or_have_left(load: Load, ask: Ask) -> None:
    content = (
        "order_id,buyer_id,paid_at,amount,status,waybill\n"
        "A1,b1,2026-11-20 10:00,1,买家已付款等待卖家发货,SF1\nA2,b1,2026-11-20 10:00,1,卖家已发货等待买家确认,SF2\n"
        "A3,b1,2026-03-05,1,,SF3\n"
    )
    assert load(content).totals["new_parcels"] == 3
    assert ask("SELECT waybill, ship_day, shipped_at IS NULL FROM parcels ORDER BY 1") == [
        ("SF1", 20778, 1),
        ("SF2", 20777, 0),
        ("SF3", 20517, 0),
    ]
    assert load(content).changed == 0


def test_order_level_exports_state_totals_once(load: Load, ask: Ask) -> None:
    content = (
        "Name,Email,Financial Status,Paid at,Created at,Total,Shipping,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Refunded Amount,Discount Code\n"
        "#1001,a@example.com,paid,2026-03-05 10:00:00 +0800,2026-03-05 09:59:00 +0800,25.00,5.00,"
        "2,Tea,8.00,T-1,3.00,SPRING\n"
        "#1001,a@example.com,,,2026-03-05 09:59:00 +0800,,,1,Cup,4.00,C-1,,\n"
    )
    load(content, preset="shopify")
    assert ask("SELECT source, external_id, amount, refunded, postage, items, coupon_code FROM orders") == [
        ("shopify", "#1001", 2500, 300, 500, 3, "SPRING")
    ]
    assert ask("SELECT title, amount FROM order_lines ORDER BY number") == [("Tea", 1600), ("Cup", 400)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encoding_is_found_from_the_whole_file(load: Load, ask: Ask, encoding: str) -> None:
    ascii_rows = "".join(f"A{n},b{n},2026-03-05,1,\n" for n in range(3000))
    content = "order_id,buyer_id,paid_at,amount,city \n" + ascii_rows + "Z,林小雨,2026-03-05,1,杭州市\n"
    assert load(content.encode(encoding)).accepted == 3001
    assert ask("SELECT external_id FROM buyers WHERE city = '杭州市'") == [("林小雨",)]


def test_lines_in_another_encoding_are_rejected_not_garbled(load: Load, ask: Ask) -> None:
    rows = [f"A{n},买家{n},2026-03-05,1\n" for n in range(5)]
    content = b"order_id,buyer_id,paid_at,amount\n" + "".join(rows[:4]).encode() + rows[4].encode("gb18030")
    report = load(content)
    assert (report.accepted, report.rejected) == (4, 1)
    assert (
        rejected(report)[0][:3] == ["6", "is not in UTF-8", " the encoding of the file"]
        or rejected(report)[0][0] == "6"
    )
    content = b"order_id,buyer_id,paid_at,amount\n" + "".join(rows[:4]).encode("gb18030") + rows[4].encode()
    assert (load(content, name="other.csv").encoding, ask("SELECT count(*) FROM buyers")) == ("GB18030", [(4,)])


def test_quotes_line_breaks_and_stray_quotes_keep_their_lines(load: Load, ask: Ask) -> None:
    content = (
        'order_id,paid_at,amount,title\nA1,2026-03-05,1,"two\nlines, ""quoted"""\nA2,2026-03-05,1,5" plate\n'
        '\nA3,2026-03-05,x,"last"\nA4,2026-03-05,1\n'
    )
    report = load(content)
    assert [row[0] for row in rejected(report)] == ["6"]
    assert ask("SELECT title FROM order_lines ORDER BY order_id") == [('two\nlines, "quoted"',), ('5" plate',), ("",)]


def test_csv_xlsx_and_json_lines_are_the_same_orders(load: Load, ask: Ask, tmp_path: Path) -> None:
    header = ["buyer_id", "paid_at", "amount", "quantity"]
    rows = [["林", datetime(2026, 3, 5, 14, 30), 186, 1], ["b2", datetime(2026, 3, 6), 19.9, 2]]  # noqa: DTZ001
    book = Workbook()
    for row in [header, *rows]:
        book.active.append(row)
    book.save(tmp_path / "made.xlsx")
    lines = "\n".join(",".join(str(cell) for cell in row) for row in [header, *rows])
    objects = (
        '{"buyer_id": "林", "paid_at": "2026-03-05T14:30:00", "amount": 186.00, "quantity": 1}\n'
        '{"paid_at": "20260306", "buyer_id": "b2", "amount": 19.90, "quantity": 2}\n'
    )
    assert load(lines).changed == 2
    assert load((tmp_path / "made.xlsx").read_bytes(), name="orders.xlsx").changed == 0
    assert load(objects, name="orders.jsonl").changed == 0
    assert ask("SELECT count(*), sum(amount) FROM orders") == [(2, 20590)]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "'a.csv' is empty."),
        ("a.csv", b"\xef\xbb\xbf\n", "'a.csv' is empty."),
        ("a.csv", b"order_id,paid_at,amount\n", "'a.csv' has a header and no rows."),
        ("a.csv", b"\x89PNG\r\n\x1a\n...", "'a.csv' is a picture (PNG), not a table."),
        ("a.csv", b"%PDF-1.7 ...", "'a.csv' is a PDF, not a table."),
        ("a.zip", b"PK\x03\x04broken", "'a.zip' is damaged: it begins like an XLSX file but ends too early."),
        ("a.csv", b"order_id,\0\0", "'a.csv' is not a text file: it contains zero bytes."),
        ("a.csv", b"when,what\n1,2\n", "No column holds paid_at / placed_at. The file has: when, what."),
        ("a.csv", b"paid_at,note\n1,2\n", "No column holds amount / unit_price / total."),
        ("a.jsonl", b'{"a": \n', "No line of 'a.jsonl' is a JSON object."),
    ],
)
def test_file_that_is_no_table_of_orders_gets_one_sentence(
    load: Load, ask: Ask, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        load(content, name=name)
    assert str(refusal.value).startswith(sentence)
    assert refusal.value.exit_code == 2
    assert ask("SELECT count(*) FROM orders") == [(0,)]
    assert list(tmp_path.glob("*rejected*")) == []


def test_missing_file_folder_shop_kind_preset_and_columns_are_refused(
    load: Load, shop_engine: Engine, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        import_file(shop_engine, "tea", "orders", tmp_path / "none.csv", now=NOW)
    with pytest.raises(Invalid, match="is a folder"):
        import_file(shop_engine, "tea", "orders", tmp_path, now=NOW)
    with pytest.raises(NotFound, match="No shop is called coffee"):
        import_file(shop_engine, "coffee", "orders", tmp_path / "none.csv", now=NOW)
    with pytest.raises(Invalid, match="nothing called 'cats' to import"):
        load(TWO_LINES, kind="cats")
    with pytest.raises(Invalid, match="no preset 'amazon'"):
        load(TWO_LINES, preset="amazon")
    with pytest.raises(Invalid, match=r"There is no column 'Betrag'\. The file has: order_id"):
        load(TWO_LINES, mapping={"amount": "Betrag"})
    with pytest.raises(Invalid, match="There is no field 'price'"):
        load(TWO_LINES, mapping={"price": "amount"})


def test_import_that_is_interrupted_leaves_nothing_and_ends_right_the_next_time(
    load: Load, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_pieces(monkeypatch, 1000)
    content = (
        "order_id,buyer_id,paid_at,amount\n" + "".join(f"A{n},b{n},2026-03-05,{n}\n" for n in range(500)) + "bad\n"
    )
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(content, progress=stop)
    assert ask("SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM buyers)") == [(0,)]
    assert sorted(path.name for path in tmp_path.iterdir() if "rejected" in path.name) == []
    assert load(content).accepted == 500
    assert ask("SELECT count(*), sum(amount) FROM orders") == [(500, 12475000)]


def test_progress_ends_at_its_total(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retention.ingest.delimited.BLOCK", 60)
    seen: list[tuple[int, int]] = []
    load(TWO_LINES, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_orders_from_a_program_share_the_merge_of_a_file(shop_engine: Engine, load: Load, ask: Ask) -> None:
    lines = [
        OrderInput("A1", buyer_id="b1", paid_at=NOW, sku="X", quantity=2, unit_price=Decimal("9.95"), coupon="C"),
        OrderInput("A1", sku="Y", amount=Decimal(5)),
        OrderInput("A2", buyer_id="b1", amount=Decimal(-1), paid_at=NOW),
    ]
    for changed in (1, 0):
        with transaction(shop_engine) as session:
            counts, refused = put_orders(session, find_shop(session, "tea"), lines, source="api", now=NOW)
        assert (counts.changed, [each.line for each in refused]) == (changed, [3])
    assert ask("SELECT source, amount, items, coupon_code FROM orders") == [("api", 2490, 3, "C")]


def test_two_shops_may_have_the_same_numbers(shop_engine: Engine, load: Load, ask: Ask, tmp_path: Path) -> None:
    with transaction(shop_engine) as session:
        create_shop(session, "cup", name="Cup", timezone="Europe/Berlin", currency="EUR", at=NOW)
    load(TWO_LINES)
    import_file(shop_engine, "cup", "orders", tmp_path / "orders.csv", now=NOW)
    assert ask("SELECT shop_id, count(*), sum(spend) FROM buyer_facts GROUP BY shop_id ORDER BY 1") == [
        (1, 2, 3545),
        (2, 2, 3545),
    ]


@pytest.mark.parametrize("status", list(OrderStatus))
@pytest.mark.parametrize("money", [(10, 0), (10, 9), (10, 10), (0, 0), (0, 5)])
@pytest.mark.parametrize("returned", [False, True])
def test_rows_count_by_the_same_rule_as_values(
    load: Load, ask: Ask, status: OrderStatus, money: tuple[int, int], *, returned: bool
) -> None:
    amount, refunded = money
    quantity = -1 if returned else 1
    load(
        "order_id,buyer_id,placed_at,status,quantity,amount,refunded\n"
        f"A1,b1,2026-03-05,{status.value},{quantity},{amount},{refunded}\n"
    )
    signed = -amount * 100 if returned else amount * 100
    expected = order_counts(status, amount=signed, refunded=refunded * 100, is_return=returned)
    assert ask("SELECT counts FROM orders") == [(expected,)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), block=st.sampled_from([80, 300, 100_000]))
def test_order_of_lines_and_size_of_chunks_make_no_difference(
    sqlite_template: Path, tmp_path: Path, seed: int, block: int
) -> None:
    from retention.database import open_engine  # a database per example

    chance = random.Random(seed)
    rows = [
        f"A{chance.randrange(12)},2026-0{chance.randrange(1, 9)}-05,S{number},"
        f"{chance.choice((-1, 1, 2))},{chance.randrange(9)}"
        for number in range(40)
    ]
    moments = {}
    rows = [row.replace(row.split(",")[1], moments.setdefault(row.split(",")[0], row.split(",")[1])) for row in rows]
    outcomes = []
    for shuffled in (False, True):
        if shuffled:
            chance.shuffle(rows)
        database = tmp_path / f"{seed}-{block}-{shuffled}.db"
        shutil.copy(sqlite_template, database)
        engine = open_engine(f"sqlite:///{database}")
        with transaction(engine) as session:
            create_shop(session, "tea", name="Tea", timezone="Asia/Shanghai", currency="CNY", at=NOW)
        path = tmp_path / "some.csv"
        lines = [f"{row},b{int(row.split(',')[0][1:]) % 4}" for row in rows]
        path.write_text("order_id,paid_at,sku,quantity,unit_price,buyer_id\n" + "\n".join(lines))
        with pytest.MonkeyPatch.context() as patch:
            if shuffled:
                in_small_pieces(patch, block)
            import_file(engine, "tea", "orders", path, now=NOW)
            assert import_file(engine, "tea", "orders", path, now=NOW).changed == 0
        query = """SELECT b.external_id, f.orders, spend, items, returns, first_at, last_at
            FROM buyer_facts f JOIN buyers b ON b.id = buyer_id ORDER BY 1"""
        with transaction(engine) as session:
            outcomes.append([tuple(row) for row in session.connection().execute(text(query))])
        engine.dispose()
    assert outcomes[0] == outcomes[1]


REAL = [
    ("cn_shop_orders.csv", "taobao", {}, (25420, 27793, 3511305, 2053, 0.08076, 57)),
    ("cn_shop_orders.xlsx", "taobao", {}, (25420, 27793, 3511305, 2053, 0.08076, 57)),
    ("cdnow_master.csv", "generic", {}, (23570, 69659, 2500315.63, 11662, 0.49478, 34)),
    ("cdnow_sample.csv", "generic", {"buyer_id": "master_id"}, (2357, 6919, 244091.94, 1152, 0.48876, 34)),
]


@pytest.mark.data
@pytest.mark.parametrize(("name", "preset", "mapping", "figures"), REAL)
def test_real_files_give_their_known_figures(
    shop_engine: Engine,
    data_folder: Path,
    tmp_path: Path,
    name: str,
    preset: str,
    mapping: dict[str, str],
    figures: Any,
) -> None:
    path = Path(shutil.copyfile(data_folder / name, tmp_path / name))
    report = import_file(shop_engine, "tea", "orders", path, preset=preset, mapping=mapping, now=NOW)
    assert (report.rejected, report.rejects_path) == (0, None)
    with transaction(shop_engine) as session:
        assert tuple(repeat_report(session, find_shop(session, "tea")).as_json().values()) == figures
    assert import_file(shop_engine, "tea", "orders", path, preset=preset, mapping=mapping, now=NOW).changed == 0


@pytest.mark.data
def test_real_workbook_after_the_same_text_file_changes_nothing(load: Load, data_folder: Path) -> None:
    for name, changed in (("cn_shop_orders.csv", 28833), ("cn_shop_orders.xlsx", 0)):
        report = load((data_folder / name).read_bytes(), name=name, preset="taobao")
        assert (report.changed, report.changed + report.unchanged) == (changed, 28833)


def test_time_a_spreadsheet_put_a_millisecond_off_is_the_same_time(load: Load, ask: Ask) -> None:
    for header in ("order_id,buyer_id", "note,buyer_id"):  # with numbers, and with orders known by what they say
        rows = [f"{header},paid_at,amount\nA1,b1,2026-03-05 10:00:{second},1\n" for second in ("07", "06.999", "09")]
        assert [load(row).changed for row in rows] == [1, 0, 1]
    assert ask("SELECT count(*) FROM orders") == [(3,)]


@pytest.mark.data
def test_real_report_without_buyers_adds_up(shop_engine: Engine, data_folder: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(data_folder / "tmall_order_report.gbk.csv", tmp_path / "tmall.csv"))
    totals = import_file(shop_engine, "tea", "orders", path, preset="taobao", now=NOW).totals
    assert totals | {"lines": 0} == {
        "orders": 28010,
        "paid_orders": 24087,
        "paid": "1902487.15",
        "refunded_orders": 5646,
        "refunded": "572335.92",
        "wholly_refunded_orders": 5132,
        "counted_orders": 18955,
        "revenue": "1902487.15",
        "returns": 0,
        "orders_without_buyer": 28010,
        "new_buyers": 0,
        "changed_buyers": 0,
        "new_parcels": 0,
        "lines": 0,
    }


def test_indexes_stand_again_after_an_import_that_ends_and_one_that_does_not(load: Load, shop_engine: Engine) -> None:
    def indexes() -> list[str]:
        tables = ("orders", "order_lines", "parcels")
        return sorted(str(index["name"]) for table in tables for index in inspect(shop_engine).get_indexes(table))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = indexes()
    assert len(before) > 4
    with pytest.raises(KeyboardInterrupt):
        load(TWO_LINES, progress=stop)
    assert indexes() == before
    load(TWO_LINES)
    assert indexes() == before
