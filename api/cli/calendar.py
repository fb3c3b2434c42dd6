"""The calendar in a terminal: runs and arrivals by day, and the effect of coming launches."""

from datetime import timedelta
from typing import Annotated

import typer

from api.cli import campaigns
from api.cli.terminal import JsonOption, ShopOption, reading, show
from api.date_input import typed_day
from campaigns.runs.calendar import Day, days
from campaigns.runs.forecasting import CampaignForecast, forecast
from retention import clock

NEXT = timedelta(days=30)


def add_to(app: typer.Typer) -> None:  # noqa: ARG001 - a command of the campaigns' group
    campaigns.group.command("calendar")(show_calendar)


def show_calendar(
    shop: ShopOption,
    first: Annotated[str, typer.Option("--from", help="First day, like 2026-11-21; default: today.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day; default: 30 days later.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show past and planned launches and arrivals by day, and buyers excluded by frequency caps."""
    with reading(shop) as here:
        now = here.now
        begin = typed_day(first) if first else now.astimezone(clock.zone(here.shop.timezone)).date()
        listed = days(here.session, here.shop, first=begin, last=typed_day(last) if last else begin + NEXT, at=now)
        outlook = forecast(here.session, here.shop, listed, at=now)
    if as_json:
        show({"days": [day.as_json() for day in listed], "forecast": outlook.as_json()}, as_json=True)
    else:
        _write(listed, outlook, here.shop.timezone)


def _write(listed: list[Day], outlook: CampaignForecast, timezone: str) -> None:
    reach = {(each.slug, each.at): each for each in outlook.outlooks}
    for day in listed:
        for name in day.festivals:
            typer.echo(f"{day.day}\t\t{name}")
        for entry in day.entries:
            about = reach.get((entry.slug, entry.at))
            audience = f"{about.buyers} in the audience, {about.capped} capped" if about else ""
            at = f"{entry.at.astimezone(clock.zone(timezone)):%H:%M}"
            typer.echo("\t".join((str(day.day), at, entry.kind.value, entry.name, audience)).rstrip())
    for each in outlook.overlaps:
        typer.echo(f"{each.first} and {each.second}: {each.buyers} buyers in both on one day ({each.share:.0%})")
