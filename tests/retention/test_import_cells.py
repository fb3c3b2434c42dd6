"""What is written in an order file and what it means: encodings, quotes, forms, states, times, money."""

from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import Engine

from retention.database import transaction
from retention.ingest import ImportReport, import_file
from tests.factories import make_shop
from tests.retention.makers import NOW, Ask, Load


def rejected(report: ImportReport) -> list[list[str]]:
    assert report.rejects_path is not None
    lines = report.rejects_path.read_text(encoding="utf-8-sig").splitlines()
    return [line.split(",") for line in lines[1:]]


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
        make_shop(session, "ny", name="NY", timezone="America/New_York", currency="USD", at=NOW)
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


def test_time_a_spreadsheet_put_a_millisecond_off_is_the_same_time(load: Load, ask: Ask) -> None:
    for header in ("order_id,buyer_id", "note,buyer_id"):  # with numbers, and with orders known by what they say
        rows = [f"{header},paid_at,amount\nA1,b1,2026-03-05 10:00:{second},1\n" for second in ("07", "06.999", "09")]
        assert [load(row).changed for row in rows] == [1, 0, 1]
    assert ask("SELECT count(*) FROM orders") == [(3,)]


@pytest.mark.parametrize("unit", ["（元）", "(元)", " (CNY)", "[元]", "【元】"])
def test_unit_behind_a_column_name_is_no_part_of_it(load: Load, ask: Ask, unit: str) -> None:
    load(f"订单编号,买家昵称,付款时间,实付金额{unit}\n1,a,2026-03-05,12.50\n")
    assert ask("SELECT amount FROM orders") == [(1250,)]
