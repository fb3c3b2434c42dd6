"""The command that runs the demonstration."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli.terminal import JsonOption
from retention import clock


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the files; recreated each time.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = 1,
    orders: Annotated[Path | None, typer.Option(help="Run on this order file instead of a generated one.")] = None,
    preset: Annotated[str, typer.Option(help="Column preset of --orders: generic, taobao ...")] = "generic",
    *,
    as_json: JsonOption = False,
) -> None:
    """Run a sample shop from its order file to printed flyers, scans, orders and lift."""
    from api.demo.run import run  # with WeasyPrint, SciPy and a web server behind it

    console = Console(stderr=True, quiet=as_json)
    summary = run(out, seed, orders=orders, preset=preset, now=clock.now(), console=console)
    if as_json:
        typer.echo(summary.model_dump_json())
        return
    typer.echo(summary.in_words())
    typer.echo(_next_step(out, "camellia" if orders is None else "shop"))


def _next_step(out: Path, shop: str) -> str:
    from api.demo.shops import PASSWORD

    home = shlex.quote(str(out / "var"))
    return (
        f"\nFiles: {out.resolve()}\n"
        "To open its console at http://127.0.0.1:8000, paste:\n\n"
        f"    REGULARS_HOME={home} {shlex.quote(_program())} serve\n\n"
        f"Sign in as owner@{shop}.example (or marketer@, warehouse@, viewer@), password {PASSWORD}"
    )


def _program() -> str:
    """Return how this command was started, as it can be typed again from here."""
    started = Path(sys.argv[0])
    known = shutil.which(started.name)
    return started.name if known and Path(known).resolve() == started.resolve() else str(started)
