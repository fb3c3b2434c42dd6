"""Commands on a campaign's text: preview, checks, test messages; and the shop's branding of its mail."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli.campaigns import SlugArgument, group
from api.cli.terminal import InShop, JsonOption, ShopOption, reading, show, writing
from api.shapes.content import FindingOut, VariableOut
from campaigns.campaign.campaigns import Campaign
from campaigns.runs.drafting import find_campaign
from campaigns.texts.branding import brand_style_of, set_branding
from campaigns.texts.checks import check_text
from campaigns.texts.content import ShownMessage, extremes, in_money, show_to, variables
from campaigns.texts.sending_tests import send_test
from retention.buyers import Buyer, buyer_for
from retention.errors import NotFound
from retention.files import open_store
from retention.settings import get_settings

branding = typer.Typer(help="Branding: logo and colour of a shop's email.", no_args_is_help=True)

BuyerOption = Annotated[str, typer.Option(help="The buyer's ID; default: the longest name.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(branding, name="branding")


@group.command()
def preview(
    slug: SlugArgument,
    shop: ShopOption,
    buyer: Annotated[str, typer.Option(help="The buyer's ID; default: the shortest and the longest name.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write the HTML of the last preview to this file.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Preview the message as a buyer would get it; nothing is sent or stored."""
    with reading(shop) as here:
        campaign = _campaign(here, slug)
        readers = _readers(here, campaign, buyer)
        shown = [show_to(here.session, here.shop, campaign, each) for each in readers]
    if html and shown:
        html.write_text(shown[-1].html or shown[-1].text, "utf-8")
    if as_json:
        show({"messages": [in_money(each, here.shop.currency) for each in shown]}, as_json=True)
        return
    for each in shown:
        _write(each)


@group.command("variables")
def list_variables(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the personalisation fields of the text, with examples."""
    with reading(shop) as here:
        found = variables(here.session, here.shop, _campaign(here, slug))
    if as_json:
        show({"variables": [VariableOut.of(each).model_dump(mode="json") for each in found]}, as_json=True)
        return
    for each in found:
        typer.echo(f"{{{{ {each.name} }}}}\t{each.sentence}\t{each.example}")


@group.command("check")
def check(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Check the text: words, links, languages, names, length."""
    with reading(shop) as here:
        campaign = _campaign(here, slug)
        findings = check_text(here.session, here.shop, campaign, at=here.now)
    if as_json:
        show({"findings": [FindingOut.of(each).model_dump(mode="json") for each in findings]}, as_json=True)
        return
    for each in findings:
        typer.echo(f"{each.severity.value}\t{each.language or '-'}\t{each.sentence}")


@group.command("test-send")
def send_a_test(
    slug: SlugArgument,
    shop: ShopOption,
    to: Annotated[str, typer.Option(help="Address of a user of the shop.")],
    buyer: BuyerOption = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Send the message to a user of the shop, marked as a test; it is not counted and uses no coupon."""
    with reading(shop) as here:
        campaign = _campaign(here, slug)
        reader = _readers(here, campaign, buyer)[-1]
        subject = send_test(here.session, here.shop, campaign, reader, to=to, at=here.now, actor=here.actor)
    show({"to": to, "subject": subject}, as_json=as_json)


@branding.command("set")
def set_look(
    shop: ShopOption,
    logo: Annotated[Path | None, typer.Option(help="A PNG or JPEG file.")] = None,
    accent: Annotated[str | None, typer.Option(help="A colour like #b8440e.")] = None,
    *,
    no_logo: Annotated[bool, typer.Option("--no-logo", help="Remove the logo.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change the logo or the colour."""
    content = b"" if no_logo else logo.read_bytes() if logo else None
    with writing(shop) as here:
        files = open_store(get_settings())
        style = set_branding(here.session, here.shop, files, at=here.now, actor=here.actor, logo=content, accent=accent)
    show(asdict(style), as_json=as_json)


@branding.command("show")
def show_look(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show the logo's name and the colour."""
    with reading(shop) as here:
        style = brand_style_of(here.session, here.shop.id)
    show(asdict(style), as_json=as_json)


def _campaign(here: InShop, slug: str) -> Campaign:
    return find_campaign(here.session, here.shop.id, slug)


def _readers(here: InShop, campaign: Campaign, buyer: str) -> list[Buyer]:
    if buyer:
        return [buyer_for(here.session, here.member, buyer)]
    readers = extremes(here.session, here.shop, campaign, at=here.now)
    if not readers:
        raise NotFound("The audience is empty. Name a buyer with --buyer.")
    return readers


def _write(shown: ShownMessage) -> None:
    typer.echo(f"buyer: {shown.buyer} ({shown.language})")
    if shown.subject:
        typer.echo(f"subject: {shown.subject}")
    if shown.sms:
        typer.echo(f"sms: {shown.sms.encoding.value}, {shown.sms.letters} characters, {shown.sms.parts} parts")
    typer.echo(f"\n{shown.text}\n")
