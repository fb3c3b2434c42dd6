"""Commands on personal data: export, erasure, and retention periods."""

import json
from pathlib import Path
from typing import Annotated

import typer

import api.tables  # noqa: F401 - what an erasure takes is said beside each table, so all of them have to be known
from api.cli.terminal import JsonOption, ShopOption, reading, show, writing
from retention.errors import Invalid
from retention.files import open_store
from retention.i18n import speaking
from retention.privacy.requests import buyer_to_erase, erase_buyer, export_buyer
from retention.privacy.retention_periods import set_times, times_of
from retention.settings import get_settings

buyer = typer.Typer(help="Export or erase the data of one buyer.", no_args_is_help=True)
privacy = typer.Typer(help="Data retention periods.", no_args_is_help=True)

BuyerArgument = Annotated[str, typer.Argument(help="The buyer's ID.", metavar="BUYER")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(buyer, name="buyer")
    app.add_typer(privacy, name="privacy")


@buyer.command("export")
def export(
    external_id: BuyerArgument,
    shop: ShopOption,
    out: Annotated[Path, typer.Option(help="File to write: .html for reading, .json for programs.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Export all data about a buyer to a file."""
    if out.suffix not in {".html", ".json"}:
        raise Invalid("The file name {file} must end in .html or .json.", file=repr(out.name))
    with reading(shop) as here:
        made = export_buyer(here.session, here.shop, here.member, external_id, at=here.now)
        with speaking(here.shop.language):
            text = made.as_html() if out.suffix == ".html" else json.dumps(made.as_json(), ensure_ascii=False, indent=2)
    out.write_text(text, encoding="utf-8")
    rows = {name: len(found_rows) for name, found_rows in made.tables.items() if found_rows}
    show({"buyer": external_id, "file": str(out), "rows": rows}, as_json=as_json)


@buyer.command("erase")
def erase(
    external_id: BuyerArgument,
    shop: ShopOption,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase a buyer permanently: personal data is deleted; counts and amounts stay, anonymised."""
    with reading(shop) as here:
        buyer_to_erase(here.session, here.member, external_id)
    if not yes:
        typer.confirm(f"Erase {external_id} permanently? This cannot be undone.", abort=True, err=True)
    with writing(shop) as here:
        files = open_store(get_settings())
        erased = erase_buyer(here.session, here.member, external_id, files=files, at=here.now)
    show(erased.as_json(), as_json=as_json)


@privacy.command("show")
def show_times(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show how many days a shop keeps each kind of data."""
    with reading(shop) as here:
        times = times_of(here.session, here.shop.id)
    show({kind.value: days for kind, days in times.items()}, as_json=as_json)


@privacy.command("set")
def set_them(
    times: Annotated[list[str], typer.Argument(help="Days by kind: agents=90 uploads=30.", metavar="KIND=DAYS...")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Set retention periods in days: agents, uploads, texts, audit. Others stay unchanged."""
    with writing(shop) as here:
        saved = set_times(here.session, here.member, dict(_read(each) for each in times), at=here.now)
    show({kind.value: days for kind, days in saved.items()}, as_json=as_json)


def _read(text: str) -> tuple[str, int]:
    kind, equals, days = text.partition("=")
    if not equals or not days.isascii() or not days.isdigit() or len(days) > 9:
        raise Invalid("{text} is not KIND=DAYS.", text=repr(text))
    return kind, int(days)
