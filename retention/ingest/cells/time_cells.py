"""Columns of dates and moments taken apart: the usual ways of writing them at once, the others cell by cell."""

import polars as pl

from retention.ingest.cells.identifiers import bare_texts
from retention.ingest.cells.written_times import Written, written_time

YEAR_FIRST = r"^\d{4}(?:[-/.年]|\d{4}(?:\d{4,6})?$)"
"""How nearly all cells begin: with the year, so that nobody has to ask which number is the month."""

NOTHING = r"^(?:[-—–/]+|0000-00-00.*|0000/00/00.*|0|N/A|n/a)$"
"""What programs write where there is no date."""

FIRST_DAY = {False: 36_526, True: 1}
"""The first day a spreadsheet's number may be: 2000-01-01 for moments; a birthday (True) may be any."""
LAST_DAY = 62_000  # in 2069

_PLAIN = (  # named groups as polars spells them
    r"^(?<y>(?:19|20)\d{2})(?:[-/.年](?<m>\d{1,2})[-/.月](?<d>\d{1,2})日?|(?<m2>\d{2})(?<d2>\d{2}))"
    r"(?:[T\s]*(?<h>\d{1,2})(?:[:：时点]?(?<i>\d{2}))(?:[:：分]?(?<s>\d{2}))?秒?(?:[.,](?<f>\d{1,6})\d*)?"
    r"\s*(?<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})?|\s*(?<z2>Z|UTC|GMT|\+\d{2}:?\d{2}))?$"
)
_THREE = (
    r"^(?<a>\d{1,2})(?:/(?<b1>\d{1,2})/|-(?<b2>\d{1,2})-|\.(?<b3>\d{1,2})\.)(?<c>\d{4}|\d{1,2})"
    r"(?:,?\s+(?<h>\d{1,2}):(?<i>\d{2})(?::(?<s>\d{2}))?\s?(?<half>[AaPp][Mm])?)?$"
)
_WHOLE = ("year", "month", "day", "a", "b", "c", "hour", "minute", "second", "micro", "offset")
_SCHEMA = {
    name: pl.Int64 if name in _WHOLE else {"short": pl.Boolean, "zone": pl.String}.get(name, pl.Float64)
    for name in Written._fields
}


def time_cells(cells: pl.Series) -> pl.DataFrame:
    """Return the parts of each cell, in columns called like those of `Written`; all null where a cell is no date."""
    plain, three = (cells.str.extract_groups(each).struct.unnest() for each in (_PLAIN, _THREE))
    year_first, year_last = plain["y"].is_not_null(), three["a"].is_not_null()
    other = ~(year_first | year_last)
    rows = pl.Series("row", range(len(cells)), pl.Int64)
    read = [written_time(text) if text else None for text in bare_texts(cells.filter(other))]
    slow = pl.DataFrame([each or [None] * len(_SCHEMA) for each in read], schema=_SCHEMA, orient="row")
    parts = [
        _numbers(plain.filter(year_first)).with_columns(rows.filter(year_first)),
        _numbers(three.filter(year_last)).with_columns(rows.filter(year_last)),
        slow.with_columns(rows.filter(other)),
    ]
    return pl.concat(parts).sort("row").drop("row")


def _numbers(groups: pl.DataFrame) -> pl.DataFrame:
    """Return the named groups of a pattern as columns of parts."""
    spelled = {
        "year": ("y",), "month": ("m", "m2"), "day": ("d", "d2"), "a": ("a",), "b": ("b1", "b2", "b3"), "c": ("c",),
        "hour": ("h",), "minute": ("i",), "second": ("s",),
    }  # fmt: skip
    found = {
        name: pl.coalesce(*(n for n in names if n in groups.columns)).cast(pl.Int64)
        for name, names in spelled.items()
        if names[0] in groups.columns
    }
    found |= {name: found[name].fill_null(0) for name in ("hour", "minute", "second")}
    if "f" in groups.columns:
        found["micro"] = pl.col("f").fill_null("0").str.pad_end(6, "0").cast(pl.Int64)
        found["offset"] = _minutes(pl.coalesce("z", "z2"))
    if "c" in groups.columns:
        found["hour"] = _hour(found["hour"], pl.col("half").str.to_lowercase())
        found["short"] = pl.col("c").str.len_bytes() <= len("20")
    return groups.select(
        found.get(name, pl.lit(0 if name == "micro" else None, kind)).alias(name) for name, kind in _SCHEMA.items()
    )


def _hour(hour: pl.Expr, half: pl.Expr) -> pl.Expr:
    """Return hours from 0 to 23; an hour that is none, 13 AM, is beyond them."""
    morning = pl.when(hour <= 12).then(hour % 12).otherwise(99)
    return pl.when(half == "am").then(morning).when((half == "pm") & (hour < 12)).then(hour + 12).otherwise(hour)


def _minutes(zone: pl.Expr) -> pl.Expr:
    sign, hours, minutes = (zone.str.extract(r"^([+-])(\d{2}):?(\d{2})$", group) for group in (1, 2, 3))
    size = hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64)
    utc = pl.when(zone.is_in(["Z", "UTC", "GMT"])).then(pl.lit(0, pl.Int64))
    return pl.when(sign == "-").then(-size).when(sign == "+").then(size).otherwise(utc)
