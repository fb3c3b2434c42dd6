"""Commands on flyers: created for a campaign, proofed for a device."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.batches import ProfileOption
from api.cli.terminal import JsonOption, ShopOption, reading, show, writing
from campaigns.runs.drafting import find_campaign
from printables.drawing.designs import DESIGNS
from printables.drawing.pictures import cleaned
from printables.drawing.preflight import sentence_of
from printables.flyers import copy_of, create_flyer, flyer_for
from printables.proofs import draw_proof, keep_proof
from retention.errors import Conflict, Invalid
from retention.files import open_store
from retention.settings import get_settings

group = typer.Typer(help="Flyers: the content of inserts.", no_args_is_help=True)

SlugArgument = Annotated[str, typer.Argument(help="The flyer's slug.", metavar="SLUG")]
_FIELDS = ", ".join(sorted(DESIGNS["flyer"].fields))


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="flyers")


@group.command()
def create(
    slug: SlugArgument,
    shop: ShopOption,
    campaign: Annotated[str, typer.Option(help="The slug of its campaign.")],
    name: Annotated[str, typer.Option(help="Display name; default: the slug.")] = "",
    language: Annotated[str, typer.Option(help="en or zh-CN; default: the shop's.")] = "",
    picture: Annotated[Path | None, typer.Option(help="A picture; default: the product's.")] = None,
    words: Annotated[list[str] | None, typer.Option("--set", help=f"FIELD=TEXT, fields: {_FIELDS}.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Create a flyer for a campaign. Fields that are not set come from its offer and product."""
    content = dict(_field(each) for each in words or [])
    files = open_store(get_settings())
    with writing(shop) as here:
        flyer = create_flyer(
            here.session,
            here.shop,
            find_campaign(here.session, here.shop.id, campaign),
            slug=slug,
            name=name or slug,
            language=language or here.shop.language,
            content=content,
            picture=files.put(cleaned(picture.read_bytes())) if picture else "",
            at=here.now,
            by=here.actor,
        )
        shown = dict(copy_of(here.session, here.shop, flyer).fields)
    show({"flyer": slug, "says": shown}, as_json=as_json)


@group.command()
def prove(
    slug: SlugArgument,
    shop: ShopOption,
    profile: ProfileOption = "office",
    out: Annotated[Path | None, typer.Option(help="Write the PDF to this file.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Make the proof of a flyer for a device and show its preflight checks; exit code 1 if one failed."""
    settings = get_settings()
    files = open_store(settings)
    url = settings.public_url
    with reading(shop) as here:
        flyer = flyer_for(here.session, here.member, slug)
        copy = copy_of(here.session, here.shop, flyer)
        drawn = draw_proof(
            here.session, here.shop, copy, profile=profile, public_url=url, files=files, demo=settings.demo
        )
    with writing(shop) as here:
        proof = keep_proof(here.session, flyer.id, drawn, at=here.now, by=here.actor)
    if out:
        out.write_bytes(files.get(proof.sha256))
    checks = [{"name": check["name"], "ok": check["ok"], "message": sentence_of(check)} for check in proof.checks]
    result = {"flyer": slug, "sha256": proof.sha256, "passed": proof.passed, "targets": proof.targets}
    show(result | {"checks": checks}, as_json=as_json)
    if not proof.passed:
        raise Conflict("The proof of {flyer} failed preflight.", flyer=flyer.name)


def _field(text: str) -> tuple[str, str]:
    name, equals, words = text.partition("=")
    if not equals:
        raise Invalid("{text} is not FIELD=TEXT.", text=repr(text))
    return name.strip(), words
