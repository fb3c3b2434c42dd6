"""Waybills: one parcel is found under what its label says and under what a platform wrote around that."""

import pytest

from retention.waybills import plain_waybill, spellings, waybills_in
from tests.retention.makers import Ask, Load

WRITTEN = [
    *((text, "75300001") for text in (
        "75300001", "No:75300001", "no：75300001", " NO: 75300001 ", "运单号：75300001", "单号:75300001",
        "中通快递75300001", "中通快递:75300001", "中通快递，75300001", "ZTO Express: 75300001", "75300001,75300002",
        "75300001-中通快递,10001-1", "75300001(中通快递)",
    )),
    ("SF1234567890123-顺丰速运", "SF1234567890123"), ("顺丰速运 SF1234567890123", "SF1234567890123"),
    ("JDVA00012345678-1-1-", "JDVA00012345678"), ("JDVA00012345678", "JDVA00012345678"),
    ("1Z-999-AA1", "1Z-999-AA1"), ("1.38E+10", "1.38E+10"), ("自提", "自提"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "plain"), WRITTEN)
def test_a_waybill_is_read_as_its_label_has_it(written: str, plain: str) -> None:
    assert plain_waybill(written) == plain == plain_waybill(plain)
    assert plain in spellings(written)


def test_orders_and_parcels_name_one_parcel_however_the_waybill_is_written(load: Load, ask: Ask) -> None:
    orders = "order_id,buyer_id,paid_at,amount,waybill\n1,a,2026-03-05,1.00,{}\n"
    for waybill in ("No:75300001", "75300001", "中通快递:75300001"):
        load(orders.format(waybill))
        load(f"waybill,buyer_id\n{waybill},a\n", name="parcels.csv", kind="parcels")
    assert ask("SELECT waybill FROM parcels") == [("75300001",)]


SEVERAL = [
    ("SF123;SF456", "SF123 SF456"), ("SF123 / YT456", "SF123 YT456"), ("SF123\nSF456", "SF123 SF456"),
    ("SF123、SF456", "SF123 SF456"), ("SF123，SF456", "SF123 SF456"), ("SF123 & SF456", "SF123 SF456"),
    ("SF123|SF456;", "SF123 SF456"), ("No:75300001;No:75300002", "75300001 75300002"),
    ("顺丰:SF123456,圆通:YT123456", "SF123456 YT123456"), ("SF123456(顺丰)；YT1234(圆通)", "SF123456 YT1234"),
    ("JDVA00012345678-1-1-,JDVA00012345679-1-1-", "JDVA00012345678 JDVA00012345679"),
    ("1Z-999-AA1;1Z-999-AA2", "1Z-999-AA1 1Z-999-AA2"), ("SF1234567890 YT1234567890", "SF1234567890 YT1234567890"),
    ("SF123;SF123", "SF123"), ("75300001-中通快递,10001-1", "75300001"),
    ("1Z 999 AA1 0123 4567 84", "1Z999AA10123456784"), ("1.38234E+15", "1.38234E+15"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "named"), SEVERAL)
def test_each_waybill_of_a_cell_is_a_parcel(written: str, named: str) -> None:
    assert waybills_in(written) == named.split()


def test_parcels_of_one_cell_belong_to_its_order_in_files_of_orders_and_of_parcels(load: Load, ask: Ask) -> None:
    head, row = "order_id,buyer_id,paid_at,amount,waybill\n", "1,a,2026-03-05,1.00,SF123 / YT456\n"
    parcels = "SELECT p.waybill, o.external_id FROM parcels AS p JOIN orders AS o ON o.id = p.order_id ORDER BY 1"
    report = load(head + row + "2,b,2026-03-05,1.00,SF789\n")
    assert (report.accepted, report.totals["new_parcels"]) == (2, 3)
    assert ask(parcels) == [("SF123", "1"), ("SF789", "2"), ("YT456", "1")]
    assert load(head + row).totals["new_parcels"] == 0
    sent = load("waybill,order_id\nSF123;ZTO1,1\nZTO2,2\n", name="parcels.csv", kind="parcels")
    assert (sent.accepted, sent.totals["parcels"], sent.totals["new_parcels"]) == (2, 3, 2)
    assert ask(parcels)[-2:] == [("ZTO1", "1"), ("ZTO2", "2")]
    long = load(head + f"3,c,2026-03-05,1.00,SF1;{'9' * 65}\n")
    assert long.rejected == 1
