"""A table saved in another form changes nothing: what is stored of it is the same, to the last column."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy import Engine, text

from retention.database import transaction
from retention.files import FileStore
from retention.ingest import ImportOptions, ImportReport, import_file
from tests.factories import make_shop
from tests.retention.makers import NOW

Table = list[dict[str, str]]
WHOLE, MONEY, MOMENT = ("quantity",), ("unit_price", "amount", "refunded"), "paid_at"

ANY = st.text(st.sampled_from("abc 茶杯小雨上海的,;|\t\"'é5."), max_size=8)
CENTS = st.integers(1, 99_999).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
LINE = st.fixed_dictionaries(
    {
        "sku": st.sampled_from(["TEA-1", "007", "88012345678901", "茶-2"]),
        "title": ANY,
        "quantity": st.integers(1, 3).map(str),
        "unit_price": CENTS,
        "amount": CENTS,
    }
)
ORDER = st.fixed_dictionaries(
    {
        "buyer_id": st.sampled_from(["", "b1", "林小雨", "Ann@Example.com", "10086", "13800000001", "003"]),
        "paid_at": st.integers(0, 180 * 86_400).map(
            lambda n: f"{NOW.replace(month=1, tzinfo=None) + timedelta(seconds=n):%F %T}"
        ),
        "status": st.sampled_from(["paid", "已付款", "交易成功", "cancelled"]),
        "name": ANY,
        "email": st.sampled_from(["", "ann@example.com", "Lin@Example.com"]),
        "phone": st.sampled_from(["", "13800000001", "+44 20 7946 0958"]),
        "city": st.sampled_from(["", "上海", "São Paulo"]),
        "waybill": st.sampled_from(["", "75300001", "YT0012"]),
    }
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Return the rows of one to four orders of one to three lines each."""
    rows = []
    named = st.sampled_from(["1001", "0042", "202603050000012345", "SO-7", "12E5"])
    for number in draw(st.lists(named, min_size=1, max_size=4, unique=True)):
        order = draw(ORDER)
        rows += [{"order_id": number, **order, **line} for line in draw(st.lists(LINE, min_size=1, max_size=3))]
    return rows


def delimited(separator: str, end: str = "\r\n", *, comma: bool = False) -> Callable[[Table], str]:
    def write(table: Table) -> str:
        writer = csv.DictWriter(kept := io.StringIO(), list(table[0]), delimiter=separator, lineterminator=end)
        writer.writeheader()
        shown = ({n: v.replace(".", ",") if comma and n in MONEY else v for n, v in row.items()} for row in table)
        writer.writerows(shown)
        return kept.getvalue()

    return write


def as_cell(name: str, value: str) -> Any:
    """Return what a spreadsheet makes of a cell of a column of numbers or times, and a program in JSON."""
    if name == MOMENT:
        return datetime.fromisoformat(value)
    return int(value) if name in WHOLE else float(value) if name in MONEY else value


def workbook(table: Table, *, typed: bool) -> bytes:
    book = Workbook()
    book.active.append(list(table[0]))
    for row in table:
        book.active.append([(as_cell(name, row[name]) if typed else row[name]) or None for name in table[0]])
    book.save(kept := io.BytesIO())
    return kept.getvalue()


def json_lines(table: Table, *, typed: bool) -> bytes:
    rows = ({name: as_cell(name, value) if typed else value for name, value in row.items()} for row in table)
    return "\n".join(json.dumps(row, ensure_ascii=typed, default=str) for row in rows).encode()


FORMS: dict[str, tuple[str, Callable[[Table], bytes]]] = {
    "commas": ("a.csv", lambda table: delimited(",")(table).encode()),
    "commas with a mark": ("a.csv", lambda table: delimited(",")(table).encode("utf-8-sig")),
    "semicolons and decimal commas": ("a.csv", lambda table: delimited(";", comma=True)(table).encode("utf-8-sig")),
    "commas in GB18030": ("a.csv", lambda table: delimited(",")(table).encode("gb18030")),
    "tabs in UTF-16": ("a.txt", lambda table: delimited("\t", "\n")(table).encode("utf-16")),
    "tabs": ("a.tsv", lambda table: delimited("\t", "\r")(table).encode()),
    "a workbook of texts": ("a.xlsx", lambda table: workbook(table, typed=False)),
    "a workbook of numbers": ("a.xlsx", lambda table: workbook(table, typed=True)),
    "JSON lines": ("a.jsonl", lambda table: json_lines(table, typed=False)),
    "JSON lines of numbers": ("a.jsonl", lambda table: json_lines(table, typed=True)),
}
STORED = {
    "orders": "SELECT o.*, b.external_id AS buyer FROM orders AS o LEFT JOIN buyers AS b ON b.id = o.buyer_id",
    "lines": "SELECT l.*, o.external_id AS of FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id",
    "parcels": "SELECT p.*, o.external_id AS of FROM parcels AS p JOIN orders AS o ON o.id = p.order_id",
    "buyers": "SELECT o.* FROM buyers AS o",
    "facts": "SELECT f.*, b.external_id AS of FROM buyer_facts AS f JOIN buyers AS b ON b.id = f.buyer_id",
}
NUMBERS = {"id", "shop_id", "buyer_id", "order_id"}


class Shops:
    """A new shop for each file, and what is stored of it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self.count = engine, folder, 0

    def take(self, name: str, content: bytes, **options: str) -> tuple[ImportReport, dict[str, list[str]]]:
        self.count += 1
        slug, path = f"s{self.count}", self.folder / name
        path.write_bytes(content)
        with transaction(self.engine) as session:
            shop = make_shop(session, slug, at=NOW).id
        given = {"options": ImportOptions(**options), "now": NOW, "files": FileStore(self.folder / "files")}
        report = import_file(self.engine, slug, "orders", path, **given)
        with transaction(self.engine) as session:
            found = {}
            for table, query in STORED.items():
                mine = f"{query} WHERE {query.split(' FROM ')[1].split(' AS ')[1].split(' ')[0]}.shop_id = {shop}"
                rows = session.connection().execute(text(mine)).mappings()
                found[table] = sorted(str({k: v for k, v in row.items() if k not in NUMBERS}) for row in rows)
        return report, found


@pytest.fixture
def shops(sqlite_engine: Engine, tmp_path: Path) -> Shops:
    return Shops(sqlite_engine, tmp_path)


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables())
def test_table_saved_in_another_form_is_stored_the_same(shops: Shops, table: Table) -> None:
    first: tuple[Any, ...] = ()
    for form, (name, write) in FORMS.items():
        said = {"encoding": "gb18030"} if "GB18030" in form else {}  # a few letters do not tell it from its sisters
        report, stored = shops.take(name, write(table), **said)
        figures = (report.accepted, report.rejected, report.totals, stored)
        first = first or figures
        assert figures == first, form
    assert first[0] + first[1] == len(table)
