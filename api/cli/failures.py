"""Commands on what goes wrong by itself."""

from typing import Annotated, Any

import typer

from api.cli.terminal import JsonOption, ShopOption, reading, show, show_rows, writing
from retention.failures import Failure, failures_of, is_given_up, try_again

group = typer.Typer(help="Failed background work, and retrying it.", no_args_is_help=True)

_KEPT = {"id", "work", "kind", "name", "why", "tries", "since", "tried_at", "next_at"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="failures")


@group.command("list")
def list_them(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List failed background work, waiting for a retry or given up, latest first."""
    with reading(shop) as here:
        rows = [_shown(each) for each in failures_of(here.session, here.shop.id)]
    show_rows("failures", rows, ("id", "work", "kind", "name", "tries", "next_at", "why"), as_json=as_json)


@group.command("try-again")
def retry(
    number: Annotated[int, typer.Argument(help="The failure's number, as `list` shows it.", metavar="NUMBER")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Retry failed work now."""
    with writing(shop) as here:
        result = _shown(try_again(here.session, here.member, number, at=here.now))
    show(result, as_json=as_json)


def _shown(failure: Failure) -> dict[str, Any]:
    return failure.model_dump(mode="json", include=_KEPT) | {"given_up": is_given_up(failure)}
