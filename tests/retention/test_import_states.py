"""Two exports of the same orders in one file, sorted: rows of an earlier state are no further lines."""

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from retention.database import open_engine, transaction
from retention.files import FileStore
from retention.ingest import import_file
from tests.factories import make_shop
from tests.retention.makers import NOW, Ask, Load, in_small_pieces

HEADER = "订单编号,买家会员名,订单创建时间,商品编码,数量,金额,订单状态,订单付款时间,物流状态,发货时间"
STAGES = ("等待买家付款,,,", "买家已付款,2026-03-05,,", "卖家已发货,2026-03-05,运输中,2026-03-06",
          "交易成功,2026-03-05,已签收,2026-03-06", "退款成功,2026-03-05,已签收,2026-03-06")  # fmt: skip
STATUSES = ("placed", "paid", "paid", "paid", "returned")
FOUND = """
SELECT external_id, status, o.amount, sku, quantity, l.amount FROM order_lines l JOIN orders o ON o.id = order_id
"""


@pytest.mark.parametrize(("seed", "block"), [(1, 100_000), (2, 300)])
def test_exports_of_several_days_sorted_by_number_are_the_latest_export(
    sqlite_template: Path, tmp_path: Path, seed: int, block: int
) -> None:
    chance = random.Random(seed)
    orders = {f"{1000 + number}": chance.sample(("CUP,1,10", "POT,1,30", "TEA,2,5"), chance.choice((1, 1, 2, 3)))
              for number in range(9)}  # fmt: skip
    before = {number: chance.randrange(4) for number in orders}
    after = {number: chance.randrange(stage + 1, 5) for number, stage in before.items()}
    first, second = ([f"{number},b{number},2026-03-04,{line},{STAGES[stages[number]]}" for number in orders
                      for line in orders[number]] for stages in (before, after))  # fmt: skip
    shuffled = sorted(chance.sample(first + second, 2 * len(first)), key=lambda row: row[:4])
    forms = {
        "the latest": second,
        "one after the other": first + second,
        "sorted": sorted(first + second, key=lambda row: row[:4]),
        "sorted backwards": sorted(second + first, key=lambda row: row[:4], reverse=True),
        "sorted and mixed": shuffled,
    }
    folder = tmp_path / f"{seed}-{block}"
    found = {name: _imported(sqlite_template, folder / name, rows, block) for name, rows in forms.items()}
    assert {name: lines for name, lines in found.items() if lines != found["the latest"]} == {}
    assert {number: status for number, status, *_ in found["sorted"]} == {n: STATUSES[after[n]] for n in orders}


