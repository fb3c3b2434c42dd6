"""A dry run tells what the import will do, by the same code, and changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import Engine

from retention.database import looking, transaction
from retention.errors import Invalid
from retention.i18n import speaking
from retention.ingest import ImportOptions, Understanding, import_file, understand_file
from retention.ingest.time_zones import zone_words
from tests.retention.makers import NOW, TWO_LINES, Ask, Load, in_small_pieces

Understand = Callable[..., Understanding]

ODD = TWO_LINES + "A3,b3,soon,TEA-1,1,10.00,9.90,Japan,,\nA4,,2026-03-07,TEA-1,1,8.00,8.00,Japan,,\n"


@pytest.fixture
def understand(shop_engine: Engine, tmp_path: Path) -> Understand:
    """Understand a text as a file of orders or of another kind."""

    def run(content: str, name: str = "orders.csv", *, kind: str = "orders", **said: Any) -> Understanding:
        path = tmp_path / name
        path.write_text(content, "utf-8")
        return understand_file(shop_engine, "tea", kind, path, options=ImportOptions(**said), now=NOW)

    return run


def everything(ask: Ask) -> list[list[tuple[Any, ...]]]:
    tables = (
        "buyers",
        "orders",
        "order_lines",
        "buyer_facts",
        "parcels",
        "products",
        "groups",
        "consents",
        "data_versions",
    )
    return [ask(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]


def test_figures_of_a_dry_run_are_those_of_the_import_and_nothing_is_written(
    understand: Understand, load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_small_pieces(monkeypatch)
    many = "".join(f"B{n},b{n % 7},2026-02-0{n % 9 + 1},TEA-{n % 3},1,2.00,2.00,China,,\n" for n in range(60))
    scattered = "".join(f"S{n % 9},c{n % 9},2026-02-03,TEA-{n},1,2.00,2.00,China,,\n" for n in range(60))
    later = ODD.replace("20.00", "30.00") + "A9,b9,2026-05-01,TEA-1,1,1.00,1.00,China,,\n"
    for content in (ODD, later, ODD + many, TWO_LINES + scattered):
        before = everything(ask)
        seen = understand(content)
        assert everything(ask) == before
        report = load(content)
        same = ("read", "accepted", "rejected", "changed", "unchanged", "columns", "ignored_columns", "encoding")
        assert {name: getattr(seen, name) for name in same} == {name: getattr(report, name) for name in same}
        assert seen.totals == report.totals | {"changed_buyers": 0}
        assert not list(tmp_path.glob(".rejected-*"))


def test_workbook_is_understood_as_the_same_table_is(
    shop_engine: Engine, understand: Understand, tmp_path: Path
) -> None:
    table = understand(ODD)
    book = Workbook()
    for line in ODD.splitlines():
        book.active.append(line.split(","))
    book.save(tmp_path / "orders.xlsx")
    sheet = understand_file(shop_engine, "tea", "orders", tmp_path / "orders.xlsx", now=NOW)
    of_the_form = {"file", "encoding", "delimiter", "sheet"}
    assert {n: v for n, v in sheet.as_json().items() if n not in of_the_form} == {
        n: v for n, v in table.as_json().items() if n not in of_the_form
    }
    report = import_file(shop_engine, "tea", "orders", tmp_path / "orders.xlsx", now=NOW)
    assert sheet.totals == report.totals | {"changed_buyers": 0}


def test_dry_run_tells_what_was_understood(understand: Understand) -> None:
    seen = understand(ODD)
    assert (seen.encoding, seen.delimiter, seen.header_row, seen.currency) == ("UTF-8", ",", 1, "CNY")
    assert seen.cells["paid_at"] == ["2026-03-05 14:30:00", "2026-03-06", "soon"]
    assert seen.totals | {"lines": 0} == {
        "orders": 3, "paid_orders": 3, "paid": "43.45", "refunded_orders": 0, "refunded": "0.00",
        "wholly_refunded_orders": 0, "counted_orders": 3, "revenue": "43.45", "returns": 0, "orders_without_buyer": 1,
        "buyers": 2, "first_day": "2026-03-05", "last_day": "2026-03-07", "new_buyers": 2, "changed_buyers": 0,
        "new_parcels": 0, "lines": 0, "repeats_kept": 0, "repeats_left_out": 0,
    }  # fmt: skip
    assert len(seen.first_rows) == 4
    assert seen.first_rows[1] == {
        "order_id": "A1", "buyer_id": "b1", "ordered_at": "2026-03-05 14:30:00", "status": "paid", "sku": "TEA-2",
        "quantity": "1", "unit_price": "5.55", "amount": "5.55", "order_total": "25.55", "refunded": "0.00",
        "postage": "0.00", "country": "China", "coupon": "SPRING", "counts": "true",
    }  # fmt: skip
    assert (seen.rejected, seen.rejects[0]["line"], seen.rejects[0]["cells"]["paid_at"]) == (1, 5, "soon")
    assert "soon" in seen.rejects[0]["reason"]


@pytest.mark.parametrize(
    ("kind", "content", "first"),
    [
        ("buyers", "buyer_id,name,email\nb1,Ann,ann@example.com\n,Bob,\n", {"buyer": "b1", "name": "Ann"}),
        ("products", "sku,title,price\nT1,Tea,9.90\n,Cup,\n", {"sku": "T1", "title": "Tea"}),
        ("followers", "buyer_id,followed_at\nb1,2026-01-02\n,\n,2026-01-02\n", {"buyer": "b1"}),
        ("members", "buyer_id,group\nb1,Tea friends\nb2,\n", {"buyer": "b1", "group_name": "Tea friends"}),
        ("parcels", "waybill,buyer_id\nW1,b1\n,b2\n", {"waybill": "W1"}),
    ],
)
def test_every_kind_of_file_is_understood(
    understand: Understand, load: Load, ask: Ask, kind: str, content: str, first: dict[str, str]
) -> None:
    before = everything(ask)
    seen = understand(content, f"{kind}.csv", kind=kind)
    assert (seen.accepted, seen.rejected, seen.problem, everything(ask)) == (1, 1, "", before)
    assert first.items() <= seen.first_rows[0].items()
    report = load(content, f"{kind}.csv", kind=kind)
    assert (report.read, report.accepted, report.rejected) == (seen.read, seen.accepted, seen.rejected)


def test_file_without_a_needed_column_is_shown_with_the_reason(understand: Understand) -> None:
    seen = understand("number,who,day\n1,ann,2026-01-02\n")
    assert (seen.read, seen.exit_code, list(seen.cells)) == (0, 2, ["number", "who", "day"])
    assert seen.cells["who"] == ["ann"]
    assert seen.problem.startswith("No column holds")
    with pytest.raises(Invalid, match="is empty"):
        understand("")


def test_no_transaction_is_held_while_a_file_is_understood(shop_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(TWO_LINES, "utf-8")
    wrote = []

    def write(_done: int, _total: int) -> None:
        with transaction(shop_engine) as session:
            session.connection().exec_driver_sql("UPDATE shops SET name = 'Tea again'")
            wrote.append(1)

    understand_file(shop_engine, "tea", "orders", path, now=NOW, progress=write)
    assert wrote
    assert import_file(shop_engine, "tea", "orders", path, now=NOW).accepted == 3


def test_session_that_looks_cannot_write_and_leaves_its_connection_as_it_was(shop_engine: Engine) -> None:
    with pytest.raises(Exception, match=r"(?i)readonly|read-only"), looking(shop_engine) as session:
        session.connection().exec_driver_sql("UPDATE shops SET name = 'x'")
    for _ in range(3):
        with transaction(shop_engine) as session:
            session.connection().exec_driver_sql("UPDATE shops SET name = 'y'")
            session.rollback()
    with transaction(shop_engine) as session:
        assert session.connection().exec_driver_sql("SELECT name FROM shops").scalar() != "y"


OF_COLUMN = (
    "Times are read in the zone that the column “Timezone” names, and where it is blank in that of the shop, "
    "Asia/Shanghai."
)
SHOP_ZONE = "Times are read in the zone of the shop, Asia/Shanghai."


@pytest.mark.parametrize(
    ("kind", "content", "column", "named", "sentences"),
    [
        ("orders", "order_id,paid_at,amount\n1,2026-03-05 10:00,1\n", "", {}, [SHOP_ZONE]),
        (
            "orders",
            "order_id,paid_at,amount,Timezone\n1,2026-03-05 10:00,1,Asia/Tokyo\n",
            "Timezone",
            {},
            [OF_COLUMN],
        ),
        (
            "orders",
            "order_id,paid_at,amount\n1,2026-03-05 10:00,1\n2,2026-03-05T10:00:00Z,1\n",
            "",
            {"paid_at": "2026-03-05T10:00:00Z"},
            [
                SHOP_ZONE,
                "Times that name their zone, such as 2026-03-05T10:00:00Z in “paid_at”, are read in that one.",
            ],
        ),
        ("orders", "order_id,paid_at,amount\n1,3/5/2026 2:00 PM,1\n2,3/15/2026 2:00 PM,1\n", "", {}, [SHOP_ZONE]),
        ("buyers", "buyer_id,created_at,timezone\nb,2026-03-05,Asia/Tokyo\n", "", {}, [SHOP_ZONE]),
        ("buyers", "buyer_id,birthday\nb,1990-03-05\n", "", {}, []),
        ("products", "sku,title\nT,Tea\n", "", {}, []),
    ],
)
def test_dry_run_says_in_which_zone_times_are_read(
    understand: Understand, kind: str, content: str, column: str, named: dict[str, str], sentences: list[str]
) -> None:
    seen = understand(content, kind=kind)
    assert (seen.timezone, seen.timezone_column, seen.named_zones) == ("Asia/Shanghai", column, named)
    assert zone_words(seen.as_json()) == sentences


TWO_QUESTIONS = "order_id,paid_at,amount\n1,1/2/2026,1.234\n2,3/4/2026,5.678\n"


def test_all_that_a_file_leaves_open_is_asked_at_once(understand: Understand) -> None:
    seen = understand(TWO_QUESTIONS)
    assert [each["option"] for each in seen.questions] == ["decimal", "dates"]
    assert [said in seen.problem for said in ("--decimal comma", "--dates dmy")] == [True, True]
    assert "--decimal" not in understand(TWO_QUESTIONS, decimal="point").problem
    assert understand(TWO_QUESTIONS, decimal="point", dates="dmy").problem == ""
    with speaking("zh-CN"):
        assert "请用 --decimal" in understand(TWO_QUESTIONS).problem
    lacking = understand("order_id,when\n1,2\n").problem
    assert [f"--map {name}=Column" in lacking for name in ("paid_at", "amount")] == [True, True]
