"""The same table in the shapes that spreadsheets and shop systems leave it in: its rows are the same."""

import io
import json
from collections.abc import Sequence
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from retention.errors import Invalid
from retention.ingest.columns import known_columns
from retention.ingest.files.chunks import Source
from retention.ingest.files.sources import open_source
from retention.ingest.notes import Note
from tests.retention.makers import Ask, Load

HEADER = ["order_id", "buyer_id", "paid_at", "title", "amount"]
ROWS = [["1", "a", "2026-03-05 10:00:00", "Cup", "12.50"], ["2", "林小雨", "2026-03-06 10:00:00", "Pot", "1"]]
TABLE = "".join(",".join(row) + "\n" for row in [HEADER, *ROWS])
OBJECTS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
KNOWN = known_columns("orders")


def opened(tmp_path: Path, content: str | bytes, name: str = "orders.csv", header_row: int | None = None) -> Source:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_source(path, known=KNOWN, header_row=header_row)


def rows(source: Source) -> list[list[str | None]]:
    return [list(row) for chunk in source.chunks() for row in chunk.frame.rows()]


def lines(source: Source) -> list[int]:
    return [line for chunk in source.chunks() for line in chunk.lines]


def notes(source: Source) -> list[str]:
    return [str(Note(*each)) for each in source.notes]


def workbook(*sheets: Sequence[Sequence[object]], hidden: int | None = None, merged: str = "") -> bytes:
    book = Workbook()
    book.remove(book.active)
    for number, table in enumerate(sheets):
        sheet = book.create_sheet(f"s{number}")
        for row in table:
            sheet.append(list(row))
        if number == hidden:
            setattr(sheet, "sheet_state", "hidden")  # noqa: B010 - no code of ours reads it
        for area in merged.split():
            sheet.merge_cells(area)
    book.save(kept := io.BytesIO())
    return kept.getvalue()


