"""Files for spreadsheets: no cell of ours is a formula, and what is mended and imported says what it said."""

import ast
import csv
import re
from io import StringIO
from pathlib import Path

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from retention.spreadsheets import open_csv, plain, unescaped
from tests.retention.makers import Ask, Load

ROOT = Path(__file__).parents[2]


@given(st.text(alphabet="=+-@\t\r\n＝＋－＠'\"1a, .", max_size=6))
@example("=1+1")
@example("'=1+1")
@example("+8613900000000")
@example("-1+cmd")
def test_no_cell_is_a_formula_and_each_comes_back_as_it_was(cell: str) -> None:
    target = StringIO(newline="")
    open_csv(target).write([cell, "x"])
    target.seek(0)
    ((written, _),) = csv.reader(target)
    assert written[:1] not in set("=@\t\r\n＝＋－＠")
    assert written[:1] not in {"+", "-"} or re.fullmatch(r".[0-9.]+", written)
    assert plain(written) == cell
    assert unescaped(pl.DataFrame({"cell": [written]}))["cell"].to_list() == [cell]


def test_a_rejected_formula_is_a_text_in_the_file_of_rejects_and_lands_as_it_was_once_mended(
    load: Load, ask: Ask
) -> None:
    report = load('order_id,buyer_id,paid_at,amount,title\nA1,b1,never,5,"=HYPERLINK(""https://x"")"\n')
    assert report.rejects_path is not None
    text = report.rejects_path.read_text(encoding="utf-8-sig")
    assert "'=HYPERLINK" in text
    load(text.replace("never", "2026-03-05"))
    assert ask("SELECT title FROM order_lines") == [('=HYPERLINK("https://x")',)]


def test_one_writer_makes_every_table_for_people() -> None:
    written = set()
    for package in ("retention", "segments", "campaigns", "printables", "api"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr in {"writer", "DictWriter", "write_excel"}:
                    written.add(str(file.relative_to(ROOT)))
    # the demo makes files to import; staging hands rows to PostgreSQL
    assert {name for name in written if not name.startswith("api/demo/")} == {"retention/spreadsheets.py"}
