"""A day and a time of day in two columns beside each other: a sale at half past midnight is one of that day."""

import polars as pl
import pytest

from retention.ingest.cells.day_and_time import day_with_time
from retention.ingest.columns import find_export, map_columns
from tests.retention.makers import Ask, Load

PAIRS = (
    ("date", "time"), ("Sale Date", "Sale Time"), ("Order date", "Order time"), ("Order Date", "Time"),
    ("Transaction Date", "Transaction Time"), ("Datum", "Uhrzeit"), ("Bestelldatum", "Bestelluhrzeit"),
    ("Fecha", "Hora"), ("Fecha de pedido", "Hora de pedido"), ("Date", "Heure"), ("Data", "Ora"), ("Datum", "Tijd"),
    ("Data", "Godzina"), ("Дата", "Время"), ("日期", "时间"), ("付款日期", "付款时间"), ("下单日期", "下单时间"),
    ("日付", "時刻"), ("날짜", "시간"),
)  # fmt: skip


@pytest.mark.parametrize(("day", "time"), PAIRS)
def test_columns_of_day_and_time_are_one_moment(day: str, time: str) -> None:
    for header in (["order_id", day, time, "amount"], ["amount", day, time, "order_id", "Ship Date"]):
        export = find_export("orders", header).export
        found = map_columns("orders", header, export, {})
        assert [found.sources[name] for name in ("paid_at", "placed_at") if name in found] == [((day, time),)]
        assert found.spelled[next(name for name in ("paid_at", "placed_at") if name in found)] == f"{day} + {time}"


def test_a_column_of_times_that_belongs_to_no_day_stays_aside() -> None:
    for header in (
        ["order_id", "paid_at", "amount", "time"],
        ["order_id", "date", "Delivery Time", "amount"],
        ["time", "order_id", "Order Date", "amount"],
    ):
        found = map_columns("orders", header, find_export("orders", header).export, {})
        assert len(found.sources["paid_at"][0]) == 1, header


MOMENTS = (
    ("2026-03-05", "00:30", "2026-03-05 00:30"), ("2026-03-05 00:00:00", "0:30:15", "2026-03-05 0:30:15"),
    ("3/5/2026 12:00:00 AM", "2:30 PM", "3/5/2026 2:30 PM"), ("46086", "0.604166667", "46086.604166667"),
    ("46086", "14:30", "46086.604166667"), ("05.03.2026", "14.30", "05.03.2026 14:30"),
    ("2026-03-05", "下午2:30", "2026-03-05 下午2:30"), ("2026-03-05", "1899-12-30 14:30:00", "2026-03-05 14:30:00"),
    ("2026-03-05", "1900-01-00 14:30", "2026-03-05 14:30"), ("2026-03-05", "930", "2026-03-05 09:30"),
    ("2026-03-05", "143005", "2026-03-05 14:30:05"), ("2026-03-05", "0", "2026-03-05 0:00"),
    ("2026-03-05", "2026-03-05 14:30", "2026-03-05 14:30"), ("2026-03-05 09:00", "14:30", "2026-03-05 09:00"),
    ("2026-03-05", "10:00-12:00", "2026-03-05"), ("2026-03-05", "-", "2026-03-05"), ("2026-03-05", None, "2026-03-05"),
    (None, "10:00", None), ("2026-03-05", "late", "2026-03-05 late"),
)  # fmt: skip


def test_a_day_and_a_time_are_put_together_however_they_are_written() -> None:
    days, times, right = (pl.Series(cells, dtype=pl.String) for cells in zip(*MOMENTS, strict=True))
    assert day_with_time(days, times).to_list() == right.to_list()


def test_a_sale_after_midnight_is_of_its_day_in_the_shops_zone(load: Load, ask: Ask) -> None:
    head = "order_id,Sale Date,Sale Time,amount\n"
    rows = "1,2026-03-05,00:30,5\n2,2026-03-05,23:59:59,5\n3,2026-03-05,,5\n4,2026-03-05,soon,5\n"
    report = load(head + rows)
    assert (report.accepted, report.rejected, report.totals["last_day"]) == (3, 1, "2026-03-05")
    assert (report.mapping["paid_at"], report.ignored_columns) == ("Sale Date + Sale Time", [])
    moments = ask("SELECT CAST(paid_at AS text) FROM orders ORDER BY external_id")
    assert [at[:19] for (at,) in moments] == ["2026-03-04 16:30:00", "2026-03-05 15:59:59", "2026-03-04 16:00:00"]
    alone = load(head + rows, ignore=["Sale Time"], name="other.csv")
    assert (alone.rejected, alone.mapping["paid_at"]) == (0, "Sale Date")
    said = load("order_id,D,T,amount\n9,2026-03-05,00:30,5\n", mapping={"paid_at": "D + T"})
    assert (said.mapping["paid_at"], said.rejected) == ("D + T", 0)
