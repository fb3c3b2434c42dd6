"""The command `regulars`: one module per group of commands, each a thin layer over use cases.

A refusal is one line on standard error. Exit codes: 0 done, 1 not possible (unknown thing, wrong state), 2 wrong input.
Results go to standard output, as words or with `--json` as one JSON document; progress goes to standard error.
"""

import sys

import click
import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from api.cli import db, key, serve, shop, user
from retention.errors import Error

app = typer.Typer(
    name="regulars",
    help="Regulars (回头客): turns buyers into regulars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (db, shop, user, key, serve):
    group.add_to(app)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    try:
        app(args=arguments, standalone_mode=False)
    except Error as error:
        _refuse(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from error
    except (click.Abort, KeyboardInterrupt):
        _refuse("Stopped.", 130)
    except (OperationalError, ProgrammingError) as error:
        _refuse(f"{_first_line(error)} If the database is new or old: regulars db upgrade", 1)
    except OSError as error:
        _refuse(str(error), 1)


def _refuse(text: str, code: int) -> None:
    sys.stderr.write(f"regulars: {' '.join(text.split())}\n")
    raise SystemExit(code)


def _first_line(error: OperationalError | ProgrammingError) -> str:
    return f"The database refused: {str(error.orig).strip().splitlines()[0].rstrip('.')}."
