"""What `regulars import` may be told of a file, option by option: names, help, forms."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.import_kinds import FileKind
from retention.ingest.options import STATUS_MEANINGS
from retention.ingest.presets import CHOICES

Kind = Annotated[FileKind, typer.Argument(help="What the file contains.")]
File = Annotated[Path, typer.Argument(help="CSV or text with another separator, XLSX, JSON.")]
Preset = Annotated[str, typer.Option(help=f"Column preset: {', '.join(CHOICES)}.")]
Maps = Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Map a field to a column.")]
Ignored = Annotated[list[str] | None, typer.Option("--ignore", metavar="COLUMN", help="A column that is not imported.")]
Dates = Annotated[str | None, typer.Option(help="How to read 12/1/2010: dmy or mdy.")]
Decimals = Annotated[str | None, typer.Option(help="What stands before the cents: comma or point.")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of a text file; default: detected.")]
HeaderRow = Annotated[int | None, typer.Option(help="Line of the header, from 1; default: detected.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="WORD=MEANING", help=f"A status word means: {', '.join(STATUS_MEANINGS)}."),
]
Rates = Annotated[
    list[str] | None,
    typer.Option("--rate", metavar="EUR=7.8", help="What one unit of another currency is worth in the shop's."),
]
Source = Annotated[str | None, typer.Option(help="System the order numbers come from; default: the preset's name.")]
Mapping = Annotated[
    str | None, typer.Option(metavar="NAME", help="A saved mapping; what is given besides comes first.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what was understood and what would change; change nothing.")
]
AddLines = Annotated[bool, typer.Option(help="Add the lines to orders that are known.")]
