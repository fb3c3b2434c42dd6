"""`regulars report`: the shop's figures."""

from datetime import datetime
from typing import Annotated

import typer

from api.cli.terminal import JsonOption, ShopOption, reading, show
from api.date_input import typed_moment
from retention import metrics
from retention.shops import Shop
from segments.rfm_report import rfm_report
from segments.rule_ast import Scale

group = typer.Typer(help="Reports of a shop.", no_args_is_help=True)

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="ISO", help="Use only orders before this time.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="report")


@group.command()
def repeat(shop: ShopOption, as_of: AsOf = None, *, as_json: JsonOption = False) -> None:
    """Show the repeat rate."""
    with reading(shop) as here:
        report = metrics.repeat_report(here.session, here.shop, as_of=_moment(as_of, here.shop))
    show(report.as_json(), as_json=as_json)


@group.command()
def cohorts(shop: ShopOption, as_of: AsOf = None, *, as_json: JsonOption = False) -> None:
    """Show cohorts by month of first order, and how many ordered in each later month."""
    with reading(shop) as here:
        report = metrics.cohort_report(here.session, here.shop, as_of=_moment(as_of, here.shop))
    if as_json:
        show(report.as_json(), as_json=True)
        return
    for cohort in report.cohorts:
        typer.echo(f"{cohort.month}  {cohort.buyers:>7}  " + " ".join(f"{share:6.1%}" for share in cohort.shares))


@group.command()
def rfm(
    shop: ShopOption,
    as_of: AsOf = None,
    scale: Annotated[Scale, typer.Option(help="How the frequency is scored: by quintiles or fixed steps.")] = (
        Scale.QUINTILES
    ),
    *,
    as_json: JsonOption = False,
) -> None:
    """Show buyers by the eleven RFM groups."""
    with reading(shop) as here:
        report = rfm_report(here.session, here.shop, now=here.now, as_of=_moment(as_of, here.shop), scale=scale)
    if as_json:
        show(report.as_json(), as_json=True)
        return
    for group_of in report.groups:
        typer.echo(f"{group_of.group:<18} {group_of.buyers:>7}  {group_of.share:6.1%}")
    if report.collapsed:
        typer.echo("Most buyers ordered once, so quintiles of frequency say little: try --scale steps.")


def _moment(text: str | None, shop: Shop) -> datetime | None:
    """Return a time as given on the command line; without an offset it is the shop's."""
    return None if text is None else typed_moment(text, shop.timezone)
