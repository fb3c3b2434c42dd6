"""Moments and calendar days, however they are written.

How 12/1/2010 is meant stands in the conventions of the file (`date_orders` finds it).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl

from retention.clock import zone
from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.time_cells import FIRST_DAY, LAST_DAY, NOTHING, time_cells
from retention.ingest.cells.written_times import AMBIGUOUS, offset_of
from retention.ingest.cells.zone_names import place_of

_YEARS = (1970, 2099)
_USUAL_YEARS = (1971, 2099)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what programs write where there is no date, in whatever zone
_BIRTH_YEARS = (1900, 2099)
_SHORT_BIRTH_YEARS = 30
_SHORT_YEARS = 70  # 69 is 2069, 70 is 1970
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - of spreadsheets, wherever they are
_UNIX = (946_684_800, 4_000_000_000)

AGAINST = {
    "dmy": gettext_noop("{field} {value} is not written day/month/year, as the dates of its column are"),
    "mdy": gettext_noop("{field} {value} is not written month/day/year, as the dates of its column are"),
    "ymd": gettext_noop("{field} {value} is not written year/month/day, as the dates of its column are"),
}


def read_times(rows: Rows, name: str, timezone: str, *, zone_field: str = "") -> pl.Series:
    """Return a column of moments in UTC. A time without an offset is the shop's; a bare date is its first moment.

    `zone_field` is the field that holds the time zone of each row, where the file has one.
    """
    raw = rows.raw_cells(name)
    if raw.null_count() == len(raw):
        return pl.Series(name, [None], pl.Datetime("us", "UTC")).new_from_index(0, len(raw))
    usual = raw.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    if usual.null_count() == raw.null_count() and usual.dt.year().is_between(*_USUAL_YEARS).all():
        return _placed(rows, usual, timezone, zone_field).alias(name)
    cells = rows.cells(name)
    found = _with_parts(cells, lambda distinct: _moments(distinct, rows, name, timezone))
    _refuse_zones(rows, name, found)
    _refuse(rows, name, found, gettext_noop("{field} {value} is not a time; write it like 2026-03-05 14:30:00"))
    placed = _placed(rows, found["local"], timezone, zone_field)
    return pl.select(pl.coalesce(found["moment"], placed)).to_series().alias(name)


def read_dates(rows: Rows, name: str) -> pl.Series:
    """Return a column of calendar days from 1900 on, as ISO text."""
    cells = rows.cells(name)
    found = _with_parts(cells, lambda distinct: _local(distinct, rows, name, birth=True))
    _refuse(rows, name, found, gettext_noop("{field} {value} is not a date; write it like 1990-03-05"))
    return found["local"].dt.date().dt.to_string("iso").alias(name)


def _moments(cells: pl.Series, rows: Rows, name: str, timezone: str) -> pl.DataFrame:
    """Return what `_local` does, with the `moment` of those cells that name their zone or count seconds."""
    table = _local(cells, rows, name)
    at_zero = (table["local"] == _EPOCH) | (_from_zone(table["local"], timezone).dt.epoch("s") == 0)
    foreign = table["zone"].is_not_null() & ~table["zone"].is_in(list(_called(timezone)))
    utc = pl.col("local").dt.replace_time_zone("UTC")
    seconds = pl.when(pl.col("seconds").is_between(*_UNIX)).then((pl.col("seconds") * 1e6).round().cast(pl.Int64))
    elapsed = (pl.col("offset") * 60_000_000).cast(pl.Duration("us"))
    return table.with_columns(
        local=pl.when(~foreign & ~at_zero.fill_null(value=False)).then("local"),
        moment=pl.coalesce(utc - elapsed, pl.from_epoch(seconds, time_unit="us").dt.replace_time_zone("UTC")),
        blank=pl.col("blank") | at_zero.fill_null(value=False),
        foreign=foreign,
    )


def _local(cells: pl.Series, rows: Rows, name: str, *, birth: bool = False) -> pl.DataFrame:
    """Return the parts of each cell, its date and time as they are written (`local`), and what kind of date it is.

    `three`: three numbers of which the year is not the first; `either`: they allow two readings, and their column does
    not decide; `blank`: the cell stands for no date.
    """
    column, parts = rows.columns.get(name, ""), time_cells(cells)
    order = rows.conventions.dates.get(column)
    local = read_local(parts, order, birth=birth)
    either = pl.Series([False]).new_from_index(0, len(cells))
    if column in rows.conventions.unsure_dates:
        other = read_local(parts, "mdy" if order == "dmy" else "dmy", birth=birth)
        either = (local != other).fill_null(value=False)
    in_range = pl.col("days").is_between(FIRST_DAY[birth], LAST_DAY)
    if column in rows.conventions.odd_numbers:
        in_range = in_range & (pl.col("days") % 1 != 0)
    passed = (pl.col("days") * 86_400).round().cast(pl.Int64) * 1_000_000
    by_days = parts.select(pl.when(in_range).then(pl.lit(_DAY_ZERO) + passed.cast(pl.Duration("us")))).to_series()
    return parts.select("offset", "zone", "seconds", three=pl.col("a").is_not_null()).with_columns(
        local=pl.when(~either).then(pl.coalesce(local, by_days.cast(pl.Datetime("us")))),
        either=either,
        blank=cells.str.contains(NOTHING),
    )


def read_local(parts: pl.DataFrame, order: str | None, *, birth: bool = False) -> pl.Series:
    """Return the date and time of parts as they are written; null where they are none in an order of day and month."""
    place = {"dmy": ("c", "b", "a"), "mdy": ("c", "a", "b"), "ymd": ("a", "b", "c")}
    year, month, day = (
        pl.coalesce(name, part) if order else pl.col(name)
        for name, part in zip(("year", "month", "day"), place[order or "dmy"], strict=True)
    )
    pivot = _SHORT_BIRTH_YEARS if birth else _SHORT_YEARS
    short = pl.col("short").fill_null(value=False)
    full = pl.when(short & (year < pivot)).then(year + 2000).when(short).then(year + 1900).otherwise(year)
    full = pl.when(full.is_between(*(_BIRTH_YEARS if birth else _YEARS))).then(full)
    numbers = [full, month, day, *(pl.col(name).fill_null(0) for name in ("hour", "minute", "second", "micro"))]
    widths = (4, 2, 2, 2, 2, 2, 6)
    texts = [number.cast(pl.String).str.zfill(width) for number, width in zip(numbers, widths, strict=True)]
    spelled = pl.concat_str(texts, separator=" ")
    return parts.select(spelled.str.to_datetime("%Y %m %d %H %M %S %6f", strict=False, time_unit="us")).to_series()


def _with_parts(cells: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """Return for each cell what `read` makes of it; each writing is read once."""
    distinct = cells.unique().drop_nulls().alias("cell")
    table = read(distinct).with_columns(distinct)
    return cells.to_frame("cell").join(table, on="cell", how="left", maintain_order="left")


def _refuse(rows: Rows, name: str, found: pl.DataFrame, message: str) -> None:
    """Refuse the cells that are no date, or none in the way their column is written."""
    read = pl.col("local", "moment") if "moment" in found.columns else pl.col("local")
    wrong = found.select(
        pl.col("cell").is_not_null() & ~pl.col("blank") & pl.all_horizontal(read.is_null())
    ).to_series()
    if "foreign" in found.columns:
        wrong &= ~found["foreign"].fill_null(value=False)
    wrong = wrong.fill_null(value=False)
    if not wrong.any():
        return
    cells, order = rows.cells(name), rows.conventions.dates.get(rows.columns.get(name, ""))
    three = found["three"].fill_null(value=False)
    either = found["either"].fill_null(value=False) | (three if order is None else three & False)
    words = gettext_noop("{field} {value} may be day/month or month/day; say which with --dates dmy or mdy")
    rows.refuse(wrong & either, words, cells, field=name)
    if order is not None:
        rows.refuse(wrong & three & ~either, AGAINST[order], cells, field=name)
    rows.refuse(wrong & ~three & ~either, message, cells, field=name)


def _refuse_zones(rows: Rows, name: str, found: pl.DataFrame) -> None:
    words = gettext_noop("{field} {value} names a time zone of several places; write it as an offset, like +08:00")
    rows.refuse(found["foreign"].fill_null(value=False), words, rows.cells(name), field=name)


def _called(timezone: str) -> frozenset[str]:
    """Return which of the ambiguous abbreviations a time zone is called by: CST in Shanghai."""
    place = zone(timezone)
    names = {datetime(2020, month, 1, tzinfo=UTC).astimezone(place).tzname() for month in (1, 7)}
    return frozenset(each for each in AMBIGUOUS if each.upper() in names)


def _placed(rows: Rows, local: pl.Series, timezone: str, zone_field: str) -> pl.Series:
    """Return local times as UTC, each in the zone of its row where it has one, else in the shop's."""
    if zone_field not in rows.columns:
        return _from_zone(local, timezone)
    zones = rows.cells(zone_field)
    at = _from_zone(local, timezone)
    for name in zones.drop_nulls().unique():
        theirs = zones == name
        place = _zone_of(name, timezone)
        if place is None:
            rows.refuse(theirs.fill_null(value=False), gettext_noop("{value} is not a time zone"), zones)
        else:
            at = pl.select(pl.when(theirs).then(_shifted(local, place)).otherwise(at)).to_series()
    return at


def _zone_of(name: str, timezone: str) -> str | int | None:
    """Return a zone by its name, or its offset in minutes; None where nothing is called so."""
    offset = offset_of(name)
    if offset is not None:
        return offset
    if name.lower() in _called(timezone):
        return timezone
    place = place_of(name)
    try:
        zone(place)
    except Invalid:
        return None
    return place


def _shifted(local: pl.Series, place: str | int) -> pl.Series:
    if isinstance(place, str):
        return _from_zone(local, place)
    return local.dt.replace_time_zone("UTC") - timedelta(minutes=place)


def _from_zone(local: pl.Series, timezone: str) -> pl.Series:
    """Return local times as UTC. Of an hour that comes twice the first is meant; one that is skipped moves on."""
    aware = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    skipped = (aware.is_null() & local.is_not_null()).arg_true()
    if len(skipped):
        place = zone(timezone)
        moved: list[datetime] = [at.replace(tzinfo=place).astimezone(UTC) for at in local[skipped].to_list()]
        aware = aware.scatter(skipped, pl.Series(moved, dtype=pl.Datetime("us", "UTC")))
    return aware
