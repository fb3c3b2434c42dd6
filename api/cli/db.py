"""Commands on the database itself."""

import typer

from api.cli.terminal import engine
from retention import migrate
from retention.home import close_home
from retention.schema import lacking
from retention.settings import get_settings

group = typer.Typer(help="Create or upgrade the database.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="db")


@group.callback()
def _describe() -> None:
    """Keep `db upgrade` two words while it is the only command of the group."""


@group.command()
def upgrade() -> None:
    """Upgrade the database to the current tables; create it if there is none."""
    import api.tables  # every table, which no other command needs at its start

    address = get_settings().database
    migrate.upgrade(address)
    close_home(get_settings().home)
    with migrate.connect(address) as connection:
        found = lacking(connection, api.tables.metadata)
    if found.others:
        typer.echo(
            f"The database lacks {found.named}. It works, but slower or less strictly. Restore them from a backup.",
            err=True,
        )
    typer.echo(f"The database is current: {engine().url.render_as_string(hide_password=True)}")
