"""Write docs/importing/presets.md: every column preset with its exports and columns, as the presets say it.

`--check` says whether the page is that of the presets.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from retention.ingest.presets import KINDS, PRESETS
from retention.ingest.presets.preset import ExportFormat

PAGE = Path(__file__).resolve().parents[1] / "docs" / "importing" / "presets.md"
_HEAD = """# My file comes from ...

Every preset with its exports and the columns it reads, the best name first. Written by `make presets` from the
presets: change them, not this page. A file is recognised by headers that only its system has; `--preset NAME`
names the preset. Where two columns are named for one field, the second is read where the first is blank, for
buyers, contacts, places, waybills and articles; `A + B` are put together. What a preset has no column for is found
by the common names at the end.
"""
_MONEY = {
    True: "Money columns hold the order's totals.",
    False: "Money columns hold the line's amounts; `order_total` the order's.",
}


def main() -> None:
    """Write the page, or compare it."""
    page = "\n".join(_page())
    if "--check" not in sys.argv:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/importing/presets.md is not that of the presets: run make presets")


def _page() -> Iterator[str]:
    yield _HEAD
    for preset in PRESETS.values():
        if preset.exports:
            yield f"## {preset.name}\n"
            for export in preset.exports:
                yield from _export(export)
    yield "## generic\n"
    for kind, names in KINDS.items():
        yield f"{kind}:\n"
        yield from _columns(names.items())


def _export(export: ExportFormat) -> Iterator[str]:
    said = [_MONEY[export.order_level]] if export.kind == "orders" else []
    said += [f"Refunds have been taken from {_quoted(export.after_refunds)}." if export.after_refunds else ""]
    said += ["Its rows are lines of orders that another file brings." if export.add_lines else ""]
    said += [f"`{field}` is {value} in every row without a column for it." for field, value in export.given.items()]
    said += [f"The status `{word}` means {meaning}." for word, meaning in export.statuses.items()]
    said += [f"Not verified: {export.not_verified}" if export.not_verified else ""]
    yield f"### {export.kind}: {export.title}\n"
    yield " ".join(filter(None, said)) + "\n" if any(said) else ""
    yield from _columns(export.names.items())


def _columns(names: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    yield "| field | columns |\n| --- | --- |"
    for field, headers in names:
        yield f"| `{field}` | {_quoted(headers)} |"
    yield ""


def _quoted(headers: tuple[str, ...]) -> str:
    return ", ".join(f"`{header}`" for header in headers)


if __name__ == "__main__":
    main()
