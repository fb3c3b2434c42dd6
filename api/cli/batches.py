"""Commands on print: batches of inserts, and the QR codes of a finished PDF."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.terminal import JsonOption, ShopOption, engine, reading, show, writing
from api.shapes.batches import BatchOut
from campaigns.runs.finding import find_run
from printables import piece_ledger
from printables.batches import Batch
from printables.drawing import verify
from printables.flyers import flyer_for
from printables.make_batch import make_batch
from printables.piece_ledger import PrintResult
from printables.proofs import FORMATS
from retention.errors import Conflict
from retention.files import open_store
from retention.settings import get_settings

group = typer.Typer(help="Batches of printed inserts.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="The batch's number.", metavar="NUMBER")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Copy the PDF files into this folder.")]
ProfileOption = Annotated[str, typer.Option("--profile", help=f"Device: {', '.join(FORMATS)}.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="batches")
    app.command("verify")(verify_file)


@group.command()
def make(
    flyer: Annotated[str, typer.Argument(help="The slug of a flyer with a proof.", metavar="FLYER")],
    shop: ShopOption,
    profile: ProfileOption = "office",
    run: Annotated[int | None, typer.Option(help="Run of its campaign; default: the latest.")] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of inserts, from the start of the picking order.")
    ] = None,
    out: OutOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a batch: one insert for each waiting parcel of a run, in picking order."""
    settings = get_settings()
    with reading(shop) as here:
        found = flyer_for(here.session, here.member, flyer)
        chosen = find_run(here.session, here.shop.id, found.campaign_id, run)
    batch = make_batch(
        engine(),
        found.id,
        chosen.id,
        profile=profile,
        files=open_store(settings),
        public_url=settings.public_url,
        demo=settings.demo,
        at=here.now,
        by=here.actor,
        most=most,
    )
    show(batch_shown(batch, out), as_json=as_json)


@group.command("show")
def show_one(number: NumberArgument, shop: ShopOption, out: OutOption = None, *, as_json: JsonOption = False) -> None:
    """Show a batch with its inserts counted by state."""
    with reading(shop) as here:
        batch = piece_ledger.batch_for(here.session, here.member, number)
        counted = piece_ledger.reconcile(here.session, batch)
    show(batch_shown(batch, out) | _counts(counted), as_json=as_json)


@group.command()
def printed(
    number: NumberArgument,
    shop: ShopOption,
    result: Annotated[PrintResult, typer.Option(help="Print result.")] = PrintResult.GOOD,
    *,
    as_json: JsonOption = False,
) -> None:
    """Record the print result of a batch."""
    with writing(shop) as here:
        marked = piece_ledger.mark_printed(here.session, here.member, number, result, at=here.now)
        shown = batch_shown(marked.batch) | {"changed": marked.moved}
    show(shown, as_json=as_json)
    if marked.unchanged:
        typer.echo(marked.unchanged, err=True)


@group.command()
def reprint(
    code: Annotated[str, typer.Argument(help="Code on the spoiled insert, or the URL of its QR code.")],
    shop: ShopOption,
    out: OutOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Mark an insert as spoiled and reprint it with the same code."""
    settings = get_settings()
    with reading(shop) as here:
        member, now = here.member, here.now
    files = open_store(settings)
    piece, batch = piece_ledger.reprint(
        engine(), member, code, files=files, public_url=settings.public_url, demo=settings.demo, at=now
    )
    show(batch_shown(batch, out) | {"code": piece.code, "generation": piece.copy_number}, as_json=as_json)


@group.command()
def close(
    number: NumberArgument,
    shop: ShopOption,
    *,
    unused: Annotated[
        bool, typer.Option("--unused", help="Mark the open inserts as unused, once they are counted.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Close a reconciled batch: printed = in parcels + spoiled + unused."""
    with writing(shop) as here:
        counted = piece_ledger.close_batch(here.session, here.member, number, unused=unused, at=here.now)
    show({"batch": number, "state": "closed"} | _counts(counted), as_json=as_json)


def verify_file(
    file: Annotated[Path, typer.Argument(help="A PDF file.", metavar="FILE")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Decode every QR code in a PDF, as a phone would."""
    found = verify.decode(file)
    if as_json:
        codes = [asdict(code) for code in found]
        show({"pages": verify.page_count(file), "codes": codes}, as_json=True)
    else:
        for code in found:
            typer.echo(f"{code.page}\t{code.text}")
        typer.echo(f"{len(found)} QR codes on {verify.page_count(file)} pages", err=True)
    if not found:
        raise Conflict("No QR code can be read in {file}.", file=file)


def batch_shown(batch: Batch, out: Path | None = None) -> dict[str, Any]:
    """Return a batch as commands write it; with `out` its files are copied there under readable names."""
    shown = {"batch": batch.number} | BatchOut.of(batch).model_dump(mode="json", exclude={"number"})
    files = open_store(get_settings())
    if out is None:
        return shown | {"files": [str(files.path(name)) for name in batch.files]}
    out.mkdir(parents=True, exist_ok=True)
    copies = []
    for part, name in enumerate(batch.files, start=1):
        copy = out / (f"batch-{batch.number}.pdf" if len(batch.files) == 1 else f"batch-{batch.number}-{part}.pdf")
        copy.write_bytes(files.get(name))
        copies.append(str(copy))
    return shown | {"files": copies}


def _counts(counted: piece_ledger.Reconciliation) -> dict[str, Any]:
    return {"counts": {state.value: count for state, count in counted.counts.items()}, "open": counted.open}
