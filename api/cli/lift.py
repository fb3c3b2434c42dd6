"""The command that measures any experiment's table."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.terminal import JsonOption, show
from retention.errors import Invalid

Planned = Annotated[
    list[str] | None,
    typer.Option(help="Planned share of an arm, such as control=0.1; repeat for each arm."),
]


def add_to(app: typer.Typer) -> None:
    app.command()(lift)


def lift(
    file: Annotated[Path, typer.Argument(help="CSV table with one row per buyer.")],
    arm: Annotated[str, typer.Option(help="Column with the arm of each buyer.")],
    control: Annotated[str, typer.Option(help="Value of that column for the control group.")],
    converted: Annotated[
        str, typer.Option(help="Column that says whether the buyer converted: 1/0, yes/no, true/false.")
    ],
    value: Annotated[str | None, typer.Option(help="Column with what the buyer spent.")] = None,
    planned: Planned = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Compare each arm of an experiment with its control group, with confidence intervals."""
    from campaigns.statistics.experiments import measure_file  # SciPy behind it takes a third of a second

    shares = _shares(planned) if planned else None
    measured = measure_file(file, arm=arm, control=control, converted=converted, value=value, planned=shares)
    if as_json:
        show(measured, as_json=True)
        return
    for each in measured["arms"]:
        typer.echo(_arm(each))
    typer.echo(measured["srm"]["words"])
    for each in measured["lift"]:
        for line in _lines(each, several=len(measured["lift"]) > 1):
            typer.echo(line)


def _shares(planned: list[str]) -> dict[str, float]:
    shares = {}
    for each in planned:
        name, _, share = each.rpartition("=")
        try:
            shares[name] = float(share)
        except ValueError as error:
            raise Invalid("{text} is not the share of an arm. Write it like control=0.1.", text=repr(each)) from error
        if not name or not 0 < shares[name] < float("inf"):
            raise Invalid("{text} is not the share of an arm. Write it like control=0.1.", text=repr(each))
    return shares


def _arm(arm: dict[str, Any]) -> str:
    spent = f", {arm['value']} in total, {arm['value_per_buyer']} per buyer" if arm["value"] is not None else ""
    return f"{arm['arm']}: {arm['converted']:,} of {arm['buyers']:,} ({arm['rate']:.2%}){spent}"


def _lines(lift: dict[str, Any], *, several: bool) -> list[str]:
    """Return what is known of one arm; its words say why when there is no figure."""
    head = f"{lift['arm']} against {lift['control']}: {lift['words']}"
    if lift["state"] != "shown":
        return [head]
    return [head, f"  {_difference(lift, several=several)}", f"  {_ratio(lift)}", *_money(lift)]


def _difference(lift: dict[str, Any], *, several: bool) -> str:
    from campaigns.statistics.sentences import chance  # SciPy stands behind this as well

    low, high = lift["interval"]
    fewer, more = lift["buyers_interval"]
    corrected = f", {chance(lift['p_holm'])} corrected for several arms (Holm)" if several else ""
    points = f"{lift['difference'] * 100:+.2f} points [{low * 100:+.2f}, {high * 100:+.2f}]"
    buyers = f"{lift['buyers']:+,.0f} buyers [{fewer:+,.0f}, {more:+,.0f}]"
    return f"{points}, {chance(lift['p'])}{corrected}; {buyers}"


def _ratio(lift: dict[str, Any]) -> str:
    if lift["relative"] is None:
        return "no ratio: no buyer of the control group converted"
    low, high = lift["relative_interval"]
    return f"{1 + lift['relative']:.2f} times the control's rate [{1 + low:.2f}, {1 + high:.2f}]"


def _money(lift: dict[str, Any]) -> list[str]:
    revenue = lift["revenue"]
    if revenue is None or revenue["difference"] is None:
        return []
    low, high = revenue["interval"]
    return [f"  spend per buyer: {revenue['difference']} above the control's [{low}, {high}]"]
