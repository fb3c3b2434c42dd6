"""Commands on joint flyers, for one of their partners. Approving needs the name of another user."""

from typing import Annotated, Any

import typer

from api.cli.batches import OutOption, ProfileOption, batch_shown
from api.cli.terminal import InShop, JsonOption, ShopOption, engine, reading, show, writing
from campaigns.runs.drafting import find_campaign
from campaigns.runs.finding import find_run
from printables.joint import approving
from printables.joint.matrix import scan_matrix
from printables.joint.partners import joint_flyers_of, joint_for
from printables.joint.printing import make_joint_batch
from printables.proofs import keep_proof
from retention.access import Member
from retention.errors import NotFound
from retention.files import open_store
from retention.settings import get_settings
from retention.shops import get_shop
from retention.users import find_user, member_for

group = typer.Typer(help="Joint flyers: one flyer shared by several shops.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="The joint flyer's number.", metavar="NUMBER")]
PersonOption = Annotated[str, typer.Option("--by", help="Email address of the user of the shop who does it.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="joint")


@group.command("list")
def list_them(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the joint flyers the shop takes part in."""
    with reading(shop) as here:
        found = joint_flyers_of(here.session, here.member)
    if as_json:
        show({"joint_flyers": [{"number": each.id, "theme": each.theme} for each in found]}, as_json=True)
        return
    for each in found:
        typer.echo(f"{each.id}\t{each.theme}")


@group.command("show")
def show_one(
    number: NumberArgument, shop: ShopOption, profile: ProfileOption = "office", *, as_json: JsonOption = False
) -> None:
    """Show the state of a joint flyer for a device, and the next step."""
    with reading(shop) as here:
        joint = joint_for(here.session, here.member, number)
        stands = approving.standing(here.session, joint, profile=profile)
    proof = {"sha256": stands.proof.sha256, "targets": stands.proof.targets} if stands.proof else None
    missing = [each.slug for each in stands.missing]
    result = {"theme": joint.theme, "may_print": stands.may_print, "next": stands.message}
    show(result | {"missing": missing, "proof": proof}, as_json=as_json)


@group.command()
def prove(
    number: NumberArgument,
    shop: ShopOption,
    by: PersonOption,
    profile: ProfileOption = "office",
    *,
    as_json: JsonOption = False,
) -> None:
    """Make the proof of the current slots."""
    settings = get_settings()
    files = open_store(settings)
    url = settings.public_url
    with reading(shop) as here:
        member = _person(here, by)
        joint = joint_for(here.session, member, number)
        drawn = approving.draw_joint(
            here.session, member, joint, profile=profile, public_url=url, files=files, demo=settings.demo
        )
    with writing(shop) as here:
        proof = keep_proof(here.session, joint.flyer_id, drawn, at=here.now, by=member.actor)
    file = str(files.path(proof.sha256))
    result = {"sha256": proof.sha256, "passed": proof.passed, "targets": proof.targets, "file": file}
    show(result, as_json=as_json)


@group.command()
def approve(
    number: NumberArgument,
    sha256: Annotated[str, typer.Argument(help="The SHA-256 of the reviewed proof.")],
    shop: ShopOption,
    by: PersonOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly this proof for the shop."""
    with writing(shop) as here:
        member = _person(here, by)
        joint = joint_for(here.session, member, number)
        approval = approving.approve(here.session, member, joint, sha256, at=here.now)
        result = {"sha256": approval.sha256, "approved_by": approval.approved_by}
    show(result, as_json=as_json)


@group.command("print")
def print_one(
    number: NumberArgument,
    shop: ShopOption,
    campaign: Annotated[str, typer.Option(help="The slug of the shop's campaign.")],
    run: Annotated[int | None, typer.Option(help="Run of the campaign; default: the latest.")] = None,
    profile: ProfileOption = "office",
    out: OutOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Print an approved joint flyer for the shop's parcels."""
    settings = get_settings()
    with reading(shop) as here:
        joint = joint_for(here.session, here.member, number)
        chosen = find_run(here.session, here.shop.id, find_campaign(here.session, here.shop.id, campaign).id, run)
    batch = make_joint_batch(
        engine(),
        joint.id,
        chosen.id,
        profile=profile,
        files=open_store(settings),
        public_url=settings.public_url,
        demo=settings.demo,
        at=here.now,
        by=here.actor,
    )
    show(batch_shown(batch, out), as_json=as_json)


@group.command()
def matrix(number: NumberArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show results by host shop and slot; other shops' counts below 5 are hidden."""
    with reading(shop) as here:
        cells = scan_matrix(here.session, joint_for(here.session, here.member, number), member=here.member)
        names = {id_: get_shop(here.session, id_).slug for cell in cells for id_ in (cell.host, cell.owner)}
    rows = [
        {"carrier": names[cell.host], "owner": names[cell.owner], "copies": cell.copies, "scans": cell.scans,
         "claims": cell.claims, "orders": cell.orders}
        for cell in cells
    ]  # fmt: skip
    if as_json:
        show({"cells": rows}, as_json=True)
        return
    for row in rows:
        typer.echo("\t".join(_figure(value) for value in row.values()))


def _figure(value: Any) -> str:
    return "<5" if value is None else str(value)


def _person(here: InShop, email: str) -> Member:
    user = find_user(here.session, email.strip().lower())
    member = member_for(here.session, user, here.shop) if user else None
    if member is None:
        raise NotFound("No user of this shop has the address {email}.", email=email)
    return member
