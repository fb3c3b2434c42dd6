"""The command that starts web, workers and scheduler."""

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    port: Annotated[int, typer.Option(help="Port of the web pages.", min=1, max=65_535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every interface.")] = "127.0.0.1",
) -> None:
    """Run web server, workers and scheduler until stopped; the database is upgraded first."""
    from api.serve import run  # late: other commands need not load the web server

    run(host, port)