SHAPES: dict[str, str | bytes] = {
    "carriage returns": TABLE.replace("\n", "\r"),
    "carriage returns in UTF-16": TABLE.replace("\n", "\r").encode("utf-16"),
    "carriage returns and line feeds": TABLE.replace("\n", "\r\n"),
    "both kinds of line end": TABLE.replace("\n", "\r", 1),
    "no line end at the end": TABLE.rstrip("\n"),
    "tabs": TABLE.replace(",", "\t"),
    "semicolons": TABLE.replace(",", ";"),
    "pipes": TABLE.replace(",", "|"),
    "a line that names the separator": "sep=;\n" + TABLE.replace(",", ";"),
    "UTF-16 with tabs, as Excel saves it": TABLE.replace(",", "\t").encode("utf-16"),
    "UTF-16 without its mark": TABLE.encode("utf-16-le"),
    "UTF-16 big-endian without its mark": TABLE.encode("utf-16-be"),
    "GB18030 with pipes": TABLE.replace(",", "|").encode("gb18030"),
    "a title": "月度订单报表\n\n" + TABLE,
    "a title with separators": "月度订单报表：茶,,,,\n导出时间,2026-04-01,,,\n" + TABLE,
    "a title before semicolons": "Orders, all of March\nmade on 2026-04-01, 10:00\n" + TABLE.replace(",", ";"),
    "headings of groups": "Order,,,Goods,\n" + TABLE,
    "line breaks and blanks in the header": TABLE.replace("order_id,buyer_id", '"order_\nid ","buyer_id\t"', 1),
    "blank columns at the end": TABLE.replace("\n", ",,\n"),
    "blanks before quotes": "".join(", ".join(f'"{cell}"' for cell in row) + "\n" for row in [HEADER, *ROWS]),
    "apostrophes as quotes": "".join(",".join(f"'{cell}'" for cell in row) + "\n" for row in [HEADER, *ROWS]),
    "apostrophes around texts alone": TABLE.replace("Cup", "'Cup'").replace("Pot", "'Pot'"),
    "a JSON array": json.dumps(OBJECTS),
    "a JSON array over several lines in UTF-16": json.dumps(OBJECTS, indent=2, ensure_ascii=False).encode("utf-16"),
    "a JSON object with a list": json.dumps({"count": 2, "tags": ["a"], "orders": OBJECTS}),
    "a JSON object with a list, a row a line": '{"orders": [\n' + ",\n".join(map(json.dumps, OBJECTS)) + "\n]}",
    "JSON objects over several lines each": "\n".join(json.dumps(each, indent=1) for each in OBJECTS),
    "JSON lines": "\n".join(map(json.dumps, OBJECTS)),
    "a workbook": workbook([HEADER, *ROWS]),
    "a workbook with a title": workbook([["Orders of March"], [], HEADER, *ROWS], merged="A1:E1"),
    "a workbook whose first sheet is empty": workbook([], [HEADER, *ROWS]),
    "a workbook whose first sheet is a cover": workbook([["Camellia"], ["2026"]], [HEADER, *ROWS]),
    "a workbook whose first sheet is hidden": workbook([HEADER, ["9", "z"]], [HEADER, *ROWS], hidden=0),
    "a workbook of two sheets": workbook([HEADER, ROWS[0]], [HEADER, ROWS[1]]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_table_says_the_same_in_every_shape(tmp_path: Path, shape: str) -> None:
    source = opened(tmp_path, SHAPES[shape])
    assert [name.replace(" ", "") for name in source.header[:5]] == HEADER
    assert [row[:5] for row in rows(source)] == ROWS


@pytest.mark.parametrize("quote", ['"', "'"])
def test_separators_and_quotes_stay_in_quoted_cells(tmp_path: Path, quote: str) -> None:
    cells = [["Mug, red", "a"], [f"Bob{quote}s; tea", "b"], ["two\nlines", "O`Neil"]]
    for separator in (",", ", ", ";", " |"):
        body = [[quote + cell.replace(quote, quote * 2) + quote for cell in row] for row in [["title", "name"], *cells]]
        source = opened(tmp_path, "\n".join(separator.join(row) for row in body), name="quoted.csv")
        assert (source.header, rows(source)) == (["title", "name"], cells), separator


def test_an_apostrophe_that_only_opens_a_cell_is_no_quote(tmp_path: Path) -> None:
    table = "order_id,buyer_id,title\n'1,'a,Dogs' tea\n'2,'b,'s Heer\n"
    assert rows(opened(tmp_path, table)) == [["'1", "'a", "Dogs' tea"], ["'2", "'b", "'s Heer"]]


def test_a_json_document_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    lists = json.dumps({"orders": OBJECTS, "buyers": [{"id": 1}]})
    refused = {json.dumps(OBJECTS)[:-9]: "complete", "[]": "no list", lists: "several lists", '[{"a": 1}]x': "complete"}
    for content, word in refused.items():
        with pytest.raises(Invalid, match=word):
            opened(tmp_path, content, name="orders.json")
    odd = opened(tmp_path, json.dumps([OBJECTS[0], 3, {"order_id": "7", "items": [1]}]), name="orders.json")
    broken = [each for chunk in odd.chunks() for each in chunk.broken]
    assert [(each.line, each.parts[0]) for each in broken] == [(2, ""), (3, "7")]


CELL = st.text(st.sampled_from("abc 茶杯小雨上海的,;|\t\"'é5."), max_size=8)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(["utf-16", "utf-8-sig"]))
def test_saving_a_table_in_another_form_changes_no_cell(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str]], codec: str
) -> None:
    folder = tmp_path_factory.mktemp("shapes")
    table: list[list[str]] = [HEADER, *([str(n), *pair, "x", "1"] for n, pair in enumerate(made))]
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in table]
    plain = opened(folder, "\n".join(map(",".join, quoted)))
    first, numbers = rows(plain), lines(plain)
    for separator, end in ((",", "\r"), (";", "\r\n"), ("\t", "\n"), ("|", "\n")):
        text = end.join(separator.join(row) for row in quoted) + end
        assert rows(opened(folder, text.encode(codec))) == first
        assert lines(opened(folder, text.encode(codec))) == numbers
    assert rows(opened(folder, workbook(table), name="orders.xlsx")) == first


