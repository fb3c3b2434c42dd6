"""Commands on saved mappings: what was said of a file, under a name, for the next file with the same columns."""

from typing import Annotated, Any

import typer

from api.cli.import_kinds import FileKind
from api.cli.terminal import USUAL_ROWS, JsonOption, LimitOption, ShopOption, reading, show, show_page, writing
from api.shapes.imports import SavedMappingOut
from retention.ingest.drafts import save_mapping_of
from retention.paging import Wanted
from retention.saved_mappings import SavedMapping, mapping_named, page_of_mappings, remove_mapping

group = typer.Typer(help="Saved mappings: what was said of a file, kept for the next.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The mapping's name.")]
KindOption = Annotated[FileKind | None, typer.Option(help="The kind of file, where several share the name.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="mappings")


@group.command("list")
def list_them(
    shop: ShopOption,
    limit: LimitOption = USUAL_ROWS,
    kind: Annotated[FileKind | None, typer.Option(help="Only those for this kind of file.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List saved mappings, oldest first."""
    with reading(shop) as here:
        page = page_of_mappings(here.session, here.member, Wanted(limit), kind=_kind(kind))
        rows = [_shown(each) for each in page.rows]
    show_page("mappings", rows, page, ("kind", "name", "saved_at"), as_json=as_json)


@group.command("show")
def show_one(name: Name, shop: ShopOption, kind: KindOption = None, *, as_json: JsonOption = False) -> None:
    """Show what a saved mapping says of a file: columns, source, dates, encoding and so on."""
    with reading(shop) as here:
        result = _shown(mapping_named(here.session, here.member, name, kind=_kind(kind)))
    show(result, as_json=as_json)


@group.command("save")
def save(
    name: Name,
    number: Annotated[int, typer.Option("--import", help="The import whose file it was said of.", metavar="NUMBER")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Save what is known of the file of an import; a mapping of that name is replaced."""
    with writing(shop) as here:
        result = _shown(save_mapping_of(here.session, here.member, number, name, at=here.now))
    show(result, as_json=as_json)


@group.command("remove")
def remove(name: Name, shop: ShopOption, kind: KindOption = None, *, as_json: JsonOption = False) -> None:
    """Remove a saved mapping; imports that used it stay as they are."""
    with writing(shop) as here:
        saved = mapping_named(here.session, here.member, name, kind=_kind(kind))
        result = _shown(saved)
        remove_mapping(here.session, here.member, saved.id, at=here.now)
    if as_json:
        show({"removed": result}, as_json=True)


def _kind(kind: FileKind | None) -> str:
    return kind.value if kind else ""


def _shown(saved: SavedMapping) -> dict[str, Any]:
    return SavedMappingOut.of(saved).model_dump(mode="json")
