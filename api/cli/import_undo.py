"""Commands on imports that were made: listed, and taken back."""

from typing import Annotated

import typer

import api.tables  # noqa: F401 - what is built on an import is said beside each table, so all of them have to be known
from api.cli.terminal import USUAL_ROWS, JsonOption, LimitOption, ShopOption, reading, show, show_page, writing
from api.shapes.imports import ListedImportOut, UndoneImportOut
from retention.files import open_store
from retention.ingest.drafts import page_of_imports
from retention.ingest.journals.undo import undo_import
from retention.paging import Wanted
from retention.settings import get_settings

group = typer.Typer(help="Imports that were made, and undoing one.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="imports")


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List imports, latest first."""
    with reading(shop) as here:
        page = page_of_imports(here.session, here.member, Wanted(limit))
        rows = [ListedImportOut.of(each).model_dump(mode="json") for each in page.rows]
    columns = ("id", "kind", "name", "state", "accepted", "rejected", "finished_at", "undone_at", "undo_problem")
    show_page("imports", rows, page, columns, as_json=as_json)


@group.command("undo")
def undo(
    number: Annotated[int, typer.Argument(help="The import's number, as `list` shows it.", metavar="NUMBER")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Undo an import: what it added goes, what it changed is as before. Refused once something was built on it."""
    with writing(shop) as here:
        undone = undo_import(here.session, here.member, number, files=open_store(get_settings()), at=here.now)
        result = UndoneImportOut(**undone.as_json()).model_dump(mode="json")
    show(result, as_json=as_json)