def test_header_is_found_below_titles_and_said(tmp_path: Path) -> None:
    source = opened(tmp_path, "月度报表\n店铺：茶,2026-03\n" + TABLE)
    assert notes(source) == ["The header is row 3. The rows above it are not read: 月度报表 | 店铺：茶; 2026-03."]
    assert lines(source) == [4, 5]
    two = opened(tmp_path, "订单编号,买家昵称,付款时间,商品名称,金额\n" + TABLE)
    assert (two.header[0], notes(two), lines(two)) == (
        "订单编号", ["Rows 1 and 2 are read together as the header."], [3, 4],
    )  # fmt: skip


def test_names_under_headings_are_read_with_them(tmp_path: Path) -> None:
    table = "订单编号,买家昵称,付款时间,商品,,金额\n,,,名称,数量,\n1,a,2026-03-05,杯,2,3\n"
    source = opened(tmp_path, table)
    assert source.header == ["订单编号", "买家昵称", "付款时间", "商品 名称", "商品 数量", "金额"]
    assert rows(source) == [["1", "a", "2026-03-05", "杯", "2", "3"]]


def test_header_row_is_taken_as_said(tmp_path: Path) -> None:
    table = "a,b,c,d,e\nf,g,h,i,j\n" + TABLE
    assert opened(tmp_path, table, header_row=2).header == ["f", "g", "h", "i", "j"]
    assert opened(tmp_path, workbook([["a"], ["b"], HEADER, *ROWS]), header_row=3).header == HEADER
    with pytest.raises(Invalid, match="The file has no row 9 that could be its header"):
        opened(tmp_path, TABLE, header_row=9)


def test_sheets_that_are_not_read_are_named(tmp_path: Path) -> None:
    book = workbook([HEADER, ROWS[0]], [["sku", "price"], ["T", "1"]], [HEADER, ROWS[1]], [HEADER, ROWS[1]], hidden=3)
    source = opened(tmp_path, book)
    assert (rows(source), lines(source)) == (ROWS, [2, 4])
    assert notes(source) == [
        "Sheet 's1' is not read: its header is not that of sheet 's0'.",
        "Sheet 's2' has the same header and is read, too; its row 2 counts as line 4.",
        "Sheet 's3' is hidden and not read.",
    ]


@pytest.mark.parametrize(
    ("sheet", "read"),
    [
        ([ROWS[1]], True),
        ([[], ROWS[1]], True),  # a blank row above
        ([["b", "2", *ROWS[1][2:]]], False),  # other kinds
        ([["sku", "price", "stock", "x", "y"], ROWS[1]], False),  # a header of its own
        ([[*ROWS[1], "9"]], False),  # one column more
        ([ROWS[1][:2]], False),
        ([["Notes"]], False),
    ],
)
def test_sheet_without_a_header_is_read_where_its_columns_are_those_of_the_first(
    tmp_path: Path, sheet: list[list[str]], *, read: bool
) -> None:
    source = opened(tmp_path, workbook([HEADER, ROWS[0]], sheet))
    assert rows(source) == (ROWS if read else ROWS[:1])
    [said] = notes(source)
    place = len(sheet)
    assert said == (
        f"Sheet 's1' has no header and its columns are like those of sheet 's0': it is read under that header; its row "
        f"{place} counts as line {2 + place}."
        if read
        else "Sheet 's1' is not read: its header is not that of sheet 's0'."
    )


def test_numbers_times_and_errors_of_a_workbook_are_texts(tmp_path: Path) -> None:
    cells: list[object] = [
        1234567890123456,
        1.5e15,
        0.1 + 0.2,
        0.00001,
        1.23456789012346e17,
        True,
        time(15, 5),
        timedelta(hours=30),
    ]
    table: list[list[object]] = [[f"c{n}" for n in range(9)], [*cells, "#N/A"], [1]]
    book = workbook(*[table])
    assert rows(opened(tmp_path, book))[0] == [
        "1234567890123456", "1500000000000000", "0.3", "0.00001", "1.23456789012346E+17", "true", "15:05:00",
        "30:00:00", None,
    ]  # fmt: skip
    assert notes(opened(tmp_path, book)) == [
        "1 cell of the workbook holds an error such as #N/A or #REF!; it counts as blank."
    ]


