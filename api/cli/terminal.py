"""What commands share: the installation's database, and how a result is written."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Engine

from retention.database import open_engine
from retention.queue import configure
from retention.settings import get_settings

ShopOption = Annotated[str, typer.Option("--shop", help="The shop's slug.", metavar="SLUG")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the result as one JSON document.")]


@cache
def engine() -> Engine:
    """Return the installation's database."""
    settings = get_settings()
    if not settings.database_url:
        settings.home.mkdir(parents=True, exist_ok=True)
    configure(settings)
    return open_engine(settings.database)


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Write a result: a line per value, or one JSON document."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, default=str))
        return
    for name, value in result.items():
        text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value
        typer.echo(f"{name.replace('_', ' ')}: {text}")
