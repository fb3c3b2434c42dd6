"""What a file says again, in another order, in parts: the lines of a shop are the same."""

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from retention.database import open_engine, transaction
from retention.files import FileStore
from retention.ingest import import_file, understand_file
from tests.factories import make_shop
from tests.retention.makers import NOW, Ask, Load, in_small_pieces

HEADER = "order_id,buyer_id,paid_at,sku,quantity,unit_price"
LINES = "SELECT external_id, sku, quantity, l.amount, o.amount FROM order_lines l JOIN orders o ON o.id = order_id"


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), block=st.sampled_from([300, 100_000]))
def test_file_said_again_in_any_form_gives_the_same_lines(
    sqlite_template: Path, tmp_path: Path, seed: int, block: int
) -> None:
    chance = random.Random(seed)
    articles = ("CUP,1,10", "CUP,1,10", "POT,1,30", "TEA,2,5")
    orders = [
        [f"{number},b{number % 3},2026-03-0{1 + number % 9},{chance.choice(articles)}" for _ in range(size)]
        for number, size in enumerate(chance.choice((1, 1, 2, 3, 4)) for _ in range(9))
    ]
    flat = [row for order in orders for row in order]
    border = sum(map(len, orders[:4]))
    forms = {
        "once": [flat],
        "doubled": [flat * 2],
        "tripled": [flat * 3],
        "overlapping": [flat + flat[border:]],
        "each row twice": [[row for row in flat for _ in range(2)]],
        "again backwards": [flat, flat[::-1]],
    }
    if not any(_repeats_whole(order) for order in orders):
        forms["split"] = [flat[:border], flat[border:]]
    found = {name: _lines(sqlite_template, tmp_path / f"{seed}-{block}-{name}", *files, block=block)
             for name, files in ((name, (files,)) for name, files in forms.items())}  # fmt: skip
    assert {name: lines for name, lines in found.items() if lines != found["once"]} == {}


def _repeats_whole(order: list[str]) -> bool:
    counts = Counter(order)
    return len(counts) > 1 and all(count % 2 == 0 for count in counts.values())


def _lines(template: Path, folder: Path, files: list[list[str]], *, block: int) -> Counter[tuple[str, ...]]:
    folder.mkdir(exist_ok=True)
    shutil.copy(template, folder / "shop.db")
    engine = open_engine(f"sqlite:///{folder / 'shop.db'}")
    with transaction(engine) as session:
        make_shop(session, "tea", at=NOW)
    with pytest.MonkeyPatch.context() as patch:
        in_small_pieces(patch, block)
        for number, lines in enumerate(files):
            path = folder / f"{number}.csv"
            path.write_text("\n".join([HEADER, *lines]) + "\n")
            import_file(engine, "tea", "orders", path, now=NOW, files=FileStore(folder / "files"))
    with transaction(engine) as session:
        counted = Counter(tuple(map(str, row)) for row in session.connection().execute(text(LINES)))
    engine.dispose()
    return counted


def test_lines_added_a_second_time_change_nothing(load: Load, ask: Ask) -> None:
    parts = [f"{HEADER}\n2,b,2026-03-05,{line}\n" for line in ("CUP,1,10", "POT,1,30")]
    load(parts[0], name="a.csv")
    for changed in (1, 0):
        assert load(parts[1], name="b.csv", add_lines=True).changed == changed
        assert load(parts[0], name="a.csv", add_lines=True).changed == 0
        assert sorted(ask("SELECT sku, amount FROM order_lines")) == [("CUP", 1000), ("POT", 3000)]