def test_merged_texts_stand_in_each_row_and_merged_numbers_once(tmp_path: Path) -> None:
    table = [HEADER, ["1", "a", "2026-03-05", "Cup", 30], [None, None, None, "Pot", None], ["2", "b", "2026", "x", 1]]
    assert rows(opened(tmp_path, workbook(table, merged="A2:A3 B2:B3 C2:C3 E2:E3")))[:2] == [
        ["1", "a", "2026-03-05", "Cup", "30"],
        ["1", "a", "2026-03-05", "Pot", None],
    ]


SWALLOWED = {
    "to the end": '2,b,2026-03-05,"Pot,6\n3,c,2026-03-05,Tea,7\n',
    "to another quoted cell": '2,b,2026-03-05,"Pot,6\n3,c,2026-03-05,"Tea",7\n',
    "to another stray quote": '2,b,2026-03-05,"Pot,6\n3,c,2026-03-05,Tea",7\n',
    "in a file of quoted cells": '"2","b","2026-03-05","Pot","6\n"3","c","2026-03-05","Tea","7"\n',
    "over many lines": '2,b,2026-03-05,"Pot,6\n' + "3,c,2026-03-05,Tea,7\n" * 600,
    "more than a cell may hold": '2,b,2026-03-05,"Pot,6\n' + f"3,c,2026-03-05,{'Tea ' * 4000},7\n" * 12,
}


@pytest.mark.parametrize("shape", SWALLOWED)
def test_stray_quote_takes_only_its_own_line_with_it(tmp_path: Path, shape: str) -> None:
    head = ",".join(HEADER) + "\n1,a,2026-03-05,Cup,5\n"
    chunks = list(opened(tmp_path, head + SWALLOWED[shape]).chunks())
    assert [reject.line for chunk in chunks for reject in chunk.broken] == [3]
    found = [row for chunk in chunks for row in chunk.frame.rows()]
    assert [row[0] for row in found] == ["1", *["3"] * (SWALLOWED[shape].count("\n") - 1)]
    assert {row[4] for row in found} == {"5", "7"}


def test_cell_with_line_breaks_and_separators_of_its_own_is_a_cell(tmp_path: Path) -> None:
    source = opened(tmp_path, ",".join(HEADER) + '\n1,a,2026-03-05,"Cup, big\nblue, round",5\n2,b,2026,x,1\n')
    assert [row[3] for row in rows(source)] == ["Cup, big\nblue, round", "x"]
    assert lines(source) == [2, 4]


def test_rejects_of_a_file_with_titles_are_mended_and_imported_as_the_file_was(load: Load, ask: Ask) -> None:
    table = "订单 报表\n" + TABLE.replace("2026-03-06", "someday").replace(",", ";")
    said = {"encoding": "gb18030", "header_row": 2}
    report = load(table.encode("gb18030"), **said)
    assert report.notes == ["The header is row 2. The rows above it are not read: 订单 报表."]
    assert (report.accepted, report.rejected) == (1, 1)
    assert report.rejects_path is not None
    mended = report.rejects_path.read_bytes().replace(b"someday", b"2026-03-06")
    assert load(mended, name="mended.csv", **said).accepted == 1
    assert ask("SELECT external_id FROM buyers ORDER BY id") == [("a",), ("林小雨",)]


def test_header_that_fits_no_row_and_file_without_rows_are_refused(load: Load) -> None:
    for content in (TABLE.splitlines()[0], workbook([HEADER]), TABLE.splitlines()[0].encode("utf-16")):
        with pytest.raises(Invalid, match="has a header and no rows"):
            load(content)


def test_cells_beyond_the_header_of_a_workbook_are_said(load: Load, ask: Ask) -> None:
    rows = [["1", "a", "2026-01-02", 10, None, "checked"], ["2", "b", "2026-01-02", 20, " "]]
    report = load(workbook([["order_id", "buyer_id", "paid_at", "amount"], *rows]), name="wide.xlsx")
    assert ask("SELECT amount FROM orders ORDER BY external_id") == [(1000,), (2000,)]
    assert report.notes == [
        "1 row of the workbook has cells to the right of the last named column; they were not read."
    ]
