"""Whose export a file is, and which of its columns hold which field: explicit maps first, then the preset's names,
then names everybody uses.

Headers are compared without case, width, blanks, dashes, underscores, brackets and apostrophes, so `Order ID`,
`order_id` and `orderId` are one name.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple

from retention.errors import Invalid
from retention.ingest.presets import (
    AUTO,
    KINDS,
    NEEDED,
    PRESETS,
    SPELLINGS,
    ColumnPreset,
    ExportFormat,
    Names,
    check_preset,
)
from retention.ingest.questions import refuse_all
from retention.ingest.time_columns import MOMENTS, bare_pair, pair_of

_TRIED_IN_TURN = frozenset(
    ("buyer_id", "name", "email", "phone", "country", "region", "city", "waybill", "sku", "title")
)
"""Fields of which a preset's next column speaks where the first is blank."""

_SHARING = frozenset(("name", "email", "phone"))
"""Fields that may be told by the column of the buyer's number."""

OF_LINE, OF_ORDER = "line", "order"
REFUNDS = {"refunded": "", "line_refunded": OF_LINE, "order_refunded": OF_ORDER}
"""Fields of refunds and whose they are, as far as the name says; of a file one is read."""

_ENOUGH = 2.0  # headers that only one preset has, or more that several have
_AHEAD = 0.5  # by how much the best must be before the next

_UNIT = re.compile(r"[(（\[【][^)）\]】]{1,5}[)）\]】]\s*$")
"""What a column is counted in, as in 金额（元） or Price [EUR]; a name that has it in itself is looked for first."""

TOGETHER, ALTERNATIVE = " + ", " | "
"""Between columns that are one value, and before one that is asked where the column before is blank."""

Source = tuple[str, ...]
"""Columns that together are one value."""


class FoundExport(NamedTuple):
    """Whose export a file is, of which kind."""

    preset: str
    export: ExportFormat


class Columns(dict[str, str]):
    """The first column of each field found; `sources` are all its columns, in the order in which they are asked."""

    def __init__(self, sources: Mapping[str, Sequence[Source]]) -> None:
        super().__init__({name: found[0][0] for name, found in sources.items() if found})
        self.sources = {name: tuple(found) for name, found in sources.items() if found}

    @property
    def used(self) -> frozenset[str]:
        """All columns that are read."""
        return frozenset(_used(self.sources))

    @property
    def spelled(self) -> dict[str, str]:
        """All columns of each field as a mapping says them: `Date + Time`, `Mobile | Phone`."""
        return {name: spelled(found) for name, found in self.sources.items()}


def find_export(kind: str, header: Sequence[str], preset: str = AUTO) -> FoundExport:
    """Return the export whose headers a file has; of the preset named, or of the best one, generic in doubt."""
    check_preset(preset)
    plain = {_plain(name) for name in header}
    if preset != AUTO:
        return FoundExport(preset, _best(PRESETS[preset], kind, plain)[1])
    rated = [(*_best(each, kind, plain), each.name) for each in PRESETS.values() if each.exports]
    rated.sort(key=lambda each: each[0], reverse=True)
    (best, export, name), (second, *_) = rated[:2]
    if best >= _ENOUGH and best - second >= _AHEAD:
        return FoundExport(name, export)
    return FoundExport("generic", ExportFormat(kind, ""))


def _best(preset: ColumnPreset, kind: str, plain: Collection[str]) -> tuple[float, ExportFormat]:
    rated = [(_rate(export, plain), export) for export in preset.of_kind(kind)]
    return max(rated, key=lambda each: each[0])


def _rate(export: ExportFormat, plain: Collection[str]) -> float:
    weights = _weights(export.kind)
    marks = {_plain(mark) for mark in export.marks} & set(plain)
    sure = {_plain(mark) for mark in export.sure} & set(plain)
    return sum(weights[mark] for mark in marks) + _ENOUGH * len(sure)


@cache
def _weights(kind: str) -> dict[str, float]:
    """Return what each header says: the more presets have it, the less."""
    owners: dict[str, set[str]] = {}
    for preset in PRESETS.values():
        for export in preset.of_kind(kind):
            for mark in export.marks:
                owners.setdefault(_plain(mark), set()).add(preset.name)
    return {mark: 1 / len(names) for mark, names in owners.items()}


def known_columns(kind: str, preset: str = AUTO, explicit: Mapping[str, str] | None = None) -> Callable[[str], bool]:
    """Return what tells whether a name is that of a column which the import of `kind` looks for."""
    spellings = [each for value in (explicit or {}).values() for each in (value, *chain(*columns_of(value, ())))]
    plain = _known(kind, preset) | {_plain(name) for name in spellings}
    return lambda name: _plain(name) in plain or _plain(_UNIT.sub("", name)) in plain


@cache
def _known(kind: str, preset: str) -> frozenset[str]:
    presets = PRESETS.values() if preset == AUTO else (PRESETS[preset],)
    exports = [export for each in presets for export in each.of_kind(kind)]
    names = [name for known in (KINDS[kind], *(each.names for each in exports)) for name in chain(*known.values())]
    marks = [name for each in exports for name in (*each.marks, *each.sure)]
    return frozenset(_plain(part) for name in (*names, *marks) for part in name.split(" + "))


