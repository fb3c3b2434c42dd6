"""`regulars import KIND FILE`: files in, with a bar while it runs and a report at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from api.cli import import_options as given
from api.cli.import_words import understood
from api.cli.terminal import JsonOption, ShopOption, engine, reading, show
from retention import clock
from retention.files import open_store
from retention.ingest import ImportOptions, ImportReport, import_file, understand_file
from retention.ingest.options import parse_maps, parse_rates, parse_statuses, with_saved
from retention.saved_mappings import mapping_named
from retention.settings import get_settings


def add_to(app: typer.Typer) -> None:
    app.command("import")(run)


def run(  # noqa: PLR0913, PLR0917 - each option is a parameter
    kind: given.Kind,
    file: given.File,
    shop: ShopOption,
    preset: given.Preset = "auto",
    maps: given.Maps = None,
    ignore: given.Ignored = None,
    dates: given.Dates = None,
    decimal: given.Decimals = None,
    encoding: given.Encoding = None,
    header_row: given.HeaderRow = None,
    statuses: given.Statuses = None,
    rates: given.Rates = None,
    source: given.Source = None,
    mapping: given.Mapping = None,
    *,
    dry_run: given.DryRun = False,
    add_lines: given.AddLines = False,
    as_json: JsonOption = False,
) -> None:
    """Import a file. The same file twice changes nothing; rejected rows go to FILE.rejected.csv."""
    options = ImportOptions(
        preset=preset,
        mapping=parse_maps(maps or []),
        ignore=tuple(ignore or ()),
        source=source,
        dates=dates,
        decimal=decimal,
        encoding=encoding,
        header_row=header_row,
        statuses=parse_statuses(statuses or []),
        rates=parse_rates(rates or []),
        add_lines=add_lines,
    )
    if mapping is not None:
        with reading(shop) as here:
            options = with_saved(mapping_named(here.session, here.member, mapping, kind=kind.value).options, options)
    if dry_run:
        with _bar(file.name, hidden=as_json) as progress:
            seen = understand_file(
                engine(), shop, kind.value, file, options=options, now=clock.now(), progress=progress
            )
        show(seen.as_json() if as_json else understood(seen), as_json=as_json)
        raise typer.Exit(seen.exit_code)
    with _bar(file.name, hidden=as_json) as progress:
        report = import_file(
            engine(),
            shop,
            kind.value,
            file,
            options=options,
            now=clock.now(),
            progress=progress,
            files=open_store(get_settings()),
        )
    show(report.as_json() if as_json else _in_words(report), as_json=as_json)
    raise typer.Exit(report.exit_code)


def _in_words(report: ImportReport) -> dict[str, Any]:
    result = {name: getattr(report, name) for name in ("file", "encoding", "read", "accepted", "rejected", "changed")}
    columns = {"columns": ", ".join(f"{name}={column}" for name, column in report.mapping.items())}
    ignored = {"ignored columns": ", ".join(report.ignored_columns)} if report.ignored_columns else {}
    rejects = {"rejected rows": report.rejects_path} if report.rejects_path else {}
    notes = {"notes": list(report.notes)} if report.notes else {}
    return (
        {"number": report.number}
        | result
        | {"preset": report.preset}
        | columns
        | ignored
        | report.totals
        | notes
        | rejects
    )


@contextmanager
def _bar(name: str, *, hidden: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error, where it is a terminal."""
    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
