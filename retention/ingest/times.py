"""Moments and calendar days, however they are written."""

from datetime import UTC, datetime

import polars as pl

from retention.clock import zone
from retention.i18n import gettext_noop
from retention.ingest.rows import Rows

_YEARS = (1970, 2099)

_DATE = (  # named groups as polars spells them
    r"^(?<y>\d{4})(?:[-/.年](?<m>\d{1,2})[-/.月](?<d>\d{1,2})日?|(?<m2>\d{2})(?<d2>\d{2}))"
    r"(?:[T\s]*(?<h>\d{1,2})(?:[:：时点]?(?<i>\d{2}))(?:[:：分]?(?<s>\d{2}))?秒?(?:[.,](?<f>\d{1,6})\d*)?)?"
    r"\s*(?<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
)
_SLASHED = (
    r"^(?<a>\d{1,2})[/.-](?<b>\d{1,2})[/.-](?<y>\d{4})"
    r"(?:\s+(?<h>\d{1,2}):(?<i>\d{2})(?::(?<s>\d{2}))?(?<f>)(?<z>))?$"
)


def read_times(rows: Rows, name: str, timezone: str) -> pl.Series:
    """Return a column of moments in UTC. A time without an offset is the shop's; a bare date is its first moment.

    How 12/1/2010 is meant stands in the conventions of the file; it is refused where nothing is said.
    """
    cells, dates = rows.cells(name), rows.conventions.dates.get(rows.columns.get(name, ""))
    if cells.null_count() == len(cells):
        return pl.Series(name, [None], pl.Datetime("us", "UTC")).new_from_index(0, len(cells))
    usual = cells.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    if usual.null_count() == cells.null_count() and usual.dt.year().is_between(*_YEARS).all():
        return _from_zone(usual, timezone).alias(name)
    distinct = cells.unique().drop_nulls()
    times = _times(distinct, timezone, dates)
    found = cells.to_frame().join(
        pl.DataFrame({name: distinct, "at": times}), on=name, how="left", maintain_order="left"
    )
    wrong = cells.is_not_null() & found["at"].is_null()
    if wrong.any():
        ambiguous = wrong & cells.str.contains(_SLASHED) & pl.Series([dates is None]).new_from_index(0, len(cells))
        message = gettext_noop("{field} {value} may be day/month or month/day; say which with --dates dmy or mdy")
        rows.refuse(ambiguous.fill_null(False), message, cells, field=name)
        message = gettext_noop("{field} {value} is not a time; write it like 2026-03-05 14:30:00")
        rows.refuse(wrong & ~ambiguous.fill_null(False), message, cells, field=name)
    return found["at"].alias(name)


def read_dates(rows: Rows, name: str) -> pl.Series:
    """Return a column of calendar days from 1900 on, as ISO text."""
    cells = rows.cells(name)
    parts = cells.str.extract_groups(_DATE).struct.unnest()
    month, day = pl.coalesce("m", "m2").str.zfill(2), pl.coalesce("d", "d2").str.zfill(2)
    days = parts.select(pl.concat_str("y", month, day, separator="-").str.to_date("%Y-%m-%d", strict=False)).to_series()
    wrong = cells.is_not_null() & ~(days.dt.year().is_between(1900, 2099).fill_null(False))
    rows.refuse(wrong, gettext_noop("{field} {value} is not a date; write it like 1990-03-05"), cells, field=name)
    return days.dt.to_string("iso").alias(name)


def _times(texts: pl.Series, timezone: str, dates: str | None) -> pl.Series:
    groups = texts.str.extract_groups(_DATE).struct.unnest()
    parts = groups.with_columns(month=pl.coalesce("m", "m2"), day=pl.coalesce("d", "d2"))
    if dates is not None:
        slashed = texts.str.extract_groups(_SLASHED).struct.unnest()
        day, month = ("a", "b") if dates == "dmy" else ("b", "a")
        other = slashed.with_columns(month=pl.col(month), day=pl.col(day))
        parts = parts.select(
            pl.coalesce(pl.col(name), other[name]).alias(name)
            for name in ("y", "month", "day", "h", "i", "s", "f", "z")
        )
    local = parts.select(
        pl.concat_str(
            "y", pl.lit("-"), pl.col("month").str.zfill(2), pl.lit("-"), pl.col("day").str.zfill(2), pl.lit(" "),
            pl.col("h").fill_null("0").str.zfill(2), pl.lit(":"), pl.col("i").fill_null("00"), pl.lit(":"),
            pl.col("s").fill_null("00"), pl.lit("."), pl.col("f").fill_null("0").str.pad_end(6, "0"),
        ).str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", strict=False, time_unit="us")
    ).to_series()  # fmt: skip
    local = pl.select(pl.when(local.dt.year().is_between(*_YEARS)).then(local)).to_series()
    offset = parts.select(pl.col("z").replace("", None)).to_series()
    if offset.is_null().all():
        return _from_zone(local, timezone)
    minutes = _offset_minutes(offset)
    shifted = local.dt.replace_time_zone("UTC") - (minutes * 60_000_000).cast(pl.Duration("us"))
    return pl.select(pl.when(offset.is_null()).then(_from_zone(local, timezone)).otherwise(shifted)).to_series()


def _offset_minutes(offset: pl.Series) -> pl.Series:
    digits = offset.str.extract_groups(r"^([+-])(\d{2}):?(\d{2})$").struct.unnest()
    sign, hours, minutes = digits.get_columns()
    size = hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64)
    return pl.select(pl.when(sign == "-").then(-size).otherwise(size).fill_null(0)).to_series()


def _from_zone(local: pl.Series, timezone: str) -> pl.Series:
    """Return local times as UTC. Of an hour that comes twice the first is meant; one that is skipped moves on."""
    aware = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    skipped = (aware.is_null() & local.is_not_null()).arg_true()
    if len(skipped):
        place = zone(timezone)
        moved: list[datetime] = [at.replace(tzinfo=place).astimezone(UTC) for at in local[skipped].to_list()]
        aware = aware.scatter(skipped, pl.Series(moved, dtype=pl.Datetime("us", "UTC")))
    return aware
