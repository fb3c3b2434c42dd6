"""Order files in, through the use case: what lands, what a later file changes, and that twice is once."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from retention.database import transaction
from retention.ingest import import_file
from retention.ingest.orders.order_files import OrderInput, put_orders
from retention.orders import OrderStatus
from retention.shops import find_shop
from tests.factories import make_shop
from tests.retention.counting import order_counts
from tests.retention.makers import NOW, TWO_LINES, Ask, Load


def test_lines_of_one_number_are_one_order(load: Load, ask: Ask) -> None:
    report = load(TWO_LINES)
    assert (report.read, report.accepted, report.rejected, report.changed) == (3, 3, 0, 2)
    assert ask("SELECT external_id, amount, items, coupon_code, country FROM orders ORDER BY 1") == [
        ("A1", 2555, 3, "SPRING", "China"),
        ("A2", 990, 1, "", "Japan"),
    ]
    assert ask("SELECT number, sku, quantity, unit_price, amount FROM order_lines ORDER BY order_id, number") == [
        (1, "TEA-1", 2, 1000, 2000),
        (2, "TEA-2", 1, 555, 555),
        (1, "TEA-1", 1, 1000, 990),
    ]
    assert ask("SELECT external_id, email, country FROM buyers ORDER BY 1") == [
        ("b1", "b1@example.com", "China"),
        ("b2", "", "Japan"),
    ]
    assert ask("SELECT orders, spend, items FROM buyer_facts ORDER BY spend") == [(1, 990, 1), (1, 2555, 3)]


def test_same_file_twice_changes_nothing(load: Load, ask: Ask) -> None:
    load(TWO_LINES)
    tables = ("orders", "order_lines", "buyers", "buyer_facts", "data_versions")
    before = [sorted(ask(f"SELECT * FROM {table}"), key=str) for table in tables]
    again = load(TWO_LINES)
    assert (again.changed, again.unchanged, again.accepted) == (0, 2, 3)
    assert [sorted(ask(f"SELECT * FROM {table}"), key=str) for table in tables] == before


def test_later_file_updates_status_refund_and_lines(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,sku,amount,status\nA1,b1,2026-03-05,X,20,paid\nA2,b1,2026-03-06,Y,30,paid\n")
    report = load(
        "order_id,buyer_id,paid_at,sku,amount,status,refunded\nA1,b1,2026-03-05,X,20,paid,20\nA2,b1,2026-03-06,Z,30,paid,\n"
    )
    assert report.changed == 2
    assert ask("SELECT external_id, refunded, counts FROM orders ORDER BY 1") == [("A1", 2000, 0), ("A2", 0, 1)]
    assert ask("SELECT sku FROM order_lines ORDER BY sku") == [("X",), ("Z",)]
    assert ask("SELECT orders, spend FROM buyer_facts") == [(1, 3000)]
    assert ask("SELECT version FROM data_versions WHERE family = 'orders'") == [(2,)]


def test_empty_cell_changes_nothing_of_what_is_known(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,amount,coupon,city\nA1,b1,2026-03-05,20,SPRING,Hangzhou\n")
    assert load("order_id,buyer_id,paid_at,amount,coupon,city\nA1,,2026-03-05,20,,\n").changed == 0
    assert ask("SELECT coupon_code, city, buyer_id IS NULL FROM orders") == [("SPRING", "Hangzhou", 0)]


def test_order_that_changes_hands_moves_the_aggregates(load: Load, ask: Ask) -> None:
    load("order_id,buyer_id,paid_at,amount\nA1,b1,2026-03-05,20\n")
    load("order_id,buyer_id,paid_at,amount\nA1,b2,2026-03-05,20\n")
    aggregates = "SELECT external_id, orders, spend FROM buyer_facts JOIN buyers ON buyers.id = buyer_id ORDER BY 1"
    assert ask(aggregates) == [("b1", 0, 0), ("b2", 1, 2000)]


def test_rows_without_numbers_are_orders_even_when_equal(load: Load, ask: Ask) -> None:
    content = "customer_id,date,quantity,amount\n7,19970101,1,11.77\n7,19970101,1,11.77\n7,19970102,1,0.00\n"
    assert load(content).changed == 3
    assert load(content).changed == 0
    assert ask("SELECT orders, order_days, spend FROM buyer_facts") == [(3, 2, 2354)]
    assert load(content + "7,19970101,1,11.77\n").changed == 1
    assert ask("SELECT orders FROM buyer_facts") == [(4,)]


def test_negative_quantity_is_a_return_and_counts_nowhere_else(load: Load, ask: Ask) -> None:
    load(
        "order_id,buyer_id,paid_at,quantity,unit_price\n"
        "A1,b1,2026-03-05,2,10\nC1,b1,2026-03-06,-1,10\nA2,b1,2026-03-07,3,10\nA2,b1,2026-03-07,-1,10\n"
    )
    assert ask("SELECT external_id, amount, items, counts, is_return FROM orders ORDER BY 1") == [
        ("A1", 2000, 2, 1, 0),
        ("A2", 2000, 2, 1, 0),
        ("C1", -1000, -1, 0, 1),
    ]
    assert ask("SELECT orders, spend, returns FROM buyer_facts") == [(2, 4000, 1)]


def test_orders_without_a_buyer_are_kept_and_said(load: Load, ask: Ask) -> None:
    report = load("order_id,buyer_id,paid_at,amount\nA1,,2026-03-05,5\nA2,b1,2026-03-05,7\n")
    assert report.totals["orders_without_buyer"] == 1
    assert report.totals["revenue"] == "12.00"
    assert ask("SELECT count(*) FROM buyer_facts") == [(1,)]


def test_place_of_a_buyer_is_that_of_the_latest_paid_order(load: Load, ask: Ask) -> None:
    load(
        "order_id,buyer_id,paid_at,placed_at,status,amount,country,city\n"
        "A1,b1,2026-03-01,2026-03-01,paid,1,China,Hangzhou\n"
        "A2,b1,2026-03-09,2026-03-09,paid,1,Japan,Osaka\n"
        "A3,b1,,2026-03-10,placed,1,France,Paris\n"
        "A4,b1,2026-03-05,2026-03-05,paid,1,Korea,Seoul\n"
    )
    assert ask("SELECT country, city FROM buyers") == [("Japan", "Osaka")]
    load("order_id,buyer_id,paid_at,amount,country,city\nA0,b1,2026-02-01,1,Peru,Lima\n")
    assert ask("SELECT country, city FROM buyers") == [("Japan", "Osaka")]
    load("order_id,buyer_id,paid_at,amount,country,city\nA9,b1,2026-04-01,1,Peru,Lima\n")
    assert ask("SELECT country, city FROM buyers") == [("Peru", "Lima")]


def test_waybills_become_parcels_that_wait_or_have_left(load: Load, ask: Ask) -> None:
    content = (
        "order_id,buyer_id,paid_at,amount,status,waybill\n"
        "A1,b1,2026-11-20 10:00,1,买家已付款等待卖家发货,SF1\nA2,b1,2026-11-20 10:00,1,卖家已发货等待买家确认,SF2\n"
        "A3,b1,2026-03-05,1,,SF3\n"
    )
    assert load(content).totals["new_parcels"] == 3
    assert ask("SELECT waybill, ship_day, shipped_at IS NULL FROM parcels ORDER BY 1") == [
        ("SF1", 20778, 1),
        ("SF2", 20777, 0),
        ("SF3", 20517, 0),
    ]
    assert load(content).changed == 0


def test_order_level_exports_state_totals_once(load: Load, ask: Ask) -> None:
    content = (
        "Name,Email,Financial Status,Paid at,Created at,Total,Shipping,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Refunded Amount,Discount Code\n"
        "#1001,a@example.com,paid,2026-03-05 10:00:00 +0800,2026-03-05 09:59:00 +0800,25.00,5.00,"
        "2,Tea,8.00,T-1,3.00,SPRING\n"
        "#1001,a@example.com,,,2026-03-05 09:59:00 +0800,,,1,Cup,4.00,C-1,,\n"
    )
    load(content, preset="shopify")
    assert ask("SELECT source, external_id, amount, refunded, postage, items, coupon_code FROM orders") == [
        ("shopify", "#1001", 2500, 300, 500, 3, "SPRING")
    ]
    assert ask("SELECT title, amount FROM order_lines ORDER BY number") == [("Tea", 1600), ("Cup", 400)]


def test_orders_from_a_program_share_the_merge_of_a_file(shop_engine: Engine, load: Load, ask: Ask) -> None:
    lines = [
        OrderInput("A1", buyer_id="b1", paid_at=NOW, sku="X", quantity=2, unit_price=Decimal("9.95"), coupon="C"),
        OrderInput("A1", sku="Y", amount=Decimal(5)),
        OrderInput("A2", buyer_id="b1", amount=Decimal(-1), paid_at=NOW),
    ]
    for changed in (1, 0):
        with transaction(shop_engine) as session:
            counts, refused = put_orders(session, find_shop(session, "tea"), lines, source="api", now=NOW)
        assert (counts.changed, [each.line for each in refused]) == (changed, [3])
    assert ask("SELECT source, amount, items, coupon_code FROM orders") == [("api", 2490, 3, "C")]


def test_two_shops_may_have_the_same_numbers(shop_engine: Engine, load: Load, ask: Ask, tmp_path: Path) -> None:
    with transaction(shop_engine) as session:
        make_shop(session, "cup", timezone="Europe/Berlin", currency="EUR", at=NOW)
    load(TWO_LINES)
    import_file(shop_engine, "cup", "orders", tmp_path / "orders.csv", now=NOW)
    assert ask("SELECT shop_id, count(*), sum(spend) FROM buyer_facts GROUP BY shop_id ORDER BY 1") == [
        (1, 2, 3545),
        (2, 2, 3545),
    ]


@pytest.mark.parametrize("status", list(OrderStatus))
@pytest.mark.parametrize("money", [(10, 0), (10, 9), (10, 10), (0, 0), (0, 5)])
@pytest.mark.parametrize("returned", [False, True])
def test_rows_count_by_the_same_rule_as_values(
    load: Load, ask: Ask, status: OrderStatus, money: tuple[int, int], *, returned: bool
) -> None:
    amount, refunded = money
    quantity = -1 if returned else 1
    load(
        "order_id,buyer_id,placed_at,status,quantity,amount,refunded\n"
        f"A1,b1,2026-03-05,{status.value},{quantity},{amount},{refunded}\n"
    )
    signed = -amount * 100 if returned else amount * 100
    expected = order_counts(status, amount=signed, refunded=refunded * 100, is_return=returned)
    assert ask("SELECT counts FROM orders") == [(expected,)]
