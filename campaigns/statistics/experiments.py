"""Any experiment's table, measured with our statistics: one row per buyer, a column for the arm, one for "converted".

Reads a CSV file (UTF-8 or GB18030) row by row. It refuses the whole table at the first value it cannot read, naming
line and value, because an arm with rows left out is no longer the arm that was assigned.
"""

import codecs
import csv
import math
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.statistics.intervals import Rate, Spend
from campaigns.statistics.lift import Arm, Lift, measure, sample_ratio
from campaigns.statistics.sentences import lift_sentence, revenue_sentence
from retention.errors import Invalid
from retention.i18n import gettext as _

YES = frozenset({"1", "true", "t", "yes", "y", "是"})
NO = frozenset({"0", "false", "f", "no", "n", "否"})
MOST_ARMS = 50  # more different values than this is a column of something else


@dataclass(slots=True)
class _Tally:
    buyers: int = 0
    converted: int = 0
    values: "array[float]" = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class Experiment:
    """A table's arms as assigned; `control` is among them, spend is there when a value column was named."""

    control: Arm
    arms: tuple[Arm, ...]
    rows: int


def read_experiment(path: Path, *, arm: str, control: str, converted: str, value: str | None = None) -> Experiment:
    """Sizes, successes and values by arm. `converted` holds 1/0, true/false, yes/no, 是/否 or a count."""
    tallies: dict[str, _Tally] = {}
    with _rows(path) as (columns, lines):
        picked = [_column(columns, name) for name in (arm, converted, *([value] if value else []))]
        for number, row in lines:
            if len(row) != len(columns):
                raise Invalid(
                    "Line {line} has {found} values where the header names {wanted}.",
                    line=number,
                    found=len(row),
                    wanted=len(columns),
                )
            cells = [row[index].strip() for index in picked]
            tally = tallies.setdefault(cells[0], _Tally())
            if len(tallies) > MOST_ARMS:
                raise Invalid(
                    "Column {column} has more than {most} different values: name the column that holds the arm.",
                    column=arm,
                    most=MOST_ARMS,
                )
            tally.buyers += 1
            tally.converted += _is_converted(cells[1], number)
            if value:
                tally.values.append(_amount(cells[2], number))
    return _experiment(tallies, control=control.strip(), arm=arm, with_value=value is not None)


def measure_file(  # one argument for each column
    path: Path,
    *,
    arm: str,
    control: str,
    converted: str,
    value: str | None = None,
    planned: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Read the table and hold every arm against `control`; the result is plain JSON, `{"arms", "srm", "lift"}`.

    `arms` begins with the control, the others follow in the order of their names, as those in `lift` do. `srm` holds
    the sizes against the `planned` shares by arm; where they do not fit, no lift has figures. What was spent is in the
    table's own unit, written as a string.
    """
    experiment = read_experiment(path, arm=arm, control=control, converted=converted, value=value)
    lifts = measure(experiment.control, experiment.arms, planned=planned)
    return {
        "arms": [each.as_json(_amount_text) for each in (experiment.control, *experiment.arms)],
        "srm": _sizes(experiment, planned),
        "lift": [_in_full(lift) for lift in lifts],
    }


def _sizes(experiment: Experiment, planned: Mapping[str, float] | None) -> dict[str, Any]:
    """Return the check for a sample ratio mismatch; without planned shares there is nothing to check."""
    if planned is None:
        words = _("The group sizes were not checked: give the planned share of each arm.")
        return {"planned": None, "p": None, "mismatch": None, "words": words}
    sizes = {each.name: each.rate.buyers for each in (experiment.control, *experiment.arms)}
    found = sample_ratio(sizes, planned)
    words = (
        _("The groups do not have the planned sizes (sample ratio mismatch). Results are not shown.")
        if found.found
        else _("The groups have the planned sizes.")
    )
    return {"planned": dict(planned), "p": found.p, "mismatch": found.found, "words": words}


def _in_full(lift: Lift) -> dict[str, Any]:
    plain = lift.as_json(_amount_text)
    names = {"arm": plain.pop("treated")["arm"], "control": plain.pop("control")["arm"]}
    words = " ".join(filter(None, [lift_sentence(lift), revenue_sentence(lift, _amount_text)]))
    return {**names, **plain, "words": words}


def _amount_text(amount: float) -> str:
    return f"{amount:.2f}"


def _experiment(tallies: dict[str, _Tally], *, control: str, arm: str, with_value: bool) -> Experiment:
    if control not in tallies or len(tallies) < 2:
        raise Invalid(
            "Column {column} holds {found}: the control {control} and at least one other arm must be among them.",
            column=arm,
            found=", ".join(sorted(tallies)) or "nothing",
            control=control,
        )
    arms = {
        name: Arm(name, Rate(tally.converted, tally.buyers), Spend.of(tally.values) if with_value else None)
        for name, tally in sorted(tallies.items())
    }
    rows = sum(tally.buyers for tally in tallies.values())
    return Experiment(arms.pop(control), tuple(arms.values()), rows)


@contextmanager
def _rows(path: Path) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """The header's columns and the rows that are not blank, each with its line number."""
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file)
        columns = [name.strip() for name in next(reader, [])]
        if not columns:
            raise Invalid("{file} is empty: give a CSV table with a header line.", file=path.name)
        try:
            yield columns, ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            raise Invalid("Line {line} is not CSV: {error}.", line=reader.line_num, error=str(error)) from error


def _encoding(path: Path) -> str:
    """UTF-8 if every byte of the file is, else GB18030."""
    if not path.is_file():
        raise Invalid("There is no file {file}: give the path of a CSV table.", file=str(path))
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    if b"\0" in block:
                        break
                    decoder.decode(block)
                else:
                    decoder.decode(b"", final=True)
                    return encoding
        except UnicodeDecodeError:
            continue
    raise Invalid("{file} is not a text table: give a CSV file in UTF-8 or GB18030.", file=path.name)


def _column(columns: list[str], name: str) -> int:
    if name.strip() not in columns:
        raise Invalid("There is no column {name}: the table has {columns}.", name=name, columns=", ".join(columns))
    return columns.index(name.strip())


def _is_converted(text: str, line: int) -> bool:
    word = text.lower()
    if word in YES or word in NO:
        return word in YES
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not number >= 0:  # also catches what is not a number
        raise Invalid("Line {line} has {found}; expected 1 or 0, yes or no, or a count.", line=line, found=repr(text))
    return number > 0


def _amount(text: str, line: int) -> float:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Invalid(
            "Line {line} has {found}; expected a number, 0 for a buyer who spent nothing.",
            line=line,
            found=repr(text),
        )
    return number
