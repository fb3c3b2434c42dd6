"""Waybills: one parcel is found under what its label says and under what a platform wrote around that."""

import pytest

from retention.waybills import plain_waybill, spellings
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
