"""The cases from the field, as they were filed: small files in the shapes that shop systems and spreadsheets leave."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from retention.database import transaction
from retention.ingest import ImportOptions, ImportReport, import_file
from tests.factories import make_shop
from tests.retention.makers import NOW, Ask

pytestmark = pytest.mark.data


@pytest.fixture
def cases(data_folder: Path) -> Path:
    folder = data_folder / "field-cases"
    if not folder.is_dir():
        pytest.skip("the cases from the field are not here")
    return folder


def take(
    engine: Engine, path: Path, scratch: Path, *, kind: str = "orders", shop: str = "tea", **said: str
) -> ImportReport:
    copy = scratch / path.name
    copy.write_bytes(path.read_bytes())
    return import_file(engine, shop, kind, copy, options=ImportOptions(**said), now=NOW)  # type: ignore[arg-type]


def test_case_07_decimal_comma(shop_engine: Engine, cases: Path, tmp_path: Path, ask: Ask) -> None:
    with transaction(shop_engine) as session:
        make_shop(session, "eu", name="EU", timezone="Europe/Berlin", currency="EUR", at=NOW)
    assert take(shop_engine, cases / "07-decimal-comma.csv", tmp_path, shop="eu").rejected == 0
    amounts = [row[0] for row in ask("SELECT amount FROM orders ORDER BY external_id")]
    assert amounts == [1250, 123456, 420, 123450, 1250, 99]


def test_case_09_formulas_around_numbers(shop_engine: Engine, cases: Path, tmp_path: Path, ask: Ask) -> None:
    for name in ("09a-taobao-as-downloaded.csv", "09b-taobao-saved-again.csv"):
        assert take(shop_engine, cases / name, tmp_path, preset="taobao").rejected == 0
    assert ask("SELECT external_id FROM orders") == [("1234567890123456781",)]
    assert ask("SELECT phone FROM buyers") == [("13800000001",)]
    assert ask("SELECT waybill FROM parcels") == [("75300001",)]


def test_case_11_rounded_numbers(shop_engine: Engine, cases: Path, tmp_path: Path) -> None:
    report = take(shop_engine, cases / "11-rounded.csv", tmp_path)
    assert (report.accepted, report.rejected) == (0, 3)


def test_case_23_dates_of_the_trade(shop_engine: Engine, cases: Path, tmp_path: Path, ask: Ask) -> None:
    report = take(shop_engine, cases / "23-dates.csv", tmp_path, dates="mdy")
    assert (report.accepted, report.rejected) == (10, 1)
    assert [str(row[0])[11:16] for row in ask("SELECT ordered_at FROM orders WHERE external_id = '0'")] == ["07:05"]


def test_case_33_phones_of_a_spreadsheet(shop_engine: Engine, cases: Path, tmp_path: Path, ask: Ask) -> None:
    take(shop_engine, cases / "33-phones.csv", tmp_path, kind="buyers")
    keys: dict[str, str] = dict(ask("SELECT external_id, phone_key FROM buyers WHERE phone_key LIKE '+%'"))
    assert keys == {**dict.fromkeys("abc", "+8613800000001"), "g": "+8613800000011"}
