"""A column preset: the exports of one shop system or platform, and how their columns are called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Names = Mapping[str, tuple[str, ...]]
"""The headers a field may have, the best first. `A + B` are two columns that make one value."""


@dataclass(frozen=True)
class ExportFormat:
    """One kind of file a system exports.

    `names` go before the names everybody uses; `marks` are headers that tell whose file it is, `sure` those of
    which one is enough; `without` are headers that look like a field and are none. `order_level` says that money
    columns hold the order's totals, not the line's; `after_refunds` names the amount columns from which refunds
    have been taken already. `add_lines`: the rows are lines of orders that another file brings. `given`: what the
    kind of file says in itself, by field. `statuses`: words that mean something else in this system. `no_is_vague`:
    a no to messages may also mean that nobody asked. `not_verified`: which of its headers no source shows.
    """

    kind: str
    title: str
    names: Names = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    sure: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    order_level: bool = False
    after_refunds: tuple[str, ...] = ()
    add_lines: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    no_is_vague: bool = False
    not_verified: str = ""

    def given_in(self, file: str) -> Mapping[str, str]:
        """Return what a file of this kind says by its name; a list of whoever did not subscribe says nothing."""
        return {} if re.search(r"non[-_ ]?subscribed", file, re.IGNORECASE) else self.given


@dataclass(frozen=True)
class ColumnPreset:
    """What one system exports; the first export of a kind is meant where nothing speaks for another."""

    name: str
    exports: tuple[ExportFormat, ...] = ()

    def of_kind(self, kind: str) -> tuple[ExportFormat, ...]:
        """Return the exports that hold this kind of rows; one that says nothing where the system has none."""
        return tuple(each for each in self.exports if each.kind == kind) or (ExportFormat(kind, ""),)