def _imported(template: Path, folder: Path, rows: list[str], block: int) -> Counter[tuple[str, ...]]:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, folder / "shop.db")
    engine = open_engine(f"sqlite:///{folder / 'shop.db'}")
    with transaction(engine) as session:
        make_shop(session, "tea", at=NOW)
    with pytest.MonkeyPatch.context() as patch:
        in_small_pieces(patch, block)
        (folder / "orders.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        import_file(engine, "tea", "orders", folder / "orders.csv", now=NOW, files=FileStore(folder / "files"))
    with transaction(engine) as session:
        counted = Counter(tuple(map(str, row)) for row in session.connection().execute(text(FOUND)))
    engine.dispose()
    return counted


KEPT = "order_id,buyer_id,placed_at,sku,quantity,amount,"


@pytest.mark.parametrize(
    ("header", "rows", "lines", "amount", "status"),
    [
        ("status,updated_at", ["CUP,1,10,paid,2026-03-06", "CUP,1,10,paid,2026-03-07"], 1, 1000, "paid"),
        ("status,updated_at", ["CUP,1,10,refunded,2026-03-06", "CUP,1,10,paid,2026-03-07"], 1, 1000, "paid"),
        ("status", ["CUP,2,20,unpaid", "POT,1,30,paid", "POT,1,30,unpaid", "CUP,2,20,paid"], 2, 5000, "paid"),
        # One of two of a sort went back.
        ("status", ["CUP,1,10,paid", "CUP,1,10,refunded"], 2, 2000, "paid"),
        ("status,refunded", ["CUP,1,10,paid,", "CUP,1,10,paid,4"], 2, 2000, "paid"),
        ("status,refund_status", ["CUP,1,10,paid,无售后", "CUP,1,10,paid,退款成功"], 2, 2000, "paid"),
        # Real lines: other lines in each state, another colour, the order's total, two parcels, two times of one line.
        ("status", ["CUP,1,10,paid", "POT,1,30,refunded"], 2, 4000, "paid"),
        ("status", ["CUP,1,10,paid", "CUP,1,10,refunded", "POT,1,30,paid"], 3, 5000, "paid"),
        ("status,colour", ["CUP,1,10,paid,red", "CUP,1,10,refunded,blue"], 2, 2000, "paid"),
        ("status,order_total", ["CUP,1,10,paid,20", "CUP,1,10,refunded,20"], 2, 2000, "paid"),
        ("status,order_total", ["CUP,1,10,shipped,10", "CUP,1,10,delivered,10"], 1, 1000, "paid"),
        ("status,waybill", ["CUP,1,10,shipped,753000011", "CUP,1,10,delivered,753000022"], 2, 2000, "paid"),
        ("status,paid_at", ["CUP,1,10,paid,2026-03-05 10:00", "CUP,1,10,paid,2026-03-05 10:01"], 2, 2000, "paid"),
        ("status,子订单编号", ["CUP,1,10,paid,11", "CUP,1,10,refunded,12"], 2, 2000, "paid"),
    ],
)
def test_rows_that_differ_in_state_alone_are_states_and_others_are_lines(
    load: Load, ask: Ask, header: str, rows: list[str], lines: int, amount: int, status: str
) -> None:
    report = load("\n".join([KEPT + header, *(f"7,a,2026-03-05,{row}" for row in rows)]))
    assert report.totals["repeats_left_out"] == len(rows) - lines
    assert ask("SELECT count(*), sum(amount) FROM order_lines") == [(lines, amount)]
    assert ask("SELECT amount, status FROM orders") == [(amount, status)]


def test_equal_lines_of_which_one_went_back_are_lines_unless_the_file_has_orders_in_several_states(
    load: Load, ask: Ask
) -> None:
    def rows(number: int, *lines: str) -> list[str]:
        return [f"{number},a,2026-03-05,{line}" for line in lines]

    mug = rows(7, "CUP,1,10,paid", "CUP,1,10,refunded")
    others = rows(8, "CUP,1,10,paid", "POT,1,30,paid")
    report = load("\n".join([KEPT + "status", *mug, *others]))
    assert (report.totals["orders_with_equal_lines"], report.totals["repeats_left_out"]) == (1, 0)
    assert any("taken for lines of their own: 7." in note for note in report.notes)
    assert ask("SELECT amount, refunded, counts FROM orders WHERE external_id = '7'") == [(2000, 1000, 1)]
    twice = rows(8, "CUP,1,10,paid", "CUP,1,10,shipped", "POT,1,30,paid", "POT,1,30,shipped")
    singles = [row for number in range(3) for row in rows(number, "TEA,1,5,paid", "TEA,1,5,shipped")]
    for source, several in (("whole orders twice", [*mug, *twice]), ("single rows twice", [*mug, *singles])):
        report = load("\n".join([KEPT + "status", *several]), source=source)
        assert "orders_with_equal_lines" not in report.totals
        found = ask(f"SELECT amount, status FROM orders WHERE external_id = '7' AND source = '{source}'")
        assert found == [(1000, "returned")]
    apart = load("\n".join([KEPT + "status", mug[0], *others, mug[1]]), source="one export after the other")
    assert apart.totals["repeats_left_out"] == 1
