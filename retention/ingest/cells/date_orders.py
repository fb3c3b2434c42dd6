"""The order of day and month in each column of dates, found in all of its cells: 12/1/2010 alone may be either."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from datetime import date, datetime

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.time_cells import FIRST_DAY, LAST_DAY, NOTHING, YEAR_FIRST, time_cells
from retention.ingest.notes import Note
from retention.ingest.questions import Question
from retention.ingest.survey import Conventions
from retention.ingest.time_columns import MOMENTS

TIMES = (*MOMENTS, "birthday")
"""The fields that hold dates and moments, in every kind of file."""

_ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}  # where year, month and day stand
_OVERWHELMING = 4
_UNCLEAR = gettext_noop(
    "Column {column}: {examples} may be day/month or month/day. Say which with --dates dmy or --dates mdy."
)
_FOUND = {
    "dmy": gettext_noop("{column} is day/month/year: {example}."),
    "mdy": gettext_noop("{column} is month/day/year: {example}."),
    "ymd": gettext_noop("{column} is year/month/day: {example}."),
}
_BORROWED = {
    "dmy": gettext_noop("{column} is read as day/month, like the other columns: {example}."),
    "mdy": gettext_noop("{column} is read as month/day, like the other columns: {example}."),
}

Three = tuple[int, int, int, bool]
"""The numbers of a date as they are written, and whether its year has two digits."""


@dataclass
class _Column:
    """The dates of one column of which the year is not written first, each once, with a cell that says it."""

    field: str
    seen: dict[Three, str] = made(default_factory=dict)
    odd_numbers: bool = False

    def readings(self, today: date) -> tuple[str, ...]:
        """Return the orders that read most of the dates."""
        counts = {order: sum(_read(each, order) is not None for each in self.seen) for order in _ORDERS}
        most = max(counts.values())
        if counts.pop("ymd") == most and _starts_with_year(list(self.seen), today):
            return ("ymd",)
        return tuple(order for order, count in counts.items() if count == most)

    def unclear(self, orders: Collection[str]) -> list[Three]:
        """Return the dates that these orders read differently."""
        return sorted(each for each in self.seen if len({_read(each, order) for order in orders}) > 1)

    def is_unsure(self, order: str) -> bool:
        """Tell whether so many cells contradict an order that it decides nothing for those that allow two."""
        other = {"dmy": "mdy", "mdy": "dmy"}.get(order)
        if other is None:
            return False
        alone = sum(_read(each, other) is None for each in self.seen)
        against = sum(_read(each, order) is None for each in self.seen)
        return against * _OVERWHELMING > alone


class DateOrders:
    """Looks at all dates of a file. `dates` is what a person said of them."""

    def __init__(self, columns: Mapping[str, str], dates: str | None, *, now: datetime) -> None:
        self._columns = {columns[name]: _Column(name) for name in TIMES if name in columns}
        self._dates = dates
        self._today = now.date()

    def look(self, frame: pl.DataFrame, lines: pl.Series) -> None:
        """Take in some rows."""
        del lines
        if not self._columns:
            return
        usual = frame.select(pl.col(name).str.contains(YEAR_FIRST).all() for name in self._columns).row(0, named=True)
        for name, column in self._columns.items():
            if not usual[name]:
                cells = frame[name]
                self._look_closer(column, cells.filter(~cells.str.contains(YEAR_FIRST)).unique(maintain_order=True))

    def _look_closer(self, column: _Column, cells: pl.Series) -> None:
        parts = time_cells(cells).with_columns(cell=cells)
        days = parts["days"].is_not_null() & ~parts["days"].is_between(FIRST_DAY[column.field == "birthday"], LAST_DAY)
        numbers = cells.str.contains(r"^\d+(?:\.\d+)?$") & ~cells.str.contains(NOTHING)
        no_date = parts.select(pl.all_horizontal(pl.col("days", "seconds", "year").is_null())).to_series()
        column.odd_numbers |= bool((days | (numbers & no_date)).any())
        three = parts.filter(pl.col("a").is_not_null()).unique(["a", "b", "c", "short"], keep="first")
        for a, b, c, short, cell in three.select("a", "b", "c", "short", "cell").iter_rows():
            column.seen.setdefault((a, b, c, bool(short)), cell)

    def conclude(self, found: Conventions) -> Conventions:
        """Return what was found before with the order of each column, and a question where a column leaves it open."""
        odd = frozenset(name for name, column in self._columns.items() if column.odd_numbers)
        found = replace(found, odd_numbers=odd)
        if self._dates:
            return replace(found, dates=dict.fromkeys(self._columns, self._dates))
        orders, unsure, open_ones = {}, set(), {}
        for name, column in self._columns.items():
            readings = column.readings(self._today)
            if column.seen and column.unclear(readings):
                open_ones[name] = (column, readings)
            elif column.seen:
                orders[name] = next(iter(readings))
                found = _with_order(found, name, column, orders[name])
                if column.is_unsure(orders[name]):
                    unsure.add(name)
        found = replace(found, dates=orders, unsure_dates=frozenset(unsure))
        sure = {order for name, order in orders.items() if name not in unsure}
        for name, (column, readings) in open_ones.items():
            found = _lend(found, name, column, readings, next(iter(sure)) if len(sure) == 1 else "")
        return found


def _with_order(found: Conventions, name: str, column: _Column, order: str) -> Conventions:
    """Return the conventions with a note of the order that a column was found to have, and a date that shows it."""
    proofs = sorted(each for each in column.seen if [_read(each, other) for other in _BORROWED].count(None) == 1)
    shown = next((each for each in proofs if _read(each, order)), None)
    if shown is None:
        return found
    note = Note(_FOUND[order], {"column": repr(name), "example": repr(column.seen[shown])})
    return replace(found, notes=(*found.notes, note))


def _lend(found: Conventions, name: str, column: _Column, readings: Collection[str], common: str) -> Conventions:
    """Return the conventions with the order of the other columns for one that leaves it open, or with a question."""
    examples = [column.seen[each] for each in column.unclear(readings)]
    if common in _BORROWED and common in readings:
        note = Note(_BORROWED[common], {"column": repr(name), "example": repr(examples[0])})
        return replace(found, dates={**found.dates, name: common}, notes=(*found.notes, note))
    shown = column.unclear(readings)[:2]
    choices = {order: [str(_read(each, order) or "") for each in shown] for order in _BORROWED}
    question = Question(
        _UNCLEAR, option="dates", field=column.field, column=name, examples=examples[:2], choices=choices
    )
    return replace(found, questions=(*found.questions, question))


def _read(three: Three, order: str) -> date | None:
    """Return the day that three numbers are in an order; None when they are none."""
    year, month, day = (three[place] for place in _ORDERS[order])
    if three[3]:
        year += 2000 if year < 70 else 1900
    elif order == "ymd":
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _starts_with_year(seen: list[Three], today: date) -> bool:
    """Tell whether short dates look like 20-02-21 with the year first: few years, none of them far from now."""
    recent = range(today.year % 100 - 12, today.year % 100 + 2)
    first, last = ({each[place] for each in seen} for place in (0, 2))
    fits_first, fits_last = first <= set(recent), last <= set(recent)
    return fits_first and (not fits_last or len(first) < len(last))