LIST = (
    "订单编号,买家会员名,买家应付邮费,买家实付金额,订单状态,订单付款时间,宝贝标题,宝贝总数量,退款金额\n"
    '1,ada,5,45,交易成功,2026-03-05 10:00:00,"杯子,茶壶",2,0\n'
    '2,ada,0,30,交易成功,2026-03-06 10:00:00,"杯子,茶壶",2,10\n'
)
ARTICLES = (
    "子订单编号,主订单编号,商品标题,商品价格,购买数量,外部系统编号,商品属性,套餐信息,买家实付金额,订单状态,退款状态,退款金额,订单付款时间\n"
    "11,1,杯子,10,1,CUP,,,10,交易成功,没有申请退款,0,2026-03-05 10:00:00\n"
    "12,1,茶壶,30,1,POT,,,30,交易成功,没有申请退款,0,2026-03-05 10:00:00\n"
    "21,2,杯子,10,1,CUP,,,10,交易关闭,退款成功,10,2026-03-06 10:00:00\n"
    "22,2,茶壶,30,1,POT,,,30,交易成功,没有申请退款,0,2026-03-06 10:00:00\n"
)


@pytest.mark.parametrize("times", [True, False], ids=["with times", "without times"])
@pytest.mark.parametrize("turns", ["LALA", "ALAL", "LALAA"])
def test_articles_tell_what_was_bought_and_the_list_what_it_came_to(
    load: Load, ask: Ask, turns: str, *, times: bool
) -> None:
    """Taobao's 宝贝报表 beside its list of orders, whichever comes first, and each of them again."""
    articles = ARTICLES if times else "\n".join(line.rpartition(",")[0] for line in ARTICLES.splitlines())
    changed = [load(LIST if turn == "L" else articles, name=f"{turn}.csv").changed for turn in turns]
    if times or turns[0] == "L":
        assert changed[2:] == [0] * len(changed[2:])
        assert ask("SELECT external_id, amount, refunded, items FROM orders ORDER BY 1") == [
            ("1", 4500, 0, 2), ("2", 4000, 1000, 2)
        ]  # fmt: skip
    assert ask("SELECT sku, amount, refunded FROM order_lines ORDER BY amount, refunded, order_id") == [
        ("CUP", 1000, 0), ("CUP", 1000, 1000), ("POT", 3000, 0), ("POT", 3000, 0)
    ]  # fmt: skip


def test_articles_of_an_order_may_come_in_several_reports(load: Load, ask: Ask) -> None:
    load(LIST)
    header, *lines = ARTICLES.splitlines()
    for line in lines:
        load(f"{header}\n{line}\n", name="items.csv")
    assert ask("SELECT external_id, amount, refunded, status FROM orders ORDER BY 1") == [
        ("1", 4500, 0, "paid"), ("2", 4000, 1000, "paid")
    ]  # fmt: skip
    assert ask("SELECT sku FROM order_lines ORDER BY sku") == [("CUP",), ("CUP",), ("POT",), ("POT",)]


@pytest.mark.parametrize(
    ("column", "cells", "of_order", "of_lines"),
    [
        ("refunded", ["10", "0"], 1000, [1000, 0]),  # each line says its own
        ("refunded", ["0", "-12.5"], 1250, [0, 1250]),
        ("refunded", ["15", ""], 1500, [0, 0]),  # the first line says the order's
        ("refunded", ["5", ""], 500, [0, 0]),
        ("status", ["交易成功", "交易关闭"], 3000, [0, 3000]),
        ("售后状态", ["退款成功", "无售后"], 1000, [1000, 0]),
        ("售后状态", ["退款成功", "退款成功"], 4000, [1000, 3000]),
        ("refund_status", ["partially_refunded", "none"], 0, [0, 0]),
    ],
)
def test_refund_belongs_to_the_line_where_the_file_says_so(
    load: Load, ask: Ask, column: str, cells: list[str], of_order: int, of_lines: list[int]
) -> None:
    lines = zip(("CUP,1,10", "POT,1,30"), cells, strict=True)
    load("\n".join([f"{HEADER},{column}", *(f"1,b,2026-03-05,{line},{cell}" for line, cell in lines)]))
    assert ask("SELECT refunded, counts FROM orders") == [(of_order, of_order < 4000)]
    assert ask("SELECT refunded FROM order_lines ORDER BY number") == [(each,) for each in of_lines]


