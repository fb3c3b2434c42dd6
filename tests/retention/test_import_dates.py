"""Dates and moments in files: however they are written, and which number is the month is found or asked."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.ingest import Question
from retention.ingest.cells.date_orders import DateOrders
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_dates, read_times
from retention.ingest.survey import NOTHING_FOUND
from tests.retention.makers import NOW, Ask, Load

SHANGHAI = ZoneInfo("Asia/Shanghai")


def rows_of(cells: Sequence[str | None], *, dates: str | None = None, field: str = "paid_at") -> Rows:
    """Return a column as it is read after the survey has seen it."""
    frame = pl.DataFrame({"column": pl.Series(cells, dtype=pl.String)})
    lines = pl.Series(range(2, len(cells) + 2), dtype=pl.Int64)
    evidence = DateOrders({field: "column"}, dates, now=NOW)
    evidence.look(frame, lines)
    return Rows(frame, lines, {field: "column"}, evidence.conclude(NOTHING_FOUND))


def times(
    cells: Sequence[str | None], *, dates: str | None = None, timezone: str = "Asia/Shanghai"
) -> list[str | None]:
    """Return a column as local times of the zone; None where a cell is blank or refused."""
    rows = rows_of(cells, dates=dates)
    assert rows.conventions.questions == ()
    found = read_times(rows, "paid_at", timezone).dt.convert_time_zone(timezone)
    return [None if at is None else f"{at:%Y-%m-%d %H:%M:%S}" for at in found]


def reasons(rows: Rows) -> list[str]:
    return [reject.reason for reject in rows.rejects()]


AT_THREE = [
    "2020-02-21 15:05:00", "2020/2/21 15:05", "2020.2.21 15:05", "2020年2月21日 15时05分", "2020年2月21日15时05分",
    "2020/2/21 下午3:05", "2020-2-21 3:05 PM", "2020-2-21 3:05pm", "2020-02-21 3:05 p.m.", "2020年2月21日 下午3点05分",
    "20年2月21日 15:05", "Feb 21, 2020 15:05", "February 21, 2020, 3:05:00 PM", "21 Feb 2020 15:05", "21-Feb-20 15:05",
    "Feb-21-20 15:05:00", "21st of February, 2020 at 3:05 PM", "Sat, 21 Feb 2020 15:05:00 +0800", "2020 Feb 21 15:05",
    "Fri Feb 21 2020 15:05:00 GMT+0800 (China Standard Time)", "Fri Feb 21 15:05:00 CST 2020", "21FEB2020 15:05",
    "21er févr. 2020 15:05", "21º de fevereiro de 2020 15:05",
    "2020/2/21 星期五 15:05", "2020年2月21日（星期五）15:05", "2020-02-21T15:05:00+08:00", "2020-02-21T07:05:00Z",
    "2020-02-21T15:05:00.000+0800", "2020-02-21T15:05:00+08:00[Asia/Shanghai]", "20200221T150500+0800",
    "20200221150500",
    "2020-02-21 07:05 UTC", "2020-02-21 07:05:00 +0000 UTC", "Feb-20-20 23:05:00 PST", "2020-02-21 08:05 CET",
    "43882.628472", "43882.62847222222", "1582268700", "1582268700000", "'2020-02-21 15:05", '="2020-02-21 15:05"',
    "２０２０－０２－２１　１５：０５", "2020-02-21\u00a015:05", "15:05 2020-02-21",
    "21. Februar 2020 15:05", "Fr., 21.02.2020 15:05", "vendredi 21 février 2020 15:05",
    "21 lutego 2020 15:05", "21 févr. 2020 à 15:05", "21. februari 2020 kl. 15:05", "2020년 2월 21일 오후 3시 05분",
    "21 de febrero de 2020, 15:05", "21 févr. 2020 15:05", "2020. 2. 21. 오후 3:05",
    "2020-02-21 16:05 (UTC+9)", "2020-02-21-15:05", "21/Feb/2020:15:05:00 +0800", "2020-02-21 3:05:00 PM +08:00",
    "2020–02–21 15:05", "\u200e2020-02-21 15:05",
]  # fmt: skip
OTHERS = [
    ("2020/2/21 0:00", "2020-02-21 00:00:00"), ("2020-02-21", "2020-02-21 00:00:00"), ("43882", "2020-02-21 00:00:00"),
    ("May-21-20", "2020-05-21 00:00:00"), ("Sept 1, 2020", "2020-09-01 00:00:00"), ("20200221", "2020-02-21 00:00:00"),
    ("2020-02-21 上午10:05:06", "2020-02-21 10:05:06"), ("2020-02-21 凌晨12:05", "2020-02-21 00:05:00"),
    ("2020-02-21 12:05 AM", "2020-02-21 00:05:00"), ("2020-02-21 12:05 PM", "2020-02-21 12:05:00"),
    ("2020-02-21 中午12:05", "2020-02-21 12:05:00"), ("2020-02-21 中午1:05", "2020-02-21 13:05:00"),
    ("2020-02-21 晚上8:05", "2020-02-21 20:05:00"), ("2020-02-21 3pm", "2020-02-21 15:00:00"),
    ("2020年2月21日 下午3点", "2020-02-21 15:00:00"), ("May 1, 2024, 9:00:00 AM", "2024-05-01 09:00:00"),
    ("2020-02-21 15:05:06.789", "2020-02-21 15:05:06"), ("Jan 5, 99", "1999-01-05 00:00:00"),
    ("0000-00-00 00:00:00", None), ("1970-01-01 00:00:00", None), ("1970-01-01 08:00:00", None), ("-", None),
    ("NULL", None), ("NaT", None), ("\\N", None), ("2020-02-21+08:00", "2020-02-21 00:00:00"),
    ("0", None),
]  # fmt: skip


def test_one_moment_is_read_in_every_writing() -> None:
    assert times(AT_THREE) == ["2020-02-21 15:05:00"] * len(AT_THREE)


def test_times_of_day_whole_days_and_blanks_of_programs_are_read() -> None:
    cells = [cell for cell, _ in OTHERS]
    assert times(cells) == [right for _, right in OTHERS]
    assert reasons(rows_of(cells)) == []


@pytest.mark.parametrize(
    "cell",
    [
        "not a date", "2020-13-01", "2020-02-30", "Feb 30, 2020", "2020-02-21 25:00", "2020-02-21 24:00",
        "2020-02-21 15:65",
        "2020-02-21 13:05 AM", "2020-02-21 晚上12:05", "Feb 2020", "2020-02", "21/02", "12", "99999", "12345",
        "2999-01-01",
        "31.02.2020", "Smarch 1, 2020", "3:05 PM", "123456789",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_its_value(cell: str) -> None:
    rows = rows_of([cell, "2020-02-21"])
    read_times(rows, "paid_at", "Asia/Shanghai")
    (reason,) = reasons(rows)
    assert repr(cell) in reason


def test_zone_of_several_places_is_taken_where_the_shop_is_and_refused_elsewhere() -> None:
    assert times(["2020-02-21 15:05 CST"]) == ["2020-02-21 15:05:00"]
    assert times(["2020-02-21 15:05 CST"], timezone="America/Chicago") == ["2020-02-21 15:05:00"]
    rows = rows_of(["2020-02-21 15:05 CST", "2020-02-21 15:05 EST"])
    read_times(rows, "paid_at", "Europe/Berlin")
    assert reasons(rows) == [
        "paid_at '2020-02-21 15:05 CST' names a time zone of several places; write it as an offset, like +08:00"
    ]


def test_whole_numbers_are_days_where_all_numbers_of_the_column_are() -> None:
    assert times(["43882", "43883", "43882.5"]) == ["2020-02-21 00:00:00", "2020-02-22 00:00:00", "2020-02-21 12:00:00"]
    assert times(["43882", "12345", "43882.5"]) == [None, None, "2020-02-21 12:00:00"]


DMY = [("21/02/2020", "2020-02-21"), ("3/5/2026", "2026-05-03"), ("12/12/2020", "2020-12-12")]
MDY = [("02/21/2020", "2020-02-21"), ("3/5/2026", "2026-03-05"), ("12/12/2020", "2020-12-12")]


@pytest.mark.parametrize("spelling", ["{}", "{} 08:30", "{} 8:30:00", "{}, 08:30:00", "{} 8:30 AM", "{} 上午8:30"])
@pytest.mark.parametrize("sign", ["/", "-", "."])
@pytest.mark.parametrize("years", [4, 2])
@pytest.mark.parametrize("table", [DMY, MDY, DMY[::-1], MDY * 2])
def test_days_above_twelve_decide_for_the_whole_column(
    table: list[tuple[str, str]], years: int, sign: str, spelling: str
) -> None:
    cells = [cell.replace("/", sign)[:-4] + cell[-years:] for cell, _ in table]
    hour = "00:00:00" if spelling == "{}" else "08:30:00"
    assert times([spelling.format(cell) for cell in cells]) == [f"{day} {hour}" for _, day in table]


def test_column_without_such_a_day_is_asked_about_once(load: Load, ask: Ask) -> None:
    content = "order_id,paid_at,placed_at,amount\n1,3/5/2026 8:26,,1\n2,4/6/2026,2026-06-04,1\n3,5/5/2026,,1\n"
    with pytest.raises(Question) as caught:
        load(content)
    assert str(caught.value) == (
        "Column 'paid_at': '3/5/2026 8:26', '4/6/2026' may be day/month or month/day. Say which with --dates dmy or "
        "--dates mdy."
    )
    assert (caught.value.option, caught.value.field, caught.value.column) == ("dates", "paid_at", "paid_at")
    assert caught.value.choices == {"dmy": ("2026-05-03", "2026-06-04"), "mdy": ("2026-03-05", "2026-04-06")}
    assert ask("SELECT count(*) FROM orders") == [(0,)]
    load(content, dates="mdy")
    assert [str(row[0])[:10] for row in ask("SELECT ordered_at FROM orders ORDER BY external_id")] == [
        "2026-03-05", "2026-04-05", "2026-05-04",
    ]  # fmt: skip


def test_days_that_are_the_same_in_both_orders_need_no_answer() -> None:
    assert times(["5/5/2026", "3.3.26"]) == ["2026-05-05 00:00:00", "2026-03-03 00:00:00"]


def test_column_without_evidence_takes_the_order_of_the_other_columns(load: Load, ask: Ask) -> None:
    report = load("order_id,paid_at,placed_at,amount\n1,3/5/2026,2/13/2026,1\n2,4/6/2026,4/5/2026,1\n")
    assert report.notes == [
        "'placed_at' is month/day/year: '2/13/2026'.",
        "'paid_at' is read as month/day, like the other columns: '3/5/2026'.",
    ]
    assert [str(row[0])[:10] for row in ask("SELECT paid_at FROM orders ORDER BY external_id")] == [
        "2026-03-04", "2026-04-05",
    ]  # fmt: skip
    with pytest.raises(Question):
        load("order_id,paid_at,placed_at,shipped_at,amount\n1,3/5/2026,2/13/2026,13/2/2026,1\n")


def test_dates_against_their_column_are_refused() -> None:
    table = ["13/02/2020", "14/02/2020", "15/02/2020", "16/02/2020", "17/02/2020", "02/28/2020", "3/5/2020"]
    rows = rows_of(table)
    found = read_times(rows, "paid_at", "UTC")
    assert [each and f"{each:%m-%d}" for each in found] == ["02-13", "02-14", "02-15", "02-16", "02-17", None, "05-03"]
    assert reasons(rows) == ["paid_at '02/28/2020' is not written day/month/year, as the dates of its column are"]


def test_where_many_dates_contradict_each_other_those_of_two_readings_are_refused_too() -> None:
    rows = rows_of(["13/02/2020", "14/02/2020", "02/28/2020", "3/5/2020", "4/4/2020"])
    found = read_times(rows, "paid_at", "UTC")
    assert [each and f"{each:%m-%d}" for each in found] == ["02-13", "02-14", None, None, "04-04"]
    (question,) = rows_of(["13/02/2020", "02/28/2020"]).conventions.questions
    assert question.examples == ("02/28/2020", "13/02/2020")


def test_what_a_person_says_is_held_against_every_date() -> None:
    assert times(["21.02.20", "02/21/20", "3/5/20"], dates="mdy") == [
        None,
        "2020-02-21 00:00:00",
        "2020-03-05 00:00:00",
    ]


@pytest.mark.parametrize(
    ("cells", "right"),
    [
        (["20-02-21", "20-02-22", "20-12-31"], ["2020-02-21", "2020-02-22", "2020-12-31"]),
        (["24/3/5", "25/11/30", "24/3/28"], ["2024-03-05", "2025-11-30", "2024-03-28"]),
        (["21.02.20", "22.02.20", "05.03.20"], ["2020-02-21", "2020-02-22", "2020-03-05"]),
    ],
)
def test_short_years_first_are_told_from_short_years_last(cells: list[str], right: list[str]) -> None:
    assert times(cells) == [f"{day} 00:00:00" for day in right]


def test_birthdays_are_read_like_other_dates_and_lie_in_the_past() -> None:
    cells = ["1990-03-05", "5.3.1990", "13/3/85", "March 5, 1990", "19900305", "32937", "90年3月5日", "-", None]
    rows = rows_of(cells, field="birthday")
    right = ["1990-03-05", "1990-03-05", "1985-03-13", *["1990-03-05"] * 4, None, None]
    assert read_dates(rows, "birthday").to_list() == right
    assert reasons(rows) == []


def test_time_zone_of_each_row_counts(load: Load, ask: Ask) -> None:
    zones = [
        "Europe/Berlin",
        "PST",
        "+02:00",
        "GMT-3",
        "CST",
        "",
        "Nowhere/Land",
        "Eastern Time (US & Canada)",
        "北京时间",
    ]
    rows = "".join(f"{n},2026-03-05 12:00:00,1,{zone}\n" for n, zone in enumerate(zones))
    report = load("order_id,paid_at,amount,timezone\n" + rows)
    assert report.rejected == 1
    hours = [str(row[0])[11:16] for row in ask("SELECT ordered_at FROM orders ORDER BY external_id")]
    assert hours == ["11:00", "20:00", "10:00", "15:00", "04:00", "04:00", "17:00", "04:00"]


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("Pacific Time (US & Canada)", 20), ("Arizona", 19), ("Hawaii", 22), ("Alaska", 21), ("Indiana (East)", 17),
        ("Puerto Rico", 16), ("London", 12), ("Edinburgh", 12), ("Madrid", 11), ("Mumbai", 6), ("Beijing", 4),
        ("Osaka", 3), ("Brisbane", 2), ("Sydney", 1), ("Wellington", 23), ("Buenos Aires", 15), ("Kyiv", 10),
    ],
)  # fmt: skip
def test_zones_may_be_called_as_programs_call_them(load: Load, ask: Ask, name: str, hour: int) -> None:
    assert load(f"order_id,paid_at,amount,timezone\nA,2026-03-05 12:00:00,1,{name}\n").rejected == 0
    assert str(ask("SELECT ordered_at FROM orders")[0][0])[11:13] == f"{hour:02}"


SPELLINGS = st.sampled_from(
    ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d %H:%M:%S", "%Y年%m月%d日 %H时%M分%S秒", "%Y%m%d%H%M%S",
     "%Y-%m-%dT%H:%M:%S+08:00", "%b %d, %Y %I:%M:%S %p", "%d %B %Y %H:%M:%S", "%d-%b-%y %I:%M:%S%p",
     "%a, %d %b %Y %H:%M:%S +0800", "%A, %B %d, %Y %H:%M:%S", "%H:%M:%S %Y-%m-%d", "DAYS", "SECONDS", "LAST"]
)  # fmt: skip
YEARS = datetime(2001, 10, 1), datetime(2060, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)


def spelled(at: datetime, spelling: str, last: str) -> str:
    local = at.astimezone(SHANGHAI)
    if spelling == "SECONDS":
        return str(int(at.timestamp()))
    if spelling == "DAYS":
        return f"{(local.replace(tzinfo=UTC) - DAY_ZERO) / timedelta(days=1):.8f}"
    return local.strftime(last if spelling == "LAST" else spelling)


@settings(deadline=None)
@given(
    moments=st.lists(
        st.tuples(
            st.datetimes(*YEARS, timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0)),
            SPELLINGS,
        ),
        min_size=1,
        max_size=8,
    ),
    last=st.sampled_from(["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d.%m.%y %H:%M:%S", "%m-%d-%Y %H:%M:%S"]),
    times_each=st.sampled_from([1, 2]),
    draw=st.randoms(use_true_random=False),
)
def test_moment_reads_back_in_every_writing(
    moments: list[tuple[datetime, str]], last: str, times_each: int, draw: Random
) -> None:
    decisive = datetime(2020, 2, 21, 7, 5, tzinfo=UTC)
    table = [*moments, *[(decisive, "LAST")] * 3] * times_each
    draw.shuffle(table)
    cells = [spelled(at, spelling, last) for at, spelling in table]
    dates = "dmy" if last.startswith("%d") else "mdy"
    right = [f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" for at, _ in table]
    assert times(cells, dates=dates) == right
    if "%y" not in last:
        assert times(cells) == right
