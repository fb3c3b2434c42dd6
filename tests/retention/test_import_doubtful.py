"""Orders that are taken although something about them looks wrong are named in the report."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.retention.makers import Ask, Load

HEADER = "order_id,buyer_id,placed_at,status,amount"


def of(*rows: str) -> str:
    return "\n".join([HEADER, *rows])


SEVERAL, STATELESS, AHEAD = "orders_of_several_buyers", "orders_without_state", "orders_dated_ahead"


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        (["1,a,2026-01-02,paid,10", "1,b,2026-01-02,paid,5", "2,b,2026-01-02,paid,5"], {SEVERAL: 1}),
        (["1,a,2026-01-02,paid,10", "2,b,2026-01-02,paid,5", "1,b,2026-01-02,paid,5"], {SEVERAL: 1}),
        (["1,a,2026-01-02,paid,10", "1,,2026-01-02,paid,5", "1,b,2026-01-02,paid,5"], {SEVERAL: 1}),
        (["1,a,2026-01-02,paid,10", "1,,2026-01-02,paid,5", "2,,2026-01-02,paid,5"], {}),
        (["1,,2026-01-02,paid,10", "2,,2026-01-02,paid,5"], {}),
        (["1,a,2026-01-02,,10", "2,b,2026-01-02,unpaid,5", "3,c,2026-01-02,paid,5"], {STATELESS: 1}),
        (["1,a,2026-01-02,,10", "1,a,2026-01-02,paid,5"], {}),
        (["1,a,2066-01-02,paid,10", "2,b,2026-01-02,paid,5"], {AHEAD: 1}),
        (["1,a,2066-01-02,,10", "1,b,2066-01-02,,5"], {SEVERAL: 1, STATELESS: 1, AHEAD: 1}),
    ],
)
def test_orders_that_look_wrong_are_counted_and_named(load: Load, ask: Ask, rows: list[str], counts: dict) -> None:
    report = load(of(*rows))
    assert {name: count for name, count in report.totals.items() if name in {SEVERAL, STATELESS, AHEAD}} == counts
    assert len([note for note in map(str, report.notes) if note.startswith("1 order ") and ": 1." in note]) == len(
        counts
    )
    assert ask("SELECT count(*) FROM orders") == [(len({row[0] for row in rows}),)]


def test_files_without_a_status_column_and_known_orders_say_nothing_of_states(load: Load) -> None:
    load(of("1,a,2026-01-02,paid,10"))
    for text in (of("1,a,2026-01-02,,10"), "order_id,buyer_id,placed_at,paid_at,amount\n2,a,2026-01-02,,10\n"):
        assert STATELESS not in load(text).totals


def test_today_is_that_of_the_caller_in_whatever_zone(load: Load) -> None:
    now = datetime(2026, 1, 2, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
    report = load(of("1,a,2026-01-03 07:59:59,paid,10", "2,a,2026-01-03 08:00:01,paid,10"), now=now)
    assert report.totals[AHEAD] == 1