@pytest.mark.parametrize("column", ["status", "refund_status"])
def test_part_refund_is_told_where_no_amount_says_how_much(load: Load, ask: Ask, column: str) -> None:
    told = (
        "部分退款", "部分退款成功", "部分退货退款", "Partially_Refunded", "partial refund", "wc-partially-refunded",
        "Teilweise erstattet", "Partiellement remboursée", "Parcialmente reembolsado", "Parzialmente rimborsato",
        "一部返金", "Refunded in part",
    )  # fmt: skip
    silent = {"部分退款中": "", "部分退款失败": "", "partial refund requested": "", "部分退款": "2.5"}
    cells = [*((word, "") for word in told), *silent.items()]
    rows = [f"{number},b{number},2026-03-05,10,{word},{back}" for number, (word, back) in enumerate(cells, 1)]
    content = "\n".join([f"order_id,buyer_id,paid_at,amount,{column},refunded", *rows])
    for _ in range(2):  # said again, it is told again
        report = load(content)
        assert (report.rejected, report.totals["orders_refunded_without_amount"]) == (0, len(told))
        notes = [str(note) for note in report.notes if "refunded in part" in str(note)]
        assert [note.split(" were")[0] for note in notes] == [f"{len(told)} orders"]
        assert ": 1, 2, 3, 4, 5, …. Export the refunded amount" in notes[0]
    assert ask("SELECT status, counts, sum(amount), sum(refunded) FROM orders GROUP BY 1, 2") == [
        ("paid", 1, 16000, 250)
    ]
    # Once the amount is known, a later file without it needs no word.
    load("order_id,buyer_id,paid_at,amount,refunded\n1,b1,2026-03-05,10,3\n")
    assert load(content).totals["orders_refunded_without_amount"] == len(told) - 1


def test_part_refund_of_lines_that_went_back_or_of_an_order_that_was_not_paid_needs_no_word(load: Load) -> None:
    head = "order_id,buyer_id,placed_at,amount,quantity,status,refund_status"
    rows = ("1,a,2026-03-05,10,1,paid,部分退款", "1,a,2026-03-05,-4,-1,paid,", "2,b,2026-03-05,10,1,unpaid,部分退款",
            "3,c,2026-03-05,10,1,paid,部分退款", "3,c,2026-03-05,5,1,paid,退款成功")  # fmt: skip
    assert "orders_refunded_without_amount" not in load("\n".join([head, *rows])).totals


@pytest.mark.parametrize("amount", ["1000000000000", "99999999999999999999", "1e13"])
def test_amount_no_shop_has_is_refused_and_never_blank(load: Load, ask: Ask, amount: str) -> None:
    report = load(f"order_id,buyer_id,paid_at,amount\n1,b,2026-03-05,10\n1,b,2026-03-05,{amount}\n")
    assert (report.accepted, report.rejected) == (0, 2)
    assert ask("SELECT count(*) FROM orders") == [(0,)]


@pytest.mark.parametrize("article", ["title", "sku"])
def test_a_file_cut_inside_an_order_is_said_with_the_order_whichever_part_has_more_lines(
    load: Load, shop_engine: Engine, tmp_path: Path, article: str
) -> None:
    head = f"order_id,buyer_id,paid_at,{article},amount\n"
    lines = [f"7,b,2026-03-01,{each},{amount}\n" for each, amount in (("Pot", 20), ("Cup", 10), ("Tea", 5))]
    for cut, sentence in ((2, "1 order arrived with fewer lines"), (1, "The lines of 1 known order were replaced")):
        shop = f"{article}{cut}"
        rows = [line.replace("7,", f"{shop},", 1) for line in lines]
        load(head + "".join(rows[:cut]), name="first.csv")
        (tmp_path / "second.csv").write_text(head + "".join(rows[cut:]))
        seen = understand_file(shop_engine, "tea", "orders", tmp_path / "second.csv", now=NOW)
        report = load(head + "".join(rows[cut:]), name="second.csv")
        for notes in (seen.notes, report.notes):
            assert [note for note in notes if note.startswith(sentence) and shop in note], (cut, notes)
