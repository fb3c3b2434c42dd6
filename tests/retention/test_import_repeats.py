"""Equal lines of an order: real ones stay, those of a file that says its orders again do not."""

from collections import Counter
from itertools import chain

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.ingest.orders.repeats import CONTENT, Stretches, without_repeats
from tests.retention.makers import Ask, Load

HEADER = "order_id,buyer_id,paid_at,sku,quantity,unit_price"
LINES = "SELECT o.external_id, l.sku, count(*) FROM order_lines l JOIN orders o ON o.id = l.order_id GROUP BY 1, 2"

Order = tuple[str, ...]
orders = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(tuple), min_size=1, max_size=6)


def rows_of(shop: list[Order]) -> list[tuple[str, str]]:
    return [(str(number), sku) for number, order in enumerate(shop) for sku in order]


def real(rows: list[tuple[str, str]], *, factor: int = 1, total: int | None = None) -> Counter[tuple[str, str]]:
    """Return how often each line of the rows (order, article) is real."""
    empty = dict.fromkeys((*CONTENT, "state", "refund_state", "refunded", "updated_at", "order_discount", "postage"))
    frame = pl.DataFrame(
        [{**empty, "key": key, "sku": sku, "quantity": 1, "line_amount": 100, "line": place, "order_total": total}
         for place, (key, sku) in enumerate(rows)],
        schema_overrides={"order_total": pl.Int64, "updated_at": pl.Datetime("us", "UTC"), "line_amount": pl.Int64,
                          **dict.fromkeys(("state", "refund_state"), pl.Int8),
                          **dict.fromkeys(("refunded", "order_discount", "postage"), pl.Int64)},
    )  # fmt: skip
    raw = frame.select("key", "sku").hash_rows()
    frame = frame.with_columns(stretch=Stretches().number(frame["key"]), raw=raw)
    found = without_repeats(frame, factor=factor, divides=True, line_ids=False).rows
    return Counter(found.select("key", "sku").rows())


