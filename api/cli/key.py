"""Commands on API keys."""

from typing import Annotated

import typer

from api.cli.terminal import JsonOption, ShopOption, engine, show
from retention import clock, people
from retention.access import Scope, read_scopes
from retention.database import transaction
from retention.shops import find_shop

group = typer.Typer(help="Keys for a shop's other systems.", no_args_is_help=True)

_EVERY_SCOPE = ", ".join(scope.value for scope in Scope)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="key")


@group.callback()
def _describe() -> None:
    """Keep `key create` two words while it is the only command of the group."""


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as: shop-backend.")],
    shop: ShopOption,
    scope: Annotated[list[str], typer.Option(help=f"What it may do; repeat for more. One of {_EVERY_SCOPE}.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Make an API key and show its secret, this once."""
    scopes = read_scopes(scope)
    with transaction(engine()) as session:
        secret = people.create_api_key(session, find_shop(session, shop), name=name, scopes=scopes, at=clock.now())
    show({"name": name, "shop": shop, "scopes": sorted(s.value for s in scopes), "key": secret}, as_json=as_json)
