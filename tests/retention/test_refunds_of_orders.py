"""Whose the refunds of a file are: each line's, or the order's and said again on each of its lines."""

import pytest

from tests.retention.makers import Ask, Load

HEADER = "order_id,buyer_id,paid_at,sku,quantity,amount,{}"
ALIKE = [(1, "CUP", 30, "5"), (1, "POT", 20, "5.00"), (2, "CUP", 40, "10"), (2, "TEA", 12, "10"), (3, "CUP", 30, "0")]
ONE = [ALIKE[0], ALIKE[1], ALIKE[4]]
LINES = [*ONE, (4, "CUP", 30, "8"), (4, "TEA", 12, "0")]
WHOLE = [(1, "CUP", 10, "10"), (1, "POT", 10, "10.00")]
LARGER = [(1, "CUP", 10, "12"), (1, "POT", 30, "12")]


@pytest.mark.parametrize(
    ("column", "rows", "refunded", "said"),
    [
        ("refunded", ALIKE, [500, 1000, 0], "In 2 of 2 orders all lines have the same refund (1, 2). It was taken for"),
        ("refunded", LARGER, [1200], "In 1 of 1 orders all lines have the same refund (1). It was taken for"),
        ("refunded", ONE, [1000, 0], "In 1 of 1 orders all lines have the same refund (1). It may be"),
        ("refunded", WHOLE, [2000], "In 1 of 1 orders all lines have the same refund (1). It may be"),
        ("refunded", LINES, [1000, 0, 800], ""),
        ("line_refunded", ALIKE, [1000, 2000, 0], ""),
        ("商品已退款金额", ALIKE, [1000, 2000, 0], ""),
        ("order_refunded", WHOLE, [1000], ""),
        ("refunded_total", ONE, [500, 0], ""),
    ],
)
def test_refund_alike_on_all_lines_is_the_orders_where_the_file_shows_it_and_else_it_is_said(
    load: Load, ask: Ask, column: str, rows: list[tuple[int, str, int, str]], refunded: list[int], said: str
) -> None:
    lines = [f"{number},b,2026-03-05,{sku},1,{amount},{back}" for number, sku, amount, back in rows]
    report = load("\n".join([HEADER.format(column), *lines]))
    assert ask("SELECT refunded FROM orders ORDER BY external_id") == [(each,) for each in refunded]
    assert [note for note in report.notes if not note.startswith(said)] == []
    assert len(report.notes) == bool(said), report.notes


def test_refund_of_the_order_counts_once_beside_states_of_its_lines(load: Load, ask: Ask) -> None:
    rows = ["1,CUP,10,40,退款成功", "1,POT,30,40,退款成功", "2,CUP,10,5,退款成功", "2,POT,30,5,退款成功"]
    head = "order_id,buyer_id,paid_at,sku,amount,refunded,售后状态"
    load("\n".join([head, *(row.replace(",", ",b,2026-03-05,", 1) for row in rows)]))
    assert ask("SELECT refunded, counts FROM orders ORDER BY external_id") == [(4000, 0), (500, 1)]


def test_refunds_of_lines_add_up_where_only_the_order_has_a_total(load: Load, ask: Ask) -> None:
    rows = ["1,CUP,10,55,4", "1,POT,45,55,6"]
    head = "order_id,buyer_id,paid_at,sku,unit_price,order_total,line_refunded"
    load("\n".join([head, *(row.replace(",", ",b,2026-03-05,", 1) for row in rows)]))
    assert ask("SELECT amount, refunded FROM orders") == [(5500, 1000)]
    assert ask("SELECT refunded FROM order_lines ORDER BY number") == [(400,), (600,)]


@pytest.mark.parametrize(
    ("totals", "refunded", "vague"),
    [
        (["0.00", "25.00", "0.00"], [0, 1000, 0], True),  # 0 stands in each row without a refund
        (["", "25.00", "0.00", ""], [0, 1000, 3500, 0], False),
        (["35.00", "25.00", "0.00", "35.00"], [0, 1000, 3500, 0], False),
    ],
)
def test_total_after_refunds_tells_what_went_back(
    load: Load, ask: Ask, totals: list[str], refunded: list[int], *, vague: bool
) -> None:
    head = (
        "Sale Date,Order ID,Buyer User ID,Number of Items,Currency,Order Value,Shipping,Order Total,Status,Order Net,"
    )
    rows = [f"01/25/24,{n},ann,2,CNY,30.00,5.00,35.00,,34.00,{total}" for n, total in enumerate(totals)]
    report = load("\n".join([head + "Adjusted Order Total", *rows]))
    assert (report.preset, report.rejected) == ("etsy", 0)
    assert ask("SELECT refunded FROM orders ORDER BY external_id") == [(each,) for each in refunded]
    assert any("have 0 in 'Adjusted Order Total'" in note for note in report.notes) == vague


def test_articles_in_columns_of_their_own_are_told(load: Load, ask: Ask) -> None:
    head = (
        "order_id,order_date,paid_date,status,order_total,order_currency,customer_email,wt_import_key,refund_items,"
        "line_item_1,line_item_2,Product Item 1 Name,Product Item 1 SKU,Product Item 1 Quantity,Product Item 2 Name"
    )
    rows = ["1,2026-03-05,2026-03-05,completed,35.00,CNY,a@x.com,1,amount:5.00|reason:,name:Cup,name:Pot,Cup,CUP,2,Pot",
            "2,2026-03-05,2026-03-05,completed,10.00,CNY,b@x.com,2,,name:Cup,,Cup,CUP,1,"]  # fmt: skip
    report = load("\n".join([head, *rows]))
    assert (report.preset, report.totals["paid"], report.totals["refunded"]) == ("woocommerce", "45.00", "5.00")
    assert ask("SELECT sku, quantity FROM order_lines ORDER BY order_id") == [("CUP", 2), ("CUP", 1)]
    told = "1 order has further articles in columns of their own (line_item_2, Product Item 2 Name), which are not read"
    assert [note for note in report.notes if note.startswith(told)]