@settings(deadline=None)
@given(orders)
def test_file_said_again_has_the_lines_of_the_file_said_once(shop: list[Order]) -> None:
    once = rows_of(shop)
    known = real(once)
    assert real(once[::-1]) == known
    if len(shop) > 1:  # of one order alone nobody can tell where the file begins again
        for again in (
            once * 2,
            once * 3,
            (once * 2)[::-1],
            once + once[: len(once) // 2],
            once[len(once) // 2 :] + once,
        ):
            assert real(again) == known


@settings(deadline=None)
@given(orders, st.integers(2, 4))
def test_order_of_several_articles_each_row_of_which_stands_k_times_stands_once(shop: list[Order], k: int) -> None:
    shop = [tuple(dict.fromkeys(order)) for order in shop]
    repeated = [row for row in rows_of(shop) for _ in range(k)]
    several = {str(number) for number, order in enumerate(shop) if len(order) > 1}
    assert real(repeated) == Counter({(key, sku): 1 if key in several else k for key, sku in set(rows_of(shop))})
    assert real(repeated, factor=k) == Counter(set(rows_of(shop)))


@pytest.mark.parametrize(
    ("rows", "total", "expected"),
    [
        (["a", "a"], 200, {"a": 2}),
        (["a", "a"], 100, {"a": 1}),
        (["a", "a", "b", "b"], 400, {"a": 2, "b": 2}),
        (["a", "a", "b", "b"], 200, {"a": 1, "b": 1}),
        (["a", "a", "b", "b"], 999, {"a": 1, "b": 1}),
        (["a", "a", "b"], 300, {"a": 2, "b": 1}),
    ],
)
def test_stated_total_decides_where_it_fits_one_reading(rows: list[str], total: int, expected: dict[str, int]) -> None:
    assert real([("1", sku) for sku in rows], total=total) == {("1", sku): n for sku, n in expected.items()}


def test_repeats_in_a_file_are_counted_kept_and_left_out(load: Load, ask: Ask) -> None:
    first = ["1,a,2026-01-02,CUP,1,10", "1,a,2026-01-02,CUP,1,10", "1,a,2026-01-02,POT,1,30", "2,b,2026-01-02,CUP,1,10"]
    report = load("\n".join([HEADER, *first, *first]))
    assert (report.accepted, report.rejected) == (8, 0)
    assert (report.totals["repeats_kept"], report.totals["repeats_left_out"]) == (1, 4)
    assert sorted(ask(LINES)) == [("1", "CUP", 2), ("1", "POT", 1), ("2", "CUP", 1)]
    assert load("\n".join([HEADER, *first])).changed == 0


def test_orders_of_one_row_are_divided_where_the_others_repeat_whole(load: Load, ask: Ask) -> None:
    doubled = ["1,a,2026-01-02,CUP,1,10"] * 2 + ["1,a,2026-01-02,POT,1,10"] * 2 + ["2,b,2026-01-02,CUP,1,10"] * 2
    load("\n".join([HEADER, *doubled]))
    assert sorted(ask(LINES)) == [("1", "CUP", 1), ("1", "POT", 1), ("2", "CUP", 1)]
    load("\n".join([HEADER, *["3,b,2026-01-02,CUP,1,10"] * 2]), name="alone.csv")
    assert ("3", "CUP", 2) in ask(LINES)


def test_number_of_a_line_says_which_lines_are_one(load: Load, ask: Ask) -> None:
    rows = [f"1,a,2026-01-02,CUP,1,10,{number}" for number in (11, 12, 12)]
    report = load("\n".join([f"{HEADER},子订单编号", *rows]))
    assert (report.totals["repeats_left_out"], report.totals["lines"]) == (1, 2)
    assert sorted(ask("SELECT line_id FROM order_lines")) == [("11",), ("12",)]


def test_two_rows_that_differ_in_a_column_nobody_reads_are_two(load: Load, ask: Ask) -> None:
    rows = [f"1,a,2026-01-02,{sku},1,10,{colour}" for sku in ("CUP", "POT") for colour in ("red", "blue")]
    load("\n".join([f"{HEADER},colour", *rows]))
    assert sorted(ask(LINES)) == [("1", "CUP", 2), ("1", "POT", 2)]


def test_later_export_in_the_same_file_knows_the_newer_state(load: Load, ask: Ask) -> None:
    header = "order_id,buyer_id,paid_at,sku,quantity,unit_price,status"
    rows = list(chain(*([f"{n},a,2026-01-02,CUP,1,10,{state}" for n in (1, 2)] for state in ("unpaid", "paid"))))
    load("\n".join([header, *rows]))
    assert ask("SELECT external_id, status, amount FROM orders ORDER BY 1") == [
        ("1", "paid", 1000),
        ("2", "paid", 1000),
    ]


def test_export_followed_by_itself_from_its_end_is_one_export(load: Load, ask: Ask) -> None:
    rows = ["1,a,2026-03-05,CUP,10", "1,a,2026-03-05,POT,30", "2,b,2026-03-05,TEA,5", "3,c,2026-03-05,TEA,5"]
    report = load("\n".join(["order_id,buyer_id,paid_at,sku,amount", *rows, *rows[::-1]]))
    assert (report.totals["repeats_kept"], report.totals["repeats_left_out"]) == (0, 4)
    assert ask("SELECT external_id, amount FROM orders ORDER BY external_id") == [("1", 4000), ("2", 500), ("3", 500)]
    # Lines of another order around two of a sort are no sign of that.
    load("order_id,buyer_id,paid_at,sku,amount\n7,a,2026-03-05,CUP,10\n8,b,2026-03-05,TEA,5\n8,b,2026-03-05,TEA,5\n"
         "7,a,2026-03-05,POT,30\n")  # fmt: skip
    assert ask("SELECT amount FROM orders WHERE external_id = '8'") == [(1000,)]
