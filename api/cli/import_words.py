"""What a dry run understood, as lines of a terminal."""

from itertools import chain
from typing import Any

from retention.ingest import Understanding
from retention.ingest.columns import columns_of
from retention.ingest.time_zones import zone_words

_FORM = ("file", "kind", "preset", "encoding", "delimiter", "sheet", "header_row", "currency", "timezone")
_SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_FIGURES = ("read", "accepted", "rejected", "changed", "unchanged")


def understood(seen: Understanding) -> dict[str, Any]:
    """Return what was understood: the form, the columns, the figures, the first rows, what is refused and why."""
    words: dict[str, Any] = {name: getattr(seen, name) for name in _FORM if getattr(seen, name) is not None}
    if seen.delimiter:
        words["delimiter"] = _SIGNS.get(seen.delimiter, seen.delimiter)
    words["preset"] = f"{seen.preset} (found in the file)" if seen.preset_found else seen.preset
    words["columns"] = {_column(seen, name): _field(seen, name) for name in seen.header}
    words |= {"times": " ".join(zone_words(seen.as_json()))} if zone_words(seen.as_json()) else {}
    words |= {name: getattr(seen, name) for name in _FIGURES} | seen.totals
    words |= {"first rows": {str(n): _row(row) for n, row in enumerate(seen.first_rows, 1)}} if seen.first_rows else {}
    words |= (
        {"rejected rows": {f"line {each['line']}": each["reason"] for each in seen.rejects}} if seen.rejects else {}
    )
    words |= {"notes": list(seen.notes)} if seen.notes else {}
    words |= {"cannot be imported": seen.problem} if seen.problem else {}
    return words | {"dry run": "nothing was changed"}


def _column(seen: Understanding, name: str) -> str:
    return f"{name} ({', '.join(seen.cells[name])})" if seen.cells[name] else name


def _field(seen: Understanding, column: str) -> str:
    fields = [field for field, spelling in seen.mapping.items() if column in chain(*columns_of(spelling, seen.header))]
    return ", ".join(fields) or "not imported"


def _row(row: dict[str, str]) -> str:
    return " ".join(f"{field}={value}" for field, value in row.items() if value)
