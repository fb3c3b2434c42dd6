"""A file of rejected rows, corrected and imported alone, is read as the file its rows come from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retention.errors import Invalid
from retention.ingest import ImportReport
from tests.retention.makers import Ask, Load

Again = Callable[..., ImportReport]
AMOUNTS = "SELECT external_id, total, CAST(ordered_at AS text) FROM orders ORDER BY external_id"
SAID: dict[str, Any] = {"decimal": "comma", "dates": "dmy"}


@pytest.fixture
def mended(load: Load) -> Again:
    """Import the rejected rows of an import after replacing a text in them, perhaps under another name."""

    def run(report: ImportReport, *replaced: tuple[str, str], name: str = "", **said: Any) -> ImportReport:
        assert report.rejects_path is not None
        content = Path(report.rejects_path).read_text(encoding="utf-8-sig")
        for old, new in replaced:
            assert old in content
            content = content.replace(old, new)
        return load(content, name or report.rejects_path.name, **said)

    return run


@pytest.mark.parametrize("name", ["", "orders.csv.rejected (1).csv", "mended.csv"])
def test_what_was_said_of_the_file_holds_for_its_rejected_rows(load: Load, mended: Again, ask: Ask, name: str) -> None:
    head = "Nr,Wer,Wann,Summe\n"
    maps = {"order_id": "Nr", "buyer_id": "Wer", "paid_at": "Wann", "amount": "Summe"}
    rows = '1,ann,1/2/2026,"1.000"\n2,bob,soon,"2.000"\n'
    first = load(head + rows, mapping=maps, source="till", **SAID)
    again = mended(first, ("soon", "3/2/2026"), name=name)
    assert (again.accepted, again.rejected, again.totals["revenue"]) == (1, 0, "2000.00")
    assert again.totals["first_day"] == "2026-02-03"
    assert again.notes[0].startswith(f"These are rejected rows of 'orders.csv' (import {first.number})")
    assert ask("SELECT external_id, source FROM orders ORDER BY 1") == [("1", "till"), ("2", "till")]


def test_what_was_found_in_the_file_decides_for_its_rejected_rows(load: Load, mended: Again) -> None:
    head = "order_id,buyer_id,paid_at,amount\n"
    rows = '1,ann,31/1/2026,"12,50"\n2,bob,1/2/2026,"1.000"\n3,cy,2/1/2026,x\n4,dan,1/31/2026,"1.000"\n5,eve,,"1.000"\n'
    rest = "".join(f'{number},fay,{number}/2/2026,"2,50"\n' for number in range(13, 29))
    first = load(head + rows + rest)
    assert first.rejected == 3
    again = mended(first, (",x", ',"3.000"'), ("eve,,", "eve,5/1/2026,"))
    assert (again.accepted, again.rejected, again.totals["revenue"]) == (2, 1, "4000.00")
    assert (again.totals["first_day"], again.totals["last_day"]) == ("2026-01-02", "2026-01-05")
    assert again.rejects_path is not None
    lines = again.rejects_path.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "line,reason,order_id,buyer_id,paid_at,amount"
    last = mended(again, ("1/31/2026", "31/1/2026"))
    assert (last.accepted, last.rejected, last.totals["last_day"]) == (1, 0, "2026-01-31")


def test_what_is_said_of_the_rejected_rows_comes_first_and_other_files_are_asked_about(
    load: Load, mended: Again
) -> None:
    head, open_rows = "order_id,paid_at,amount\n", '1,1/2/2026,"1.000"\n2,soon,"2.000"\n'
    first = load(head + open_rows, **SAID)
    again = mended(first, ("soon", "3/2/2026"), decimal="point", dates="mdy")
    assert (again.totals["revenue"], again.totals["first_day"]) == ("2.00", "2026-03-02")
    with pytest.raises(Invalid, match="--decimal"):
        load(head + open_rows.replace("soon", "3/2/2026"))
    with pytest.raises(Invalid, match="--decimal"):
        mended(first, ("order_id", "number"))


@pytest.mark.parametrize(
    "wide", ["1,ann,2026-01-02,1,299.00", "1,Ann,Lee,2026-01-02,1299", "1,ann,2026-01-02,1299.00,,x"]
)
def test_a_row_with_too_many_cells_keeps_them_all_and_is_no_row_until_it_is_mended(
    load: Load, mended: Again, wide: str
) -> None:
    first = load(f"order_id,buyer_id,paid_at,amount\n{wide}\n2,bob,2026-01-03,5\n")
    assert (first.accepted, first.rejected) == (1, 1)
    again = mended(first)
    assert (again.accepted, again.rejected) == (0, 1)
    assert again.rejects_path is not None
    assert again.rejects_path.read_text(encoding="utf-8-sig").splitlines()[1].endswith(f",{wide}")
    last = mended(again, (wide, "1,ann,2026-01-02,1299.00"))
    assert (last.accepted, last.rejected, last.totals["revenue"]) == (1, 0, "1299.00")


def test_a_line_that_is_no_row_still_holds_back_its_order(load: Load, ask: Ask) -> None:
    head = "order_id,buyer_id,paid_at,sku,title,amount\n"
    bad = {"wide": '1,ann,2026-01-02,POT,Pot,"1,299",3\n', "quote": '1,ann,2026-01-02,POT,"Pot,12\n'}
    for order, line in bad.items():
        rows = [
            f"{order},ann,2026-01-02,CUP,Cup,10\n",
            line.replace("1", order, 1),
            f"{order}2,bob,2026-01-02,CUP,Cup,5\n",
        ]
        report = load(head + "".join(rows))
        assert (report.accepted, report.rejected) == (1, 2), order
        assert report.totals["revenue"] == "5.00", order
    assert ask("SELECT external_id FROM orders ORDER BY 1") == [("quote2",), ("wide2",)]


UNREADABLE = {
    "orders.csv": ('1,ann,2026-01-02,"Pot,12', '""Pot', "Pot"),
    "orders.txt": ('1;ann;2026-01-02;"Pot;12', '""Pot', "Pot"),
    "orders.jsonl": ('{"order_id": "1", "buyer_id": "ann", "paid_at": "2026-01-02", "amount": 12', "12", "12}"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_row_of_one_text_holds_back_its_order_until_it_is_mended(
    load: Load, mended: Again, ask: Ask, name: str
) -> None:
    bad, wrong, right = UNREADABLE[name]
    table = ["order_id,buyer_id,paid_at,title,amount", "1,ann,2026-01-02,Cup,10", "2,bob,2026-01-02,Cup,5"]
    head, *rows = [each.split(",") for each in table]
    if name.endswith("jsonl"):
        lines = [json.dumps(dict(zip(head, row, strict=True))) for row in rows]
    else:
        lines = [each if "," in bad else each.replace(",", ";") for each in table]
    lines.insert(-1, bad)
    first = load("\n".join(lines) + "\n", name=name)
    assert (first.accepted, first.rejected) == (1, 2)
    again = mended(first)
    assert (again.accepted, again.rejected) == (0, 2)
    assert ask("SELECT external_id FROM orders") == [("2",)]
    last = mended(again, (wrong, right))
    assert (last.accepted, last.rejected, last.totals["revenue"]) == (2, 0, "22.00")
