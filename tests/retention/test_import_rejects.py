"""Rows and files that cannot land: one sentence each, and nothing of them stays."""

import csv
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine

from retention.errors import Invalid, NotFound
from retention.ingest import ImportReport, import_file
from tests.retention.makers import NOW, TWO_LINES, Ask, Load


def rejected(report: ImportReport) -> list[list[str]]:
    assert report.rejects_path is not None
    lines = report.rejects_path.read_text(encoding="utf-8-sig").splitlines()
    return [line.split(",") for line in lines[1:]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A1,b1,05.13.2026x,1,1,paid", "paid_at '05.13.2026x' is not a time; write it like 2026-03-05 14:30:00"),
        ("A1,b1,2026-02-30,1,1,paid", "paid_at '2026-02-30' is not a time; write it like 2026-03-05 14:30:00"),
        ("A1,b1,2026-03-05,1,-5.00,paid", "amount '-5.00' is negative, and the quantity is not"),
        ("A1,b1,2026-03-05,1,ten,paid", "amount 'ten' is not an amount; write it like 1234.50"),
        ("A1,b1,2026-03-05,1,99999999999,paid", "amount '99999999999' is too large"),
        ("A1,b1,2026-03-05,many,1,paid", "quantity 'many' is not a quantity; write it like 2 or 0.25"),
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


@pytest.mark.parametrize(
    ("kind", "header", "row", "reasons"),
    [
        ("orders", "buyer_id,paid_at,amount", "b,soon,1", ["paid_at 'soon'"]),
        ("orders", "buyer_id,paid_at,amount", "b,2026-03-05,five", ["amount 'five'"]),
        ("orders", "buyer_id,paid_at,amount", "b,soon,five", ["paid_at 'soon'", "amount 'five'"]),
        ("orders", "buyer_id,paid_at,amount", "b,,five", ["amount 'five'", "the time of the order is missing"]),
        ("orders", "buyer_id,paid_at,placed_at,amount", "b,,later,1", ["placed_at 'later'"]),
        ("orders", "buyer_id,paid_at,unit_price,quantity", "b,2026-03-05,five,2", ["unit_price 'five'"]),
        ("orders", "order_id,paid_at,amount", "1,soon,", ["paid_at 'soon'"]),
        ("orders", "order_id,paid_at,placed_at,amount,timezone", "1,2026-03-05,2026-03-05,1,Mars", ["'Mars' is not"]),
        ("orders", "order_id,paid_at,amount", "1.23E+18,2026-03-05,1", ["order number '1.23E+18'"]),
        ("buyers", "buyer_id,created_at", "1.23E+18,x", ["buyer_id '1.23E+18'", "created_at 'x'"]),
        ("followers", "buyer_id,followed_at", "1.23E+18,soon", ["buyer_id '1.23E+18'", "followed_at 'soon'"]),
        ("members", "buyer_id,group,joined_at", "b,,soon", ["group is missing", "joined_at 'soon'"]),
        ("products", "sku,title,price", "A,,five", ["price 'five'", "title is missing"]),
        ("parcels", "waybill,order_id,ship_date", "75300001,1.23E+18,soon", ["order number '1.23", "ship_date 'soon'"]),
    ],
)
def test_a_row_has_one_reason_for_each_cause(load: Load, kind: str, header: str, row: str, reasons: list[str]) -> None:
    report = load(f"{header}\n{row}\n", kind=kind)
    assert report.rejects_path is not None
    ((_, said, *_),) = csv.reader(report.rejects_path.read_text(encoding="utf-8-sig").splitlines()[1:])
    found = re.split(r"; (?!write|export|say)", said)
    assert [each[: len(reason)] for each, reason in zip(found, reasons, strict=True)] == reasons


def test_unknown_status_is_rejected_with_the_value_and_the_remedy(load: Load) -> None:
    report = load("order_id,paid_at,amount,status\nA1,2026-03-05,1,寄存\n")
    assert report.exit_code == 2
    assert report.rejects_path is not None
    line = report.rejects_path.read_text(encoding="utf-8-sig")
    assert "status '寄存' is unknown; say what it means" in line


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "'a.csv' is empty."),
        ("a.csv", b"\xef\xbb\xbf\n", "'a.csv' is empty."),
        ("a.csv", b"order_id,paid_at,amount\n", "'a.csv' has a header and no rows."),
        ("a.csv", b"\x89PNG\r\n\x1a\n...", "'a.csv' is a picture (PNG), not a table."),
        ("a.csv", b"%PDF-1.7 ...", "'a.csv' is a PDF, not a table."),
        ("a.xls", b"\n<HTML><table><tr><th>order_id</th></tr></table>", "'a.xls' is a web page or XML, whatever it is"),
        ("b.xls", b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "'b.xls' is a web page or XML, whatever it is"),
        ("a.zip", b"PK\x03\x04broken", "'a.zip' is damaged: it begins like an XLSX file but ends too early."),
        (
            "a.csv",
            b"order_id,\0\0",
            "'a.csv' is neither a text file nor a workbook: it contains zero bytes. Save it again as CSV or XLSX.",
        ),
        ("a.csv", b"when,what\n1,2\n", "No column holds paid_at / placed_at. The file has: when, what."),
        ("a.csv", b"paid_at,note\n1,2\n", "No column holds amount / unit_price / order_total."),
        ("a.jsonl", b'{"a": \n', "'a.jsonl' is not a complete JSON document."),
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
    with pytest.raises(Invalid, match="'cats' cannot be imported"):
        load(TWO_LINES, kind="cats")
    with pytest.raises(Invalid, match="no preset 'bazaar'"):
        load(TWO_LINES, preset="bazaar")
    with pytest.raises(Invalid, match=r"There is no column 'Betrag'\. The file has: order_id"):
        load(TWO_LINES, mapping={"amount": "Betrag"})
    with pytest.raises(Invalid, match="There is no field 'price'"):
        load(TWO_LINES, mapping={"price": "amount"})
