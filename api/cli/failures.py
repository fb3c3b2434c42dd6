"""Commands on what goes wrong by itself."""

from typing import Annotated, Any

import typer

from api.cli.terminal import JsonOption, ShopOption, engine, show, show_rows
from retention import clock
from retention.access import system_member
from retention.database import reading, transaction
from retention.failures import Failure, failures_of, is_given_up, try_again
from retention.shops import find_shop

group = typer.Typer(help="What goes wrong by itself, and trying it again.", no_args_is_help=True)

_KEPT = {"id", "work", "kind", "name", "why", "tries", "since", "tried_at", "next_at"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="failures")


@group.command("list")
def list_them(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List what fails in the shop and waits or was given up, the latest first."""
    with reading(engine()) as session:
        rows = [_shown(each) for each in failures_of(session, find_shop(session, shop).id)]
    show_rows("failures", rows, ("id", "work", "kind", "name", "tries", "next_at", "why"), as_json=as_json)


@group.command("try-again")
def retry(
    number: Annotated[int, typer.Argument(help="The failure's number, as `list` shows it.", metavar="NUMBER")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Have a thing tried at once that waits or was given up."""
    with transaction(engine()) as session:
        member = system_member(find_shop(session, shop).id)
        result = _shown(try_again(session, member, number, at=clock.now()))
    show(result, as_json=as_json)


def _shown(failure: Failure) -> dict[str, Any]:
    return failure.model_dump(mode="json", include=_KEPT) | {"given_up": is_given_up(failure)}