def map_columns(kind: str, header: Sequence[str], export: ExportFormat, explicit: Mapping[str, str]) -> Columns:
    """Return the columns of each field found; Invalid names the field or column that is missing or unknown."""
    fields = KINDS[kind]
    explicit = {SPELLINGS.get(name, name): column for name, column in explicit.items()}
    _check_explicit(fields, header, explicit)
    by_plain_name = {_plain(_UNIT.sub("", name)): name for name in reversed(header)}
    by_plain_name |= {_plain(name): name for name in reversed(header)}
    found = {name: columns_of(spelling, header) for name, spelling in explicit.items()}
    for name, special in export.names.items():
        if name in fields and _is_open(name, found) and (sources := _sources(special, by_plain_name)):
            found[name] = sources if name in _TRIED_IN_TURN else sources[:1]
    left_out = {_plain(name) for name in export.without}
    for name, usual in fields.items():
        names = [each for each in usual if _plain(each) not in left_out]
        taken = {column for other, sources in found.items() for column in sources[0] if not _share(name, other)}
        if _is_open(name, found) and (sources := _sources(names, by_plain_name, taken)):
            found[name] = sources if name in _SHARING else sources[:1]
    _add_times(kind, header, found)
    columns = Columns(found)
    _check_needed(kind, header, export, columns)
    return columns


def _add_times(kind: str, header: Sequence[str], found: dict[str, list[Source]]) -> None:
    """Put the column of a time of day beside that of its day, of a field that is read from one of the two."""
    if kind == "orders" and not found.keys() & {"paid_at", "placed_at"}:
        taken = _used(found)
        if pair := bare_pair([name for name in header if name not in taken], _plain):
            found["paid_at"] = [pair]
    for name in MOMENTS:
        if name in found and len(found[name][0]) == 1:
            pair = pair_of(found[name][0][0], header, _used(found), _plain)
            found[name] = [pair, *found[name][1:]] if pair else found[name]


def _used(found: Mapping[str, Sequence[Source]]) -> set[str]:
    return {column for sources in found.values() for source in sources for column in source}


def columns_of(spelling: str, header: Collection[str]) -> list[Source]:
    """Return the columns that are said to hold a field: one, several together (A + B), or one after the other (A | B).

    A column that is called so is meant itself.
    """
    if spelling in header:
        return [(spelling,)]
    found = []
    for each in spelling.split(ALTERNATIVE):
        together = tuple(part.strip() for part in each.split(TOGETHER))
        found.append((each.strip(),) if each.strip() in header else together)
    return found


def spelled(sources: Sequence[Source]) -> str:
    """Return columns as a mapping says them."""
    return ALTERNATIVE.join(TOGETHER.join(source) for source in sources)


def _is_open(name: str, found: Collection[str]) -> bool:
    """Tell whether a column is still looked for."""
    return name not in found and not (name in REFUNDS and REFUNDS.keys() & set(found))


def _share(name: str, other: str) -> bool:
    return other == "buyer_id" and name in _SHARING


def _sources(names: Sequence[str], columns: Mapping[str, str], taken: Collection[str] = ()) -> list[Source]:
    """Return the columns of the names that the file has; `A + B` needs both."""
    found: list[Source] = []
    for name in names:
        source = tuple(columns.get(_plain(part), "") for part in name.split(" + "))
        if all(source) and not set(source) & set(taken) and source not in found:
            found.append(source)
    return found


def _check_needed(kind: str, header: Sequence[str], export: ExportFormat, columns: Columns) -> None:
    found = columns.keys() | export.given.keys()
    if kind == "orders" and {"order_id"} < found & {"order_id", "sku", "title"}:
        return  # lines of orders that are known
    lacking = [group for group in NEEDED[kind] if not found & set(group)]
    refuse_all([_lack(group, header, more=number > 0) for number, group in enumerate(lacking)])


def _lack(group: Sequence[str], header: Sequence[str], *, more: bool) -> Invalid:
    if more:
        return Invalid(
            "No column holds {field} either (--map {example}=Column).", field=" / ".join(group), example=group[0]
        )
    return Invalid(
        "No column holds {field}. The file has: {columns}. Name a column {example} in the file, or say which one it is "
        "with --map {example}=Column.",
        field=" / ".join(group),
        columns=", ".join(header),
        example=group[0],
    )


def _check_explicit(fields: Names, header: Sequence[str], explicit: Mapping[str, str]) -> None:
    for name, spelling in explicit.items():
        if name not in fields:
            raise Invalid("There is no field {name}. Use one of {known}.", name=repr(name), known=", ".join(fields))
        for column in [each for source in columns_of(spelling, header) for each in source if each not in header]:
            raise Invalid(
                "There is no column {name}. The file has: {known}.", name=repr(column), known=", ".join(header)
            )


@cache
def _plain(header: str) -> str:
    return re.sub(r"[\s_\-:：()（）*.'’‘`\u200b\ufeff]", "", unicodedata.normalize("NFKC", header)).casefold()
