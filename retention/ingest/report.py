"""What an import says of itself when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retention import money
from retention.clock import day_of

_MONEY = ("paid", "refunded", "revenue")
_DAYS = ("first_day", "last_day")


@dataclass(frozen=True)
class ImportReport:
    """What an import read and what it changed. `rejects_path` is None when nothing was rejected.

    `columns` names the first column of each field, `mapping` all of them as an option says it; `header` has all columns
    of the file, `read_as` how it was read.

    `notes` are sentences about the file, in the language spoken. By its `number` an import can be taken back.
    """

    kind: str
    file: str
    encoding: str
    read: int
    accepted: int
    rejected: int
    changed: int
    unchanged: int
    rejects_path: Path | None
    columns: dict[str, str]
    ignored_columns: list[str]
    totals: dict[str, Any] = field(default_factory=dict)
    preset: str = "generic"
    notes: list[str] = field(default_factory=list)
    number: int | None = None
    header: list[str] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    read_as: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 when a row landed or none was rejected, 2 when all were rejected."""
        return 2 if self.rejected and not self.accepted else 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values; money is in major units, as exact decimal strings."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "rejects_path": str(self.rejects_path) if self.rejects_path else None,
        }


def figures(totals: Mapping[str, int], currency: str) -> dict[str, Any]:
    """Return the totals as a report says them: money in major units, days as ISO dates."""
    spelled = {name: str(money.major(totals[name], currency)) for name in _MONEY if name in totals}
    spelled |= {name: day_of(totals[name]).isoformat() for name in _DAYS if name in totals}
    return {**totals, **spelled}
