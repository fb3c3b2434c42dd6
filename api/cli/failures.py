"""Commands on failures of background work."""

from typing import Annotated

import typer

from api.cli.terminal import USUAL_ROWS, JsonOption, LimitOption, ShopOption, reading, show, show_page, writing
from api.shapes.failures import FailureOut
from retention.failures import page_of_failures, try_again
from retention.paging import Wanted

group = typer.Typer(help="Failed background work, and retrying it.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="failures")


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List failed background work, waiting for a retry or given up, latest first."""
    with reading(shop) as here:
        page = page_of_failures(here.session, here.shop.id, Wanted(limit))
        rows = [FailureOut.of(each).model_dump(mode="json") for each in page.rows]
    show_page("failures", rows, page, ("id", "work", "kind", "name", "tries", "next_at", "why"), as_json=as_json)


@group.command("try-again")
def retry(
    number: Annotated[int, typer.Argument(help="The failure's number, as `list` shows it.", metavar="NUMBER")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Retry failed work now."""
    with writing(shop) as here:
        failure = try_again(here.session, here.member, number, at=here.now)
        result = FailureOut.of(failure).model_dump(mode="json")
    show(result, as_json=as_json)
