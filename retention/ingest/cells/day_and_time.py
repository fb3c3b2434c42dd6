"""A day and a time of day that stand in two columns, as one cell.

A spreadsheet writes a day as its midnight and a time as that of a day in 1899, or both as numbers; a column of times
may hold whole moments, which then say it all. Times are told by the cells, never by the name of their column alone.
"""

import re
from functools import lru_cache

import polars as pl

from retention.ingest.cells.time_cells import NOTHING
from retention.ingest.cells.written_times import Written, written_time

_CLOCK = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?$"
_HAS_CLOCK = r"\d\s?[:：时時点點시hHtT]\s?\d"
_MIDNIGHT = re.compile(r"[\sT]+(?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)?\s?[Aa][Mm])$")
_RANGE = re.compile(r"\d\s?(?:[-–—~～]|to|bis|à|至|到)\s?\d{1,2}[:.h时時点]")
_FRACTION = re.compile(r"0?[.,]\d{3,}|0?[.,][1-9]")
_DIGITS = re.compile(r"\d{3,4}|\d{5,6}")
_HOUR = re.compile(r"[01]?\d|2[0-3]")
_NUMBER = r"^\d{5}(?:[.,]\d+)?$"
_WHOLE = r"^20\d{2}[-/.年]\d"
_DOTTED = re.compile(r"([01]?\d|2[0-3])\.([0-5]\d)(?:\.([0-5]\d))?")
_SPREADSHEET_YEARS = (1899, 1900, 1904)
_NO_DATE = re.compile(r"1900[-/.]0?1[-/.]0?0\s+")  # what a spreadsheet takes for the day before 1 January 1900
_DAY = 86_400


def day_with_time(days: pl.Series, times: pl.Series) -> pl.Series:
    """Return each day with the time beside it; a day without one stays, a time without a day says nothing."""
    if times.null_count() == len(times):
        return days
    bare = ~days.str.contains(f"{_HAS_CLOCK}|{_NUMBER}")
    whole = times.str.contains(_WHOLE)
    plain = times.is_null() | (times.str.contains(_CLOCK) & bare) | (whole & bare)
    with_time = pl.when(whole).then(times).otherwise(days + " " + times)
    together = pl.select(pl.when(times.is_null() | days.is_null()).then(days).otherwise(with_time)).to_series()
    odd = (days.is_not_null() & ~plain).fill_null(value=False)
    if odd.any():
        pairs = zip(days.filter(odd).to_list(), times.filter(odd).to_list(), strict=True)
        together = together.scatter(odd.arg_true(), pl.Series([_together(*pair) for pair in pairs], dtype=pl.String))
    return together.alias(days.name)


@lru_cache(maxsize=1 << 16)
def _together(day: str, time: str) -> str:
    clock = _clock(time)
    if clock is None or re.search(_HAS_CLOCK, _MIDNIGHT.sub("", day)):
        return day
    moment = written_time(clock)
    if moment is not None and moment.days is None and moment.seconds is None:
        return clock  # a whole moment
    bare = _MIDNIGHT.sub("", day)
    known = written_time(bare)
    return _as_number(bare, clock) if known is not None and known.days is not None else f"{bare} {clock}"


def _clock(time: str) -> str | None:
    """Return what a cell says of the time of day as it can be read behind a day, or the whole moment that it is.

    None where it says nothing of it: a dash, a stretch of hours.
    """
    if (time != "0" and re.match(NOTHING, time)) or _RANGE.search(time):
        return None
    if numbers := _in_numbers(time):
        return numbers
    time = _NO_DATE.sub("", time)
    moment = written_time(time)
    return _of_spreadsheet(moment) if moment and _year(moment) in _SPREADSHEET_YEARS else time


def _in_numbers(time: str) -> str | None:
    """Return a time of digits alone: 9, 930, 143000, 14.30, a part of a day."""
    if _HOUR.fullmatch(time):
        return f"{time}:00"
    if _FRACTION.fullmatch(time):
        return _spoken(round(float(time.replace(",", ".")) * _DAY))
    if _DIGITS.fullmatch(time):
        digits = time.zfill(4 if len(time) <= 4 else 6)
        return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    dotted = _DOTTED.fullmatch(time)
    return ":".join(part for part in dotted.groups() if part) if dotted else None


def _year(moment: Written) -> int | None:
    years = (moment.year, moment.c, moment.a)
    return next((year for year in years if year in _SPREADSHEET_YEARS), None)


def _of_spreadsheet(moment: Written) -> str:
    return _spoken(moment.hour * 3600 + moment.minute * 60 + moment.second)


def _spoken(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _as_number(day: str, clock: str) -> str:
    """Return the day number of a spreadsheet with the part of the day that a time is."""
    at = written_time(f"2000-01-01 {clock}")
    if at is None:
        return f"{day} {clock}"
    return f"{int(float(day.replace(',', '.'))) + (at.hour * 3600 + at.minute * 60 + at.second) / _DAY:.9f}"
