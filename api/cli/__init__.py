"""The command `regulars`: one module per group of commands, each a thin layer over use cases.

A refusal is one line on standard error. Exit codes: 0 done, 1 not possible (unknown thing, wrong state), 2 wrong input.
Results go to standard output, as words or with `--json` as one JSON document; progress goes to standard error.
"""

import sys
from importlib import metadata
from typing import Annotated, NoReturn

import typer

from api.cli.commands import Commands
from retention.home import keep_private

app = typer.Typer(
    name="regulars",
    cls=Commands,
    help="Regulars (回头客): turns buyers into regulars.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - the library calls it so
    if asked:
        typer.echo(f"regulars {metadata.version('regulars')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    keep_private()
    try:
        code = app(args=arguments, standalone_mode=False)
    except typer.TyperException as error:
        _refuse(error.format_message(), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _refuse("Stopped.", 130)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in one line
        from api.cli.refusals import refusal_of  # late: the database's errors take long to load

        _refuse(*refusal_of(error))
    raise SystemExit(code or 0)


def _refuse(text: str, code: int) -> NoReturn:
    # A group without a command answers with its help, the one refusal of many lines.
    if not text:  # told by the log
        raise SystemExit(code)
    is_help = text.lstrip().startswith("Usage:")
    sys.stderr.write(f"{text}\n" if is_help else f"regulars: {' '.join(text.split())}\n")
    raise SystemExit(code)
