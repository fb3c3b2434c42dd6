"""What commands share: the installation's database, how a file is read, and how a result is written."""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Engine

from retention.database import open_engine
from retention.errors import Invalid
from retention.home import open_home
from retention.queue import configure
from retention.settings import get_settings

ShopOption = Annotated[str, typer.Option("--shop", help="The shop's slug.", metavar="SLUG")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the result as one JSON document.")]


@cache
def engine() -> Engine:
    """Return the installation's database."""
    settings = get_settings()
    if not settings.database_url:
        open_home(settings.home)
    configure(settings)
    return open_engine(settings.database)


def read_json(source: str | Path) -> Any:
    """Return what a file of JSON says; `-` is standard input. Invalid when it is none."""
    name = "standard input" if str(source) == "-" else Path(source).name
    try:
        return json.loads(sys.stdin.read() if str(source) == "-" else Path(source).read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise Invalid(
            "{file} is not JSON: {problem} in line {line}.", file=name, problem=error.msg, line=error.lineno
        ) from error
    except UnicodeDecodeError as error:
        raise Invalid("{file} is no text in UTF-8.", file=name) from error
    except RecursionError as error:
        raise Invalid("{file} is nested too deeply.", file=name) from error


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Write a result: a line per value, or one JSON document."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, default=str))
        return
    for name, value in result.items():
        text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value
        typer.echo(f"{name.replace('_', ' ')}: {text}")


def show_rows(name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Write rows: a line each with these columns between tabs, or one JSON document with all of them under `name`."""
    if as_json:
        show({name: rows}, as_json=True)
        return
    for row in rows:
        typer.echo("\t".join("" if row[column] is None else str(row[column]) for column in columns).rstrip())
