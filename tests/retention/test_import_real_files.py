"""The real order files and the figures known of them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from retention.database import transaction
from retention.ingest import ImportOptions, import_file
from retention.metrics import repeat_report
from retention.shops import find_shop
from tests.retention.makers import NOW, Load

REAL = [
    ("cn_shop_orders.csv", "taobao", {}, (25420, 27793, "3511305.00", 2053, 0.08076, 57)),
    ("cn_shop_orders.xlsx", "taobao", {}, (25420, 27793, "3511305.00", 2053, 0.08076, 57)),
    ("cdnow_master.csv", "generic", {}, (23570, 69659, "2500315.63", 11662, 0.49478, 34)),
    ("cdnow_sample.csv", "generic", {"buyer_id": "master_id"}, (2357, 6919, "244091.94", 1152, 0.48876, 34)),
]


@pytest.mark.data
@pytest.mark.parametrize(("name", "preset", "mapping", "figures"), REAL)
def test_real_files_give_their_known_figures(
    shop_engine: Engine,
    data_folder: Path,
    tmp_path: Path,
    name: str,
    preset: str,
    mapping: dict[str, str],
    figures: Any,
) -> None:
    path = Path(shutil.copyfile(data_folder / name, tmp_path / name))
    options = ImportOptions(preset=preset, mapping=mapping)
    report = import_file(shop_engine, "tea", "orders", path, options=options, now=NOW)
    assert (report.rejected, report.rejects_path) == (0, None)
    with transaction(shop_engine) as session:
        known = repeat_report(session, find_shop(session, "tea")).as_json()
        assert tuple(known.values()) == (*figures, 0, "0.00")
    assert import_file(shop_engine, "tea", "orders", path, options=options, now=NOW).changed == 0


@pytest.mark.data
def test_real_workbook_after_the_same_text_file_changes_nothing(load: Load, data_folder: Path) -> None:
    for name, changed in (("cn_shop_orders.csv", 28833), ("cn_shop_orders.xlsx", 0)):
        report = load((data_folder / name).read_bytes(), name=name, preset="taobao")
        assert (report.changed, report.changed + report.unchanged) == (changed, 28833)


@pytest.mark.data
def test_real_report_without_buyers_adds_up(shop_engine: Engine, data_folder: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(data_folder / "tmall_order_report.gbk.csv", tmp_path / "tmall.csv"))
    totals = import_file(shop_engine, "tea", "orders", path, options=ImportOptions(preset="taobao"), now=NOW).totals
    assert totals | {"lines": 0} == {
        "orders": 28010,
        "paid_orders": 24087,
        "paid": "1902487.15",
        "refunded_orders": 5646,
        "refunded": "572335.92",
        "wholly_refunded_orders": 5132,
        "counted_orders": 18955,
        "revenue": "1902487.15",
        "returns": 0,
        "orders_without_buyer": 28010,
        "buyers": 0,
        "first_day": "2020-02-01",
        "last_day": "2020-03-01",
        "new_buyers": 0,
        "changed_buyers": 0,
        "new_parcels": 0,
        "lines": 0,
        "repeats_kept": 0,
        "repeats_left_out": 0,
    }
