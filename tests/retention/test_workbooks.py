"""Workbooks that are larger than they look: measured before they are opened, and refused in one sentence."""

import io
import json
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest

from retention.errors import Invalid
from retention.ingest.files import workbooks
from retention.ingest.files.sources import open_source

HEADER = ["order_id", "buyer_id", "paid_at", "amount"]


def workbook(*cells: tuple[str, object], sheets: int = 1) -> bytes:
    book = openpyxl.Workbook()
    for sheet in [book.active, *(book.create_sheet() for _ in range(sheets - 1))]:
        sheet.append(HEADER)
        sheet.append(["A1", "b1", "2026-03-05", 10])
    for place, value in cells:
        cell = book.worksheets[-1][place]
        cell.value = value
        cell.number_format = "0.00"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def rewritten(content: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """The workbook with another text in one of its parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for entry in source.infolist():
            data = source.read(entry)
            copy.writestr(entry.filename, data.replace(old, new) if entry.filename == part else data)
    return target.getvalue()


def lying(content: bytes, part: str) -> bytes:
    """The workbook whose list of parts says that this one is three bytes long."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(part).file_size
    name = part.encode()
    at = content.rindex(name) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    assert struct.unpack("<I", content[at + 24 : at + 28])[0] == size
    return content[:at] + content[at : at + 24] + struct.pack("<I", 3) + content[at + 28 :]


SHEET = "xl/worksheets/sheet1.xml"
FAR = workbook(("XFD1048576", "x"))
TOO_LARGE = {
    "the last cell there is": (FAR, "extends to cell XFD1048576, which makes 17,179,869,184 cells"),
    "a cell far to the right": (workbook(("ALL200000", "x")), "extends to cell ALL200000"),
    "two cells, one far down and one far right": (workbook(("A1048576", 1), ("ZZ3", 1)), "cell ZZ1048576"),
    "on the second sheet": (workbook(("XFD1048576", "x"), sheets=2), "extends to cell XFD1048576"),
    "tags with a prefix": (
        rewritten(rewritten(FAR, SHEET, b"<c ", b"<x:c "), SHEET, b"</c>", b"</x:c>"),
        "extends to cell XFD1048576",
    ),
    "other quotes": (rewritten(FAR, SHEET, b'r="XFD1048576"', b"r='XFD1048576'"), "extends to cell XFD1048576"),
    "a length that is a lie": (lying(FAR, SHEET), "is damaged and cannot be read as XLSX"),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_workbook_that_would_take_the_machine_is_refused_before_it_is_opened(tmp_path: Path, name: str) -> None:
    content, sentence = TOO_LARGE[name]
    (tmp_path / "orders.xlsx").write_bytes(content)
    with pytest.raises(Invalid, match=sentence):
        open_source(tmp_path / "orders.xlsx")


@pytest.mark.parametrize(
    ("bound", "value", "sentence"),
    [
        ("MOST_BYTES", 2_000, "holds more than 0 MB once unpacked"),
        ("MOST_TEXT", 50, "holds more than 0 MB of texts"),
        ("MOST_CELLS", 7, "which makes 8 cells; a sheet may have 7"),
    ],
)
def test_each_bound_has_its_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, sentence: str
) -> None:
    monkeypatch.setattr(workbooks, bound, value)
    path = tmp_path / "orders.xlsx"
    path.write_bytes(workbook())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", b"<sst>" + b" " * 60)
    with pytest.raises(Invalid, match=sentence):
        open_source(path)


def test_cells_are_counted_where_a_file_does_not_say_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MOST_CELLS", 12_000)
    row = b"<row>" + b"<c><v>1</v></c>" * 1000 + b"</row>"
    (tmp_path / "orders.xlsx").write_bytes(rewritten(workbook(), SHEET, b"</sheetData>", row * 13 + b"</sheetData>"))
    with pytest.raises(Invalid, match="which makes 13,008 cells"):
        open_source(tmp_path / "orders.xlsx")


def test_far_cell_with_a_format_and_no_value_is_no_reason_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "orders.xlsx").write_bytes(workbook(("XFD1048576", None)))
    opened = open_source(tmp_path / "orders.xlsx")
    assert (opened.header, [chunk.frame.height for chunk in opened.chunks()]) == (HEADER, [1])


def unmeasured(content: bytes, old: bytes, new: bytes) -> bytes:
    """The workbook with its far cell written in a way that only its reader understands."""
    changed = rewritten(content, SHEET, old, new)
    assert changed != content
    return changed


def moved(content: bytes, target: str, part: str) -> bytes:
    """The workbook with its sheet in another place."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in source.infolist():
            data = source.read(entry).replace(b"/" + SHEET.encode(), target.encode())
            out.writestr(part if entry.filename == SHEET else entry.filename, data)
    return copy.getvalue()


WIDE_ROW = b'<row r="3">' + b"<c><v>1</v></c>" * 16_000 + b'</row><row r="1048576"><c><v>1</v></c></row></sheetData>'
TAKES_ITS_READER_DOWN = {
    "a place in small letters": unmeasured(FAR, b"XFD1048576", b"xfd1048576"),
    "blanks around the sign": unmeasured(FAR, b'r="XFD1048576"', b'r = "XFD1048576"'),
    "another attribute with a sign in it": unmeasured(FAR, b'r="XFD1048576"', b'x=">" r="XFD1048576"'),
    "places on rows alone": unmeasured(workbook(), b"</sheetData>", WIDE_ROW),
    "a sheet beside the others": moved(FAR, "/xl/data/s.xml", "xl/data/s.xml"),
    "a sheet outside the book": moved(FAR, "/s.xml", "s.xml"),
    "a sheet of another ending": moved(FAR, "/xl/worksheets/s.dat", "xl/worksheets/s.dat"),
}


@pytest.mark.parametrize("name", TAKES_ITS_READER_DOWN)
def test_workbook_that_takes_its_reader_down_takes_nothing_else_with_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "orders.xlsx").write_bytes(TAKES_ITS_READER_DOWN[name])
    with pytest.raises(Invalid, match="takes more memory or time than a workbook may have"):
        open_source(tmp_path / "orders.xlsx")


ENDLESS = b"x" * (9 << 20)
NO_TABLES = {
    "an endless line": (b"a,b\n1,2\n3," + ENDLESS, "Line 3 of 'orders' is longer than 4 MB"),
    "an endless line of JSON": (b'{"a":1}\n{"a":"' + ENDLESS, "Line 2 of 'orders' is longer than 4 MB"),
    "more columns than are read": (b",".join(b"c%d" % n for n in range(501)) + b"\n1", "The table has 501 columns"),
    "more keys than are read": (b"".join(b'{"k%d":1}\n' % n for n in range(501)), "The table has 501 columns"),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_text_that_would_take_the_machine_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, sentence = NO_TABLES[name]
    (tmp_path / "orders").write_bytes(content)
    with pytest.raises(Invalid, match=sentence):
        open_source(tmp_path / "orders")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_many_columns_make_small_chunks(tmp_path: Path, form: str) -> None:
    names = [f"c{number}" for number in range(400)]
    csv = ",".join(names) + "\n" + "1\n" * 6_000
    jsonl = json.dumps(dict.fromkeys(names, 1)) + "\n" + '{"c0":1}\n' * 5_999
    (tmp_path / "orders").write_text(csv if form == "csv" else jsonl)
    assert [chunk.frame.height for chunk in open_source(tmp_path / "orders").chunks()] == [5_000, 1_000]
