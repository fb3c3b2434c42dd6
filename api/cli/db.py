"""Commands on the database itself."""

import typer

from api.cli.terminal import engine
from retention import migrate
from retention.settings import get_settings

group = typer.Typer(help="The database.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="db")


@group.callback()
def _describe() -> None:
    """Keep `db upgrade` two words while it is the only command of the group."""


@group.command()
def upgrade() -> None:
    """Bring the database to the newest tables, making it when there is none."""
    migrate.upgrade(get_settings().database)
    typer.echo(f"The database is current: {engine().url.render_as_string(hide_password=True)}")
